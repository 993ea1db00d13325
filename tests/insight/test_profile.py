"""The coding profile over HTTP, of accounts and figures put into the ledger; the sums are done by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest
from msgspec.structs import replace

from skillcore.accounts.tables import MembershipRow
from skillcore.defaults.kinds import AccountLinked, AccountUnlinked, EvidenceAccepted, EvidenceWithdrawn, SourceStats, TimeSpent
from skillcore.ledger import record
from skillcore.ledger.skills import NewSkill, create
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent, of_platform
from skillcore.runtime.settings import Settings
from tests.conftest import Dsns
from tests.verification.archive import Archive, loaded
from tests.visitors import Door, Platform, Visitor

MARCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATH = "/api/analytics/profile"


class Court(Archive):
    name = "court"


class Arena(Archive):
    name = "arena"


class Hub(Archive):
    name = "hub"
    counted_as = "contributions"


class Notes(Archive):
    name = "notes"
    counted_as = None


@pytest.fixture
async def engine(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Engine]:
    database = Database(database_dsns.service_dsn, settings.database)
    yield Engine(settings, loaded(Court(), Arena(), Hub(), Notes()), database)
    await database.close()


class Town(NamedTuple):
    """Ada, who is a member of the School and of the Club, and whose ledger the tests write."""

    door: Door
    ada: Visitor
    user_id: UUID
    school: Platform
    club: Platform

    async def record(self, *events: NewEvent) -> None:
        async with self.door.engine.transaction() as tx:
            await record(tx, events)

    def event(self, kind: str, data: Any, subject: str, day: int, *skills: str, by: Platform | None = None) -> NewEvent:
        return NewEvent(
            user_id=self.user_id,
            kind=kind,
            subject_id=subject,
            skills=skills,
            data=data,
            occurred_at=MARCH.replace(day=day),
            origin=of_platform(UUID(by.id)) if by else None,
        )

    def linked(self, account: str, day: int = 1, *, handle: str = "", by: Platform | None = None) -> NewEvent:
        data = AccountLinked(
            account=account,
            handle=handle or account.partition(":")[2].title(),
            method="vouched" if by else "challenge",
            vouched_by=by.id if by else None,
        )
        return self.event("account.linked", data, account, day, by=by)

    def unlinked(self, account: str, day: int, by: Platform | None = None) -> NewEvent:
        return self.event("account.unlinked", AccountUnlinked(account=account), account, day, by=by)

    def withdrawn(self, account: str, day: int, by: Platform | None = None) -> NewEvent:
        return self.event("evidence.withdrawn", EvidenceWithdrawn(account=account, reason="wrong"), account, day, by=by)

    def stats(self, account: str, day: int = 2, *, by: Platform | None = None, **figures: float) -> NewEvent:
        vouched_by = by.id if by else None
        data = SourceStats(source=account.partition(":")[0], account=account, figures=figures, vouched_by=vouched_by)
        return self.event("source.stats", data, account, day, by=by)

    def works(self, account: str, number: int, *skills: str, day: int = 3, by: Platform | None = None) -> list[NewEvent]:
        source = account.partition(":")[0]
        return [
            self.event(
                "evidence.accepted",
                EvidenceAccepted(source=source, account=account, work=f"{day}-{one}{skills}", strength="judged"),
                f"{account}:{day}-{one}{skills}",
                day,
                *skills,
                by=by,
            )
            for one in range(number)
        ]

    async def profile(self, visitor: Visitor | None = None, user: str = "me", **asked: Any) -> Any:
        answer = await (visitor or self.ada).get(PATH, params={"user": user, **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def town(door: Door) -> Town:
    ada, user_id = await door.learner()
    school = await door.platform("scores:read", "users:read", "sources:vouch")
    club = await door.platform("scores:read", "users:read", "sources:vouch")
    async with door.engine.transaction() as tx:
        for platform in (school, club):
            tx.session.add(MembershipRow(platform_id=UUID(platform.id), external_id="ada", user_id=UUID(user_id)))
        for name in ("Loops", "Graphs", "Sorting"):
            await create(tx, NewSkill(name=name))
    return Town(door, ada, UUID(user_id), school, club)


async def fill(town: Town) -> None:
    """Link three accounts, with figures and works at each."""
    await town.record(
        town.linked("court:ada"),
        town.linked("arena:7", handle="Lovelace", by=town.school),
        town.linked("hub:42", handle="ada-l"),
        town.stats("court:ada", problems_solved=120, contest_rating=1500.5, max_rating=1600),
        town.stats("arena:7", 3, by=town.school, problems_solved=30, contest_rating=-20),
        town.stats("hub:42", contributions=9),
        *town.works("court:ada", 4, "loops"),
        *town.works("court:ada", 2, "loops", "graphs"),
        *town.works("arena:7", 3, "graphs", by=town.school),
        *town.works("hub:42", 1, "sorting"),
    )


def when(day: int) -> str:
    return f"2026-03-{day:02}T12:00:00Z"


async def test_each_number_says_where_it_is_from(town: Town) -> None:
    await fill(town)
    shown = await town.profile()
    court = {"source": "court", "handle": "Ada", "proof": "proved"}
    arena = {"source": "arena", "handle": "Lovelace", "proof": "vouched"}
    hub = {"source": "hub", "handle": "ada-l", "proof": "proved"}
    # 120 + 30 as the sites say; 4 + 2 and 3 works were verified
    assert shown["problems_solved"] == {
        "value": 150,
        "verified": 9,
        "parts": [
            arena | {"value": 30, "verified": 3, "read_at": when(3)},
            court | {"value": 120, "verified": 6, "read_at": when(2)},
        ],
    }
    assert shown["contest_rating"] == {
        "value": 1500.5,
        "source": "court",
        "parts": [
            arena | {"value": -20, "verified": None, "read_at": when(3)},
            court | {"value": 1500.5, "verified": None, "read_at": when(2)},
        ],
    }
    assert shown["contributions"] == {
        "value": 9,
        "verified": 1,
        "parts": [hub | {"value": 9, "verified": 1, "read_at": when(2)}],
    }
    # of 10 works, 6 show loops, 2 + 3 graphs and 1 sorting
    assert shown["skills"] == [
        {"skill": "loops", "works": 6, "share": 0.6, "sources": {"court": 6}},
        {"skill": "graphs", "works": 5, "share": 0.5, "sources": {"arena": 3, "court": 2}},
        {"skill": "sorting", "works": 1, "share": 0.1, "sources": {"hub": 1}},
    ]
    assert shown["sources"][1] == court | {
        "account": "court:ada",
        "method": "challenge",
        "linked_at": when(1),
        "figures": {"contest_rating": 1500.5, "max_rating": 1600, "problems_solved": 120},
        "read_at": when(2),
        "works": 6,
    }
    assert [(one["source"], one["method"], one["works"]) for one in shown["sources"]] == [
        ("arena", "vouched", 3),
        ("court", "challenge", 6),
        ("hub", "challenge", 1),
    ]
    assert (shown["user_id"], shown["as_of"]) == (str(town.user_id), None)


async def test_what_nobody_knows_is_null_and_never_zero(town: Town) -> None:
    nothing: dict[str, Any] = {"value": None, "verified": None, "parts": []}
    unrated: dict[str, Any] = {"value": None, "source": None, "parts": []}
    empty = {"problems_solved": nothing, "contributions": nothing, "contest_rating": unrated, "skills": [], "sources": []}
    assert await town.profile() == {"user_id": str(town.user_id), "as_of": None} | empty
    await town.record(town.linked("court:ada"), town.linked("notes:ada"), *town.works("notes:ada", 2, "loops"))
    shown = await town.profile()
    part = {"source": "court", "handle": "Ada", "proof": "proved", "value": None, "verified": 0, "read_at": None}
    assert shown["problems_solved"] == {"value": None, "verified": 0, "parts": [part]}
    assert (shown["contributions"], shown["contest_rating"]) == (nothing, unrated)
    assert [(one["figures"], one["read_at"], one["works"]) for one in shown["sources"]] == [(None, None, 0), (None, None, 2)]
    assert shown["skills"] == [{"skill": "loops", "works": 2, "share": 1, "sources": {"notes": 2}}]
    await town.record(town.stats("court:ada"))
    assert (await town.profile())["sources"][0]["figures"] == {}, "it was read, and shows nothing"


async def test_an_account_that_is_linked_no_more_drops_out_of_everything_at_once(town: Town) -> None:
    await fill(town)
    await town.record(town.unlinked("court:ada", 10), town.withdrawn("arena:7", 10, by=town.school))
    shown = await town.profile()
    assert [one["source"] for one in shown["sources"]] == ["hub"]
    assert shown["problems_solved"] == {"value": None, "verified": None, "parts": []}
    assert shown["contest_rating"]["value"] is None
    assert [one["skill"] for one in shown["skills"]] == ["sorting"]
    await town.record(town.linked("arena:7", 11))
    shown = await town.profile()
    assert shown["contest_rating"]["value"] is None, "what was read on the platform's word is not what its user has proved"
    assert shown["problems_solved"]["verified"] == 3, "its works count again"
    await town.record(town.stats("arena:7", 12, contest_rating=100), town.linked("court:ada", 13))
    assert (await town.profile())["contest_rating"]["value"] == 1500.5


async def test_the_last_word_about_an_account_and_its_figures_counts(town: Town) -> None:
    await fill(town)
    await town.record(
        town.linked("court:ada", 8, handle="Ada.L"),
        town.stats("court:ada", 9, problems_solved=121),
        town.stats("court:ada", 7, problems_solved=119),
    )
    (part,) = [part for part in (await town.profile())["problems_solved"]["parts"] if part["source"] == "court"]
    assert (part["handle"], part["value"], part["read_at"]) == ("Ada.L", 121, when(9))
    assert (await town.profile())["contest_rating"]["source"] == "arena", "its site shows no rating any more"


async def test_a_former_day_is_told_by_the_facts_up_to_its_end(town: Town) -> None:
    await fill(town)
    await town.record(
        *town.works("court:ada", 5, "loops", day=20),
        town.stats("court:ada", 20, problems_solved=200),
        town.unlinked("court:ada", 25),
    )

    async def on(day: int) -> tuple[Any, ...]:
        shown = await town.profile(as_of=f"2026-03-{day:02}")
        assert shown["as_of"] == f"2026-03-{day:02}"
        solved = shown["problems_solved"]
        return solved["value"], solved["verified"], len(shown["sources"])

    assert await on(1) == (None, 0, 3)
    assert await on(2) == (120, 0, 3)
    assert await on(19) == (150, 9, 3)
    assert await on(20) == (230, 14, 3)
    assert await on(25) == (30, 3, 2)
    assert (await town.profile(as_of="2026-02-28"))["sources"] == []
    assert (await town.ada.get(PATH, params={"as_of": "1900-01-01"})).status_code == 422


async def test_figures_are_those_read_on_the_word_that_the_account_rests_on(town: Town) -> None:
    await town.record(
        town.linked("court:ada"),
        town.stats("court:ada", 2, problems_solved=120),
        town.linked("arena:7", by=town.school),
        town.stats("arena:7", 2, problems_solved=30, by=town.school),
    )
    assert (await town.profile())["problems_solved"]["value"] == 150
    await town.record(town.linked("court:ada", 5, by=town.school), town.linked("arena:7", 5, by=town.club))
    shown = await town.profile()
    assert [(one["source"], one["proof"], one["figures"], one["read_at"]) for one in shown["sources"]] == [
        ("arena", "vouched", None, None),
        ("court", "vouched", None, None),
    ]
    assert shown["problems_solved"]["value"] is None
    await town.record(
        town.stats("court:ada", 6, problems_solved=121, by=town.school),
        town.stats("court:ada", 7, problems_solved=122),
        town.stats("arena:7", 8, problems_solved=31, by=town.school),
    )
    shown = await town.profile()
    assert [(one["source"], one["figures"], one["read_at"]) for one in shown["sources"]] == [
        ("arena", None, None),
        ("court", {"problems_solved": 121}, when(6)),
    ]


async def test_works_that_another_platform_reported_are_counted_for_itself_alone(town: Town) -> None:
    await town.record(
        town.linked("court:ada"),
        *town.works("court:ada", 4, "loops"),
        *town.works("court:ada", 2, "graphs", day=4, by=town.school),
    )
    for visitor, user, verified, skills in (
        (town.ada, "me", 6, {"loops": (4, 0.666667), "graphs": (2, 0.333333)}),
        (town.school.key, "ext:ada", 6, {"loops": (4, 0.666667), "graphs": (2, 0.333333)}),
        (town.club.key, "ext:ada", 4, {"loops": (4, 1)}),
    ):
        shown = await town.profile(visitor, user)
        assert shown["problems_solved"]["verified"] == shown["sources"][0]["works"] == verified
        assert {one["skill"]: (one["works"], one["share"]) for one in shown["skills"]} == skills


async def test_a_former_day_holds_its_last_moment_and_not_the_next_days_first(town: Town) -> None:
    end = MARCH.replace(day=5, hour=23, minute=59, second=59, microsecond=999_999)

    def at(event: NewEvent, moment: datetime) -> NewEvent:
        return replace(event, occurred_at=moment)

    await town.record(
        at(town.linked("court:ada"), end),
        at(town.stats("court:ada", problems_solved=7), end),
        *(at(work, end) for work in town.works("court:ada", 1, "loops")),
        at(town.linked("arena:7"), end + timedelta(microseconds=1)),
        at(town.stats("court:ada", problems_solved=8), end + timedelta(microseconds=1)),
        *(at(work, end + timedelta(microseconds=1)) for work in town.works("court:ada", 1, "graphs", day=6)),
    )
    shown = await town.profile(as_of="2026-03-05")
    assert (shown["problems_solved"]["value"], shown["problems_solved"]["verified"]) == (7, 1)
    assert [one["source"] for one in shown["sources"]] == ["court"]
    shown = await town.profile(as_of="2026-03-06")
    assert (shown["problems_solved"]["value"], shown["problems_solved"]["verified"]) == (8, 2)
    assert [one["source"] for one in shown["sources"]] == ["arena", "court"]


async def test_a_platform_never_learns_what_another_one_vouches_for(town: Town) -> None:
    await fill(town)
    own = await town.profile(town.school.key, "ext:ada")
    assert own == await town.profile()
    other = await town.profile(town.club.key, "ext:ada")
    assert [one["source"] for one in other["sources"]] == ["court", "hub"]
    assert (other["problems_solved"]["value"], other["problems_solved"]["verified"]) == (120, 6)
    assert [(one["skill"], one["works"]) for one in other["skills"]] == [("loops", 6), ("graphs", 2), ("sorting", 1)]


async def test_accounts_are_named_to_those_only_who_may_read_them(town: Town) -> None:
    await fill(town)
    bare = await town.door.platform("scores:read")
    async with town.door.engine.transaction() as tx:
        tx.session.add(MembershipRow(platform_id=UUID(bare.id), external_id="ada", user_id=town.user_id))
    shown = await town.profile(bare.key, "ext:ada")
    assert [(one["account"], one["handle"]) for one in shown["sources"]] == [(None, None)] * 2
    totals = ("problems_solved", "contest_rating", "contributions")
    assert {part["handle"] for name in totals for part in shown[name]["parts"]} == {None}
    assert "ada" not in str({**shown, "user_id": ""}).lower()


async def test_who_may_read_it(town: Town) -> None:
    await fill(town)
    stranger, _ = await town.door.learner("bob@example.org")
    assert (await stranger.get(PATH, params={"user": str(town.user_id)})).status_code == 404
    foreign = await town.door.platform("scores:read")
    assert (await foreign.key.get(PATH, params={"user": str(town.user_id)})).status_code == 404
    assert (await town.door.anyone.get(PATH)).status_code == 401
    scopeless = await town.door.platform("users:read")
    assert (await scopeless.key.get(PATH, params={"user": "ext:ada"})).status_code == 403
    admin = await town.door.admin()
    assert await town.profile(admin, str(town.user_id)) == await town.profile()


async def test_whoever_has_it_is_told_so_until_something_is_recorded(town: Town) -> None:
    await fill(town)

    async def again(visitor: Visitor, tag: str, **asked: str) -> httpx.Response:
        return await visitor.get(PATH, params={"user": "ext:ada", **asked}, headers={"If-None-Match": tag})

    club, school = town.club.key, town.school.key
    first = await again(club, '"none"')
    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    tag = first.headers["etag"]
    held = await again(club, tag)
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", tag)
    theirs = (await again(school, "")).headers["etag"]
    assert len({tag, theirs, (await town.ada.get(PATH)).headers["etag"]}) == 3
    assert (await again(club, tag, as_of="2026-03-02")).status_code == 200
    await town.record(town.event("progress.time", TimeSpent(minutes=5), "space", 5, by=town.school))
    assert (await again(club, tag)).status_code == 304, "another platform's business does not show"
    assert (await again(school, theirs)).status_code == 200
    await town.record(town.unlinked("court:ada", 10))
    changed = await again(club, tag)
    assert changed.status_code == 200
    assert [one["source"] for one in changed.json()["sources"]] == ["hub"]


async def test_what_a_site_says_beside_is_part_of_a_number_and_no_work_of_the_kind(town: Town) -> None:
    await town.record(
        town.linked("hub:42"),
        town.linked("court:ada"),
        town.stats("hub:42", contributions=9, problems_solved=2, contest_rating=0),
        town.stats("court:ada", 3, max_rating=7),
        *town.works("hub:42", 3, "loops"),
    )
    shown = await town.profile()
    hub = {"source": "hub", "handle": "42", "proof": "proved", "read_at": when(2)}
    court = {"source": "court", "handle": "Ada", "proof": "proved"}
    assert shown["problems_solved"] == {
        "value": 2,
        "verified": 0,
        "parts": [court | {"value": None, "verified": 0, "read_at": None}, hub | {"value": 2, "verified": None}],
    }
    assert shown["contributions"]["parts"] == [hub | {"value": 9, "verified": 3}]
    assert shown["contest_rating"] == {"value": 0, "source": "hub", "parts": [hub | {"value": 0, "verified": None}]}


async def test_works_of_accounts_that_are_called_alike_are_theirs(town: Town) -> None:
    await town.record(
        town.linked("court:a_a"),
        town.linked("arena:7"),
        *town.works("court:a_a", 1, "loops"),
        *town.works("court:aba", 2, "loops"),
        *town.works("court:a_ab", 4, "loops"),
        *town.works("arena:77", 8, "loops"),
    )
    shown = await town.profile()
    assert [(one["source"], one["works"]) for one in shown["sources"]] == [("arena", 0), ("court", 1)]
    assert shown["skills"] == [{"skill": "loops", "works": 1, "share": 1, "sources": {"court": 1}}]


async def test_skills_that_as_many_works_show_are_in_the_order_of_their_ids(town: Town) -> None:
    await town.record(
        town.linked("court:ada"),
        *town.works("court:ada", 2, "sorting", "graphs"),
        *town.works("court:ada", 1, "sorting", day=4),
        *town.works("court:ada", 1, "loops", "graphs", day=5),
        *town.works("court:ada", 2, "loops", day=6),
    )
    assert [(one["skill"], one["works"]) for one in (await town.profile())["skills"]] == [
        ("graphs", 3),
        ("loops", 3),
        ("sorting", 3),
    ]


async def test_a_tag_stands_for_one_persons_profile_as_one_caller_sees_it(town: Town) -> None:
    await town.record(town.linked("arena:7", by=town.school), town.linked("court:ada", 2))
    admin = await town.door.admin()
    scopes = {"name": "poor", "scopes": ["scores:read"]}
    made = await admin.post(f"/api/platforms/{town.school.id}/keys", scopes)
    poor = Visitor(town.door.client, made.json()["key"])

    async def tag(visitor: Visitor, user: str = "ext:ada") -> str:
        answer = await visitor.get(PATH, params={"user": user})
        assert answer.status_code == 200
        return answer.headers["etag"]

    # All see the same event last, and are shown two accounts, one, and two without their names.
    tags = [await tag(town.school.key), await tag(town.club.key), await tag(poor), await tag(town.ada, "me")]
    assert len(set(tags)) == 4
    empty = [(await town.door.learner(f"{name}@example.org"))[0] for name in ("bob", "cleo")]
    assert len({await tag(visitor, "me") for visitor in empty}) == 2, "nobody's nothing is another one's"


async def test_accounts_come_and_go_as_people_and_platforms_say(town: Town) -> None:
    """By the routes that link and unlink, which is what the ledger tells the profile of."""
    own = f"/api/users/{town.user_id}/sources/court"
    assert (await town.school.key.send("PUT", own, json={"handle": "Ada"})).status_code == 200
    (shown,) = (await town.profile())["sources"]
    assert (shown["account"], shown["handle"], shown["proof"], shown["figures"]) == ("court:ada", "Ada", "vouched", None)
    assert (await town.profile(town.club.key, "ext:ada"))["sources"] == []
    stats = SourceStats(source="court", account="court:ada", figures={"problems_solved": 3}, vouched_by=town.school.id)
    read = NewEvent(
        user_id=town.user_id,
        kind="source.stats",
        subject_id="court:ada",
        data=stats,
        occurred_at=datetime.now(UTC) - timedelta(seconds=1),
        origin=of_platform(UUID(town.school.id)),
    )
    await town.record(read)
    assert (await town.profile())["problems_solved"]["value"] == 3
    assert (await town.school.key.send("PUT", own, json={"handle": "Bea"})).status_code == 200
    (shown,) = (await town.profile())["sources"]
    assert (shown["account"], shown["figures"]) == ("court:bea", None), "another account has figures of its own"
    assert (await town.ada.send("DELETE", own)).status_code == 204
    assert (await town.profile())["sources"] == []
