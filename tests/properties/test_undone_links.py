"""A wrong link that is undone leaves scores and analytics as if it had never been, for its person and for everybody else.

The same history happens in two ledgers; in one of them somebody also links an account that is not theirs, works with it, and
the link is undone: by an administrator, or by linking another account.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, assume, event, given, settings
from hypothesis import strategies as st

from skillcore.accounts.access import SCOPES, Actor
from skillcore.accounts.tables import MembershipRow, PlatformRow, UserRow
from skillcore.defaults.kinds import EvidenceAccepted, ProjectJoined, TaskCompleted, WorkDone
from skillcore.insight import analytics
from skillcore.ledger import record, scores
from skillcore.ledger.skills import NewSkill, create
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.definitions import Definitions
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.events import NewEvent
from skillcore.runtime.problems import Conflict, NotFound
from skillcore.runtime.settings import Settings
from skillcore.verification import accounts
from skillcore.verification.linking import Claim, link, linked_accounts
from tests.conftest import Dsns, database_like

PLUGINS = Plugins.load(allow=("defaults",))
TOLD_ONCE = (Phase.explicit, Phase.generate)
"""Stories are short, and shrinking one takes longer than reading it."""

SHORT = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=TOLD_ONCE,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LONG = settings(max_examples=2000, deadline=None, phases=TOLD_ONCE, suppress_health_check=list(HealthCheck))
SOURCE = "gym"
SKILLS = ("graphs", "loops")
HANDLES = ("ada", "bob")
WORKS = ("one", "two")
PEOPLE = 3
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = {"since": date(2025, 12, 29), "until": date(2026, 1, 20)}

Do = Literal["vouch", "vouch by the other", "prove", "unlink", "undo", "work", "task", "join"]


class Step(NamedTuple):
    """Something that happens to a person."""

    who: int
    do: Do
    handle: str
    work: str
    skill: str
    difficulty: float | None
    day: int
    id: UUID


class Story(NamedTuple):
    """What happens before a wrong link, while it stands, and after it was undone.

    Attributes:
        who: whose account is linked wrongly, all of which but the first step is done with it.
        wrong: the wrong link and what is done with it.
        meanwhile: what happens to everybody, these included.
        undone: by an administrator, or by this step.
        by_id: the site tells ids with proofs.
    """

    who: int
    before: list[Step]
    wrong: list[Step]
    meanwhile: list[Step]
    undone: Step | None
    unlinked_first: bool
    after: list[Step]
    by_id: bool


def steps(*do: Do, who: st.SearchStrategy[int]) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        who,
        st.sampled_from(do),
        st.sampled_from(HANDLES),
        st.sampled_from(WORKS),
        st.sampled_from(SKILLS),
        st.sampled_from([None, 2.0, 3.5]),
        st.integers(0, 14),
        st.uuids(version=4),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    everybody = st.integers(0, PEOPLE - 1)
    who = draw(everybody)
    others = st.sampled_from([number for number in range(PEOPLE) if number != who])
    me = st.just(who)
    right: tuple[Do, ...] = ("vouch", "vouch by the other", "prove", "unlink", "work", "work", "task", "join")
    links: tuple[Do, ...] = ("vouch", "vouch by the other", "prove", "prove")
    meanwhile = st.one_of(steps(*right, who=others), steps("join", who=me))
    before = draw(st.lists(steps(*right, "undo", who=everybody), max_size=6))
    wrong = [draw(steps(*links, who=me)), *draw(st.lists(steps("work", "task", who=me), max_size=3))]
    if draw(st.booleans()):  # somebody whose account this is, as their platform says
        theirs = [draw(steps(do, who=others))._replace(handle=wrong[0].handle) for do in ("vouch", "work")]
        before += [step._replace(who=theirs[0].who) for step in theirs]
        wrong[0] = wrong[0]._replace(do="prove")
    return Story(
        who=who,
        before=before,
        wrong=wrong,
        meanwhile=draw(st.lists(meanwhile, max_size=4)),
        undone=draw(st.none() | steps(*links, who=me)),
        unlinked_first=draw(st.booleans()),
        after=draw(st.lists(st.one_of(steps(*right, "undo", who=others), steps("work", "join", who=me)), max_size=4)),
        by_id=draw(st.booleans()),
    )


class Teller:
    """Tells a story in two ledgers, of people and accounts that no other story has."""

    def __init__(self, engines: tuple[Engine, Engine], platforms: tuple[UUID, UUID], story: Story) -> None:
        self.engines, self.story = engines, story
        self.people = [uuid4() for _ in range(PEOPLE)]
        self.tag = uuid4().hex[:8]
        self.keys = [Actor(kind="key", platform_id=platform, scopes=frozenset(SCOPES)) for platform in platforms]
        self.admin = Actor(kind="user", user_id=uuid4(), role="admin")

    async def arrive(self) -> None:
        """Bring the people, all of whom belong to both platforms."""
        for engine in self.engines:
            async with engine.transaction() as tx:
                tx.session.add_all(UserRow(id=user_id) for user_id in self.people)
                await tx.session.flush()
                tx.session.add_all(
                    MembershipRow(platform_id=key.platform_id, external_id=str(user_id), user_id=user_id)
                    for key in self.keys
                    for user_id in self.people
                )

    async def both(self, step: Step) -> bool:
        """Let something happen in both ledgers, if it can; says whether it did."""
        try:
            async with self.engines[0].transaction() as here, self.engines[1].transaction() as there:
                for tx in (here, there):
                    await self.take(tx, step)
        except (Conflict, NotFound):
            return False
        return True

    async def here(self, step: Step) -> bool:
        """Let something happen in the first ledger only, if it can; says whether it did."""
        try:
            async with self.engines[0].transaction() as tx:
                await self.take(tx, step)
        except (Conflict, NotFound):
            return False
        return True

    async def take(self, tx: Transaction, step: Step) -> None:
        user_id, handle = self.people[step.who], f"{self.tag}-{step.handle}"
        match step.do:
            case "vouch" | "vouch by the other" | "prove":
                proof = step.do == "prove"
                await link(
                    tx,
                    Claim(
                        user_id=user_id,
                        source=SOURCE,
                        handle=handle,
                        handle_key=handle,
                        external_id=f"no. {handle}" if proof and self.story.by_id else None,
                        method="challenge" if proof else "vouched",
                        platform_id=None if proof else self.keys[step.do == "vouch by the other"].platform_id,
                    ),
                )
            case "unlink" | "undo":
                actor = self.admin if step.do == "undo" else Actor(kind="user", user_id=user_id)
                await accounts.unlink(tx, actor, str(user_id), SOURCE, withdraw=step.do == "undo")
            case _:
                await record(tx, [await self.happening(tx, step)])

    async def happening(self, tx: Transaction, step: Step) -> NewEvent:
        user_id, at = self.people[step.who], FIRST + timedelta(days=step.day)
        common: dict[str, Any] = {"user_id": user_id, "occurred_at": at, "skills": (step.skill,)}
        if step.do == "join":
            return NewEvent(kind="project.joined", subject_id="bees", id=step.id, data=ProjectJoined(name="Bees"), **common)
        linked = await linked_accounts(tx, user_id)
        if not linked:
            raise NotFound("nothing is linked that could show the work")
        account = linked[0].account
        subject = f"{account}:{step.work}"
        if step.do == "task":
            work = WorkDone(subject=subject, skills=(step.skill,), difficulty=None, strength="judged")
            data = TaskCompleted(works=(work,), difficulty=step.difficulty, declared_by="mentor" if step.difficulty else None)
            return NewEvent(kind="task.completed", subject_id=str(step.id), id=step.id, data=data, **common)
        accepted = EvidenceAccepted(
            source=SOURCE, account=account, work=step.work, strength="judged", difficulty=step.difficulty
        )
        return NewEvent(kind="evidence.accepted", subject_id=subject, data=accepted, **common)

    async def linked(self, which: int) -> list[str | None]:
        """Return each person's account in a ledger."""
        async with self.engines[which].transaction() as tx:
            found = [await linked_accounts(tx, user_id) for user_id in self.people]
        return [theirs[0].account if theirs else None for theirs in found]

    async def shown(self, which: int) -> list[bytes]:
        """Return what a ledger's scores and analytics say of each person."""
        return [await self.shown_of(which, user_id) for user_id in self.people]

    async def shown_of(self, which: int, user_id: UUID) -> bytes:
        oneself, user, said = Actor(kind="user", user_id=user_id), str(user_id), list[Any]()
        async with self.engines[which].transaction() as tx:
            for formula, subject in product(sorted(PLUGINS.formulas), ("", *SKILLS)):
                said.append((await scores.read(tx, user_id, formula, subject=subject, at=FIRST)).score)
            said.append(await analytics.distribution(tx, oneself, user=user))
            said.append(await analytics.momentum(tx, oneself, user=user, bucket="day", skill=None, **WHOLE))
            for viewer in (oneself, *self.keys):
                said.append(await analytics.activity(tx, viewer, user=user, skill=None, limit=200, cursor=None))
        return msgspec.json.encode(said)


@pytest.fixture
async def ledgers(
    cluster: dict[str, str], cluster_owner: Any, database_dsns: Dsns, settings: Settings
) -> AsyncIterator[Callable[[Story], Awaitable[Teller]]]:
    with database_like(cluster["template"], cluster, cluster_owner) as other:
        engines = tuple(
            Engine(settings, PLUGINS, Database(dsns.service_dsn, settings.database)) for dsns in (database_dsns, other)
        )
        platforms = (uuid4(), uuid4())
        opened = contextlib.AsyncExitStack()
        for engine in engines:
            await opened.enter_async_context(engine.open(Definitions(())))
            async with engine.transaction() as tx:
                tx.session.add_all(PlatformRow(id=id_, name="school") for id_ in platforms)
                for name in SKILLS:
                    await create(tx, NewSkill(name=name))

        async def told(story: Story) -> Teller:
            teller = Teller((engines[0], engines[1]), platforms, story)
            await teller.arrive()
            return teller

        yield told
        await opened.aclose()
        for engine in engines:
            await engine.database.close()


async def undone_equals_never(teller: Teller) -> None:
    story = teller.story
    for step in story.before:
        await teller.both(step)
    before = await teller.linked(0)
    assert before == await teller.linked(1)
    assume(await teller.here(story.wrong[0]))
    wrong = (await teller.linked(0))[story.who]
    assume(wrong != before[story.who])
    for step in story.wrong[1:]:
        await teller.here(step)
    displaced = any(now != then for now, then in zip(await teller.linked(0), before, strict=True) if then != before[story.who])
    event(f"others displaced: {displaced}")
    for step in story.meanwhile:
        await teller.both(step)
    assume((await teller.linked(0))[story.who] == wrong)  # nobody has proved the account meanwhile
    other = story.undone if story.undone and story.undone.handle != story.wrong[0].handle else None
    if other is not None and await teller.both(other):
        event("undone by another account")
    else:
        event("undone by an administrator")
        if story.unlinked_first:
            await teller.here(story.wrong[0]._replace(do="unlink"))
        assert await teller.here(story.wrong[0]._replace(do="undo"))
    assert await teller.linked(0) == await teller.linked(1)
    assert await teller.shown(0) == await teller.shown(1)
    for step in story.after:
        await teller.both(step)
    assert await teller.linked(0) == await teller.linked(1)
    assert await teller.shown(0) == await teller.shown(1)


@pytest.mark.timeout(600)
@SHORT
@given(story=stories())
async def test_an_undone_link_has_never_been(ledgers: Callable[[Story], Awaitable[Teller]], story: Story) -> None:
    await undone_equals_never(await ledgers(story))


@pytest.mark.soak
@pytest.mark.timeout(3000)
@LONG
@given(story=stories())
async def test_an_undone_link_has_never_been_for_long(ledgers: Callable[[Story], Awaitable[Teller]], story: Story) -> None:
    await undone_equals_never(await ledgers(story))
