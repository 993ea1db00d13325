"""Signing in at other sites: OAuth 2 and OpenID Connect, by authorization code with PKCE (RFC 6749, RFC 7636, RFC 9207).

A person is sent to the site with an address made here, and comes back with a code. The code is exchanged by this process
directly at the site, whose answer says who they are. A token that is kept can be renewed, and given back (RFC 7009). How far a
site is trusted on the way, `skillcore.runtime.sites` says.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import jwt
from authlib.oauth2 import OAuth2Client
from msgspec import Meta, Struct

from skillcore.plugin import Refused, Unavailable
from skillcore.runtime.outbound import Network
from skillcore.runtime.sites import (
    LIMIT,
    SECONDS,
    Site,
    Token,
    fitted,
    got,
    reaching,
    refuse_unsafe,
    secret_of,
    token_client,
)

__all__ = [
    "Provider",
    "Providers",
    "address_for",
    "claims_by_secret",
    "claims_of",
    "discovered",
    "exchanged",
    "given_back",
    "renewed",
    "shown_at",
]

KEPT = 3600.0
"""Seconds for which what an issuer says of itself is used again."""

LEEWAY = 60
"""Seconds by which a site's clock may differ from ours."""

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key that the issuer shows. One made with a shared secret is never taken for one of these."""

ASKED_AGAIN = frozenset({401, 403, 408, 425, 429})
"""Refusals that are not about the token that was given back, but about us, or about the moment."""

SHORTEST_SECRET = 16
"""Characters: whoever guesses a secret that tokens are signed with could sign in as anybody."""

Address = Annotated[str, Meta(max_length=2000)]


class Provider(Struct, frozen=True):
    """What an issuer says of itself (OpenID Connect Discovery 1.0)."""

    issuer: Address
    authorization_endpoint: Address
    token_endpoint: Address
    jwks_uri: Address = ""
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False
    userinfo_endpoint: Address | None = None
    revocation_endpoint: Address | None = None

    @property
    def posted(self) -> bool:
        """Whether it takes credentials in the body only."""
        return "client_secret_basic" not in self.token_endpoint_auth_methods_supported


class Providers:
    """What issuers have said of themselves lately. One a process: ``engine.cache(Providers)``."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Provider]] = {}

    def known(self, issuer: str) -> Provider | None:
        """Return what an issuer has said, if that is not too long ago."""
        at, provider = self._known.get(issuer, (0.0, None))
        return provider if provider is not None and time.monotonic() - at < KEPT else None

    async def ask(self, network: Network, issuer: str) -> Provider:
        """Return what an issuer says; from memory, if that is not too long ago.

        Raises:
            SourceError: it does not say.
        """
        provider = self.known(issuer)
        if provider is None:
            provider = await discovered(network, issuer)
            self._known[issuer] = (time.monotonic(), provider)
        return provider


def address_for(site: Site, *, state: str, verifier: str, nonce: str = "") -> str:
    """Return where to send a person who is to sign in.

    Args:
        site: where they sign in.
        state: comes back with the code; unguessable.
        verifier: of PKCE, whose digest goes along.
        nonce: comes back in the signed token; for OpenID Connect.
    """
    refuse_unsafe(site.name, site.authorize_url)
    more = {"nonce": nonce} if nonce else {}
    client = OAuth2Client(  # of no transport: nothing is asked, and one would read whom TLS trusts, on the event loop
        session=None,
        client_id=site.client.client_id,
        redirect_uri=site.redirect_uri,
        scope=" ".join(site.scopes) or None,
        code_challenge_method="S256",
    )
    address: str
    address, _ = client.create_authorization_url(site.authorize_url, state=state, code_verifier=verifier, **more)
    return address


async def exchanged(network: Network, site: Site, code: str, verifier: str) -> Token:
    """Exchange a code for tokens.

    Raises:
        Unavailable: no answer, or none that can be read.
        Refused: the site does not accept the code, or us.
    """
    async with token_client(network, site) as client:
        answer = await client.fetch_token(site.token_url, grant_type="authorization_code", code=code, code_verifier=verifier)
    return fitted(site.name, dict(answer), Token)


async def renewed(network: Network, site: Site, token: Token) -> Token:
    """Exchange a refresh token for new tokens; where the site gives no new refresh token, the old one goes on.

    Raises:
        Unavailable: no answer, or none that can be read.
        TokenEnded: the refresh token holds no more.
        Refused: the site does not accept us.
    """
    async with token_client(network, site) as client:
        answer = await client.refresh_token(site.token_url, refresh_token=token.refresh_token)
    return fitted(site.name, dict(answer), Token)


async def given_back(network: Network, site: Site, token: Token) -> None:
    """Have a site take back a token, where it does that; one that holds no more is as good as given back.

    Raises:
        Unavailable: it cannot say, or does not accept us, just now.
        Refused: its address is unsafe.
    """
    if site.revoke_url is None:
        return
    refuse_unsafe(site.name, site.revoke_url)
    client = network.client(limit=LIMIT, seconds=SECONDS, headers={"Accept": "application/json", "User-Agent": "skillcore"})
    async with reaching(site.name), client:
        answer = await client.request(site.revoke_method, site.revoke_url, **_returning(site, token))
    if not 200 <= answer.status_code < 300 and (answer.status_code in ASKED_AGAIN or not 400 <= answer.status_code < 500):
        raise Unavailable(f"{site.name} answered with HTTP {answer.status_code}")


def _returning(site: Site, token: Token) -> dict[str, Any]:
    """Return what goes along with the request that gives a token back."""
    client_id, secret = site.client.client_id, secret_of(site)
    if site.revoke_method == "DELETE":
        return {"json": {"access_token": token.access_token}, "auth": (client_id, secret)}
    form = {"token": token.access_token, "token_type_hint": "access_token"}
    if token.refresh_token:  # whoever takes back this one takes back the other as well
        form = {"token": token.refresh_token, "token_type_hint": "refresh_token"}
    if secret and not site.posted:
        return {"data": form, "auth": (client_id, secret)}
    return {"data": form | {"client_id": client_id} | ({"client_secret": secret} if secret else {})}


async def shown_at(network: Network, name: str, address: str, token: Token) -> Mapping[str, Any]:
    """Return what a site says of a token's holder.

    Raises:
        TokenEnded: the token holds no more.
        SourceError: it does not say.
    """
    refuse_unsafe(name, address)
    headers = {"Authorization": f"Bearer {token.access_token}", "Accept": "application/json", "User-Agent": "skillcore"}
    return await got(network, name, address, dict[str, Any], headers)


async def discovered(network: Network, issuer: str) -> Provider:
    """Return what an issuer says of itself.

    Raises:
        SourceError: it does not say, or speaks for another issuer.
    """
    refuse_unsafe(issuer, issuer)
    found = await got(network, issuer, f"{issuer.rstrip('/')}/.well-known/openid-configuration", Provider)
    if found.issuer != issuer:
        raise Refused(f"{issuer} says that it is {found.issuer!r}; its address must be given as it gives it itself")
    for address in (found.authorization_endpoint, found.token_endpoint, *filter(None, [found.jwks_uri])):
        refuse_unsafe(issuer, address)
    return found


async def claims_of(
    network: Network, provider: Provider, token: str, *, client_id: str, nonce: str, leeway: int = LEEWAY
) -> Mapping[str, Any]:
    """Return what a signed token claims, once it is sure that the issuer signed it, for us, just now, and for this sign-in.

    Args:
        network: where this process may connect to.
        provider: the issuer.
        token: as it came with the exchange of the code.
        client_id: ours.
        nonce: of this sign-in.
        leeway: seconds by which the issuer's clock may differ from ours.

    Raises:
        Unavailable: the issuer does not show its keys.
        Refused: the token is not what it must be.
    """
    if not provider.jwks_uri:
        raise Refused(f"{provider.issuer} shows no keys by which its word could be checked")
    keys = await got(network, provider.issuer, provider.jwks_uri, dict[str, Any])
    allowed = sorted(ALGORITHMS & set(provider.id_token_signing_alg_values_supported))
    with _checking(provider):
        named = jwt.get_unverified_header(token).get("kid")
        for key in jwt.PyJWKSet.from_dict(dict(keys)).keys:
            if (named is None or key.key_id == named) and key.public_key_use in {None, "sig"}:
                found = _verified(provider, token, key, allowed, client_id, leeway)
                break
        else:
            raise Refused(f"{provider.issuer} signed with a key that it does not show")
    if found.get("nonce") != nonce:
        raise Refused(f"what {provider.issuer} says of the person belongs to another sign-in")
    return found


def claims_by_secret(provider: Provider, token: str, site: Site, *, nonce: str) -> Mapping[str, Any]:
    """Return what a token claims that an issuer signed with the secret that it shares with us (HS256).

    It came straight from the issuer in exchange for a code, so that nobody else can have put it there. Such issuers are
    known not to return the nonce; where one is there, it must be ours.

    Raises:
        Unavailable: our secret cannot be read.
        Refused: the token is not what it must be.
    """
    secret = secret_of(site)
    if len(secret) < SHORTEST_SECRET:
        raise Refused(f"our secret for {site.name} is too short to be one that {provider.issuer} signs with")
    with _checking(provider):
        found = _verified(provider, token, secret, ["HS256"], site.client.client_id, LEEWAY)
    if found.get("nonce", nonce) != nonce:
        raise Refused(f"what {provider.issuer} says of the person belongs to another sign-in")
    return found


@contextmanager
def _checking(provider: Provider) -> Iterator[None]:
    """Refuse a token with which anything is wrong."""
    try:
        yield
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise Refused(f"what {provider.issuer} says of the person does not hold: {type(error).__name__}") from error


def _verified(provider: Provider, token: str, key: Any, allowed: list[str], client_id: str, leeway: int) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=allowed,
        audience=client_id,
        issuer=provider.issuer,
        leeway=leeway,
        options={"require": ["iss", "aud", "exp", "iat", "sub"]},
    )
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise Refused(f"what {provider.issuer} says of the person was meant for somebody else")
    return claims
