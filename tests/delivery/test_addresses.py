"""Addresses: which collide, which cannot be used, and what stands on the envelope."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillcore.delivery.addresses import Unusable, check_address, compared, on_envelope
from skillcore.runtime.problems import InvalidField


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "Ada@Example.ORG"),
        ("office@example.org", "o\ufb03ce@example.org"),  # a ligature of three letters
        ("fina@example.org", "\ufb01na@example.org"),
        ("ada@example.org", "\uff41\uff44\uff41@example.org"),  # full width
        ("ada@example.org", "ada@\uff45xample.org"),
        ("strasse@example.org", "stra\u00dfe@example.org"),
        ("strasse@example.org", "STRA\u1e9eE@example.org"),
        ("mike@example.org", "m\u0131ke@example.org"),  # without a dot
        ("mike@example.org", "M\u0130KE@example.org"),  # a capital with one
        ("mike@example.org", "mi\u0307ke@example.org"),
        ("kim@example.org", "\u212aim@example.org"),  # the Kelvin sign
        ("sam@example.org", "\u017fam@example.org"),  # the long s
        ("ren\u00e9@example.org", "rene\u0301@example.org"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@B\u00dcCHER.example", "ada@XN--BCHER-KVA.example"),
        ("ada@stra\u00dfe.example", "ada@strasse.example"),
        ("ada@xn--strae-oqa.example", "ada@strasse.example"),
        ("ada@example.org", "ada@example\u3002org"),  # the full stop of Japanese
        ("ada@example.org", "ada@example.org."),
    ],
)
def test_what_may_be_taken_for_the_same_collides(one: str, other: str) -> None:
    assert compared(one) == compared(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "adam@example.org"),
        ("ada@example.org", "ada@example.com"),
        ("ada@example.org", "ada+x@example.org"),
        ("a.da@example.org", "ada@example.org"),
        ("rene@example.org", "ren\u00e9@example.org"),
        ("ada@bucher.example", "ada@b\u00fccher.example"),
    ],
)
def test_what_differs_does_not_collide(one: str, other: str) -> None:
    assert compared(one) != compared(other)


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "ada\uff20x@example.org",  # becomes a second @
        "ada@example..org",
        "ada@-example.org",
        "ada@exa_mple.org",
        "ada@[127.0.0.1]",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "a\u2025da@example.org",  # becomes two dots
        "a da@example.org",
        '"ada"@example.org',
        "ada<x>@example.org",
        "ada@example.org,bob@example.org",
        "ada\r\nBcc: bob@example.org@example.org",
        "ada\u200b@example.org",  # a space without width
        "ada\u202e@example.org",  # turns the direction of what follows
        "ada\u00a0@example.org",
        "ada\u2028@example.org",
        "ada\x7f@example.org",
        "ada\ue000@example.org",
        "a" * 65 + "@example.org",
        "\u00e4" * 33 + "@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Unusable):
        on_envelope(address)
    with pytest.raises(InvalidField) as caught:
        check_address(address, "new_email")
    assert caught.value.field == "new_email"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("Ada.L+x@Example.org", "Ada.L+x@example.org"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@stra\u00dfe.example", "ada@xn--strae-oqa.example"),  # which strasse.example is not
        ("ren\u00e9@example.org", "ren\u00e9@example.org"),
        ("\u00e4" * 32 + "@example.org", "\u00e4" * 32 + "@example.org"),
    ],
)
def test_the_envelope_has_the_address_as_typed_and_the_domain_in_ascii(address: str, written: str) -> None:
    assert on_envelope(address) == written


@given(st.text(max_size=12), st.sampled_from(["example.org", "b\u00fccher.example", "stra\u00dfe.example"]))
def test_comparing_is_idempotent_and_blind_to_case(local: str, domain: str) -> None:
    try:
        key = compared(f"{local}@{domain}")
    except Unusable:
        return
    assert key.count("@") == 1
    again = key.rpartition("@")[0]
    try:
        assert compared(f"{again}@{domain}") == key
    except Unusable:
        return
    for other in (local.lower(), local.casefold()):
        try:
            same = compared(f"{other}@{domain}")
        except Unusable:
            continue
        assert same == key
