"""Claims about who calls: only a trusted proxy's count. The service trusts 127.0.0.2; requests come from all over loopback."""

from __future__ import annotations

import pytest

from tests.attacks.wire import Wire

PROXY = "127.0.0.2"


@pytest.fixture
def stranger(wire: Wire) -> str:
    return wire.stranger()


def spent(wire: Wire, source: str, *headers: str) -> bool:
    """Tell whether whoever this counts for has called twice before, which is all that may be."""
    return wire.ask("/api/nothing", *headers, source=source).status == 429


CLAIMS = [
    "X-Forwarded-For: 203.0.113.{}",
    "X-Forwarded-For: 127.0.0.2, 203.0.113.{}",
    "Forwarded: for=203.0.113.{}",
    "X-Real-IP: 203.0.113.{}",
    "X-Client-IP: 203.0.113.{}",
    "True-Client-IP: 203.0.113.{}",
    "CF-Connecting-IP: 203.0.113.{}",
    "X-Cluster-Client-IP: 203.0.113.{}",
    "X_Forwarded_For: 203.0.113.{}",
    "X-Originating-IP: 203.0.113.{}",
    "Via: 1.1 203.0.113.{}",
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_strangers_cannot_say_that_they_are_somebody_else(wire: Wire, stranger: str, claim: str) -> None:
    assert [spent(wire, stranger, claim.format(number)) for number in range(3)] == [False, False, True]


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if not claim.startswith("X-Forwarded-For")])
def test_the_proxy_lets_other_headers_through_and_they_count_for_nothing(wire: Wire, stranger: str, claim: str) -> None:
    forwarded = f"X-Forwarded-For: {stranger}"
    assert [spent(wire, PROXY, forwarded, claim.format(number)) for number in range(3)] == [False, False, True]


def test_behind_the_proxy_everybody_counts_for_themselves(wire: Wire) -> None:
    assert [spent(wire, PROXY, f"X-Forwarded-For: 203.0.113.{number}") for number in range(100, 104)] == [False] * 4


def test_what_stands_left_of_the_caller_is_nobodys_word(wire: Wire, stranger: str) -> None:
    found = [spent(wire, PROXY, f"X-Forwarded-For: 198.51.100.{number}, {stranger}") for number in range(3)]
    assert found == [False, False, True]
    assert spent(wire, PROXY, "X-Forwarded-For: 198.51.100.9", f"X-Forwarded-For: {stranger}")


def test_nobody_claims_tls_for_themselves(wire: Wire, stranger: str) -> None:
    claims = ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on", "Front-End-Https: on", "Forwarded: proto=https"]
    for claim in claims:
        assert "strict-transport-security" not in wire.ask("/api/health/live", claim, source=stranger).headers
    assert "strict-transport-security" in wire.ask("/api/health/live", claims[0], source=PROXY).headers


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-Host"])
@pytest.mark.parametrize("target", ["/api/health/live", "/api/docs", "/api/docs/openapi.json", "/nowhere"])
def test_no_answer_repeats_the_host(wire: Wire, stranger: str, header: str, target: str) -> None:
    answer = wire.ask(target, f"{header}: evil.example", source=stranger)
    assert answer.status in {200, 404}
    assert b"evil.example" not in answer.body
    assert not any("evil.example" in value for value in answer.headers.values())
