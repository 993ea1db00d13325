"""Proving an account by signing in at its site: OAuth 2 and OpenID Connect.

The person is sent to the site and comes back, to this service's own page or to the operator's, and what the site gave is
handed in in the person's name: so a link that somebody else began cannot end up with the account of whoever follows it. The
code is exchanged by a job, and forgotten with it. What it was exchanged for may be kept: `skillcore.verification.tokens`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from skillcore.plugin import OAuthProof, OIDCProof, Refused, SourceError
from skillcore.runtime import oauth
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.oauth import Providers
from skillcore.runtime.problems import InvalidField, UnavailableNow
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.sites import Site
from skillcore.verification.attempts import Started
from skillcore.verification.identities import SignedIn, oauth_site, of_claims, of_profile, oidc_site, proof_of, tells_name
from skillcore.verification.tables import LinkAttemptRow

__all__ = [
    "METHODS",
    "Return",
    "SignIn",
    "as_returned",
    "forget",
    "is_offered",
    "look_up",
    "signed_in",
    "start_oauth",
    "start_oidc",
    "take_in",
]

METHODS = ("oauth", "oidc")
MINUTES = 10
"""How long a sign-in may take."""


class Return(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site sends a person back with, as the parameters of the address.

    Attributes:
        iss: who the site says that it is, where it says so.
    """

    code: Annotated[str, Meta(min_length=1, max_length=2000)]
    state: Annotated[str, Meta(min_length=1, max_length=200)]
    iss: Annotated[str, Meta(max_length=500)] = ""

    def __repr__(self) -> str:
        """Show nothing of the code."""
        return f"{type(self).__name__}(…)"


class SignIn(Struct, frozen=True, kw_only=True):
    """A sign-in as its job finds it."""

    code: str
    verifier: str
    nonce: str
    redirect_uri: str
    iss: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}(…)"


def is_offered(proof: OAuthProof | OIDCProof, redirect_uri: str) -> bool:
    """Whether people can sign in so here: the site knows this deployment, and they have somewhere to come back to."""
    return bool(proof.client.client_id and redirect_uri)


async def look_up(engine: Engine, proof: object) -> None:
    """Ask an issuer where people sign in, before a transaction is open that needs to know it.

    Raises:
        UnavailableNow: it does not say.
    """
    if not isinstance(proof, OIDCProof):
        return
    try:
        await engine.cache(Providers).ask(engine.network, proof.issuer)
    except SourceError as error:
        raise UnavailableNow(f"nobody can sign in there just now: {error.message}") from error


async def start_oauth(tx: Transaction, started: Started, proof: OAuthProof) -> LinkAttemptRow:
    """Send the person to the site."""
    return _sent(tx, started, "oauth", oauth_site(tx.engine, started.source.name, proof))


async def start_oidc(tx: Transaction, started: Started, proof: OIDCProof) -> LinkAttemptRow:
    """Send the person to the issuer, of whom `look_up` has asked where."""
    provider = tx.engine.cache(Providers).known(proof.issuer)
    if provider is None:
        raise UnavailableNow(f"{started.source.name} has not said yet where people sign in; try again")
    return _sent(tx, started, "oidc", oidc_site(tx.engine, started.source.name, proof, provider))


def take_in(sealer: Sealer, row: LinkAttemptRow, given: Return, proof: object) -> None:
    """Keep what the site gave, sealed, for the job.

    Raises:
        InvalidField: it belongs to another attempt, or to another site.
    """
    if row.state_sha256 is None or not hmac.compare_digest(_digest(given.state), row.state_sha256):
        raise InvalidField("state: it belongs to no attempt of yours that is open; start again", field="state")
    if given.iss and isinstance(proof, OIDCProof) and given.iss != proof.issuer:
        raise InvalidField(f"iss: this attempt is with {proof.issuer}", field="iss")
    row.code = sealer.seal(LinkAttemptRow.code, row.id, row.user_id, given.code.encode())
    row.data = {"iss": given.iss} if given.iss else {}


def as_returned(sealer: Sealer, row: LinkAttemptRow) -> SignIn | None:
    """Return a sign-in for its job; None where nobody has come back yet.

    Raises:
        Unsealable: what was kept is not what is there.
    """
    if row.code is None or row.verifier is None:
        return None
    opened = {
        column.key: "" if kept is None else sealer.open(column, row.id, row.user_id, kept).decode()
        for column, kept in (
            (LinkAttemptRow.code, row.code),
            (LinkAttemptRow.verifier, row.verifier),
            (LinkAttemptRow.nonce, row.nonce),
        )
    }
    return SignIn(**opened, redirect_uri=row.redirect_uri or "", iss=(row.data or {}).get("iss", ""))


def forget(row: LinkAttemptRow) -> None:
    """Forget what only its job had to know, once that is over."""
    row.code = row.verifier = row.nonce = None


async def signed_in(engine: Engine, source: str, found: SignIn) -> SignedIn:
    """Exchange the code, and return whose account it is.

    Raises:
        SourceError: the site does not say, or does not accept the code.
    """
    proof = proof_of(engine, source, "oidc" if found.nonce else "oauth")
    return await (
        _by_profile(engine, source, proof, found) if isinstance(proof, OAuthProof) else _by_token(engine, source, proof, found)
    )


async def _by_profile(engine: Engine, source: str, proof: OAuthProof, found: SignIn) -> SignedIn:
    site = oauth_site(engine, source, proof, found.redirect_uri)
    token = await oauth.exchanged(engine.network, site, found.code, found.verifier)
    profile = await oauth.shown_at(engine.network, source, proof.user_url, token)
    return SignedIn(of_profile(source, proof, profile), token, lookable=tells_name(proof))


async def _by_token(engine: Engine, source: str, proof: OIDCProof, found: SignIn) -> SignedIn:
    provider = await engine.cache(Providers).ask(engine.network, proof.issuer)
    if provider.authorization_response_iss_parameter_supported and found.iss != provider.issuer:
        raise Refused(f"{source} names itself when it sends people back, and did not; start again")
    site = oidc_site(engine, source, proof, provider, found.redirect_uri)
    token = await oauth.exchanged(engine.network, site, found.code, found.verifier)
    if proof.shared_secret:
        claims = oauth.claims_by_secret(provider, token.id_token, site, nonce=found.nonce)
    else:
        claims = await oauth.claims_of(
            engine.network, provider, token.id_token, client_id=proof.client.client_id, nonce=found.nonce
        )
    return SignedIn(of_claims(source, proof, claims), token, lookable=tells_name(proof, provider))


def _sent(tx: Transaction, started: Started, method: str, site: Site) -> LinkAttemptRow:
    sealer, number, person = tx.engine.service(Sealer), new_id(), started.user_id
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    nonce = secrets.token_urlsafe(32) if method == "oidc" else ""
    address = oauth.address_for(site, state=state, verifier=verifier, nonce=nonce)
    return LinkAttemptRow(
        id=number,
        user_id=person,
        source=site.name,
        method=method,
        data={"url": address},
        instructions=f"Sign in at {site.name}. You come back to where you started, and are told whether it worked.",
        issued_at=started.issued_at,
        expires_at=started.issued_at + timedelta(minutes=MINUTES),
        state="open",
        state_sha256=_digest(state),
        verifier=sealer.seal(LinkAttemptRow.verifier, number, person, verifier.encode()),
        nonce=sealer.seal(LinkAttemptRow.nonce, number, person, nonce.encode()) if nonce else None,
        redirect_uri=site.redirect_uri,
    )


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()
