"""What a process loads before it begins: half of its start went into libraries that it never used."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest

from skillcore.cli import main


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        (
            "skillcore.app",
            {"mcp", "mcp_types", "alembic"},
        ),  # only who asks servers needs the first two, and who migrates the third
        (
            "skillcore.cli.serve",
            {"mcp", "litestar", "numpy", "scipy", "procrastinate", "authlib", "skillcore.app"},
        ),  # it supervises
        ("skillcore.cli.plugins", {"mcp", "mcp_types", "sqlalchemy", "psycopg", "alembic", "authlib"}),
        ("skillcore.cli.config", {"mcp", "mcp_types", "sqlalchemy", "psycopg", "alembic", "authlib"}),
    ],
)
def test_what_is_not_needed_is_not_loaded(module: str, unwanted: set[str]) -> None:
    look = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert unwanted & set(json.loads(done.stdout)) == set()


def test_no_garbage_is_looked_for_among_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    monkeypatch.setattr(sys, "argv", ["skillcore", "config", "--help"])
    with pytest.raises(SystemExit, match=r"^0$"):
        main()
    assert frozen == [False]
    assert gc.isenabled()


def test_a_program_that_calls_the_command_keeps_its_own_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(gc.isenabled()))
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["config", "--help"])
    assert frozen == []
