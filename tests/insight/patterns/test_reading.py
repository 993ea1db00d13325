"""Patterns over HTTP, of what was put into the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from skillcore.accounts.access import Actor
from skillcore.defaults.kinds import EvidenceWithdrawn
from skillcore.runtime.events import of_platform
from tests.insight.classes import Learner, enrolled
from tests.visitors import Door
from tests.world import World

PATH = "/api/analytics/patterns"
MONDAY = datetime(2026, 1, 5, tzinfo=ZoneInfo("Europe/Berlin"))
WINDOW = {"since": "2026-01-05", "until": "2026-05-03"}  # 17 weeks
NAMES = [
    "peak_hours",
    "peak_weekdays",
    "rhythm",
    "session_length",
    "engagement",
    "best_hours",
    "learning_curve",
    "plateau",
    "breakthrough",
    "optimal_difficulty",
    "adaptation",
]


@pytest.fixture
async def ada(door: Door) -> Learner:
    return await enrolled(door)


def noon(day: int, hour: int = 12) -> datetime:
    """Return an hour by Berlin's clock, in winter as in summer."""
    return (MONDAY + timedelta(days=day)).replace(hour=hour).astimezone(UTC)


async def found(ada: Learner, **asked: str) -> dict[str, dict[str, object]]:
    answer = await ada.get(PATH, **(WINDOW | asked))
    assert [pattern["name"] for pattern in answer["patterns"]] == NAMES
    return {pattern["name"]: pattern for pattern in answer["patterns"]}


async def test_without_data_it_is_said_how_much_is_needed(ada: Learner) -> None:
    answer = await ada.get(PATH)
    assert [pattern["state"] for pattern in answer["patterns"]] == ["too_little"] * 11
    assert answer["patterns"][0]["words"] == "bouts so far: 0; it takes 20 to tell."
    assert (answer["level"], answer["curves"], answer["time_zone"]) == (0.05, [], "Europe/Berlin")
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    assert (answer["since"], answer["until"]) == ((today - timedelta(weeks=26)).isoformat(), today.isoformat())
    await ada.record([ada.trained("s", noon(3), score=50.0, difficulty=4.0)])
    one = await found(ada)
    # Weeks there are enough, in which nothing more was done.
    assert {name for name in NAMES if one[name]["state"] == "none"} == {"rhythm", "engagement"}
    assert {one[name]["state"] for name in NAMES} == {"none", "too_little"}
    assert [one[name]["n"] for name in ("peak_hours", "learning_curve", "adaptation")] == [1, 1, 1]


async def test_what_is_done_at_noon_on_workdays_is_told(ada: Learner) -> None:
    await ada.record([ada.work(f"w{day}", noon(day)) for day in range(119) if day % 7 < 5])
    told = await found(ada)
    hours, days = told["peak_hours"], told["peak_weekdays"]
    assert (hours["state"], hours["effect"], hours["n"], days["state"], days["effect"]) == ("found", 1.0, 85, "found", 1.0)
    assert {figure["name"]: figure["value"] for figure in hours["figures"]}["from_hour"] in {10, 11, 12}  # type: ignore[attr-defined]
    assert str(days["words"]).startswith("You practise most on Monday to Friday: 100%")
    assert (told["engagement"]["state"], told["engagement"]["words"]) == ("none", "No pattern found with n=16 weeks.")
    assert told["learning_curve"]["state"] == "too_little"
    elsewhere = await found(ada, zone="Asia/Kathmandu")
    assert {one["name"]: one["value"] for one in elsewhere["peak_hours"]["figures"]}["from_hour"] in range(13, 17)  # type: ignore[attr-defined]


async def test_scores_count_if_somebody_vouches_for_them(ada: Learner) -> None:
    own = [ada.trained(f"o{day}", noon(day), score=float(day), via="page") for day in range(60)]
    await ada.record(own)
    assert (await found(ada))["learning_curve"]["n"] == 0
    await ada.record([ada.trained(f"p{day}", noon(day, 13), score=20.0 + day + day % 3) for day in range(60)])
    answer = await ada.get(PATH, **WINDOW)
    curve = next(pattern for pattern in answer["patterns"] if pattern["name"] == "learning_curve")
    assert (curve["state"], curve["n"]) == ("found", 60)
    assert answer["curves"][0]["shape"] == "linear"
    assert answer["curves"][0]["b"] == pytest.approx(1.0, abs=0.05)
    assert [one["aicc"] for one in answer["curves"]] == sorted(one["aicc"] for one in answer["curves"])


async def test_withdrawn_evidence_makes_no_pattern(ada: Learner) -> None:
    await ada.record([ada.work(f"w{day}", noon(day)) for day in range(60)])
    assert (await found(ada))["peak_hours"]["state"] == "found"
    gone = ada.event("evidence.withdrawn", EvidenceWithdrawn(account="gym:ada", reason="wrong"), "gym:ada", noon(61))
    await ada.record([gone])
    assert (await found(ada))["peak_hours"]["n"] == 0


async def test_a_platform_learns_nothing_of_another(ada: Learner, door: Door) -> None:
    other = await door.platform("scores:read")
    await World(door.engine).join(Actor(kind="key", platform_id=UUID(other.id)), Actor(kind="user", user_id=ada.id), "a-7")
    mine = of_platform(UUID(ada.platform.id))
    await ada.record([ada.trained(f"s{day}", noon(day), score=50.0, origin=mine) for day in range(30)])
    assert (await found(ada))["peak_hours"]["n"] == 30
    theirs = (await other.key.get(PATH, params={"user": "ext:a-7", **WINDOW})).json()["patterns"]
    assert [pattern["n"] for pattern in theirs] == [0] * 11


async def test_they_are_for_those_whom_they_concern(ada: Learner, door: Door) -> None:
    bob, _ = await door.learner("bob@example.org")
    poor = await door.platform("users:read")
    assert (await bob.get(PATH)).status_code == 200
    assert (await bob.get(PATH, params={"user": str(ada.id)})).status_code == 404
    assert (await door.anyone.get(PATH)).status_code == 401
    assert (await poor.key.get(PATH)).status_code == 403


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"zone": "Nowhere"}, "zone"),
        ({"since": "2026-05-02", "until": "2026-05-01"}, "since"),
        ({"since": "2024-04-29", "until": "2026-05-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
    ],
)
async def test_what_cannot_be_asked_is_refused(asked: dict[str, str], field: str, ada: Learner) -> None:
    answer = await ada.answer(PATH, **asked)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_very_much_is_read_as_well(ada: Learner) -> None:
    """Twelve thousand attempts, a hundred a day."""
    attempts = [
        ada.trained(f"s{day}", noon(day) + timedelta(minutes=minute), score=float(50 + minute % 7), difficulty=5.0)
        for day in range(119)
        for minute in range(100)
    ]
    await ada.record(attempts)
    told = await found(ada)
    assert (told["peak_hours"]["state"], told["learning_curve"]["n"]) == ("found", 119)
