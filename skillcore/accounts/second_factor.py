"""The second factor: codes that a device computes from a secret and the time (TOTP, RFC 6238), and codes for when it is lost.

A code is good for the step of half a minute in which it was made, and for the ones before and after, once: the last step is
kept, and only later ones count. A recovery code has 120 bits, so a plain hash of it is enough; it works once.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from datetime import datetime
from hmac import compare_digest
from typing import Annotated
from uuid import UUID

import pyotp
from msgspec import Meta, Struct
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from skillcore.accounts import sessions
from skillcore.accounts.access import Actor
from skillcore.accounts.attempts import Attempt, check_password
from skillcore.accounts.audit import Act, note
from skillcore.accounts.credential_tables import RecoveryCodeRow, SecondFactorRow
from skillcore.accounts.notices import tell
from skillcore.accounts.password_rules import GivenPassword
from skillcore.plugin.veiled import Veiled
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import Conflict, InvalidField, NotFound, Unauthenticated
from skillcore.runtime.sealing import Sealer

__all__ = [
    "Code",
    "FullProof",
    "GivenCode",
    "NewSecret",
    "Proof",
    "RecoveryCodes",
    "SecondFactor",
    "begin",
    "check",
    "confirm",
    "disable",
    "guess",
    "is_on",
    "remove",
    "renew_codes",
    "state",
]

STEP = 30
TOLERANCE = (-1, 0, 1)
CODES = 10
CODE_BYTES = 15
ISSUER = "skillcore"

GivenCode = Annotated[
    str, Meta(max_length=64, description="Of the second factor: six digits, or a recovery code.", examples=["492039"])
]


class Proof(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's password."""

    password: GivenPassword


class FullProof(Proof, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One's password, and a code of one's second factor."""

    code: GivenCode


class Code(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A code of one's second factor."""

    code: GivenCode


class SecondFactor(Struct, frozen=True, kw_only=True):
    """How a person's second factor stands.

    Attributes:
        enabled: whether signing in asks for it.
        recovery_codes_left: that were not used.
    """

    enabled: bool
    since: datetime | None
    recovery_codes_left: int


class NewSecret(Struct, frozen=True, kw_only=True):
    """What a device needs to compute codes. Nothing is asked for before one was confirmed.

    Attributes:
        secret: in base32, to be typed.
        uri: the same as ``otpauth://…``, to be shown as a QR code.
    """

    secret: str
    uri: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"{type(self).__name__}()"


class RecoveryCodes(Struct, frozen=True, kw_only=True):
    """Codes that each work once where the device is lost; shown once."""

    recovery_codes: tuple[str, ...]

    def __repr__(self) -> str:
        """Show none."""
        return f"{type(self).__name__}({len(self.recovery_codes)})"


async def state(tx: Transaction, actor: Actor) -> SecondFactor:
    """Return how one's own second factor stands."""
    row = await tx.session.get(SecondFactorRow, actor.user_id)
    unused = (RecoveryCodeRow.user_id == actor.user_id) & RecoveryCodeRow.used_at.is_(None)
    left = await tx.session.scalar(select(func.count()).where(unused))
    since = row.confirmed_at if row else None
    return SecondFactor(enabled=since is not None, since=since, recovery_codes_left=left or 0)


async def is_on(tx: Transaction, user_id: UUID) -> bool:
    """Tell whether signing in asks for it."""
    on = SecondFactorRow.confirmed_at.is_not(None)
    return await tx.session.scalar(select(SecondFactorRow.user_id).where(SecondFactorRow.user_id == user_id, on)) is not None


async def begin(engine: Engine, actor: Actor, proof: Proof) -> NewSecret:
    """Make a secret; another one takes the place of one that was never confirmed.

    Raises:
        InvalidField: the password is wrong.
        Conflict: they have a second factor.
        TooManyRequests: they have guessed too often.
    """
    user = await check_password(engine, actor, proof.password)
    secret = pyotp.random_base32()
    sealed = engine.service(Sealer).seal(SecondFactorRow.secret, user.id, user.id, secret.encode())
    query = insert(SecondFactorRow).values(user_id=user.id, secret=sealed, last_step=0, created_at=now())
    unconfirmed = SecondFactorRow.confirmed_at.is_(None)
    query = query.on_conflict_do_update(
        index_elements=["user_id"], set_={"secret": sealed, "last_step": 0, "created_at": now()}, where=unconfirmed
    )
    async with engine.transaction() as tx:
        if (await tx.session.execute(query.returning(SecondFactorRow.user_id))).first() is None:
            raise Conflict("you have a second factor: disable it before you make another one")
    return NewSecret(
        secret=secret, uri=pyotp.TOTP(secret).provisioning_uri(name=user.email or str(user.id), issuer_name=ISSUER)
    )


async def confirm(engine: Engine, actor: Actor, given: Code) -> RecoveryCodes:
    """Enable it, once the device computes the right codes. All other sessions end.

    Raises:
        InvalidField: the code is wrong.
        Conflict: there is nothing to confirm.
        TooManyRequests: they have guessed too often.
    """
    if actor.user_id is None:
        raise Unauthenticated("this is for people who are signed in")
    attempt = _attempt(engine, actor.user_id)
    await attempt.begin()
    async with engine.transaction() as tx:
        query = select(SecondFactorRow).where(SecondFactorRow.user_id == actor.user_id).with_for_update()
        row = await tx.session.scalar(query)
        if row is None or row.confirmed_at is not None:
            raise Conflict("there is no second factor to confirm: make one first")
        if not await _step_accepted(tx, row, given.code):
            raise InvalidField("code: it is wrong: see that the clock of the device is right", field="code")
        row.confirmed_at = now()
        codes = await _new_codes(tx, row.user_id)
        await _changed(tx, actor, row.user_id, "second_factor.enabled", "A second factor was enabled")
    await attempt.succeeded()
    return codes


async def renew_codes(engine: Engine, actor: Actor, proof: FullProof) -> RecoveryCodes:
    """Make new recovery codes; the former ones work no longer. All other sessions end.

    Raises:
        InvalidField: password or code is wrong.
        TooManyRequests: they have guessed too often.
    """
    user_id = await _proved(engine, actor, proof)
    async with engine.transaction() as tx:
        codes = await _new_codes(tx, user_id)
        await _changed(tx, actor, user_id, "second_factor.codes_renewed", "Your recovery codes were replaced")
    return codes


async def disable(engine: Engine, actor: Actor, proof: FullProof) -> None:
    """Take it away from its person. All other sessions end.

    Raises:
        InvalidField: password or code is wrong.
        TooManyRequests: they have guessed too often.
    """
    user_id = await _proved(engine, actor, proof)
    async with engine.transaction() as tx:
        await _delete(tx, user_id)
        await _changed(tx, actor, user_id, "second_factor.disabled", "Your second factor was disabled")


async def remove(tx: Transaction, actor: Actor | None, user_id: UUID) -> None:
    """Take it away from somebody who has lost it, on an administrator's word; they are signed out everywhere.

    Raises:
        NotFound: they have none.
    """
    if not await is_on(tx, user_id):
        raise NotFound("this person has no second factor")
    await _delete(tx, user_id)
    await note(tx, "second_factor.removed", actor, about=user_id)
    await sessions.end_all(tx, user_id, why="the second factor was removed", actor=actor)
    await tell(tx, user_id, "An administrator removed your second factor")


async def guess(engine: Engine, user_id: UUID, code: str, device: UUID | None = None) -> bool:
    """Use a code up; tells whether it was a good one.

    Args:
        engine: of this process.
        user_id: whose it should be.
        code: as typed.
        device: one that is known to be theirs; it has guesses of its own.

    Raises:
        TooManyRequests: too many were wrong.
    """
    attempt = _attempt(engine, user_id, device)
    await attempt.begin()
    async with engine.transaction() as tx:
        row = await tx.session.get(SecondFactorRow, user_id)
        if row is None or row.confirmed_at is None:
            return False
        if not await _step_accepted(tx, row, code) and not await _recovered(tx, user_id, code):
            return False
    await attempt.succeeded()
    return True


async def check(engine: Engine, user_id: UUID, code: str) -> None:
    """Have somebody who is signed in prove again by a code that it is they.

    Raises:
        InvalidField: it is wrong, or they have no second factor.
        TooManyRequests: too many were wrong.
    """
    if not await guess(engine, user_id, code):
        raise InvalidField("code: it is wrong, or was used: send the one that is shown now", field="code")


async def _proved(engine: Engine, actor: Actor, proof: FullProof) -> UUID:
    """Return who has proved again, with password and code, that it is they."""
    user = await check_password(engine, actor, proof.password)
    await check(engine, user.id, proof.code)
    return user.id


def _attempt(engine: Engine, user_id: UUID, device: UUID | None = None) -> Attempt:
    return Attempt(engine, f"code:device:{device}" if device else f"code:{user_id}")


async def _step_accepted(tx: Transaction, row: SecondFactorRow, code: str) -> bool:
    """Tell whether a code is that of a step which is near and later than the last one; of two at once, one gets it."""
    secret = tx.engine.service(Sealer).open(SecondFactorRow.secret, row.user_id, row.user_id, row.secret).decode()
    totp, given, present = pyotp.TOTP(secret), "".join(code.split()), int(time.time()) // STEP
    fitting = [
        present + away for away in TOLERANCE if compare_digest(totp.generate_otp(present + away).encode(), given.encode())
    ]
    if not fitting:
        return False
    step = max(fitting)
    later = update(SecondFactorRow).where(SecondFactorRow.user_id == row.user_id, SecondFactorRow.last_step < step)
    moved = await tx.session.execute(later.values(last_step=step).returning(SecondFactorRow.user_id))
    return moved.first() is not None


async def _recovered(tx: Transaction, user_id: UUID, code: str) -> bool:
    row = RecoveryCodeRow
    unused = update(row).where(row.user_id == user_id, row.code_sha256 == _hash(code), row.used_at.is_(None))
    if (await tx.session.execute(unused.values(used_at=now()).returning(row.id))).first() is None:
        return False
    await note(tx, "second_factor.recovered", about=user_id)
    await tell(tx, user_id, "Somebody signed in to your account with a recovery code")
    return True


async def _new_codes(tx: Transaction, user_id: UUID) -> RecoveryCodes:
    await tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
    codes = tuple(_new_code() for _ in range(CODES))
    tx.session.add_all(RecoveryCodeRow(id=new_id(), user_id=user_id, code_sha256=_hash(code)) for code in codes)
    await tx.session.flush()
    return RecoveryCodes(recovery_codes=codes)


async def _delete(tx: Transaction, user_id: UUID) -> None:
    await tx.session.execute(delete(RecoveryCodeRow).where(RecoveryCodeRow.user_id == user_id))
    await tx.session.execute(delete(SecondFactorRow).where(SecondFactorRow.user_id == user_id))


async def _changed(tx: Transaction, actor: Actor, user_id: UUID, act: Act, words: str) -> None:
    await note(tx, act, actor, about=user_id)
    await sessions.end_all(tx, user_id, but=actor.session_id, why="the second factor was changed", actor=actor)
    await tell(tx, user_id, words)


def _new_code() -> str:
    letters = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()
    return "-".join(letters[place : place + 4] for place in range(0, len(letters), 4))


def _hash(code: str) -> bytes:
    return hashlib.sha256("".join(letter for letter in code.lower() if letter.isalnum()).encode()).digest()
