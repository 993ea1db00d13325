"""Retention: what rooms list is forgotten when its time is over, in batches, and nothing else; and it is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from skillcore.app import ROOMS
from skillcore.privacy import retention
from skillcore.privacy.duties import Duties
from skillcore.runtime.clock import now
from skillcore.runtime.database import Base
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.rooms import Retention, Room
from tests.conftest import Dsns
from tests.visitors import Door

OLD, NEW = "now() - interval '400 days'", "now() + interval '1 day'"
ROWS = {
    "raw answers": (
        "answers",
        "insert into answers values (gen_random_uuid(), 0, {user}, 's', 'a', 'h', 'verified', '{{}}', now(), {at}, 't', '{{}}',"
        " false, 'x', 'b')",
    ),
    "attempts to prove an account": (
        "link_attempts",
        "insert into link_attempts (id, user_id, source, method, challenge_key, issued_at, expires_at, state)"
        " values (gen_random_uuid(), {user}, 's', 'challenge', 'k', {at}, {at}, 'failed')",
    ),
    "advice on paths": (
        "path_advice",
        "insert into path_advice (id, user_id, advisor, topics, reason, expires_at)"
        " values (gen_random_uuid(), {user}, 'a', '[]', '', {at})",
    ),
    "answers to repeated requests": (
        "idempotency_keys",
        "insert into idempotency_keys (actor, route, key_sha256, request_sha256, attempt, taken_at, expires_at)"
        " values ('a', 'r', sha256(gen_random_uuid()::text::bytea), 'x', gen_random_uuid(), {at}, {at})",
    ),
    "jobs": (
        "procrastinate_jobs",
        "with j as (insert into procrastinate_jobs (queue_name, task_name, args, status) values ('q', 't', '{{}}', 'failed')"
        " returning id), p as (insert into job_progress (job_id) select id from j)"
        " insert into procrastinate_events (job_id, type, at) select id, 'failed', {at} from j",
    ),
}


@pytest.mark.parametrize("name", ROWS)
async def test_what_is_old_goes_and_what_is_not_stays(name: str, door: Door, database_dsns: Dsns) -> None:
    _, user = await door.learner()
    table, insert = ROWS[name]
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        for at in (OLD, OLD, OLD, NEW):
            owner.execute(insert.format(user=f"'{user}'::uuid", at=at).encode())
        gone = await retention.forget(door.engine)
        assert gone[name] == 3
        assert owner.execute(f"select count(*) from {table}".encode()).fetchone() == (1,)
        assert (await retention.forget(door.engine))[name] == 0
        assert owner.execute("select forgotten from retention_runs where what = %s", (name,)).fetchone() == (3,)
    scraped = (await door.anyone.get("/metrics")).text
    assert f'skillcore_forgotten_rows{{what="{name}"}} 3.0' in scraped


def test_facts_and_the_audit_are_not_forgotten_this_way() -> None:
    facts = {name for name, table in Base.metadata.tables.items() if table.info["nature"] == "fact"}
    assert facts == {"events", "skill_signals", "commits", "erasures", "audit"}
    assert not {one.name for one in Duties(ROOMS).retention} & facts


async def test_it_goes_batch_by_batch_each_in_a_transaction_of_its_own(engine: Engine) -> None:
    asked: list[tuple[Transaction, datetime, int]] = []
    left = [1000, 1000, 7]

    async def forget(tx: Transaction, before: datetime, limit: int) -> int:
        asked.append((tx, before, limit))
        return left.pop(0)

    one = Retention(name="things", kept=lambda _: timedelta(days=2), forget=forget)
    assert await retention.forget_one(engine, one) == 2007
    assert len({id(tx) for tx, _, _ in asked}) == 3
    assert {limit for _, _, limit in asked} == {1000}
    assert all(timedelta(days=2) <= now() - before < timedelta(days=2, minutes=1) for _, before, _ in asked)


async def test_what_is_kept_for_ever_is_not_asked_for(engine: Engine) -> None:
    async def forget(*_: Any) -> int:
        raise AssertionError

    assert await retention.forget_one(engine, Retention(name="things", kept=lambda _: None, forget=forget)) == 0


def test_two_that_forget_the_same_are_refused() -> None:
    async def forget(*_: Any) -> int:
        return 0

    one = Retention(name="things", kept=lambda _: None, forget=forget)
    with pytest.raises(ValueError, match="things"):
        Duties([Room(name="a", retention=(one,)), Room(name="b", retention=(one,))])


async def test_old_log_files_go_with_it(engine: Engine, tmp_path: Path) -> None:
    log = msgspec.structs.replace(engine.settings.log, directory=str(tmp_path), retention_days=30)
    engine.settings = msgspec.structs.replace(engine.settings, log=log)
    old, new = (tmp_path / f"skillcore-{(now() - timedelta(days=days)).date()}.jsonl" for days in (31, 29))
    for path in (old, new, tmp_path / "mine.txt"):
        path.write_text("{}\n")
    async with engine.open(Duties(())):
        assert await retention.forget(engine) == {"log files": 1}
    assert (old.exists(), new.exists(), (tmp_path / "mine.txt").exists()) == (False, True, True)
