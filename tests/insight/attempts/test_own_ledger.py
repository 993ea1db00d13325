"""Events of a ledger as answers."""

from msgspec import structs

from skillcore.insight.attempts.ledger import as_answer
from skillcore.testing import event


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
