"""Passwords: which may be chosen, how they are hashed, and that many at once cannot stop everything else."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import AsyncIterator

import bcrypt
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.accounts import passwords as hashing
from skillcore.accounts.password_rules import check, unit
from skillcore.accounts.passwords import Passwords, digest
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import InvalidField, UnavailableNow
from skillcore.runtime.settings import AuthSettings

RULES = AuthSettings()
ABOUT = ("ada.lovelace@example.org", "Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "all lower case here",
        "tab\tand space are characters",
        "ein Fünfzehnzeichensatz",
        "\u65e5\u672c\u8a9e" * 5,
        "Ada Lovelace wrote the first program",  # more than what others know
        "x" * 1000 + "y",
        "password1234567890 and more",
    ],
)
def test_what_is_long_is_free(password: str) -> None:
    check(password, RULES, ABOUT)


@pytest.mark.parametrize(
    ("password", "characters"),
    [("short", 5), ("fourteen chars", 14), ("\ufb03" * 4, 12), ("e\u0301" * 14, 14)],
)
def test_length_counts_characters_as_they_are_hashed(password: str, characters: int) -> None:
    with pytest.raises(InvalidField, match=f"password: it has {characters} characters: choose one of 15 or more") as caught:
        check(password, RULES)
    assert caught.value.field == "password"
    assert password not in caught.value.detail


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "PassWordPassWord",
        "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44" * 2,  # full width
        "qwertyuiopqwertyuiop",
        "dragondragondragon",
        "  passwordpassword  ",
        "xxxxxxxxxxxxxxxxxxxxxxxx",
        "               ",
        "111111111111111",
        "123456781234567812345678",
    ],
)
def test_what_everybody_tries_is_refused_also_when_repeated(password: str) -> None:
    with pytest.raises(InvalidField, match="everybody tries") as caught:
        check(password, RULES)
    assert password not in caught.value.detail


@pytest.mark.parametrize(
    "password",
    [
        "ada.lovelace@example.org",
        "ADA.LOVELACE@EXAMPLE.ORG",
        "ada.lovelaceada.lovelace",
        "adalovelaceadalovelace",
        "AdaLovelaceAdaLovelace",
        "Ada LovelaceAda Lovelace",
        "skillcoreskillcore",
        "SkillcoreSkillcore",
        "skill-coreskill-core",
    ],
)
def test_what_others_know_is_refused(password: str) -> None:
    with pytest.raises(InvalidField, match="what others know"):
        check(password, RULES, ABOUT)


def test_eight_characters_are_the_least_that_can_be_set() -> None:
    check("brfx tqz", AuthSettings(min_characters=8))
    with pytest.raises(InvalidField, match="everybody tries"):
        check("password", AuthSettings(min_characters=8))
    with pytest.raises(InvalidField, match="everybody tries"):
        check("iloveyou", AuthSettings(min_characters=8))
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"min_characters": 7}, AuthSettings)


@given(st.text(alphabet="ab", min_size=1, max_size=6), st.integers(1, 5))
def test_a_repetition_is_found(word: str, times: int) -> None:
    found = unit(word * times)
    shortest = next(word[:size] for size in range(1, len(word) + 1) if word[:size] * (len(word) // size) == word)
    assert found == shortest


def test_hashes_are_bcrypt_over_sha384_in_base64() -> None:
    """By hand, from the definition."""
    by_hand = base64.b64encode(hashlib.sha384("résumé of a long life".encode()).digest())
    assert digest("re\u0301sume\u0301 of a long life") == by_hand
    assert len(by_hand) == 64  # bcrypt heeds 72


@pytest.fixture
async def passwords(engine: Engine) -> AsyncIterator[Passwords]:
    engine.settings = msgspec.structs.replace(engine.settings, auth=AuthSettings(bcrypt_cost=4, hashing_queue=3))
    async with Passwords.opened(engine) as opened:
        yield opened


async def test_too_many_at_once_are_refused_and_soon_welcome_again(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, real = threading.Event(), bcrypt.checkpw

    def slow(given: bytes, kept: bytes) -> bool:
        assert go.wait(30)
        return real(given, kept)

    monkeypatch.setattr(hashing.bcrypt, "checkpw", slow)
    waiting = [asyncio.create_task(passwords.fits("a password", None)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableNow) as caught:
        await passwords.fits("one too many", None)
    assert int(caught.value.headers["Retry-After"]) > 0
    waiting[0].cancel()  # whoever goes away leaves the thread to its work
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*waiting[1:]) == [False, False]
    async with asyncio.timeout(30):
        while True:
            try:
                assert not await passwords.fits("welcome", None)
                break
            except UnavailableNow:
                await asyncio.sleep(0)


async def test_the_loop_goes_on_while_threads_hash(passwords: Passwords) -> None:
    went_on = asyncio.Event()
    asyncio.get_running_loop().call_soon(went_on.set)
    hashed = asyncio.create_task(passwords.hash("a password"))
    await went_on.wait()
    assert (await hashed).startswith("$2b$04$")


async def test_an_outdated_hash_is_known(passwords: Passwords) -> None:
    assert not passwords.is_outdated(await passwords.hash("a password"))
    assert passwords.is_outdated("$2b$12$" + "x" * 53)
