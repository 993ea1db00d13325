"""``skillcore explain`` on a ledger whose sums are done by hand."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from skillcore.defaults.kinds import SessionActivity
from skillcore.ledger import record
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from tests.cli.conftest import Done
from tests.conftest import Dsns
from tests.ledger.facts import catalogue, rows

OnDatabase = Callable[..., Awaitable[Done]]
MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDED = "insert into users (id, email, email_key) values (%s, 'ada@example.org', 'ada@example.org')"


@pytest.fixture
async def ada(engine: Engine) -> UUID:
    """Somebody with ten scores of 60 in one skill, a day apart."""
    await catalogue(engine, "python")
    user = new_id()
    async with engine.transaction() as tx:
        await (await tx.psycopg()).execute(ADDED, (user,))
        quiz = SessionActivity(type="quiz", score=60.0)
        days = [MARCH + timedelta(days=day) for day in range(10)]
        await record(
            tx,
            [
                NewEvent(
                    user_id=user,
                    kind="session.activity",
                    data=quiz,
                    subject_id="s",
                    skills=("python",),
                    occurred_at=day,
                    id=new_id(),
                    via="platform",
                )
                for day in days
            ],
        )
    return user


async def test_a_score_opens_down_to_its_facts(ada: UUID, on_database: OnDatabase, database_dsns: Dsns) -> None:
    done = await on_database("explain", "ADA@example.org", "mastery", "--skill", "Python", "--limit", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "mastery of python: 30",  # 60, evenly, with half of the attempts that full mastery needs
        "the product of",
        "  recent attempts: 60 (0.6 times 100)",
        "  consistency: 1 (1 times 1)",
        "  number of attempts: 0.5 (0.5 times 1)",
        "what would raise it",
        "  number of attempts: by 30",
        "  recent attempts: by 20",
        "events",
        "  2026-03-01 12:00  3: session.activity s",
        "  2026-03-02 12:00  6, by +3: session.activity s",
        "  and later ones: ask for more with --limit",
    ]
    noted = "select actor_kind, about_id, detail->>'route' from audit where act = 'person.read'"
    assert rows(database_dsns, noted) == [("command", ada, "skillcore explain")]


@pytest.mark.usefixtures("ada")
async def test_a_probability_is_what_its_parts_make_as_they_are_printed(on_database: OnDatabase) -> None:
    done = await on_database("explain", "ada@example.org", "attempt")
    value, link, *rest = done.out.splitlines()
    assert link == "1 / (1 + exp(-x)), where x is the sum of"
    parts = [re.fullmatch(r"  [a-z ]+: (\S+) \(\S+ times 1\)", line) for line in rest[: rest.index("events")]]
    made = math.fsum(float(part[1]) for part in parts if part is not None)
    assert len(parts) > 5
    assert None not in parts
    probability = float(value.removeprefix("attempt: "))
    assert probability == pytest.approx(1 / (1 + math.exp(-made)), abs=1e-5)
    assert probability != pytest.approx(made, abs=0.1)


async def test_a_former_day_and_json(ada: UUID, on_database: OnDatabase) -> None:
    done = await on_database("explain", str(ada), "mastery", "--skill", "python", "--as-of", "2026-03-02", "--json")
    found = json.loads(done.out)
    assert (found["value"], found["as_of"], len(found["events"]["items"])) == (6.0, "2026-03-02", 2)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bob@example.org", "level"), 1, "there is no account of bob@example.org"),
        (("ada@example.org", "luck"), 1, "there is no formula 'luck'; there are: "),
        (("ada@example.org", "level", "--skill", "juggling"), 1, "no such skill"),
        (("ada@example.org", "level", "--skill", "python", "--subject", "x"), 2, "subject: ask for a skill"),
        (("ada@example.org", "level", "--as-of", "yesterday"), 2, "--as-of"),
        (("ada@example.org", "level", "--limit", "0"), 2, "1 to 10000 events"),
    ],
)
async def test_what_cannot_be_explained_is_said(
    arguments: tuple[str, ...], code: int, said: str, ada: UUID, on_database: OnDatabase
) -> None:
    done = await on_database("explain", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
