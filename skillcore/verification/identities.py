"""Whose account it is, as the site says at which people sign in for a source: who is asked, and how the answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from skillcore.plugin import Identity, OAuthProof, OIDCProof, Unavailable
from skillcore.runtime import oauth
from skillcore.runtime.addresses import own_url
from skillcore.runtime.engine import Engine
from skillcore.runtime.oauth import Provider, Providers
from skillcore.runtime.settings import Settings
from skillcore.runtime.sites import Site, Token

__all__ = [
    "SignedIn",
    "oauth_site",
    "of_claims",
    "of_profile",
    "oidc_site",
    "page_for",
    "proof_of",
    "shown_by",
    "site_of",
    "tells_name",
]


class SignedIn(Struct, frozen=True):
    """Who signed in, and what the site gave for it.

    Attributes:
        token: whose holder they are.
        lookable: whether the site can be asked by it what the account is called.
    """

    identity: Identity
    token: Token
    lookable: bool

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


def page_for(settings: Settings, source: str) -> str:
    """Return the page to which a source's site sends people back: the operator's, or the service's own; empty without either.

    The service's own is another one for each source, so that what one site gave cannot be handed in as another's.
    """
    if settings.verification.redirect_uri or not settings.server.public_url:
        return settings.verification.redirect_uri
    return f"{own_url(settings.server)}/api/sources/{source}/link/callback"


def proof_of(engine: Engine, source: str, method: str) -> OAuthProof | OIDCProof:
    """Return how people sign in at a source's site.

    Raises:
        Unavailable: the source is not here, or has no such way.
    """
    kind = OIDCProof if method == "oidc" else OAuthProof
    for proof in getattr(engine.plugins.sources.get(source), "proofs", ()):
        if isinstance(proof, kind):
            return proof
    raise Unavailable(f"the source {source!r} is not loaded, or offers this way no more")


async def site_of(engine: Engine, source: str, method: str) -> Site:
    """Return the site at which people sign in for a source.

    Raises:
        SourceError: it does not say where it is asked.
    """
    proof = proof_of(engine, source, method)
    if isinstance(proof, OAuthProof):
        return oauth_site(engine, source, proof)
    return oidc_site(engine, source, proof, await engine.cache(Providers).ask(engine.network, proof.issuer))


async def shown_by(engine: Engine, source: str, method: str, token: Token) -> Identity:
    """Return whose account a token is of, as the site says now.

    Raises:
        TokenEnded: the token holds no more.
        SourceError: the site does not say.
    """
    proof = proof_of(engine, source, method)
    if isinstance(proof, OAuthProof):
        return of_profile(source, proof, await oauth.shown_at(engine.network, source, proof.user_url, token))
    provider = await engine.cache(Providers).ask(engine.network, proof.issuer)
    if not tells_name(proof, provider):
        raise Unavailable(f"{source} says nothing of people who have signed in before")
    claims = await oauth.shown_at(engine.network, source, provider.userinfo_endpoint or "", token)
    return of_claims(source, proof, claims)


def tells_name(proof: OAuthProof | OIDCProof, provider: Provider | None = None) -> bool:
    """Say whether a site can be asked by a token what its holder's account is called now."""
    return isinstance(proof, OAuthProof) or bool(proof.id_claim and provider and provider.userinfo_endpoint)


def of_profile(source: str, proof: OAuthProof, profile: Mapping[str, Any]) -> Identity:
    """Return whose account a profile is of.

    Raises:
        Unavailable: it does not say.
    """
    number = profile.get(proof.id_field)
    if isinstance(number, bool) or not isinstance(number, int | str) or not str(number):
        raise Unavailable(f"{source} shows a profile without {proof.id_field!r}")
    return Identity(handle=_text(source, profile.get(proof.handle_field), proof.handle_field), external_id=str(number))


def of_claims(source: str, proof: OIDCProof, claims: Mapping[str, Any]) -> Identity:
    """Return whose account it is that an issuer claims something of.

    Raises:
        Unavailable: it does not say.
    """
    handle = _text(source, claims.get(proof.handle_claim), proof.handle_claim)
    if not proof.id_claim:
        return Identity(handle=handle)
    return Identity(handle=handle, external_id=_text(source, claims.get(proof.id_claim), proof.id_claim))


def oauth_site(engine: Engine, source: str, proof: OAuthProof, redirect_uri: str = "") -> Site:
    """Return the site of an `OAuthProof`; people come back to the page for the source, if not to another one."""
    return Site(
        name=source,
        client=proof.client,
        authorize_url=proof.authorize_url,
        token_url=proof.token_url,
        redirect_uri=redirect_uri or page_for(engine.settings, source),
        scopes=proof.scopes,
        posted=True,
        revoke_url=proof.revoke_url,
        revoke_method=proof.revoke_method,
    )


def oidc_site(engine: Engine, source: str, proof: OIDCProof, provider: Provider, redirect_uri: str = "") -> Site:
    """Return the site of an `OIDCProof`, as its issuer describes it."""
    return Site(
        name=source,
        client=proof.client,
        authorize_url=provider.authorization_endpoint,
        token_url=provider.token_endpoint,
        redirect_uri=redirect_uri or page_for(engine.settings, source),
        scopes=proof.scopes,
        posted=provider.posted,
        revoke_url=provider.revocation_endpoint,
    )


def _text(source: str, value: Any, name: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise Unavailable(f"{source} says nothing of the person's {name!r}")
    return value
