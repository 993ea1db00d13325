"""What the tables declare of people, as export and erasure walk it: `skillcore.runtime.database.nature` says how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from sqlalchemy import Column, LargeBinary, MetaData, Table

from skillcore.runtime.database import Also

__all__ = ["LeftOut", "Portion", "Undeclared", "portions", "undeclared"]

Shown = Literal["text", "hex"]

PROVES = "it proves something, and is kept as a digest or for one use"
SEALED = "it is sealed, and shown to nobody"
OTHERS = "it is about somebody else"


class Undeclared(Exception):
    """A column holds bytes and does not say whether an export may show them."""


class LeftOut(Struct, frozen=True, kw_only=True):
    """A column that an export does not show, and why."""

    table: str
    column: str
    why: str


class Portion(Struct, frozen=True, kw_only=True):
    """The rows of one table that name a person in one column.

    Attributes:
        table: its name.
        person: the column.
        also: the rows are about somebody else in the first place.
        about: the column that names whom they are about; None where nobody is.
        through: set where the rows belong to a row of another portion: the foreign key, and the table and column it names.
        columns: shown as they are.
        coded: bytes that are shown, and how.
        left_out: of the other columns.
        order: the primary key.
    """

    table: str
    person: str
    also: bool = False
    about: str | None = None
    through: tuple[str, str, str] | None = None
    columns: tuple[str, ...]
    coded: tuple[tuple[str, Shown], ...]
    left_out: tuple[LeftOut, ...]
    order: tuple[str, ...]

    @property
    def name(self) -> str:
        """Under which an export has it."""
        return f"{self.table}.{self.person}" if self.also else self.table


def portions(metadata: MetaData) -> tuple[Portion, ...]:
    """Return what the tables hold of a person, by name of the table.

    Raises:
        Undeclared: names a column that does not say whether it may be shown.
    """
    return tuple(portion for name in sorted(metadata.tables) for portion in _of_table(metadata, metadata.tables[name]))


def undeclared(metadata: MetaData) -> list[str]:
    """Return the columns of bytes that do not say whether they may be shown, as ``table.column``."""
    return [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and not column.info.keys() & {"secret", "sealed", "withheld", "shown"}
    ]


def _of_table(metadata: MetaData, table: Table) -> Iterator[Portion]:
    person: str | None = table.info["person"]
    if person is not None:
        yield _portion(table, person)
    also: dict[str, Also] = dict(table.info["also"])
    for column, declared in also.items():
        yield _portion(table, column, declared)
    through: str | None = table.info["through"]
    if through is not None:
        (key,) = table.columns[through].foreign_keys
        owner = metadata.tables[key.column.table.name]
        yield _portion(table, owner.info["person"], through=(through, str(owner.name), str(key.column.name)))


def _portion(table: Table, person: str, also: Also | None = None, through: tuple[str, str, str] | None = None) -> Portion:
    columns: list[str] = []
    coded: list[tuple[str, Shown]] = []
    left_out: list[LeftOut] = []
    for column in table.columns:
        why = _why_not(column, also)
        if why is not None:
            left_out.append(LeftOut(table=str(table.name), column=str(column.name), why=why))
        elif isinstance(column.type, LargeBinary):
            coded.append((str(column.name), _shown(column)))
        else:
            columns.append(str(column.name))
    return Portion(
        table=str(table.name),
        person=person,
        also=also is not None,
        about=table.info["person"],
        through=through,
        columns=tuple(columns),
        coded=tuple(coded),
        left_out=tuple(left_out),
        order=tuple(str(column.name) for column in table.primary_key.columns),
    )


def _why_not(column: Column[object], also: Also | None) -> str | None:
    if column.info.get("secret"):
        return PROVES
    if column.info.get("sealed"):
        return SEALED
    if "withheld" in column.info:
        return str(column.info["withheld"])
    return OTHERS if also is not None and column.name not in also.shows else None


def _shown(column: Column[object]) -> Shown:
    shown: Shown | None = column.info.get("shown")
    if shown is None:
        raise Undeclared(f"{column.table.name}.{column.name} holds bytes: say in its info whether an export shows them")
    return shown
