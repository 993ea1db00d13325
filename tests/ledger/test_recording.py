"""Recording: idempotent by an event's id, evidence once a work, and bad events refused before anything is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from skillcore.defaults.kinds import TaskState
from skillcore.ledger import Recorded, ingest, record
from skillcore.ledger.intake import open_intake
from skillcore.ledger.preparation import RecordedOtherwise
from skillcore.ledger.recording import FEW
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.problems import Conflict, InvalidField
from tests.conftest import Dsns
from tests.ledger.facts import NOON, catalogue, clean, evidence, joined, note, rows

Door = Callable[[Sequence[NewEvent]], Awaitable[Recorded]]
FILLER = FEW + 20  # enough for the way by COPY


@pytest.fixture(params=["record", "ingest"])
async def write(request: pytest.FixtureRequest, engine: Engine) -> Any:
    """Each of the two doors of the ledger."""

    async def by_record(events: Sequence[NewEvent]) -> Recorded:
        async with engine.transaction() as tx:
            return await record(tx, events)

    if request.param == "record":
        yield by_record
        return
    async with open_intake(engine):
        yield lambda events: ingest(engine, events)


def crowd(user: UUID, size: int) -> list[NewEvent]:
    return [note(user, 1000 + number) for number in range(size)]


def stored(dsns: Dsns) -> list[Any]:
    return [
        rows(dsns, f"select t::text from {table} t order by 1") for table in ("events", "skill_signals", "commits", "streams")
    ]


@pytest.mark.parametrize("size", [0, FILLER])
async def test_the_same_again_changes_nothing(write: Door, database_dsns: Dsns, engine: Engine, size: int) -> None:
    skills = await catalogue(engine, "python")
    ada, bob = new_id(), new_id()
    events = [note(ada, 1), note(bob, 2), joined(ada, *skills), *crowd(ada, size)]
    events[2] = msgspec.structs.replace(events[2], id=new_id())
    first = await write(events)
    assert first.new == (True,) * len(events)
    assert first.ids == tuple(event.id for event in events)
    before = stored(database_dsns)
    again = await write(events)
    assert again == Recorded(first.ids, (False,) * len(events))
    assert stored(database_dsns) == before
    mixed = await write([note(ada, 3), *events])
    assert mixed.new == (True, *(False,) * len(events))
    assert await clean(engine) == []


async def test_the_same_id_belongs_to_each_person_alone(write: Door, engine: Engine) -> None:
    id_ = uuid4()
    recorded = await write([note(new_id(), 1, id_=id_), note(new_id(), 2, id_=id_)])
    assert recorded == Recorded((id_, id_), (True, True))
    assert (await write([note(new_id(), 3, id_=id_)])).new == (True,)
    assert await clean(engine) == []


DIFFERENCES: dict[str, dict[str, Any]] = {
    "kind": {"kind": "x.other"},
    "data": {"data": {"said": "other"}},
    "number": {"data": {"said": "number 1", "weight": 1e15}},
    "subject": {"subject_id": "other"},
    "skills": {"skills": ("python",)},
    "time": {"occurred_at": NOON},
    "way": {"via": "edge"},
    "origin": {"origin": "platform:other"},
    "count": {"origin_seq": 7},
}


@pytest.mark.parametrize("size", [0, FILLER])
async def test_the_same_id_with_other_content_is_refused_whole(
    write: Door, database_dsns: Dsns, engine: Engine, size: int
) -> None:
    await catalogue(engine, "python")
    ada, bob = new_id(), new_id()
    there = note(ada, 1)
    await write([there, note(bob, 5)])
    before = stored(database_dsns)
    for name, difference in DIFFERENCES.items():
        other = msgspec.structs.replace(there, **difference)
        with pytest.raises(RecordedOtherwise) as refused:
            await write([note(new_id(), 8), note(bob, 9), other, *crowd(ada, size)])
        assert refused.value.keys == {(ada.bytes, there.id and there.id.bytes)}, name
        assert isinstance(refused.value, Conflict)
        assert refused.value.status == 409
    assert stored(database_dsns) == before
    assert await clean(engine) == []


@pytest.mark.parametrize("size", [0, FILLER])
async def test_repetition_within_a_call(write: Door, database_dsns: Dsns, engine: Engine, size: int) -> None:
    ada = new_id()
    event = note(ada, 1)
    recorded = await write([event, event, *crowd(ada, size), event])
    assert recorded.new == (True, False, *(True,) * size, False)
    before = stored(database_dsns)
    with pytest.raises(RecordedOtherwise):
        await write([other := note(ada, 7), msgspec.structs.replace(other, subject_id="other"), *crowd(ada, size)])
    assert stored(database_dsns) == before


@pytest.mark.parametrize("size", [0, FILLER])
async def test_an_event_without_a_time_may_be_sent_again(write: Door, database_dsns: Dsns, engine: Engine, size: int) -> None:
    ada = new_id()
    event = msgspec.structs.replace(note(ada, 1), occurred_at=None)
    assert (await write([event, *crowd(ada, size)])).new[0]
    before = rows(database_dsns, "select occurred_at from events where id = %s", event.id)
    assert (await write([event, *crowd(ada, size)])).new[0] is False
    assert rows(database_dsns, "select occurred_at from events where id = %s", event.id) == before
    for change in ({"occurred_at": NOON}, {"subject_id": "other"}, {"kind": "x.other"}, {"data": {}}):
        with pytest.raises(RecordedOtherwise):
            await write([msgspec.structs.replace(event, **change), *crowd(ada, size)])


@pytest.mark.parametrize("size", [0, FILLER])
async def test_evidence_is_recorded_once_whatever_it_says(write: Door, database_dsns: Dsns, engine: Engine, size: int) -> None:
    python, rust = await catalogue(engine, "python", "rust")
    ada, bob = new_id(), new_id()
    first = evidence(ada, skills=(python,))
    others = [evidence(ada, skills=(rust,), difficulty=9.0), msgspec.structs.replace(first, occurred_at=None, id=uuid4())]
    recorded = await write([first, others[0], *crowd(ada, size)])
    assert recorded.new[:2] == (True, False)
    assert recorded.ids[0] == recorded.ids[1]
    for other in others:
        again = await write([other, note(ada, 3, id_=UUID(int=3)), *crowd(bob, size)])
        assert (again.ids[0], again.new[0]) == (recorded.ids[0], False)
    assert (await write([evidence(bob), evidence(ada, "1500/B")])).new == (True, True)
    found = rows(database_dsns, "select user_id, subject_id, skills from events where kind = 'evidence.accepted' order by id")
    assert sorted(found) == sorted(
        [(ada, "gym:ada:1500/A", [python]), (bob, "gym:ada:1500/A", []), (ada, "gym:ada:1500/B", [])]
    )
    assert rows(database_dsns, "select skill_id from skill_signals") == [(python,)]
    assert await clean(engine) == []


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown kind": ({"kind": "task.invented"}, "kind"),
    "no kind": ({"kind": ""}, "kind"),
    "nothing below x": ({"kind": "x."}, "kind"),
    "a kind that no database takes": ({"kind": "x.a\0b"}, "kind"),
    "unknown skill": ({"skills": ("basket-weaving",)}, "skills"),
    "a time without a zone": ({"occurred_at": datetime(2026, 3, 1)}, "occurred_at"),  # noqa: DTZ001 - the point
    "a subject that no database takes": ({"subject_id": "a\0b"}, "subject_id"),
    "a payload of another kind": ({"kind": "task.state", "data": {"old": None, "new": "pending"}}, "data"),
    "another kind's payload": ({"kind": "task.created", "data": TaskState(old=None, new="pending")}, "data"),
}


@pytest.mark.parametrize("size", [0, FILLER])
async def test_what_cannot_be_recorded_is_refused_whole(write: Door, database_dsns: Dsns, size: int) -> None:
    ada = new_id()
    for name, (change, field) in REFUSED.items():
        with pytest.raises(InvalidField) as refused:
            await write([note(ada, 1), msgspec.structs.replace(note(ada, 2), **change), *crowd(ada, size)])
        assert refused.value.field == f"events[1].{field}", name
    assert stored(database_dsns) == [[], [], [], []]


async def test_a_platforms_own_kinds_are_kept(write: Door, database_dsns: Dsns, engine: Engine) -> None:
    ada = new_id()
    data = {"nested": {"list": [1, 2.5, None, True, "ü\u0000"]}, "big": 2**60, "wide": 1e16, "zero": -0.0}
    event = NewEvent(user_id=ada, kind="x.my_game.played", data=data, occurred_at=NOON)
    assert (await write([event])).new == (True,)
    (kept,) = rows(database_dsns, "select kind, data::text from events")
    assert kept[0] == "x.my_game.played"
    assert msgspec.json.decode(kept[1]) == data
    assert "-0.0" in kept[1]  # jsonb would have made it 0
    assert await clean(engine) == []


async def test_nothing_is_nothing(write: Door, database_dsns: Dsns) -> None:
    assert await write([]) == Recorded((), ())
    assert stored(database_dsns) == [[], [], [], []]


async def test_a_transaction_records_once_and_takes_it_all_back(engine: Engine, database_dsns: Dsns) -> None:
    ada = new_id()

    async def twice() -> None:
        async with engine.transaction() as tx:
            await record(tx, [note(ada, 1)])
            await record(tx, [note(ada, 2)])

    with pytest.raises(RuntimeError, match="all events in one call"):
        await twice()
    assert stored(database_dsns) == [[], [], [], []]


async def test_a_refusal_leaves_the_callers_transaction_alive(engine: Engine, database_dsns: Dsns) -> None:
    ada = new_id()
    async with engine.transaction() as tx:
        await record(tx, [note(ada, 1, id_=UUID(int=1))])
    async with engine.transaction() as tx:
        with pytest.raises(RecordedOtherwise):
            await record(tx, [note(ada, 2, id_=UUID(int=1))])
        connection = await tx.psycopg()
        await connection.execute("insert into skills (id, name) values ('kept', 'Kept')")
    assert rows(database_dsns, "select id from skills") == [("kept",)]


DIGESTS = """select uuid_send(user_id), version, digest, leaf, salt, uuid_send(id),
  (extract(epoch from occurred_at - timestamptz '2000-01-01 00:00Z') * 1000000)::int8,
  convert_to(kind, 'UTF8'), convert_to(subject_id, 'UTF8'), convert_to(via, 'UTF8'), array_send(skills),
  convert_to(data::text, 'UTF8'), convert_to(origin, 'UTF8'), origin_seq from events order by user_id, version"""


async def test_digests_follow_the_documented_formula(write: Door, engine: Engine, database_dsns: Dsns) -> None:
    """A leaf is SHA-256(user, salt, content), a digest SHA-256(digest before, leaf); a field is its length and bytes."""
    skills = await catalogue(engine, "python", "Bäume & Blätter")
    ada, bob = new_id(), new_id()
    long_ago = msgspec.structs.replace(
        note(ada, 4, said="日本語 'quotes' \\ \n"), occurred_at=datetime(1970, 1, 1, 0, 0, 0, 1, UTC)
    )
    seen = msgspec.structs.replace(note(bob, 5, skills=skills), origin="edge:1", origin_seq=-3, via="edge")
    await write([note(ada, 1, skills=skills), long_ago, seen])
    await write([*crowd(ada, FILLER), note(bob, 2)])
    digests: dict[bytes, tuple[int, bytes]] = {}
    found = rows(database_dsns, DIGESTS)
    assert len(found) == FILLER + 4
    for user, version, digest, leaf, salt, id_, moment, *fields, counted in found:
        number = None if counted is None else counted.to_bytes(8, "big", signed=True)
        content = b"".join(
            b"\xff\xff\xff\xff" if field is None else len(field).to_bytes(4, "big") + field
            for field in (id_, moment.to_bytes(8, "big", signed=True), *fields, number)
        )
        previous, before = digests.get(user, (0, b""))
        assert version == previous + 1
        assert len(salt) == 16
        assert leaf == sha256(user + salt + content).digest()
        assert digest == sha256(before + leaf).digest()
        digests[user] = (version, digest)
    heads = rows(database_dsns, "select uuid_send(user_id), version, digest from streams")
    assert {user: (version, digest) for user, version, digest in heads} == digests
    salts = rows(database_dsns, "select count(distinct salt), count(*) from events")
    assert salts[0][0] == salts[0][1]
