"""The log names nobody: no call that writes to it takes what stands for a person or one of their accounts."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog

import skillcore
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.settings import LogSettings
from tests.conftest import Dsns

ROOT = Path(skillcore.__file__).parent
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PERSONAL = {
    *("user", "user_id", "users", "person", "person_id", "people", "actor", "learner", "mentor", "email", "address", "handle"),
    *("account", "account_id", "accounts", "asked", "external_id", "display_name"),
}
ADDED = "insert into users (id, email, email_key) values (gen_random_uuid(), 'a@b.org', 'a@b.org')"


def told(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield what writes to the log, or adds to all that is written."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        of = node.func.value
        logger = isinstance(of, ast.Name) and of.id in {"log", "logger", "_log"} and node.func.attr in LEVELS
        if logger or node.func.attr in {"bound_contextvars", "bind_contextvars"}:
            yield node


def personal(source: str) -> list[str]:
    """Return the names in such calls that stand for people, each with its line."""
    found = []
    for call in told(ast.parse(source)):
        names = [keyword.arg for keyword in call.keywords]
        for value in (*call.args, *(keyword.value for keyword in call.keywords)):
            for node in ast.walk(value):
                names += [node.id] if isinstance(node, ast.Name) else [node.attr] if isinstance(node, ast.Attribute) else []
        found += [f"{call.lineno}: {name}" for name in names if name in PERSONAL]
    return found


def test_no_call_that_writes_to_the_log_names_a_person() -> None:
    calls = 0
    for path in ROOT.rglob("*.py"):
        source = path.read_text()
        calls += len(list(told(ast.parse(source))))
        assert personal(source) == [], path
    assert calls > 50


def test_such_a_call_is_found() -> None:
    assert personal("log.info('x', who=str(user_id))") == ["1: user_id"]
    assert personal("log.info('x', accounts=[1])") == ["1: accounts"]
    assert personal("log.info(f'x {row.account_id}')") == ["1: account_id"]
    assert personal("with structlog.contextvars.bound_contextvars(actor=1): pass") == ["1: actor"]
    assert personal("log.info('x', job=job.id)") == []


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_the_database_quotes_from_a_row_is_hidden(form: str, database_dsns: Dsns) -> None:
    root, said = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(LogSettings(format=form), said)  # type: ignore[arg-type]
        log = structlog.get_logger("skillcore.anything")
        with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
            owner.execute(ADDED)
            try:
                owner.execute(ADDED)
            except psycopg.errors.UniqueViolation as error:
                quoted = str(error)
                log.exception("it failed", error=repr(error), shown=quoted)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "a@b.org" in quoted
    assert "a@b.org" not in said.getvalue()
    assert said.getvalue().count("DETAIL: ") == 3
    if form == "json":
        assert json.loads(said.getvalue())["message"] == "it failed"
