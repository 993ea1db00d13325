"""Every promise that a formula may break is broken once, and the test that guards it says so."""

from datetime import UTC, datetime

import pytest

from skillcore.testing import FormulaSample, FormulaSuite, Nonconformance, event
from tests.testing import broken_formulas as broken

PURE = "test_it_is_pure"
TIME_AGAIN = "test_it_gives_the_same_every_time"
ELSEWHERE = "test_it_gives_the_same_in_every_process"
SPLIT = "test_no_split_changes_it"
STORED = "test_its_states_survive_the_database"
ALONE = "test_it_leaves_its_states_alone"
FINITE = "test_its_numbers_are_finite"
SUM = "test_its_parts_make_its_value"
NAMED = "test_its_parts_name_kinds_and_subjects_of_its_own"
SUBJECTS = "test_it_names_its_subjects"
TOTAL = "test_it_takes_any_event"
FORMED = "test_it_is_well_formed"
PLAIN = "test_its_parameters_are_plain"
COMPLETE = "test_its_parameters_tell_formulas_apart"

START = datetime(2026, 1, 1, tzinfo=UTC)
WORK = {"source": "gym", "account": "gym:7", "work": "a", "strength": "judged"}


def suite_of(formula, **attributes):
    return type("Suite", (FormulaSuite,), {"formula": formula, "event_kinds": (broken.LAP,), **attributes})()


def refusal(formula, test, **attributes):
    with pytest.raises(Nonconformance) as caught:
        getattr(suite_of(formula, **attributes), test)()
    said = str(caught.value)
    assert said.startswith("acme.broken: ")
    return said


@pytest.mark.parametrize(
    ("formula", "test", "wrong", "remedy"),
    [
        (broken.ReadsClockInValue, PURE, "reads the clock: datetime.now, at ", "reading.at"),
        (broken.CountsOnItself, PURE, "changes its own attribute 'number'", "set attributes in __init__ only"),
        (broken.CountsOnItself, TIME_AGAIN, "gives something else when asked again", "keep nothing between two calls"),
        (broken.CountsOnItself, ELSEWHERE, "gives something else in another process", "sorted() order"),
        (broken.RemembersTheLast, SPLIT, "comes to another state when it folds", "nothing on the formula itself"),
        (broken.KeepsASet, ELSEWHERE, "gives something else in another process", "sorted() order"),
        (broken.ForgetsATuple, SPLIT, "comes back from JSON", "types that come back from JSON as they went"),
        (broken.ForgetsATuple, STORED, "comes back from JSON", "types that come back from JSON as they went"),
        (broken.Unstorable, STORED, "has a state that JSON does not carry", "types that come back from JSON as they went"),
        (broken.Overflows, FINITE, "has -inf for the value", "bound what is summed"),
        (broken.DividesToNothing, FINITE, "has nan for the value", "divide by nothing that may be zero"),
        (broken.HasAnInfiniteWeight, FINITE, "has inf for the works's weight", "divide by nothing that may be zero"),
        (broken.NeedsDifficulty, TOTAL, "raises TypeError", "None"),
        (broken.FallsAtTheFirst, "test_nobody_begins_with_a_score", "raises ZeroDivisionError", "a first event"),
        (broken.HidesAPart, SUM, "says 2.0, and the sum of its components (works) is 1.0", "return every part"),
        (broken.ProductAsSum, SUM, "says 3.0, and the sum of its components (works, each) is 4.0", "combine='product'"),
        (broken.LogitAsSum, SUM, "says 0.9, and the sum of its components (works) is 0.5 by its logistic link", "every part"),
        (broken.LinksOddly, SUM, "has the link 'probit'", "identity or logistic"),
        (broken.ChangesItsState, ALONE, "changes in `apply` the state that it is given", "frozen=True"),
        (broken.ChangesItsStateInside, ALONE, "changes in `apply` the state that it is given", "build new dicts"),
        (broken.ChangesItsStateWhenRead, ALONE, "changes in `value` the state that it is given", "build new dicts"),
        (broken.ChangesEvents, "test_it_leaves_its_events_alone", "changes an event", "copy lists and dicts"),
        (broken.HidesAParameter, COMPLETE, "when its attribute 'weight' changes", "return from parameters() all"),
        (broken.HasOddParameters, PLAIN, "has parameters that JSON does not carry", "plain values"),
        (broken.LearnsItsParameters, PLAIN, "has other parameters after folding", "name the parameters in parameters()"),
        (broken.NamesForeignKinds, NAMED, "of kinds that it does not take: project.joined", "add them to its `kinds`"),
        (broken.NamesForeignSubjects, NAMED, "of the subject 'elsewhere', which `subjects` did not return", "leave it empty"),
        (broken.NamesSubjectsTwice, SUBJECTS, "names a subject twice", "dict.fromkeys"),
        (broken.NamesOddSubjects, SUBJECTS, "names the subjects [None]", "a tuple of texts"),
        (broken.BeginsWithSomething, "test_nobody_begins_with_a_score", "gives 1000.0 to a person without", "`at_first`"),
        (broken.ReturnsANumber, SUM, "returns a float for its value", "return a Score"),
        (broken.HasNoState, FORMED, "state must be a msgspec.Struct class", "what the message asks for"),
    ],
)
def test_each_promise_has_its_test(formula, test, wrong, remedy):
    said = refusal(formula(), test)
    assert wrong in said
    assert remedy in said.partition("Remedy: ")[2]


def test_the_declared_range_is_held():
    said = refusal(broken.LeavesTheRange(), "test_it_keeps_to_its_range", lowest=0, highest=5)
    assert "gives 6.0, and declares 0 to 5" in said
    assert "clamp the value together with its components" in said
    suite_of(broken.LeavesTheRange(), lowest=0, highest=1000).test_it_keeps_to_its_range()


def test_others_must_be_told_apart():
    said = refusal(broken.HidesAFold(), COMPLETE, others=(broken.HidesAFold(5.0),))
    assert "has the same parameters as another one in `others`" in said


@pytest.mark.parametrize(("value", "subject"), [(1.0, ""), (0.0, "loops"), (None, "")])
def test_samples_are_compared(value, subject):
    sample = FormulaSample(
        (event("evidence.accepted", WORK), event("evidence.accepted", {**WORK, "work": "b"})), value, subject
    )
    suite = suite_of(broken.Broken(), samples=(sample,))
    if subject:
        suite.test_samples_give_their_values()
        return
    with pytest.raises(Nonconformance, match=rf"gives 2\.0 and not {value} for 2 events"):
        suite.test_samples_give_their_values()


class TestRating(FormulaSuite):
    """A formula that uses all that it may raises no false alarm."""

    formula = broken.Rating()
    event_kinds = (broken.LAP,)
    lowest = 0
    highest = 20_000
    at_first = (1000.0,)
    others = (broken.Rating(base=900.0), broken.Rating(weights=(1.0, 3.0)))
    samples = (
        FormulaSample((event("evidence.accepted", WORK, at=START),), 1693.1471805599453, inputs={"level": None}),
        FormulaSample(
            (event("evidence.accepted", WORK, at=START),), 2693.1471805599453, inputs={"level": 250.0}, label="rated"
        ),
    )
