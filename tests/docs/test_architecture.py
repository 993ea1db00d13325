"""docs/architecture.md, CONTRIBUTING.md and the decisions: floors, rooms, tables and places are those of the code."""

import re
import tomllib

from skillcore.app import ROOMS
from skillcore.runtime.database import Base
from tests.docs.documents import DOCS, ROOT, codes, read, sections

SECTIONS = sections(read("architecture.md"))
CONTRIBUTING = sections((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def floors() -> list[list[str]]:
    """Return the floors as the linter holds them, from the top."""
    (contract,) = [one for one in PYPROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    return [sorted(name.strip(" ()") for name in floor.split("|")) for floor in contract["layers"]]


def test_the_floors_are_those_that_the_linter_holds():
    found: dict[str, list[str]] = {}
    for row in SECTIONS["Floors"].table():
        found.setdefault(row["floor"], []).append(codes(row["room"])[0])
    assert [sorted(rooms) for rooms in found.values()] == floors()
    assert list(found) == [str(number) for number in range(1, len(found) + 1)]


def test_contributors_read_of_the_same_floors():
    named = codes(CONTRIBUTING["Floors"].text.split(";")[0])
    assert named == [name for floor in floors() for name in floor if name != "testing"]


def test_the_rooms_stand_on_those_floors_in_this_order():
    order = [name for floor in reversed(floors()) for name in floor]
    rooms = [room.name for room in ROOMS]
    assert rooms == sorted(rooms, key=order.index)


def test_every_table_is_there_with_its_nature():
    documented = [(codes(row["table"])[0], row["nature"], *codes(row["person"])) for row in SECTIONS["Tables"].table()]
    in_code = [
        (name, table.info["nature"], *([table.info["person"]] if table.info["person"] else []))
        for name, table in sorted(Base.metadata.tables.items())
    ]
    assert documented == in_code


def test_the_plugins_here_are_named():
    here = sorted(folder.parent.name for folder in (ROOT / "plugins").glob("*/pyproject.toml"))
    named = sorted(code.removeprefix("plugins/") for code in codes(SECTIONS["Floors"].text) if code.startswith("plugins/"))
    assert named == here


def test_every_decision_is_numbered_listed_and_whole():
    files = sorted(DOCS.glob("decisions/[0-9]*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        title = re.match(r"# (\d+)\. (.+)\n", text)
        assert title, file.name
        assert int(title[1]) == int(file.name[:4])
        assert f"| [{file.name[:4]}]({file.name}) | {title[2]} |" in index
        assert list(sections(text))[1:] == ["Context", "Decision", "Consequences"], file.name
