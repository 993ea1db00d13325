"""Every promise that a rule may break is broken once, and the test that guards it says so."""

import pytest

from skillcore.testing import Nonconformance, RuleSample, RuleSuite, event
from skillcore.testing.memory import changed, package_memory
from tests.testing import broken_rules as broken

PURE = "test_it_is_pure"
TIME_AGAIN = "test_it_gives_the_same_every_time"
ELSEWHERE = "test_it_gives_the_same_in_every_process"
SOUND = "test_its_signals_are_sound"


def suite_of(rule, **attributes):
    return type("Suite", (RuleSuite,), {"rule": rule, **attributes})()


def refusal(rule, test, **attributes):
    with pytest.raises(Nonconformance) as caught:
        getattr(suite_of(rule, **attributes), test)()
    said = str(caught.value)
    assert said.startswith(f"{rule.name}: ")
    assert ". Remedy: " in said
    return said


@pytest.mark.parametrize(
    ("rule", "does", "remedy"),
    [
        (broken.ReadsClock, "reads the clock: datetime.now", "event.occurred_at"),
        (broken.ReadsToday, "reads the clock: date.today", "event.occurred_at"),
        (broken.ReadsTimeByAnotherName, "reads the clock: time.time", "event.occurred_at"),
        (broken.UsesRandom, "asks chance: random.random", "its id"),
        (broken.UsesRandomDeepDown, "asks chance: random.getrandbits by way of random.Random._randbelow", "its id"),
        (broken.UsesUnseededRandom, "asks chance: random.Random()", "its id"),
        (broken.UsesSecrets, "asks chance: os.urandom by way of random.SystemRandom", "its id"),
        (broken.UsesUuid, "asks chance: os.urandom by way of uuid.uuid4", "its id"),
        (broken.OpensFile, "reaches outside: open", "out of its settings"),
        (broken.WritesFile, "reaches outside: open", "out of its settings"),
        (broken.LooksForFile, "reaches outside: posix.stat", "out of its settings"),
        (broken.ReadsEnvironment, "looks at the environment: os.environ['ACME_WEIGHT']", "settings"),
        (broken.Connects, "reaches outside: socket.", "out of its settings"),
        (broken.StartsProgram, "reaches outside: ", "out of its settings"),
        (broken.StartsThread, "reaches outside: _thread.start_new_thread", "out of its settings"),
        (broken.Prints, "prints or reads: print", "leave printing and logging to the engine"),
        (broken.Logs, "reads the clock: time.time by way of logging.LogRecord.__init__", "event.occurred_at"),
        (broken.SetsContext, "changes a context variable: caller.set", "keep nothing between two calls"),
    ],
)
def test_the_guard_says_which_call_is_made_where_and_what_to_do(rule, does, remedy):
    said = refusal(rule(), PURE)
    assert f"is not pure, it {does}" in said
    method = "do" if hasattr(rule, "do") else "weigh" if hasattr(rule, "weigh") else "derive"
    assert f"{broken.__file__}:" in said
    assert f" in {rule.__name__}.{method}" in said
    assert remedy in said.partition("Remedy: ")[2]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        (broken.CountsGlobally, f"the global tests.testing.broken_rules.counted at {broken.__file__}:"),
        (broken.CollectsGlobally, "the global tests.testing.broken_rules.SEEN"),
        (broken.NumbersGlobally, "the global tests.testing.broken_rules.NUMBERS"),
        (broken.UsesSharedRandom, "the global tests.testing.broken_rules.CHANCE"),
        (broken.KeepsInItsClass, "the global tests.testing.broken_rules.KeepsInItsClass.seen"),
        (broken.KeepsInADefault, "the global tests.testing.broken_rules.KeepsInADefault.do() defaults"),
        (broken.KeepsInItself, "its own attribute 'number'"),
    ],
)
def test_the_guard_names_what_is_remembered(rule, what):
    said = refusal(rule(), PURE)
    assert f"is not pure, it changes {what}" in said


def test_what_a_program_would_do_is_not_done(tmp_path):
    rule = broken.WritesFile()
    rule.target = tmp_path / "written"
    refusal(rule, PURE)
    assert not rule.target.exists()


@pytest.mark.parametrize(
    ("rule", "test", "wrong", "remedy"),
    [
        (broken.CountsGlobally, TIME_AGAIN, "gives something else when asked again", "keep nothing between two calls"),
        (broken.NumbersGlobally, TIME_AGAIN, "gives something else when asked again", "keep nothing between two calls"),
        (broken.KeepsInItself, TIME_AGAIN, "gives something else when asked again", "keep nothing between two calls"),
        (broken.UsesUuid, TIME_AGAIN, "gives something else when asked again", "keep nothing between two calls"),
        (broken.GoesThroughASet, ELSEWHERE, "gives something else in another process", "sorted() order"),
        (broken.Hashes, ELSEWHERE, "gives something else in another process", "hash()"),
        (broken.UsesLocalTime, ELSEWHERE, "gives something else in another process", "time zone"),
        (broken.UsesRandom, ELSEWHERE, "gives something else in another process", "sorted() order"),
        (broken.NeedsSkills, "test_it_takes_any_event", "raises IndexError", "no skills"),
        (broken.Exits, "test_it_takes_any_event", "raises SystemExit: no skills", "no skills"),
        (broken.ChangesEvents, "test_it_leaves_its_events_alone", "changes an event", "copy lists and dicts"),
        (broken.WeighsNothing, SOUND, "the weight nan", "finite weight"),
        (broken.NamesOddSource, SOUND, "club", "SourceType"),
        (broken.LeavesMentorship, SOUND, "signals of mentorship, which the ledger never keeps", "another source type"),
        (broken.NamesNoSkill, SOUND, "a signal on the skill ''", "by its id"),
        (broken.LeavesTexts, SOUND, "leaves a str", "return SkillSignals"),
        (broken.HasNoVersion, "test_it_is_well_formed", "version must be a whole number from 1 on", "what the message asks"),
        (broken.MisspeltKind, "test_its_kinds_exist", "'platform.volunteerd', which nobody offers", "event_kinds"),
    ],
)
def test_each_other_promise_has_its_test(rule, test, wrong, remedy):
    said = refusal(rule(), test)
    assert wrong in said
    assert remedy in said.partition("Remedy: ")[2]


def test_samples_are_compared():
    seen = event("platform.volunteered", subject_id="kitchen", skills=["cooking"])
    said = refusal(broken.Broken(), "test_samples_leave_their_signals", samples=(RuleSample(seen),))
    assert "leaves [SkillSignal(skill_id='cooking'" in said
    assert "and not []" in said


def test_an_object_that_cannot_travel_is_told_what_to_be():
    rule = broken.Broken()
    rule.weigh = lambda: 1
    assert "cannot be handed to another process" in refusal(rule, ELSEWHERE)


class Holder:
    kept = broken.Careful()


def test_what_a_cached_property_keeps_is_no_memory_wherever_its_object_lies():
    before = package_memory(Holder.kept)
    assert Holder.kept.pattern
    assert changed(before, package_memory(Holder.kept)) == []


class TestCareful(RuleSuite):
    """None of the purity that the standard library offers raises a false alarm."""

    rule = broken.Careful()
    event_kinds = (broken.LAP,)
