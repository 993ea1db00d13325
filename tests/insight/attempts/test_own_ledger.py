"""Events of a ledger as answers."""

from datetime import timedelta

import pytest
from msgspec import structs

from skillcore.defaults.attempts.formula import NextAttempt
from skillcore.defaults.kinds import EvidenceAccepted, EvidenceWithdrawn, SessionActivity
from skillcore.insight.attempts.ledger import answers_of_ledger, as_answer
from skillcore.ledger import record, scores, skills
from skillcore.ledger.skills import NewSkill
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.testing import event
from tests.ledger.facts import NOON
from tests.world import World


def scored(score, via="platform", **more):
    made = event("session.activity", {"type": "quiz", "score": score, **more}, skills=("loops",))
    return structs.replace(made, via=via)


def test_attempts_that_count_are_answers_without_a_name():
    answer = as_answer(scored(50, item="quiz 4"), "7", "3")
    assert (answer.learner, answer.item, answer.skills, answer.correct) == ("7", "quiz 4", ("loops",), 1.0)
    assert as_answer(scored(49.9), "7", "3")[1:5:3] == ("nameless 3", 0.0)


def test_a_learner_s_own_word_is_none():
    assert as_answer(scored(100, via="page"), "7", "3") is None
    assert as_answer(scored(None), "7", "3") is None


def happened(user, kind, data, at, *, via="platform", subject="s-1", skills=("loops",)):
    return NewEvent(
        user_id=user, kind=kind, data=data, subject_id=subject, skills=skills, occurred_at=NOON + timedelta(minutes=at), via=via
    )


def work(name, account):
    return EvidenceAccepted(source="gym", account=account, work=name, strength="judged")


async def test_a_ledger_gives_everybody_s_attempts_and_none_that_is_withdrawn(engine: Engine):
    world = World(engine)
    ada, bob = (await world.person()).user_id, (await world.person()).user_id
    async with engine.transaction() as tx:
        await skills.create(tx, NewSkill(name="loops"))
    facts = (
        happened(ada, "session.activity", SessionActivity(type="quiz", score=30.0, item="quiz 4"), 2),
        happened(ada, "session.activity", SessionActivity(type="quiz", score=90.0, item="quiz 4"), 5),
        happened(ada, "session.activity", SessionActivity(type="quiz", score=90.0), 6, via="page"),
        happened(ada, "evidence.accepted", work("7/B", "gym:ada"), 3, via="engine", subject="gym:ada:7/B"),
        happened(bob, "evidence.accepted", work("7/B", "gym:bob"), 1, via="engine", subject="gym:bob:7/B"),
        happened(bob, "evidence.withdrawn", EvidenceWithdrawn(account="gym:bob", reason="wrong"), 9, subject="gym:bob"),
    )
    for fact in facts:
        async with engine.transaction() as tx:
            await record(tx, [fact])
    found = await answers_of_ledger(engine)
    assert [found.item_names[item] for item in found.items] == ["quiz 4", "gym:7/B", "quiz 4"]
    assert found.correct.tolist() == [0.0, 1.0, 1.0]
    assert found.skill_names == ["loops"]
    assert set(found.learners.tolist()) == {0}


async def test_the_formula_is_read_for_the_attempt_that_is_named(engine: Engine):
    ada = (await World(engine).person()).user_id
    asked = NextAttempt(skills=("loops",))
    said = []
    async with engine.transaction() as tx:
        await skills.create(tx, NewSkill(name="loops"))
    for score in (None, 100.0, 0.0):
        async with engine.transaction() as tx:
            if score is not None:
                await record(tx, [happened(ada, "session.activity", SessionActivity(type="quiz", score=score), len(said))])
        async with engine.transaction() as tx:
            said.append((await scores.read(tx, ada, "attempt", definition=asked)).score)
    assert said[0].value is None
    assert said[2].value < said[1].value
    assert said[1].value == pytest.approx(said[1].combined())
