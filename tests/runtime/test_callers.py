"""Who calls: forwarding headers count only where, and as far as, proxies are trusted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar, get

from skillcore.runtime.callers import Called, Caller, Proxies, current, group
from skillcore.runtime.settings import ServerSection

PROXY, SECOND, CLIENT, EVIL = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.66"
NETWORKS = ("10.0.0.0/24", "fd00::/8")


def origin(
    peer: str, *headers: tuple[str, str], header: str = "x-forwarded-for", secure: bool = False, trusted: Any = NETWORKS
) -> tuple[str, bool]:
    lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return Proxies(trusted, header).origin(peer, lines, secure=secure)


def address(peer: str, *values: str, **options: Any) -> str:
    return origin(peer, *(("X-Forwarded-For", value) for value in values), **options)[0]


@pytest.mark.parametrize("value", [EVIL, f"{EVIL}, {CLIENT}", "127.0.0.1", "", "::1"])
def test_nobody_but_a_trusted_proxy_says_for_whom_it_calls(value: str) -> None:
    assert address(CLIENT, value) == CLIENT
    assert address(PROXY, value, trusted=()) == PROXY
    forged = origin(CLIENT, ("X-Forwarded-Proto", "https"), ("Forwarded", f"for={EVIL};proto=https"))
    assert forged == (CLIENT, False)
    assert origin(CLIENT, ("X-Forwarded-Proto", "http"), secure=True) == (CLIENT, True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([CLIENT], CLIENT),
        ([f"{EVIL}, {CLIENT}"], CLIENT),
        ([f"{EVIL},{CLIENT} , {SECOND}"], CLIENT),
        ([EVIL, CLIENT], CLIENT),
        ([CLIENT, SECOND], CLIENT),
        ([f"{EVIL}, {SECOND}"], EVIL),  # the second proxy says so, and is trusted
        ([SECOND], SECOND),
        ([f"{SECOND}, {PROXY}"], SECOND),
        ([f"{CLIENT}, nonsense"], PROXY),
        ([f"{CLIENT}, unknown, {SECOND}"], SECOND),
        ([f"{CLIENT},"], PROXY),
        ([], PROXY),
        ([f"{CLIENT}:4711"], CLIENT),
        (["[2001:db8::17]:4711"], "2001:db8::17"),
        (["2001:DB8:0:0::17"], "2001:db8::17"),
        (["::ffff:203.0.113.7"], CLIENT),
        (["[::ffff:203.0.113.7]"], CLIENT),
        (["fe80::1%eth0"], "fe80::1"),
        (["203.0.113.7%eth0"], PROXY),
        (["203.0.113.007"], PROXY),
        (["0x7f.1"], PROXY),
        (["<script>"], PROXY),
        ([", ".join([CLIENT] + [SECOND] * 1000)], SECOND),
    ],
)
def test_hops_are_read_from_the_right(values: list[str], expected: str) -> None:
    assert address(PROXY, *values) == expected


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("::ffff:203.0.113.7", CLIENT),
        ("fe80::1%eth0", "fe80::1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("", ""),
        ("/run/skillcore.socket", ""),
    ],
)
def test_the_other_end_of_the_connection(peer: str, expected: str) -> None:
    assert address(peer) == expected
    assert address(peer, EVIL) == expected  # what is reached without IP trusts nobody


def test_a_proxy_may_be_reached_over_ipv6_or_as_ipv4_in_it() -> None:
    assert address("fd00::5", CLIENT) == CLIENT
    assert address("::ffff:10.0.0.1", CLIENT) == CLIENT


@pytest.mark.parametrize(
    ("hops", "schemes", "expected"),
    [
        (CLIENT, ["https"], True),
        (CLIENT, ["HTTPS"], True),
        (CLIENT, ["http"], False),
        (CLIENT, ["https, http"], False),  # the caller's own claim stands left
        (CLIENT, ["https", "http"], False),
        (f"{CLIENT}, {SECOND}", ["https"], True),
        (f"{CLIENT}, {SECOND}", ["https, http"], True),
        (f"{EVIL}, {CLIENT}, {SECOND}", ["https, http, https"], False),
        ("", ["https"], True),
        (CLIENT, ["ftp"], False),
        (CLIENT, [], False),
    ],
)
def test_the_scheme_is_that_of_the_hop_to_the_caller(hops: str, schemes: list[str], expected: bool) -> None:
    lines = [("X-Forwarded-For", hops)] if hops else []
    assert origin(PROXY, *lines, *(("X-Forwarded-Proto", scheme) for scheme in schemes))[1] is expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"for={CLIENT};proto=https"], (CLIENT, True)),
        ([f"For={CLIENT} ; Proto=HTTPS;by={PROXY}"], (CLIENT, True)),
        ([f"for={EVIL};proto=https, for={CLIENT};proto=http"], (CLIENT, False)),
        ([f"for={EVIL}", f"for={CLIENT}"], (CLIENT, False)),
        (['for="[2001:db8::17]:4711";proto=https'], ("2001:db8::17", True)),
        ([f'for="{CLIENT}:80", for={SECOND};proto=http'], (CLIENT, False)),
        (["for=_hidden;proto=https"], (PROXY, True)),
        (["for=unknown"], (PROXY, False)),
        (["proto=https"], (PROXY, True)),
        ([f'for={EVIL};x="', f'for={CLIENT};by="{PROXY}"'], (PROXY, False)),
        ([f'for="{EVIL}, for={CLIENT}'], (PROXY, False)),
        ([f'for={CLIENT};host="a\\"b,for={EVIL}"'], (CLIENT, False)),
        ([f"for={EVIL} for={CLIENT}"], (PROXY, False)),
        ([f"for={EVIL}", f'for={CLIENT};by="open'], (PROXY, False)),
        (["nonsense"], (PROXY, False)),
        ([""], (PROXY, False)),
    ],
)
def test_forwarded_is_read_as_its_standard_says(values: list[str], expected: tuple[str, bool]) -> None:
    lines = [("Forwarded", value) for value in values]
    assert origin(PROXY, *lines, header="forwarded") == expected


def test_only_the_header_that_the_proxies_write_is_read() -> None:
    both = [("Forwarded", f"for={EVIL};proto=https"), ("X-Forwarded-For", CLIENT), ("X-Forwarded-Proto", "http")]
    assert origin(PROXY, *both) == (CLIENT, False)
    assert origin(PROXY, *both, header="forwarded") == (EVIL, True)


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (CLIENT, CLIENT),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", CLIENT),
        ("", "unknown"),
    ],
)
def test_what_callers_are_counted_by(one: str, expected: str) -> None:
    assert group(one) == expected


@get("/who", sync_to_thread=False)
def who() -> list[Any]:
    return [current().address, current().agent, current().secure]


async def test_every_request_has_its_caller() -> None:
    app = Called(Litestar([who], openapi_config=None), ServerSection(trusted_proxies=NETWORKS))
    transport = httpx.ASGITransport(app=app, client=(PROXY, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https", "User-Agent": "a\x01b" + "x" * 1000}
        assert (await client.get("/who", headers=headers)).json() == [CLIENT, "a b" + "x" * 509, True]
        assert (await client.get("/who", headers={"User-Agent": ""})).json() == [PROXY, "", False]
    assert current() == Caller("", "", False)
