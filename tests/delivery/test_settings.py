"""Settings of mails that do not go together, and the password in a file of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from skillcore.runtime.configuration import ConfigurationError, load

GOOD = {"host": "mail.example", "sender": "no-reply@example.org"}


def loaded(**mail: str) -> object:
    variables = {f"SKILLCORE__MAIL__{name.upper()}": value for name, value in mail.items()}
    return load(environ=variables).settings.mail


def test_a_server_and_a_sender_are_enough() -> None:
    loaded(**GOOD)
    loaded(**GOOD | {"sender": "Evening school <no-reply@example.org>"})
    loaded(**GOOD | {"host": "127.0.0.1", "security": "none"})
    loaded(**GOOD | {"host": "localhost", "security": "none"})


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"sender": ""}, "sender"),
        ({"sender": "no address"}, "sender"),
        ({"sender": "schülé@example.org"}, "sender"),
        ({"security": "none"}, "security"),
        ({"security": "none", "host": "10.0.0.1"}, "security"),
        ({"user": "skillcore"}, "user"),
        ({"password": "without a user"}, "user"),
        ({"timeout": "10"}, "timeout"),
    ],
)
def test_what_does_not_go_together_is_named(change: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\[mail\] {key}: found ") as caught:
        loaded(**GOOD | change)
    assert "without a user" not in str(caught.value)


def test_the_password_stands_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a secret\n")
    settings = loaded(**GOOD | {"user": "skillcore", "password_file": str(file)})
    assert settings.password == "a secret"  # type: ignore[attr-defined]
    assert "a secret" not in repr(settings)
    with pytest.raises(ConfigurationError, match=r"mail\.password is set as well"):
        loaded(**GOOD | {"user": "skillcore", "password_file": str(file), "password": "another"})
    with pytest.raises(ConfigurationError, match="a file with the password"):
        loaded(**GOOD | {"user": "skillcore", "password_file": str(tmp_path / "absent")})


@pytest.mark.parametrize("page", ["http://learn.example/x", "https://learn.example/x#y", "learn.example"])
def test_links_lead_nowhere_unsafe(page: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[auth\] page: found "):
        load(environ={"SKILLCORE__AUTH__PAGE": page})
    load(environ={"SKILLCORE__AUTH__PAGE": "https://learn.example/x"})
