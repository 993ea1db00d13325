"""Answers that are pictures: drawn, told apart by what they show, and allowed nothing but the style that they bring."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from litestar import Request, Response

from skillcore.charts import Chart, draw
from skillcore.runtime.browsers import headers_for
from skillcore.runtime.freshness import is_held, tag_of
from skillcore.runtime.problems import Unprocessable

__all__ = ["EMBEDDED", "MEDIA_TYPE", "PICTURE", "answer", "drawable"]

MEDIA_TYPE = "image/svg+xml"
PICTURE: dict[str, Any] = {"statuses": {304: "It is the picture that the caller has."}, "bodiless": (304,)}
"""What a route that answers with a picture puts into its ``opt``, beside who may use it."""

EMBEDDED: Mapping[str, str] = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Of a picture for everybody, which pages elsewhere may show."""


def answer(request: Request[Any, Any, Any], chart: Chart, headers: Mapping[str, str]) -> Response[str]:
    """Return a chart as a picture; without it, if the caller has the same one.

    The tag is made of the picture itself. The version of a person's stream would not do: a picture also changes with the
    day, names, settings and definitions, and that version is nothing for platforms, whom it would tell of other ones.
    """
    document = draw(chart)
    told = {**_allowing(document), **headers, "ETag": tag_of(document.encode())}
    if is_held(request.headers, told["ETag"]):
        return Response("", status_code=304, media_type=MEDIA_TYPE, headers=told)
    return Response(document, media_type=MEDIA_TYPE, headers=told)


@contextmanager
def drawable() -> Iterator[None]:
    """Refuse what no chart can show, such as a formula's value beyond all scales, where one is made.

    Raises:
        Unprocessable: says what it is.
    """
    try:
        yield
    except ValueError as error:
        raise Unprocessable(f"this cannot be drawn: {error}") from error


def _allowing(document: str) -> Mapping[str, str]:
    """Return headers under which a document that is opened by itself has its own style, by its digest, and nothing else."""
    styles = [after.partition("</style>")[0] for after in document.split("<style>")[1:]]
    digests = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles]
    return headers_for(" ".join(["style-src", *(f"'sha256-{digest}'" for digest in digests)]))
