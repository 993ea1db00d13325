"""What tables declare of people: bytes and digests say whether they may be shown, and nothing is found out by its name."""

import re

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, Uuid

from skillcore.app import ROOMS
from skillcore.privacy.declared import PROVES, LeftOut, Undeclared, portions, undeclared
from skillcore.runtime.database import Also, Base, nature

PROVING = re.compile(r"hash|sha256|secret|token|password|verifier|nonce|seed|salt|digest|cookie", re.IGNORECASE)
HARMLESS = {
    "answers.requirement_hash": "what was asked of a source; it opens nothing",
    "checkpoints.parameters_hash": "of a formula's settings",
    "snapshots.parameters_hash": "of a formula's settings",
}


def test_all_bytes_say_whether_they_may_be_shown() -> None:
    assert ROOMS
    assert undeclared(Base.metadata) == []


def test_all_columns_that_sound_like_a_proof_declare_what_they_are() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if PROVING.search(column.name) and not column.info.keys() & {"secret", "sealed", "withheld", "shown"}
    ]
    assert sorted(silent) == sorted(HARMLESS)


def declared(**info: object) -> MetaData:
    metadata = MetaData()
    Table("things", metadata, Column("id", Uuid, primary_key=True), Column("key", LargeBinary, info=info), **plain("id"))
    return metadata


def plain(person: str | None, **also: Also) -> dict[str, object]:
    return nature("record", person=person, erase="delete" if person else "keep", also=also)


def test_a_column_of_bytes_that_says_nothing_is_refused() -> None:
    assert undeclared(declared()) == ["things.key"]
    with pytest.raises(Undeclared, match=r"things\.key holds bytes"):
        portions(declared())


@pytest.mark.parametrize("info", [{"secret": True}, {"sealed": True}, {"withheld": "so"}])
def test_what_may_not_be_shown_is_named(info: dict[str, object]) -> None:
    (portion,) = portions(declared(**info))
    assert portion.columns == ("id",)
    assert portion.coded == ()
    assert [(left.table, left.column) for left in portion.left_out] == [("things", "key")]


def test_bytes_are_shown_as_they_declare() -> None:
    (portion,) = portions(declared(shown="hex"))
    assert portion.coded == (("key", "hex"),)


def test_rows_about_two_people_show_the_second_only_what_is_declared() -> None:
    metadata = MetaData()
    columns = [Column(name, Uuid, primary_key=name == "id") for name in ("id", "learner", "teacher")]
    also = Also(shows=("id", "teacher"), erase="clear")
    Table("lessons", metadata, *columns, Column("note", Text), **plain("learner", teacher=also))
    first, second = portions(metadata)
    assert (first.name, first.columns, first.left_out) == ("lessons", ("id", "learner", "teacher", "note"), ())
    assert (second.name, second.columns) == ("lessons.teacher", ("id", "teacher"))
    assert [left.column for left in second.left_out] == ["learner", "note"]


def test_why_a_proof_is_left_out_is_said() -> None:
    users = next(portion for portion in portions(Base.metadata) if portion.name == "users")
    assert LeftOut(table="users", column="password_hash", why=PROVES) in users.left_out
