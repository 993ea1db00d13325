"""A real ledger for the tests of plugins: it takes events, and returns the signals and scores that the engine derives.

It stands on the embedded PostgreSQL: one server a process, started when it is first needed, and a database a ledger.
"""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any
from uuid import UUID, uuid4

import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.conninfo import make_conninfo

from skillcore.ledger import record, scores, skills
from skillcore.plugin import Event, EventKind, Score, SkillSignal
from skillcore.plugin.hookspecs import GROUP
from skillcore.plugin.manager import DEFAULTS, Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.settings import Settings
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.kinds import START, event, user_of

__all__ = ["Ledger", "ledger"]

UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
"""Nothing here has to survive the machine."""

TEMPLATE = "skillcore_template"
STEP = timedelta(minutes=1)

SIGNALS = """select skill_id, source_type, source_id, signal_type, weight from skill_signals
  where user_id = %s order by skill_id, source_type, source_id, signal_type"""
PARKED = "select consumer, error from parked_events where user_id = %s and parked order by consumer limit 1"


class Ledger:
    """A ledger with plugins, on a database of its own; `ledger` opens one.

    People are called by names: the same name is the same person.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last = START - STEP

    async def record(
        self,
        kind: str,
        data: Struct | Mapping[str, Any] | None = None,
        *,
        subject_id: str | None = None,
        skills: Iterable[str] = (),
        at: datetime | None = None,
        id: UUID | None = None,  # noqa: A002 - what it is called in an event
        user: str = "ada",
    ) -> Event:
        """Record an event, and return it as rules and formulas see it.

        Args:
            kind: of the engine, of one of the plugins, or one that begins with ``x.``.
            data: the payload, or its fields.
            subject_id: as for `skillcore.testing.event`.
            skills: names of skills; those that the catalogue lacks are added to it.
            at: when it happened; a minute after the latest event, if not given.
            id: as for `skillcore.testing.event`.
            user: the person.

        Raises:
            InvalidField: the ledger refuses the event.
            Nonconformance: a rule failed on it, or named a skill that the catalogue lacks.
        """
        known: str | EventKind = self._engine.plugins.kinds.get(kind, kind)
        at = self._last + STEP if at is None else at
        made = event(known, data, subject_id=subject_id, skills=skills, at=at, id=id, user=user)
        await self.add([made])
        return made

    async def add(self, events: Iterable[Event]) -> None:
        """Record events, such as those that `skillcore.testing.events` draws; what is there already changes nothing.

        Raises:
            InvalidField: the ledger refuses one of them.
            Nonconformance: a rule failed on one of them.
        """
        given = list(events)
        async with self._engine.transaction() as tx:
            resolved = await _resolved(tx, {skill for one in given for skill in one.skills})
            await record(tx, [_new(one, resolved) for one in given])
        for one in given:
            self._last = max(self._last, one.occurred_at)
        await self._look_for_failures({UUID(one.user_id) for one in given})

    async def add_skills(self, *names: str) -> None:
        """Add skills to the catalogue: those that a rule names though its event does not."""
        async with self._engine.transaction() as tx:
            await _resolved(tx, set(names))

    async def score(
        self,
        formula: str,
        subject: str = "",
        *,
        at: datetime | None = None,
        definition: Struct | None = None,
        user: str = "ada",
    ) -> Score:
        """Return a score, as the engine reads it.

        Args:
            formula: a formula's name, or a role such as ``level``.
            subject: as the formula's ``subjects`` returns it; empty for the person's own.
            at: the moment of reading; that of the latest event, if not given.
            definition: what the formula may see of its subject.
            user: the person.

        Raises:
            NoFormula: no plugin offers it.
            BrokenFormula: it breaks the contract.
        """
        async with self._engine.transaction() as tx:
            at = self._last if at is None else at
            value = await scores.read(tx, user_of(user), formula, subject=subject, at=at, definition=definition)
            return value.score

    async def signals(self, user: str = "ada") -> tuple[SkillSignal, ...]:
        """Return a person's signals, by skill, source and type."""
        async with self._engine.transaction() as tx:
            cursor = await (await tx.psycopg()).execute(SIGNALS, (user_of(user),))
            return tuple(SkillSignal(*row) for row in await cursor.fetchall())

    async def _look_for_failures(self, users: Iterable[UUID]) -> None:
        """Say that a rule failed: in the engine its part would wait to be repaired, and a test would miss its signals."""
        async with self._engine.transaction() as tx:
            connection = await tx.psycopg()
            for user in users:
                row = await (await connection.execute(PARKED, (user,))).fetchone()
                if row is not None:
                    raise Nonconformance(
                        str(row[0]).removeprefix("rule:"),
                        f"fails on an event, with {row[1]}",
                        "try it with skillcore.testing.RuleSuite, and mend what it finds",
                    )


@asynccontextmanager
async def ledger(
    plugins: Iterable[ModuleType | str] | None = None,
    *,
    settings: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    formulas: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Ledger]:
    """Open a ledger with the engine's defaults and plugins, on an empty database.

    Args:
        plugins: modules with hooks, or names of installed plugins; all that are installed, if not given.
        settings: sections of the configuration by plugin, as in ``[plugins.<name>]``; a module that is not installed goes by
            its own name, up to the first dot.
        formulas: roles bound to formulas, as in ``[formulas]``.

    Raises:
        PluginsFailed: a plugin cannot be used; says why.
    """
    loaded = _loaded(plugins, settings)
    with _database() as dsn, tempfile.TemporaryDirectory(prefix="skillcore-ledger-") as directory:
        configured = Settings(data_dir=directory, formulas={"level": "level", **formulas})
        database = Database(dsn, configured.database)
        try:
            yield Ledger(Engine(configured, loaded, database))
        finally:
            await database.close()


def _loaded(plugins: Iterable[ModuleType | str] | None, settings: Mapping[str, Mapping[str, Any]]) -> Plugins:
    if plugins is None:
        return Plugins.load(strict=True, sections=settings)
    names = {entry_point.value: entry_point.name for entry_point in entry_points(group=GROUP)}
    allow, extra = [DEFAULTS], []
    for plugin in plugins:
        name = plugin if isinstance(plugin, str) else names.get(plugin.__name__)
        if name is None and isinstance(plugin, ModuleType):
            name = plugin.__name__.partition(".")[0]
            extra.append((name, plugin))
        allow.append(str(name))
    return Plugins.load(allow=allow, strict=True, sections=settings, extra=extra)


async def _resolved(tx: Transaction, names: set[str]) -> dict[str, str]:
    """Return the ids of skills by the names they were given, new ones included."""
    ordered = sorted(names)
    for name, found in zip(ordered, await skills.find(tx, ordered), strict=True):
        if found is None and await skills.find(tx, [name]) == [None]:
            await skills.create(tx, skills.NewSkill(name=name))
    return {name: found for name, found in zip(ordered, await skills.find(tx, ordered), strict=True) if found is not None}


def _new(one: Event, resolved: Mapping[str, str]) -> NewEvent:
    return NewEvent(
        user_id=UUID(one.user_id),
        kind=one.kind,
        data=one.data,
        subject_id=one.subject_id,
        skills=tuple(dict.fromkeys(resolved[skill] for skill in one.skills)),
        occurred_at=one.occurred_at,
        id=UUID(one.id),
        via=one.via,  # type: ignore[arg-type]
    )


@contextmanager
def _database() -> Iterator[str]:
    """Make a migrated database, and drop it in the end; return how the service connects to it."""
    server = _server()
    name = f"ledger_{uuid4().hex}"
    with psycopg.connect(server.owner_dsn, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
    try:
        yield make_conninfo(server.service_dsn, dbname=name)
    finally:
        with psycopg.connect(server.owner_dsn, autocommit=True) as owner:
            owner.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@cache
def _server() -> EmbeddedPostgres:
    """Start this process's server, with a migrated database to copy; it ends with the process."""
    directory = tempfile.TemporaryDirectory(prefix="skillcore-testing-", ignore_cleanup_errors=True)
    server = EmbeddedPostgres(Path(directory.name), parameters=UNSAFE)
    atexit.register(directory.cleanup)
    atexit.register(server.stop)
    server.start()
    with psycopg.connect(server.owner_dsn, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {}").format(sql.Identifier(TEMPLATE)))
    migrate(make_conninfo(server.owner_dsn, dbname=TEMPLATE))
    return server
