"""Sessions kept in a cookie, for pages: the cookie, and what keeps other sites from using it.

A browser sends the cookie along whoever made the page that asks. So a request that changes something must show two things
more: that it comes from a page of ours, by the headers Origin and Sec-Fetch-Site, which pages cannot set; and a token that
only pages of ours can know, since it is computed from the cookie's secret and handed out in answers that no other site's
page may read. Requests with an Authorization header need neither: no browser adds that one by itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from litestar.datastructures import Cookie, Headers

from skillcore.runtime import callers
from skillcore.runtime.addresses import origin_of
from skillcore.runtime.problems import Forbidden, Unauthenticated

__all__ = ["COOKIE", "CSRF_HEADER", "check_page", "check_token", "csrf_token", "fingerprint", "kept", "new_secret", "secret_in"]

COOKIE = "__Host-skillcore"
"""The cookie's name. The prefix has browsers refuse it unless it is Secure, for this host alone and for all paths."""

CSRF_HEADER = "X-CSRF-Token"


def new_secret() -> str:
    """Return the value of a cookie to be."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> bytes:
    """Return what is kept of a cookie."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_token(secret: str) -> str:
    """Return the token that belongs to a cookie. Whoever learns it does not learn the cookie."""
    mac = hmac.digest(secret.encode(), b"skillcore csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


def kept(secret: str, seconds: float) -> Cookie:
    """Return the cookie as a browser is told to keep it; with no secret and no time, to forget it."""
    return Cookie(key=COOKIE, value=secret, path="/", max_age=max(0, int(seconds)), secure=True, httponly=True, samesite="lax")


def secret_in(headers: Headers) -> str | None:
    """Return the cookie that a request brings; None without one.

    Raises:
        Unauthenticated: it brings several, and nobody can tell which one counts.
    """
    pairs = (pair.partition("=") for line in headers.getall("cookie", []) for pair in line.split(";"))
    found = [value.strip() for name, _, value in pairs if name.strip() == COOKIE]
    if len(found) > 1:
        raise Unauthenticated(f"there are several cookies {COOKIE}: clear them, and sign in again")
    return found[0] if found else None


def check_page(headers: Headers, public_url: str) -> None:
    """Refuse what a page of another site asks for, and what does not say from where it comes.

    Args:
        headers: of the request.
        public_url: under which people reach this service; without it the header Host counts.

    Raises:
        Forbidden: it does not come from a page of ours.
    """
    sites, origins = headers.getall("sec-fetch-site", []), headers.getall("origin", [])
    if not sites and not origins:
        raise Forbidden("a request by cookie must say from which page it comes, by Origin or Sec-Fetch-Site, as browsers do")
    ours = _ours(headers, public_url)
    if any(site != "same-origin" for site in sites) or any(_origin(origin) not in ours for origin in origins):
        raise Forbidden("this request comes from a page of another site: the cookie does not count there")


def check_token(headers: Headers, secret: str) -> None:
    """Refuse what comes without the token that belongs to the cookie.

    Raises:
        Forbidden: it is not there, or another one.
    """
    given = headers.getall(CSRF_HEADER, [])
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), csrf_token(secret).encode()):
        raise Forbidden(f"a request by cookie needs the header {CSRF_HEADER}, with csrf_token of GET /api/auth/session")


def _ours(headers: Headers, public_url: str) -> set[str]:
    if public_url:
        return {_origin(public_url)}
    schemes = ("https",) if callers.current().secure else ("https", "http")
    return {_origin(f"{scheme}://{headers.get('host', '')}") for scheme in schemes} - {""}


def _origin(url: str) -> str:
    """Return the origin of an address; nothing for what has none, such as the ``null`` of pages that hide theirs."""
    try:
        return origin_of(url) if urlsplit(url).hostname else ""
    except ValueError:
        return ""
