"""Progress in skills under the whole suite, with sums by hand; and what rings of reviewers gain."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from skillcore.defaults.skill_progress import REVIEWERS, WORKS, SkillProgress, SkillProgressSettings, SkillState
from skillcore.plugin import Reading, Score
from skillcore.testing import FormulaSample, FormulaSuite, event

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def made(kind, data, days=0.0, subject="", via="platform", skills=("loops",)):
    return structs.replace(event(kind, data, subject_id=subject, skills=skills, at=MONDAY + timedelta(days=days)), via=via)


def practised(minutes, days=0.0, **more):
    return made("progress.time", {"minutes": minutes}, days, "s", **more)


def volunteered(days=0.0, minutes=None, **more):
    return made("platform.volunteered", {"title": "t"} | ({} if minutes is None else {"minutes": minutes}), days, "o", **more)


def review(quality, by="r1", days=0.0, work="t1", discounted=False, **more):
    data = {"reviewer": by, "quality": quality, "discounted": discounted}
    return made("review.given", data, days, work, via="engine", **more)


def discounted(by="r1", days=0.0, people=2):
    return made("review.discounted", {"reviewer": by, "people": people}, days, via="engine")


def attempt(score, days=0.0, **more):
    return made("session.activity", {"type": "quiz", "score": score}, days, "x", **more)


class TestSkillProgress(FormulaSuite):
    formula = SkillProgress()
    lowest, highest = 0, 100
    others = (
        SkillProgress(SkillProgressSettings(practice=1)),
        SkillProgress(SkillProgressSettings(mastery=1)),
        SkillProgress(SkillProgressSettings(reviews=1)),
        SkillProgress(SkillProgressSettings(target_minutes=60)),
        SkillProgress(SkillProgressSettings(full_reviewers=1)),
        SkillProgress(SkillProgressSettings(discounted=0)),
        SkillProgress(SkillProgressSettings(expert=80)),
    )
    samples = (
        FormulaSample((), None, at=MONDAY, inputs={"mastery": None}),
        FormulaSample((), None, at=MONDAY, subject="loops", inputs={"mastery": 60.0}),  # not started
        FormulaSample((volunteered(),), 0.0, subject="loops", inputs={"mastery": None}, label="beginner"),
        FormulaSample((volunteered(minutes=300),), 20.0, subject="loops", inputs={"mastery": None}, label="beginner"),
        # 0.4·(450/600) + 0.4·60 + 0.2·(90 + 60)/3: 30 + 24 + 10
        FormulaSample(
            (practised(150), volunteered(1, 300), review(90, "r1", 2), review(60, "r2", 3)),
            64.0,
            subject="loops",
            inputs={"mastery": 60.0},
            label="proficient",
        ),
        # what learners report of themselves moves nothing, and starts nothing
        FormulaSample(
            (practised(600, via="page"), practised(600, 1, via="edge")), None, subject="loops", inputs={"mastery": None}
        ),
        FormulaSample((attempt(80, via="page"),), None, subject="loops", inputs={"mastery": None}),
        FormulaSample((attempt(80),), 1.6, subject="loops", inputs={"mastery": 4.0}),
        FormulaSample(tuple(practised(1440, n) for n in range(9)), 40.0, subject="loops", inputs={"mastery": None}),
        # a reviewer gives a third at most, however often
        FormulaSample(
            tuple(review(100, "r1", n, f"t{n}") for n in range(9)), 20 / 3, subject="loops", inputs={"mastery": None}
        ),
        # the later review of a work replaces the earlier: (50 + 100)/2 of r1
        FormulaSample(
            (review(0, "r1", 0, "t1"), review(100, "r1", 1, "t2"), review(50, "r1", 2, "t1")),
            0.2 * 75 / 3,
            subject="loops",
            inputs={"mastery": None},
        ),
        # four reviewers: their mean
        FormulaSample(
            tuple(review(quality, f"r{n}", n) for n, quality in enumerate((100, 80, 60, 40))),
            0.2 * 70,
            subject="loops",
            inputs={"mastery": None},
        ),
        # one of three counts half: (100·0.5 + 90 + 60) / 3
        FormulaSample(
            (review(100, "r1", 0), review(90, "r2", 1), review(60, "r3", 2), discounted("r1", 3)),
            0.2 * 200 / 3,
            subject="loops",
            inputs={"mastery": None},
        ),
        FormulaSample((review(90), review(90, by="r2", skills=("graphs",))), 6.0, subject="graphs", inputs={"mastery": None}),
        FormulaSample(
            (practised(600), *(review(100, f"r{n}", n) for n in range(3))),
            100.0,
            subject="loops",
            inputs={"mastery": 100.0},
            label="expert",
        ),
    )


FORMULA = SkillProgress()


def points(*events):
    """Return the part of the reviews, from 0 to 100."""
    state = SkillState(started=True)
    for one in events:
        state = FORMULA.apply(state, one)
    score = FORMULA.value(state, Reading(MONDAY, "loops", inputs={"mastery": {"loops": Score(None)}}))
    return next(part.value for part in score.components if part.name == "reviews")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # two who review each other: 100·0.5 / 3
        ((review(100, "b"), discounted("b", 1)), 100 / 6),
        ((review(100, "b", discounted=True),), 100 / 6),
        # three in a row, each reviewed by one: the same
        ((review(100, "c"), discounted("c", 1, 3)), 100 / 6),
        # three who all review each other: two reviewers of a half each
        ((review(100, "b"), review(100, "c"), discounted("b", 1), discounted("c", 1, 3)), 100 / 3),
        # a class of seven that reviews everybody: six halves make three, so nothing is lost
        ((*(review(80, f"r{n}", n) for n in range(6)), *(discounted(f"r{n}", 9) for n in range(6))), 80.0),
        # two honest reviewers beside a friend
        ((review(100, "b"), discounted("b", 1), review(100, "b", 2, work="t2")), 100 / 6),  # once and for all
        ((review(100, "friend"), discounted("friend", 1), review(70, "a"), review(80, "b")), (50 + 70 + 80) / 3),
    ],
)
def test_what_rings_gain_and_honest_reviewers_keep(events, expected):
    assert points(*events) == pytest.approx(expected)


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["t1", "t2"]), st.floats(0, 100), st.booleans()), max_size=20)
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_reviewer_gives_more_than_their_share(given_):
    events = [review(quality, by, n, work, marked) for n, (by, work, quality, marked) in enumerate(given_)]
    for name in {by for by, *_ in given_}:
        without = [one for one in events if one.data.reviewer != name]
        assert points(*events) - points(*without) <= 100 / 3 + 1e-9
        once = [discounted(name, 99)]
        assert points(*events, *once) <= 100


def test_a_flood_of_reviews_stays_bounded():
    state = SkillState()
    for n in range(WORKS + 20):
        state = FORMULA.apply(state, review(50, "r", work=f"t{n}"))
    assert len(state.reviewers["r"].works) == WORKS
    assert "t0" not in state.reviewers["r"].works
    for n in range(REVIEWERS + 20):
        state = FORMULA.apply(state, review(50, f"r{n}"))
    assert len(state.reviewers) == REVIEWERS


def test_of_many_works_those_reviewed_last_are_remembered():
    state = SkillState()
    for n in (*range(WORKS), 0, WORKS):
        state = FORMULA.apply(state, review(50, "r", work=f"t{n}"))
    assert set(state.reviewers["r"].works) == {f"t{n}" for n in range(WORKS + 1)} - {"t1"}


@pytest.mark.parametrize(
    ("minutes", "word"),
    [
        (149, "beginner"),
        (150, "developing"),
        (299, "developing"),
        (300, "proficient"),
        (449, "proficient"),
        (450, "advanced"),
        (539, "advanced"),
        (540, "expert"),
    ],
)
def test_a_milestone_is_reached_exactly_at_its_bound(minutes, word):
    """Of practice alone, where 600 minutes are all: 150 are 25, 300 are 50, 450 are 75 and 540 are 90."""
    formula = SkillProgress(SkillProgressSettings(practice=1, mastery=0, reviews=0))
    score = formula.value(
        formula.apply(SkillState(), practised(minutes)), Reading(MONDAY, "loops", inputs={"mastery": {"loops": Score(None)}})
    )
    assert (score.value, score.label) == (pytest.approx(minutes / 6), word)
