"""``skillcore migrate``: what is pending, done once, and how it ends."""

from __future__ import annotations

import pytest

from skillcore.runtime.migrations import current
from skillcore.runtime.schema_version import latest
from tests.cli.conftest import Commands, url_of
from tests.conftest import Dsns

VARIABLE = "SKILLCORE__DATABASE__URL"


def test_it_migrates_what_is_pending(command: Commands, empty_database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, url_of(empty_database_dsns.owner_dsn))
    pending = command("migrate", "--check")
    assert (pending.code, pending.out[:19]) == (1, "pending: 0001, 0002")
    assert current(empty_database_dsns.owner_dsn) is None
    done = command("migrate")
    assert (done.code, done.out[:20]) == (0, "migrated: 0001, 0002")
    assert current(empty_database_dsns.owner_dsn) == latest()
    for again in (command("migrate"), command("migrate", "--check")):
        assert (again.code, again.out[:13]) == (0, "nothing to do")


def test_a_database_that_does_not_answer_is_named(command: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://somebody:hunter2@127.0.0.1:1/nowhere")
    done = command("migrate")
    assert done.code == 3
    assert "cannot be reached" in done.err
    assert "hunter2" not in done.err
