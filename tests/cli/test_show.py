"""``skillcore show``: every reading says what the API says, in JSON and in lines; what cannot be shown is refused in words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec import Struct

from skillcore.cli import looking
from skillcore.cli.outline import built, outline
from skillcore.cli.show import READINGS
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import AuthSettings, Settings
from tests.cli.conftest import Done
from tests.cli.filled import Person, fill
from tests.conftest import LIFTED, Dsns
from tests.databases import Shelf
from tests.ledger.facts import rows
from tests.visitors import door_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

OnDatabase = Callable[..., Awaitable[Done]]

# Each reading with a command line, and the request that answers the same; `{ada}` is her id.
CASES = {
    "dashboard": ("", "dashboard?user={ada}"),
    "recommendations": ("", "recommendations?user={ada}"),
    "level": ("--skill Python", "users/{ada}/level?skill=Python"),
    "skills": ("--limit 1", "users/{ada}/skills?limit=1"),
    "score": ("mastery --skill loops", "scores/mastery?user={ada}&skill=loops"),
    "series": ("level --bucket week", "scores/level/series?user={ada}&bucket=week"),
    "progress": ("--ahead 3", "charts/progress?user={ada}&ahead=3"),
    "radar": ("", "charts/radar?user={ada}"),
    "heatmap": ("--weeks 4", "charts/heatmap?user={ada}&weeks=4"),
    "weeks": ("--measure works --weeks 2", "charts/weeks?user={ada}&measure=works&weeks=2"),
    "over-time": ("--bucket week", "analytics/progress?user={ada}&bucket=week"),
    "distribution": ("", "analytics/distribution?user={ada}"),
    "momentum": ("--bucket month", "analytics/momentum?user={ada}&bucket=month"),
    "activity": ("--limit 3", "analytics/activity?user={ada}&limit=3"),
    "aggregates": (
        "--every week --week-starts sunday --zone UTC",
        "analytics/aggregates?user={ada}&every=week&week_starts=sunday&zone=UTC",
    ),
    "streaks": ("--rest 1", "analytics/streaks?user={ada}&rest=1"),
    "patterns": ("--target 60", "analytics/patterns?user={ada}&target=60"),
    "profile": ("", "analytics/profile?user={ada}"),
    "completion": ("--remaining 10", "predictions/completion?user={ada}&remaining=10"),
    "score-ahead": (
        "--formula mastery --skill python --days 5 --level 0.5",
        "predictions/score?user={ada}&formula=mastery&skill=python&days=5&level=0.5",
    ),
    "mastery": ("--skill python --target 90", "predictions/mastery?user={ada}&skill=python&target=90"),
    "attempt": ("--skill loops --difficulty 4", "predictions/attempt?user={ada}&skill=loops&difficulty=4"),
    "areas": ("", "predictions/areas?user={ada}"),
    "paths": ("", "learning-paths?user={ada}"),
    "followed": ("--limit 1", "users/{ada}/learning-paths?limit=1"),
    "position": ("web", "learning-paths/web/position?user={ada}"),
    "modules": ("", "modules?user={ada}"),
    "module": ("loops-1", "modules/loops-1/progress?user={ada}"),
    "sessions": ("--module loops-1 --limit 2", "sessions?user={ada}&module=loops-1&limit=2"),
    "weekly-goal": ("--weeks 2", "weekly-goal?user={ada}&weeks=2"),
    "goals": ("", "goals?user={ada}"),
    "goal": ("feast", "goals/feast?user={ada}"),
    "spaces": ("", "spaces?user={ada}"),
    "space": ("garden", "spaces/garden?user={ada}"),
    "tasks": ("--state pending --hidden true", "tasks?user={ada}&state=pending&hidden=true"),
    "updates": ("", "progress_updates?user={ada}"),
    "reviews": ("", "reviews?user={ada}"),
    "mentorship-sessions": ("", "mentorship-sessions?user={ada}"),
}


@pytest.fixture(scope="module")
def database_dsns(databases: Shelf) -> Iterator[Dsns]:
    """One database for this module, which only looks at what is there."""
    yield from databases.lend()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(database_dsns: Dsns, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Person]:
    """Somebody of whom there is something to show."""
    auth = AuthSettings(bcrypt_cost=4, access_minutes=1440, keys_dir=str(key_file.parent))
    settings = Settings(data_dir=str(tmp_path_factory.mktemp("served")), auth=auth, limits=LIFTED)
    database = Database(database_dsns.service_dsn, settings.database)
    async with door_of(Engine(settings, Plugins.load(allow=("defaults",)), database)) as door:
        yield await fill(door)
    await database.close()


@pytest.fixture
def show(on_database: OnDatabase, monkeypatch: pytest.MonkeyPatch, ada: Person) -> OnDatabase:
    """Show a reading on the plugins that the service has."""
    monkeypatch.setenv("SKILLCORE__PLUGINS__ALLOW", '["defaults"]')

    async def shown(reading: str, *arguments: str, of: str = ada.id) -> Done:
        return await on_database("show", of, reading, *arguments)

    return shown


async def test_every_reading_has_its_case() -> None:
    assert list(CASES) == list(READINGS)


@pytest.mark.parametrize("reading", CASES)
async def test_a_reading_is_what_the_api_answers(
    reading: str, show: OnDatabase, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, request = CASES[reading]
    found: list[Struct] = []

    def noticed(answer: Struct) -> Any:
        found.append(answer)
        return built(answer)

    monkeypatch.setattr(looking, "built", noticed)
    done = await show(reading, *line.split(), "--json")
    assert (done.code, done.err) == (0, "")
    answer = await ada.admin.get(f"/api/{request.format(ada=ada.id)}")
    assert answer.status_code == 200, answer.text
    assert done.json == answer.json()
    lines = list(outline(found[0]))
    assert len(lines) > 1  # there is something to say
    assert all(letter.isprintable() for line in lines for letter in line)


async def test_an_outline_says_it_in_lines(show: OnDatabase) -> None:
    """Of 90 of 120 minutes, and an interaction of 65: 0.2 times 75 and 0.1 times 65."""
    done = await show("space", "garden", of="ADA@example.org")
    lines = done.out.splitlines()
    assert (lines[1:3], lines[5:8]) == (
        ["name: garden", "version: 1"],
        ["expected minutes: 120", "milestones: dug, sown", "tasks: none"],
    )
    assert lines[lines.index("progress") + 2 :] == [
        "  value: 21.5",
        "  formula: space",
        "  formula version: 2",
        "  parts",
        "    name          value  weight  subject",
        "    tasks         0      0.4     none",
        "    time          75     0.2     none",
        "    milestones    0      0.3     none",
        "    interactions  65     0.1     none",
        "  milestones",
        "    name  reached  reached at",
        "    dug   no       none",
        "    sown  no       none",
        "  next milestone: dug",
    ]


async def test_what_others_wrote_cannot_steer_the_terminal(show: OnDatabase) -> None:
    done = await show("updates")
    assert "  content: first\\x1b[2J line\\nsecond line" in done.out.splitlines()


async def test_a_page_says_how_to_go_on(show: OnDatabase) -> None:
    first = (await show("activity", "--limit", "1")).out.splitlines()
    word, cursor = first[-1].rsplit(" ", 1)
    assert word == "and more: go on with --cursor"
    second = (await show("activity", "--limit", "1", "--cursor", cursor)).out.splitlines()
    assert second[-1].startswith(word)
    assert first[:-1] != second[:-1]


async def test_of_somebody_who_did_nothing_that_is_said(show: OnDatabase, ada: Person) -> None:
    _, cleo = await ada.door.learner("cleo@example.org")
    assert (await show("tasks", of="cleo@example.org")).out == "none\n"
    told = (await show("score", "mastery", "--skill", "python", of=cleo)).out.splitlines()
    assert told[:4] == [f"user id: {cleo}", "formula: mastery", "formula version: 1", "subject: python"]
    assert told[4:] == ["value: none", "label: none", "as of: none", "head: 0"]


async def test_it_is_noted_who_was_looked_at_and_by_what(show: OnDatabase, ada: Person, database_dsns: Dsns) -> None:
    _, dora = await ada.door.learner("dora@example.org")
    for reading in ("streaks", "tasks", "profile", "paths"):
        assert (await show(reading, of="dora@example.org")).code == 0
    noted = """select actor_kind, actor_id, detail->>'route' from audit
      where act = 'person.read' and about_id = %s order by position"""
    shown = ("streaks", "tasks", "profile", "paths")
    assert rows(database_dsns, noted, dora) == [("command", None, f"skillcore show {one}") for one in shown]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("bob@nowhere.example", "streaks"), 1, "there is no account of bob@nowhere.example"),
        (("01890000-0000-7000-8000-000000000000", "streaks"), 1, "there is no account of 0189"),
        (("ada@example.org", "level", "--skill", "juggling"), 1, "no such skill"),
        (("ada@example.org", "position", "nowhere"), 1, "there is no such path"),
        (("ada@example.org", "space", "nowhere"), 1, "there is no such space"),
        (("ada@example.org", "score", "luck"), 1, "there is no formula 'luck'"),
        (("ada@example.org", "streaks", "--zone", "Mars/Base"), 2, "zone: 'Mars/Base' is no time zone"),
        (("ada@example.org", "aggregates", "--since", "1999-01-01"), 2, "since: "),
        (("ada@example.org", "aggregates", "--until", "9999-12-31"), 2, "until: 9999-12-31 cannot be asked for; ask for"),
        (("ada@example.org", "tasks", "--cursor", "!"), 2, "cursor: not one of this list"),
        (("ada@example.org", "streaks", "--rest", "7"), 2, "argument --rest: '7' cannot be used: Expected int <= 6. Days off"),
        (("ada@example.org", "streaks", "--as-of", "today"), 2, "--as-of: 'today' cannot be used: Expected YYYY-MM-DD, a date"),
        (("ada@example.org", "level", "--skill", "x" * 101), 2, "--skill: "),
        (("ada@example.org", "completion"), 2, "required: --remaining"),
        (("ada@example.org", "completion", "--remaining", "nan"), 2, "--remaining: 'nan' cannot be used"),
        (("ada@example.org", "momentum", "--bucket", "hour"), 2, "invalid choice: 'hour' (choose from 'day', 'week', 'month')"),
        (("ada@example.org", "tasks", "--hidden", "1"), 2, "--hidden: '1' cannot be used"),
        (("ada@example.org", "luck"), 2, "invalid choice: 'luck'"),
        (("ada@example.org",), 2, "required: WHAT"),
    ],
)
@pytest.mark.usefixtures("show")
async def test_what_cannot_be_shown_is_said(arguments: tuple[str, ...], code: int, said: str, on_database: OnDatabase) -> None:
    done = await on_database("show", *arguments)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


@pytest.mark.usefixtures("show")
async def test_what_stands_before_the_name_of_a_reading_counts_too(on_database: OnDatabase) -> None:
    done = await on_database("show", "--json", "ada@example.org", "streaks")
    assert done.json["rest"] == 0
