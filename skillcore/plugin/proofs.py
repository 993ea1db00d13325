"""How a person proves that an account at a source is theirs. A plugin declares it; the engine does the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = [
    "Challenge",
    "ChallengeProof",
    "Identity",
    "IssuedChallenge",
    "NotProved",
    "OAuthClient",
    "OAuthProof",
    "OIDCProof",
    "Proof",
]

Address = Annotated[str, Meta(pattern=r"^https?://[^\s]+\Z", max_length=500)]


class OAuthClient(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The credentials under which a site knows this deployment: ``[plugins.<name>.oauth]``, say. Without an id there are none.

    Attributes:
        client_id: as the site gave it.
        client_secret: as the site gave it; rather ``client_secret_file``.
        client_secret_file: file that holds the secret.
    """

    client_id: str = ""
    client_secret: str = ""
    client_secret_file: str = ""

    def __repr__(self) -> str:
        """Show everything but the secret."""
        return f"{type(self).__name__}(client_id={self.client_id!r}, client_secret_file={self.client_secret_file!r})"


class ChallengeProof(Struct, frozen=True, kw_only=True, tag="challenge", tag_field="method"):
    """The person does something there that only the account's holder can do and everybody can see.

    The source makes challenges and looks whether one was met: `VerificationSource.challenge` and ``check_challenge``. The
    engine issues them, keeps two open challenges of one account apart, and lets each end in time and count once.

    Attributes:
        minutes: how long a challenge stays open.
    """

    minutes: Annotated[int, Meta(ge=1, le=1440)] = 30


class OAuthProof(Struct, frozen=True, kw_only=True, tag="oauth", tag_field="method"):
    """The person signs in there (OAuth 2, authorization code with PKCE); the site then says who they are.

    Attributes:
        client: our credentials; without an id the proof is not offered.
        authorize_url: where the person is sent.
        token_url: where the code is exchanged.
        user_url: asked with the token; answers a JSON object about the token's holder.
        id_field: of that object: the account's unchanging id, a string or a number.
        handle_field: of that object: the account's name.
        scopes: asked for; none is enough where the site shows a holder their own public profile.
        revoke_url: where the site takes tokens back, if it does.
        revoke_method: how: ``POST`` with a form (RFC 7009), or ``DELETE`` with a JSON object that holds the ``access_token``
            under our credentials as HTTP Basic, which is GitHub's own way.
    """

    client: OAuthClient
    authorize_url: Address
    token_url: Address
    user_url: Address
    id_field: str = "id"
    handle_field: str = "login"
    scopes: tuple[str, ...] = ()
    revoke_url: Address | None = None
    revoke_method: Literal["POST", "DELETE"] = "POST"


class OIDCProof(Struct, frozen=True, kw_only=True, tag="oidc", tag_field="method"):
    """The person signs in there (OpenID Connect, authorization code with PKCE and nonce); the signed token says who they are.

    Attributes:
        client: our credentials; without an id the proof is not offered.
        issuer: its configuration is found below it, at ``/.well-known/openid-configuration``.
        handle_claim: the claim that holds the account's name.
        id_claim: the claim that holds the account's unchanging id; empty where the source knows accounts by their names.
        scopes: asked for.
        shared_secret: the issuer shows no keys and signs with our own secret (HS256); such an issuer need not return the
            nonce either.
    """

    client: OAuthClient
    issuer: Address
    handle_claim: str = "preferred_username"
    id_claim: str = ""
    scopes: tuple[str, ...] = ("openid",)
    shared_secret: bool = False


Proof = ChallengeProof | OAuthProof | OIDCProof
"""A way to prove an account."""


class Challenge(Struct, frozen=True, kw_only=True):
    """Something that only the holder of an account can do there.

    Attributes:
        key: what tells it from the source's other challenges, such as ``4/A``. Two challenges with one key are met by the
            same act, so the engine never has two of them open for one account.
        instructions: what to do, for the person.
        data: the same for programs, such as a problem's address.
    """

    key: Annotated[str, Meta(min_length=1, max_length=200)]
    instructions: Annotated[str, Meta(min_length=1, max_length=1000)]
    data: Mapping[str, str] = {}


class IssuedChallenge(Struct, frozen=True, kw_only=True):
    """A challenge that somebody was given.

    Attributes:
        key: as the source named it.
        data: as the source gave it.
        issued_at: what was done before does not count, with a time zone.
        expires_at: nor does what was done after.
    """

    key: str
    data: Mapping[str, str]
    issued_at: datetime
    expires_at: datetime


class Identity(Struct, frozen=True, kw_only=True):
    """Whose account was proved.

    Attributes:
        handle: the account's name, as the source writes it.
        external_id: the source's own unchanging id, where it has one.
        mark: names the act that proves it, such as a submission's id. An act proves once.
    """

    handle: Annotated[str, Meta(min_length=1, max_length=200)]
    external_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    mark: Annotated[str, Meta(max_length=200)] = ""


class NotProved(Struct, frozen=True, kw_only=True):
    """The source answered in full, and the challenge is not met yet."""

    looked_for: str
    found: str
