"""The description of the API: for programs as OpenAPI, for people as a page that needs nobody else's server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from skillcore import __version__
from skillcore.accounts.access import declared
from skillcore.accounts.authentication import SAFE
from skillcore.accounts.cookies import COOKIE, CSRF_HEADER
from skillcore.operations.idempotency import HEADER
from skillcore.runtime.browsers import headers_for
from skillcore.runtime.openapi import describe, is_page, refused

__all__ = ["PAGE_HEADERS", "asset", "openapi"]

PAGE_HEADERS = headers_for("script-src 'self'; style-src 'self'; connect-src 'self'; require-trusted-types-for 'script'")
ASSETS = Path(__file__).parent / "page"
SECURITY = {
    "accessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A person's access token, from `POST /api/auth/login`.",
    },
    "platformKey": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "sk_<prefix>_<secret>",
        "description": "A platform's key, from `POST /api/platforms/{id}/keys`, as a bearer token.",
    },
    "sessionCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": 'A person\'s session in a page, from `POST /api/auth/login` with `"keep": "cookie"`. Not looked at where'
        " there is an Authorization header.",
    },
    "csrfToken": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "`csrf_token` of `GET /api/auth/session`, with every request by cookie that changes something. Such a"
        " request must also come from a page of this service, by its Origin or Sec-Fetch-Site.",
    },
}
ABOUT = """Work is verified where it was done; the evidence is kept, and every score can be traced back to it.

Errors are problem documents (RFC 9457) with a stable `type`. Lists come in pages: pass `next_cursor` as `cursor`.
A `POST` with an `Idempotency-Key` may be repeated for 24 hours: the same key and request give the same answer."""
KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Makes the request safe to repeat: the same key and request give the same answer for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}


def openapi(app: Litestar) -> bytes:
    """Return the OpenAPI document as JSON; made once."""
    if "openapi" not in app.state:
        document = describe(app, version=__version__, security=SECURITY, adjust=adjust, description=ABOUT)
        app.state.openapi = msgspec.json.encode(document)
    content: bytes = app.state.openapi
    return content


def asset(name: str) -> bytes:
    """Return a file of the page."""
    return (ASSETS / name).read_bytes()


def adjust(handler: HTTPRouteHandler, operation: dict[str, Any]) -> None:
    """Say who may use an operation, and that it may be repeated."""
    access = declared(handler)
    if access is None or access.is_public:
        operation["security"] = []
        return
    cookie: dict[str, list[str]] = (
        {"sessionCookie": []} if handler.http_methods <= SAFE else {"sessionCookie": [], "csrfToken": []}
    )
    people: list[dict[str, list[str]]] = [{"accessToken": []}, cookie] if access.who is not None else []
    keys: list[dict[str, list[str]]] = [{"platformKey": []}] if access.key is not None else []
    operation["security"] = people + keys
    roles = sorted(access.who.roles or ()) if access.who is not None else []
    for whom in ([f"people with the role {' or '.join(roles)}"] if roles else []) + (
        [f"platform keys with the scope `{access.key}`"] if access.key else []
    ):
        operation.setdefault("x-access", []).append(whom)
    for status in (401, 403):
        operation["responses"][str(status)] = refused(status, page=is_page(handler))
    if "POST" in handler.http_methods:
        others = [parameter for parameter in operation["parameters"] if parameter["name"] != HEADER]
        operation["parameters"] = [*others, KEY_PARAMETER]
        for status in (409, 413, 422):
            operation["responses"].setdefault(str(status), refused(status))
