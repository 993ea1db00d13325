"""Only the ledger writes facts: no other code has a statement, or a mapped row, that would."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEDGER = ROOT / "skillcore" / "ledger"
TABLES = ("events", "skill_signals", "commits", "streams")
MAPPED = frozenset({"EventRow", "SignalRow", "CommitRow", "StreamRow"})

NAME = rf'"?(?:public"?\s*\.\s*"?)?(?:{"|".join(TABLES)})(?:_\d+)?"?(?![\w.])'
ONLY = r"(?:only\s+)?"
WRITES = re.compile(
    rf"\b(?:insert\s+into|merge\s+into|delete\s+from|update|truncate(?:\s+table)?|copy|(?:alter|drop)\s+table(?:\s+if\s+exists)?)"
    rf"\s+{ONLY}(?:[\w.\", ]+,\s*)?{NAME}(?!\s*(?:\([^)]*\)\s*)?to\b)",
    re.IGNORECASE,
)
FUNCTIONS = frozenset({"insert", "update", "delete", "bulk_insert_mappings", "bulk_save_objects"})


def words(node: ast.AST) -> str | None:
    """Return what a string says, with anything that is put into it standing as a blank."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
        return node.value if isinstance(node.value, str) else node.value.decode("latin-1")
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = words(node.left), words(node.right)
        return None if left is None and right is None else f"{left or ' '}{right or ' '}"
    return None


def prose(tree: ast.AST) -> set[ast.AST]:
    """Return the docstrings: what they tell is no statement."""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""


def mapped(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in MAPPED


def writes(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a module that write facts, each with what it says."""
    tree = ast.parse(source)
    told = prose(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (mapped(node.func) or (called(node) in FUNCTIONS and any(map(mapped, node.args)))):
            yield node.lineno, ast.unparse(node)
        text = None if node in told else words(node)
        for found in WRITES.finditer(text or ""):
            yield getattr(node, "lineno", 0), found.group()


def modules() -> list[Path]:
    found = [path for folder in ("skillcore", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if not path.is_relative_to(LEDGER) and "build" not in path.parts]


def test_nobody_else_writes_facts() -> None:
    looked_at = modules()
    assert len(looked_at) > 80
    found = [f"{path}:{line}: {text}" for path in looked_at for line, text in writes(path.read_text())]
    assert found == []


def test_the_ledger_itself_is_seen_to_write() -> None:
    found = {text.split("(")[0].strip() for path in LEDGER.glob("*.py") for _, text in writes(path.read_text())}
    said = " ".join(found)
    for statement in (
        "insert into events",
        "insert into skill_signals",
        "insert into commits",
        "insert into streams",
        "update streams",
    ):
        assert statement in said


@pytest.mark.parametrize(
    "planted",
    [
        "run('insert into events (user_id) values (1)')",
        "run('''INSERT\n  INTO public.events select 1''')",
        "run('insert into \"skill_signals\" default values')",
        "run('with x as (delete from events returning 1) select 1')",
        "run('update events_3 set kind = 1')",
        "run('update only streams s set version = 0')",
        "run('merge into skill_signals t using x on true when matched then delete')",
        "run('truncate tasks, events')",
        "run('truncate table commits')",
        "run('copy events (user_id, version) from stdin (format binary)')",
        "run('copy skill_signals from stdin')",
        "run(f'copy events ({columns}) from stdin')",
        "run(b'drop table if exists events cascade')",
        "run('alter table skill_signals_0 disable trigger all')",
        "run(f'insert into {schema}' + 'x' + f' ; insert into events ({columns})')",
        "run('insert into ' + 'events' + ' values (1)')",
        "run('insert ' 'into ' 'events values (1)')",
        "STATEMENT = 'delete from streams'",
        "session.add(EventRow(kind='x.note'))",
        "session.execute(insert(tables.SignalRow).values(rows))",
        "session.execute(update(StreamRow))",
        "session.execute(sqlalchemy.delete(CommitRow))",
        "class Rows:\n    '''Prose.'''\n    insert = 'insert into events values (1)'",
    ],
)
def test_a_planted_write_is_found(planted: str) -> None:
    assert list(writes(planted)) != []


@pytest.mark.parametrize(
    "harmless",
    [
        "run('select * from events')",
        "run('copy events (user_id, version) to stdout')",
        "run('copy (select * from events) to stdout')",
        "run('insert into procrastinate_events values (1)')",
        "run('insert into parked_events values (1)')",
        "run('delete from event_streams')",
        "run('update tasks set state = 1 from events e where e.id = 1')",
        "session.scalars(select(EventRow).where(EventRow.kind == 'x.note'))",
        "def told():\n    '''Never does it insert into events.'''",
    ],
)
def test_reading_is_no_writing(harmless: str) -> None:
    assert list(writes(harmless)) == []
