"""Signing in at a provider from the configuration: OpenID Connect, authorization code with PKCE, state and nonce.

Whoever begins is given a cookie, and only the browser that has it can finish: so nobody can be signed in to, or have their
account connected with, what somebody else began. Each provider has a redirect URI of its own, and the sign-in remembers whose
it was begun for: an answer that comes by another provider's address, or names another issuer, is refused before any secret is
sent anywhere. A state is taken once, before the code is exchanged.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import select

from skillcore.accounts import audit, identities
from skillcore.accounts.access import Actor
from skillcore.accounts.identities import Claims
from skillcore.accounts.identity_tables import SignInRow
from skillcore.accounts.sessions import Kept, Session, begin
from skillcore.accounts.tables import SessionRow
from skillcore.delivery.addresses import Unusable, on_envelope
from skillcore.plugin import OAuthClient, Refused, SourceError, Unavailable
from skillcore.runtime import oauth
from skillcore.runtime.addresses import own_url
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.forgetting import delete_some
from skillcore.runtime.oauth import Provider, Providers
from skillcore.runtime.problems import Conflict, Forbidden, InvalidField, NotFound, Problem, UnavailableNow
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import OIDCProviderSettings, Settings
from skillcore.runtime.sites import Site

__all__ = ["Begun", "Offer", "Return", "Started", "finish", "forget_expired", "new_browser", "offers", "provider_of", "start"]

MINUTES = 10
"""How long signing in at a provider may take."""

BROWSER = re.compile(r"[A-Za-z0-9_-]{43}\Z")
EMAIL_LENGTH = 254
MOST_GROUPS = 1000


class Offer(Struct, frozen=True, kw_only=True):
    """A provider at which one can sign in.

    Attributes:
        label: for people.
        registration: whether whoever comes for the first time gets an account.
    """

    name: str
    label: str
    registration: bool


class Started(Struct, frozen=True, kw_only=True):
    """A sign-in that has begun.

    Attributes:
        url: where the person signs in, in this very browser.
        expires_at: when it is too late to come back.
    """

    url: str
    expires_at: datetime


class Begun(Struct, frozen=True, kw_only=True):
    """A sign-in that has begun, with what its browser must bring along again."""

    started: Started
    browser: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


class Return(Struct, frozen=True, kw_only=True):
    """What a provider sends a person back with, as the parameters of the address.

    Attributes:
        code: to be exchanged; empty where the provider refused.
        error: why it did.
    """

    state: Annotated[str, Meta(min_length=1, max_length=200)]
    code: Annotated[str, Meta(max_length=2000)] = ""
    iss: Annotated[str, Meta(max_length=500)] = ""
    error: Annotated[str, Meta(max_length=200)] = ""

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return f"{type(self).__name__}(…)"


class Taken(Struct, frozen=True, kw_only=True):
    """A sign-in whose state was taken: nobody else can finish it."""

    verifier: str
    nonce: str
    redirect_uri: str
    user_id: UUID | None
    session_id: UUID | None

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


def offers(settings: Settings) -> list[Offer]:
    """Return the providers, by name."""
    return [
        Offer(name=name, label=of.label or name, registration=of.registration) for name, of in sorted(settings.oidc.items())
    ]


def provider_of(settings: Settings, name: str) -> OIDCProviderSettings:
    """Return a provider.

    Raises:
        NotFound: there is none of that name.
    """
    found = settings.oidc.get(name)
    if found is None:
        raise NotFound("there is no such provider: GET /api/auth/oauth lists them")
    return found


def new_browser(given: str | None) -> str:
    """Return what tells a browser from others: what it has already, so that two of its tabs may sign in, or something new."""
    return given if given is not None and BROWSER.match(given) else secrets.token_urlsafe(32)


async def start(engine: Engine, name: str, browser: str | None, actor: Actor | None = None) -> Begun:
    """Begin to sign in at a provider; with somebody who is signed in already, to connect their account with it.

    Args:
        engine: of this process.
        name: of the provider.
        browser: what this browser was given by an earlier sign-in.
        actor: who connects their account.

    Raises:
        NotFound: there is no such provider.
        UnavailableNow: it does not say where people sign in.
    """
    of = provider_of(engine.settings, name)
    provider = await _asked(engine, of)
    state, verifier, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(48), secrets.token_urlsafe(32)
    mark, number = new_browser(browser), new_id()
    site = _site(engine.settings, name, of, provider)
    sealer, whose = engine.service(Sealer), actor.user_id if actor else None
    row = SignInRow(
        id=number,
        state_sha256=_digest(state),
        browser_sha256=_digest(mark),
        provider=name,
        user_id=whose,
        session_id=actor.session_id if actor else None,
        verifier=sealer.seal(SignInRow.verifier, number, whose, verifier.encode()),
        nonce=sealer.seal(SignInRow.nonce, number, whose, nonce.encode()),
        redirect_uri=site.redirect_uri,
        expires_at=now() + timedelta(minutes=MINUTES),
    )
    address = oauth.address_for(site, state=state, verifier=verifier, nonce=nonce)
    async with engine.transaction() as tx:
        tx.session.add(row)
    return Begun(started=Started(url=address, expires_at=row.expires_at), browser=mark)


async def finish(engine: Engine, name: str, browser: str | None, given: Return, keep: Kept) -> Session | None:
    """Finish a sign-in with what the provider gave; returns the session, or None where an account was connected.

    Raises:
        NotFound: there is no such provider.
        InvalidField: no such sign-in is under way in this browser, or somebody else answered.
        Forbidden: the provider, or this service, does not let them in.
        Conflict: as `identities.admit` and `identities.connect` do.
        UnavailableNow: the provider does not answer.
    """
    of = provider_of(engine.settings, name)
    taken = await _take(engine, name, browser, given.state)
    try:
        claims = await _claims(engine, name, of, taken, given)
        async with engine.transaction() as tx:
            if taken.user_id is None:
                user_id = await identities.admit(tx, name, of, claims)
                return await begin(tx, user_id, "oidc", keep)
            await identities.connect(tx, await _still_there(tx, taken), name, claims)
            return None
    except Problem as problem:
        await audit.note_apart(engine, "session.refused", about=taken.user_id, how="oidc", provider=name, why=problem.type)
        raise


async def forget_expired(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete sign-ins that were over before a moment, and return how many.

    Args:
        tx: an open transaction.
        before: the moment.
        limit: how many at most.
    """
    return await delete_some(tx, SignInRow.id, SignInRow.expires_at < before, limit)


async def _take(engine: Engine, name: str, browser: str | None, state: str) -> Taken:
    """Take a sign-in, once, if this browser began it at this provider."""
    row = None
    sealer = engine.service(Sealer)
    async with engine.transaction() as tx:
        query = select(SignInRow).where(SignInRow.state_sha256 == _digest(state), SignInRow.provider == name)
        found = await tx.session.scalar(query.with_for_update())
        if found is not None and hmac.compare_digest(found.browser_sha256, _digest(browser or "")):
            row = found
            await tx.session.delete(found)
    if row is None or row.expires_at < now():
        message = "state: no such sign-in is under way in this browser; it may have taken too long, or be over: start again"
        raise InvalidField(message, field="state")
    return Taken(
        verifier=sealer.open(SignInRow.verifier, row.id, row.user_id, row.verifier).decode(),
        nonce=sealer.open(SignInRow.nonce, row.id, row.user_id, row.nonce).decode(),
        redirect_uri=row.redirect_uri,
        user_id=row.user_id,
        session_id=row.session_id,
    )


async def _claims(engine: Engine, name: str, of: OIDCProviderSettings, taken: Taken, given: Return) -> Claims:
    """Exchange the code, and return what the provider says of the person."""
    provider = await _asked(engine, of)
    if given.iss != provider.issuer and (given.iss or provider.authorization_response_iss_parameter_supported):
        raise InvalidField(f"iss: this sign-in is with {provider.issuer}, which did not answer; start again", field="iss")
    if given.error or not given.code:
        raise Forbidden(f"{of.label or name} did not let you in ({given.error[:100] or 'it gave no code'}): start again")
    site = _site(engine.settings, name, of, provider, taken.redirect_uri)
    try:
        token = await oauth.exchanged(engine.network, site, given.code, taken.verifier)
        found = await oauth.claims_of(
            engine.network, provider, token.id_token, client_id=of.client_id, nonce=taken.nonce, leeway=of.leeway
        )
        return _read(provider, of, found)
    except Refused as error:
        raise Forbidden(error.message) from error
    except SourceError as error:
        raise UnavailableNow(f"nobody can sign in there just now: {error.message}") from error


def _read(provider: Provider, of: OIDCProviderSettings, found: Mapping[str, Any]) -> Claims:
    subject, email, name, groups = (found.get(claim) for claim in ("sub", "email", "name", of.groups_claim))
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or "\0" in subject:
        raise Refused(f"{provider.issuer} does not say who you are")
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return Claims(
        issuer=provider.issuer,
        subject=subject,
        email=email if isinstance(email, str) and _is_usable(email) and found.get("email_verified") is True else None,
        name=name.replace("\0", "") if isinstance(name, str) else "",
        groups=frozenset(group for group in listed[:MOST_GROUPS] if isinstance(group, str)),
    )


def _is_usable(email: str) -> bool:
    try:
        on_envelope(email)
    except Unusable:
        return False
    return len(email) <= EMAIL_LENGTH


async def _still_there(tx: Transaction, taken: Taken) -> Actor:
    """Return who began to connect their account, if the session in which they did goes on."""
    moment = now()
    alive = select(SessionRow.user_id).where(
        SessionRow.id == taken.session_id,
        SessionRow.user_id == taken.user_id,
        SessionRow.revoked_at.is_(None),
        SessionRow.expires_at > moment,
        SessionRow.idle_at > moment,
    )
    if await tx.session.scalar(alive) is None:
        raise Conflict("you have signed out meanwhile: sign in, and connect your account again")
    return Actor(kind="user", user_id=taken.user_id, session_id=taken.session_id)


async def _asked(engine: Engine, of: OIDCProviderSettings) -> Provider:
    try:
        return await engine.cache(Providers).ask(engine.network, of.issuer)
    except Unavailable as error:
        raise UnavailableNow(f"nobody can sign in there just now: {error.message}") from error
    except SourceError as error:
        raise UnavailableNow(f"nobody can sign in there: {error.message}") from error


def _site(settings: Settings, name: str, of: OIDCProviderSettings, provider: Provider, redirect_uri: str = "") -> Site:
    return Site(
        name=of.label or name,
        client=OAuthClient(client_id=of.client_id, client_secret=of.client_secret, client_secret_file=of.client_secret_file),
        authorize_url=provider.authorization_endpoint,
        token_url=provider.token_endpoint,
        redirect_uri=redirect_uri or of.redirect_uri or f"{own_url(settings.server)}/api/auth/oauth/{name}/callback",
        scopes=of.scopes,
        posted=provider.posted,
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
