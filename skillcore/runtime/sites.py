"""Questions to a site at which people sign in: as whom they are asked, and within which bounds.

Whatever a site answers is bounded in size and time and decoded strictly; nothing is redirected; what is not public must be
allowed; and only loopback may do without TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from msgspec import Meta, Struct

from skillcore.plugin import OAuthClient, Refused, SourceError, Unavailable
from skillcore.runtime.addresses import is_safe
from skillcore.runtime.outbound import Network

__all__ = [
    "LIMIT",
    "SECONDS",
    "Site",
    "Token",
    "TokenEnded",
    "fitted",
    "got",
    "reaching",
    "refuse_unsafe",
    "secret_of",
    "token_client",
]

T = TypeVar("T")

LIMIT = 1_048_576
"""Bytes of one answer."""

SECONDS = 15.0
"""For connecting, and for each wait for more of an answer."""

ENDED = frozenset({"invalid_grant", "bad_refresh_token"})
"""Errors by which sites say that a code or a refresh token holds no more; the second one is GitHub's word."""

LONGEST_LIFE = 400 * 86_400.0
"""Seconds: what a site says beyond that of a token's life is cut."""


class Site(Struct, frozen=True, kw_only=True):
    """A site as we are its client.

    Attributes:
        name: for messages.
        posted: the credentials go into the body rather than a header.
        revoke_url: where it takes tokens back, if it does.
        revoke_method: how, as `skillcore.plugin.OAuthProof` says.
    """

    name: str
    client: OAuthClient
    authorize_url: str
    token_url: str
    redirect_uri: str
    scopes: tuple[str, ...] = ()
    posted: bool = False
    revoke_url: str | None = None
    revoke_method: Literal["POST", "DELETE"] = "POST"


class TokenEnded(Refused):
    """A token holds no more: it has run out, or its holder or the site has taken it back."""


class Token(Struct, frozen=True):
    """What a code was exchanged for.

    Attributes:
        expires_in: as the site says it, in seconds; `life` reads it.
    """

    access_token: Annotated[str, Meta(min_length=1, max_length=10_000)]
    id_token: Annotated[str, Meta(max_length=50_000)] = ""
    refresh_token: Annotated[str, Meta(max_length=10_000)] | None = None
    expires_in: Any = None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"

    @property
    def life(self) -> timedelta | None:
        """For how long the access token holds; None where the site does not say."""
        try:
            seconds = float(self.expires_in)
        except (TypeError, ValueError):
            return None
        return timedelta(seconds=min(seconds, LONGEST_LIFE)) if seconds > 0 else None


@asynccontextmanager
async def token_client(network: Network, site: Site) -> AsyncIterator[AsyncOAuth2Client]:
    """Open a client for one question to a site about tokens.

    Args:
        network: where this process may connect to.
        site: that is asked, as its client.

    Raises:
        SourceError: what goes wrong within the block, as `reaching` has it.
    """
    refuse_unsafe(site.name, site.token_url)
    secret = secret_of(site)
    method = "none" if not secret else "client_secret_post" if site.posted else "client_secret_basic"
    async with reaching(site.name):
        client = AsyncOAuth2Client(
            client_id=site.client.client_id,
            client_secret=secret or None,
            redirect_uri=site.redirect_uri,
            token_endpoint_auth_method=method,
            code_challenge_method="S256",
            **network.settings(limit=LIMIT, seconds=SECONDS),
        )
        async with client:
            yield client


async def got(network: Network, name: str, address: str, shape: type[T], headers: Mapping[str, str] | None = None) -> T:
    """Return what stands at an address, as JSON.

    Args:
        network: where this process may connect to.
        name: of the site, for messages.
        address: that is asked.
        shape: of the answer.
        headers: of a request that a token authorises; what is public needs none.

    Raises:
        Unavailable: no answer, or none that can be read.
        TokenEnded: that token holds no more.
        Refused: the site does not let us see it.
    """
    client = network.client(limit=LIMIT, seconds=SECONDS, headers=headers or {"Accept": "application/json"})
    async with reaching(name), client:
        answer = await client.get(address)
        if answer.status_code in {401, 403}:
            kind = TokenEnded if answer.status_code == 401 and headers else Refused  # what is public has no token to end
            raise kind(f"{name} does not accept our credentials (HTTP {answer.status_code})")
        if answer.status_code != 200:
            raise Unavailable(f"{name} answered with HTTP {answer.status_code}")
        return fitted(name, answer.content, shape)


@asynccontextmanager
async def reaching(name: str) -> AsyncIterator[None]:
    """Turn whatever goes wrong on the way into the errors of sources."""
    try:
        async with asyncio.timeout(2 * SECONDS):
            yield
    except SourceError:
        raise
    except OAuthError as error:
        if error.error in {"temporarily_unavailable", "server_error", "slow_down"}:
            raise Unavailable(f"{name} cannot say just now: {error.error}") from error
        kind = TokenEnded if error.error in ENDED else Refused
        raise kind(f"{name} did not accept the sign-in ({str(error.error)[:100]}); start again") from error
    except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unavailable(f"{name} gave no answer that can be read ({type(error).__name__})") from error


def fitted(name: str, found: bytes | Mapping[str, Any], shape: type[T]) -> T:
    """Return what a site answered, in the shape that is expected.

    Raises:
        Unavailable: it has another one.
    """
    try:
        return msgspec.json.decode(found, type=shape) if isinstance(found, bytes) else msgspec.convert(found, shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable(f"{name} answered with something else than expected ({type(error).__name__})") from error


def refuse_unsafe(name: str, address: str) -> None:
    """Refuse an address to which nothing secret should go.

    Raises:
        Refused: it has no TLS, and leads beyond this machine.
    """
    if not is_safe(address):
        raise Refused(f"{name} cannot be asked at an address without TLS: {address[:200]!r}")


def secret_of(site: Site) -> str:
    """Return our secret at a site; empty where there is none.

    Raises:
        Unavailable: its file cannot be read.
    """
    if not site.client.client_secret_file:
        return site.client.client_secret
    try:
        return Path(site.client.client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"the file with our secret for {site.name} cannot be read ({type(error).__name__})") from error
