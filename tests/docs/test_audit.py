"""docs/audit.md: every act and field is there, and its script verifies an export."""

import ast
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from skillcore.accounts.access import Actor
from skillcore.accounts.audit import Act, note_apart
from skillcore.accounts.audit.chain import By
from skillcore.accounts.audit.erasure import strip_audit
from skillcore.accounts.audit.reading import AuditEntry, Exported
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from tests.cli.conftest import Commands, Done, command, on_database  # noqa: F401 - fixtures
from tests.docs.documents import ROOT, codes, read, sections

SECTIONS = sections(read("audit.md"))
ACTS = get_args(Act)
NOTING = {"note", "note_apart"}


def test_every_act_is_there():
    assert [codes(row["act"])[0] for row in SECTIONS["What is noted"].table()] == list(ACTS)
    assert [row["act"] for row in SECTIONS["What is noted"].table() if not row["when"]] == []
    assert list(ACTS) == sorted(ACTS)


def test_every_field_and_every_kind_of_actor_is_there():
    rows = SECTIONS["What is noted"].tables()[1]
    fields = [code for row in rows for code in codes(row["field"])]
    assert {"act", *fields} == {*AuditEntry.__struct_fields__, *Exported.__struct_fields__} - {"salt"}
    (kinds,) = [codes(row[""]) for row in rows if codes(row["field"]) == ["actor_kind"]]
    assert set(kinds) == set(get_args(By))


def named(file: Path) -> set[str]:
    """Return the acts that a module names, if it notes any."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    called = {getattr(node.func, "attr", getattr(node.func, "id", "")) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return texts & set(ACTS) if called & NOTING else set()


def test_every_act_is_noted_somewhere():
    """That nothing else is, the type of `note` says."""
    literal = ROOT / "skillcore" / "accounts" / "audit" / "noting.py"
    files = [file for file in (ROOT / "skillcore").rglob("*.py") if file != literal]
    assert set(ACTS) - set().union(*map(named, files)) == {"person.read"}  # which `note_read` notes for all
    assert 'entry("person.read", ' in literal.read_text(encoding="utf-8")


@pytest.fixture
async def exported(engine: Engine, on_database: Callable[..., Awaitable[Done]]) -> str:  # noqa: F811
    """An export with entries of all sorts, erased ones among them."""
    ada, bob = new_id(), new_id()
    for act, actor, about in (
        ("role.changed", Actor(kind="user", user_id=ada, role="admin"), bob),
        ("person.read", Actor(kind="key", key_id=new_id(), platform_id=new_id()), bob),
        ("person.read", Actor(kind="user", user_id=ada, role="admin"), new_id()),
        ("session.refused", None, None),
    ):
        await note_apart(engine, act, actor, about, said="ä\0\U0001f511", number=1)
    async with engine.transaction() as tx:
        await strip_audit(tx, bob)
    done = await on_database("audit", "export")
    assert done.code == 0, done.err
    return done.out


def by_script(export: str) -> subprocess.CompletedProcess[str]:
    (script,) = [block.text for block in SECTIONS["An export that anybody can verify"].blocks("python")]
    assert len(script.splitlines()) <= 34
    return subprocess.run(
        [sys.executable, "-I", "-c", script], input=export, capture_output=True, text=True, check=False, timeout=60
    )


DAMAGE: dict[str, Callable[[list[str]], Any]] = {
    "left out": lambda lines: lines.pop(1),
    "exchanged": lambda lines: lines.insert(1, lines.pop(2)),
    "another act": lambda lines: lines.__setitem__(0, lines[0].replace("role.changed", "role.chosen")),
    "another time": lambda lines: lines.__setitem__(2, re.sub(r'"at":"\d{4}', '"at":"2001', lines[2])),
    "another actor": lambda lines: lines.__setitem__(2, lines[2].replace('"actor_kind":"admin"', '"actor_kind":"mentor"')),
    "another detail": lambda lines: lines.__setitem__(3, lines[3].replace("number", "nomber")),
    "erased, and telling": lambda lines: lines.__setitem__(0, lines[0].replace('"address":""', '"address":"::1"')),
    "another digest": lambda lines: lines.__setitem__(4, re.sub(r'"digest":"..', '"digest":"zz', lines[4])),
}


async def test_an_export_is_verified_by_the_script_and_by_the_command(
    exported: str,
    command: Commands,  # noqa: F811
    tmp_path: Path,
) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(exported, encoding="utf-8")
    done = command("audit", "verify", str(file))
    by_hand = by_script(exported)
    number, digest = by_hand.stdout.split()
    assert (done.code, done.out) == (0, f"the chain holds: {number} entries, digest {digest}\n")
    assert number == "5"
    assert [entry for entry in exported.splitlines() if '"audit.exported","actor_kind":"command"' in entry]
    assert command("audit", "verify", str(tmp_path / "absent")).code == 2


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_export_is_refused_by_both(
    exported: str,
    command: Commands,  # noqa: F811
    tmp_path: Path,
    damage: str,
) -> None:
    lines = exported.splitlines(keepends=True)
    DAMAGE[damage](lines)
    assert "".join(lines) != exported
    file = tmp_path / "audit.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    assert command("audit", "verify", str(file)).code == 1
    assert by_script("".join(lines)).returncode != 0
