"""The tiny pages that browsers see who come back from another site: what happened, and what to do next.

They need no script, style or picture. What brought them, a code in the address, goes no further: like every answer they are
kept by nobody, load nothing and tell nobody where one came from (`skillcore.runtime.browsers`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from litestar import MediaType, Response
from litestar.datastructures import Cookie

__all__ = ["notice"]


def notice(title: str, text: str, *, status: int = 200, cookies: Sequence[Cookie] = ()) -> Response[str]:
    """Return a page.

    Args:
        title: what happened.
        text: what to do next.
        status: of the answer.
        cookies: to be kept with it.
    """
    page = (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>'
        f'{escape(title)}</title><meta name="viewport" content="width=device-width"></head>\n'
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p></main></body>\n</html>\n"
    )
    return Response(page, status_code=status, media_type=MediaType.HTML, cookies=list(cookies))
