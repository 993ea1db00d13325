"""Challenges: set at random so that no two claimants of an account have the same one, and judged before they are believed."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

import msgspec

from skillcore.plugin import (
    Account,
    Challenge,
    ChallengeProof,
    Identity,
    InvalidRequirement,
    NotProved,
    OAuthProof,
    OIDCProof,
    Proof,
    Unavailable,
    VerificationSource,
)
from skillcore.runtime.problems import Conflict, InvalidField, UnavailableNow

__all__ = ["draw", "method_of", "sound_proof"]

TRIES = 64
"""How often a challenge is drawn that nobody else has, before the claimant is asked to come back later."""

LARGEST_DATA = 4000
"""Characters of a challenge's data."""

METHODS: dict[type[Proof], str] = {ChallengeProof: "challenge", OAuthProof: "oauth", OIDCProof: "oidc"}

_challenges = msgspec.json.Decoder(Challenge)
_decoders: dict[type[Any], msgspec.json.Decoder[Any]] = {kind: msgspec.json.Decoder(kind) for kind in (Identity, NotProved)}


def method_of(proof: Proof) -> str:
    """Return the word for a way to prove an account, as accounts and attempts keep it."""
    return METHODS[type(proof)]


def draw(source: VerificationSource[Any], account: Account, taken: Collection[str]) -> Challenge:
    """Return a challenge, drawn at random, whose key is none of those that are taken.

    Raises:
        Conflict: all that were drawn are taken.
        InvalidField: the source knows that there can be no such account.
        UnavailableNow: the source's code failed.
    """
    for _ in range(TRIES):
        challenge = _challenge(source, account, secrets.randbits(64))
        if challenge.key not in taken:
            return challenge
    raise Conflict(
        f"too many people are proving {source.name} accounts of this name just now; try again in some minutes", field="handle"
    )


def sound_proof(who: str, returned: object) -> Identity | NotProved:
    """Return what a source found if it is sound in every part.

    Raises:
        Unavailable: it is something else, or holds something that it must not.
    """
    if not isinstance(returned, Identity | NotProved):
        raise Unavailable(f"{who} returned {type(returned).__name__}, which is neither an identity nor that there is none")
    try:
        decoder: msgspec.json.Decoder[Identity | NotProved] = _decoders[
            Identity if isinstance(returned, Identity) else NotProved
        ]
        sound = decoder.decode(msgspec.json.encode(returned))
    except Exception as error:  # whatever sits in its fields may fail in its own way
        raise Unavailable(f"{who} returned a proof that does not hold: {type(error).__name__}: {error}") from error
    if isinstance(sound, Identity) and "\0" in f"{sound.handle}{sound.external_id}{sound.mark}":
        raise Unavailable(f"{who} returned an identity with a null character")
    return sound


def _challenge(source: VerificationSource[Any], account: Account, number: int) -> Challenge:
    """Put the question to the plugin's code, which does no I/O."""
    try:
        returned: object = source.challenge(account, number)
        sound = _challenges.decode(msgspec.json.encode(returned))
    except InvalidRequirement as error:
        raise InvalidField(error.message, field=error.field or "handle") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # its code failed on this account, which is all that can be said
        raise UnavailableNow(f"the source {source.name!r} sets no challenge: {type(error).__name__}: {error}") from error
    data = "".join((*sound.data.keys(), *sound.data.values()))
    if "\0" in f"{sound.key}{sound.instructions}{data}" or len(data) > LARGEST_DATA:
        raise UnavailableNow(f"the source {source.name!r} sets a challenge that cannot be kept")
    return sound
