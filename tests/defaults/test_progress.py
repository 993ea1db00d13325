"""Mastery, readiness, improvement and working difficulty under the whole suite, with sums by hand."""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from skillcore.defaults.improvement import Improvement, ImprovementSettings
from skillcore.defaults.mastery import Mastery, MasterySettings
from skillcore.defaults.readiness import Readiness, ReadinessSettings
from skillcore.defaults.working_difficulty import WorkingDifficulty, WorkingDifficultySettings
from skillcore.testing import FormulaSample, FormulaSuite, event

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)


def activity(score, days=0.0, via="platform", skills=("loops",), module=""):
    data = {"type": "quiz", "module": module} | ({} if score is None else {"score": score})
    made = event("session.activity", data, skills=skills, at=MONDAY + timedelta(days=days))
    return structs.replace(made, via=via)


def scores(*given, **more):
    return tuple(activity(score, days, **more) for days, score in enumerate(given))


def work(difficulty, days=0.0, skills=("loops",)):
    data = {"source": "gym", "account": "gym:7", "work": f"{days}", "strength": "judged", "difficulty": difficulty}
    return event("evidence.accepted", data, skills=skills, at=MONDAY + timedelta(days=days))


class TestMastery(FormulaSuite):
    formula = Mastery()
    lowest, highest = 0, 100
    others = (Mastery(MasterySettings(half_life=1)), Mastery(MasterySettings(full=1)), Mastery(MasterySettings(spread=0.1)))
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(80), 80 * 1 * 1 / 20, subject="loops"),
        FormulaSample((work(3.0),), 100 * 1 / 20, subject="loops"),
        FormulaSample(scores(*[60] * 20), 60.0, subject="loops"),
        FormulaSample(scores(*[60] * 230), 60.0, subject="loops"),
        FormulaSample(scores(*[0] * 40), 0.0, subject="loops"),
        # 0 and 100: s = 0.5, so consistency is 1/2; the later weighs 1, the earlier 0.5^(1/10) = 0.9330329915368074
        FormulaSample(scores(0, 100), 100 * (1 / 1.9330329915368074) * 0.5 * 0.1, subject="loops"),
        # 40 and 80: s = 0.2, consistency 1 - 0.4/2 = 0.8
        FormulaSample(
            scores(40, 80), 100 * ((0.4 * 0.9330329915368074 + 0.8) / 1.9330329915368074) * 0.8 * 0.1, subject="loops"
        ),
        FormulaSample((activity(90, via="page"), activity(90, via="edge"), activity(None)), None, subject="loops"),
        FormulaSample(scores(80, skills=("loops", "graphs")), 4.0, subject="graphs"),
    )


class TestReadiness(FormulaSuite):
    formula = Readiness()
    lowest, highest = 0, 100
    others = (
        Readiness(ReadinessSettings(advanced=60)),
        Readiness(ReadinessSettings(advanced_below=40)),
        Readiness(ReadinessSettings(proficient=55)),
        Readiness(ReadinessSettings(proficient_below=1)),
        Readiness(ReadinessSettings(developing=90)),
    )
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(85, 85, 85, 85, 85), 85.0, label="advanced"),
        FormulaSample(scores(84, 85, 85, 85, 85), 84.8, label="proficient"),
        FormulaSample(scores(10, 85, 85, 85, 85, 85), 85.0, label="advanced"),  # the sixth is forgotten
        FormulaSample(scores(80, 100), 90.0, label="proficient"),  # s = 10 is not below 10
        FormulaSample(scores(81, 99), 90.0, label="advanced"),  # s = 9
        FormulaSample(scores(55, 85), 70.0, label="developing"),  # s = 15 is not below 15
        FormulaSample(scores(56, 84), 70.0, label="proficient"),  # s = 14
        FormulaSample(scores(50), 50.0, label="developing"),
        FormulaSample(scores(49.9), 49.9, label="beginner"),
        FormulaSample(scores(90, module="sql"), 90.0, subject="module:sql", label="advanced"),
        FormulaSample((activity(100, via="page"),), None),
    )


class TestImprovement(FormulaSuite):
    formula = Improvement()
    others = (Improvement(ImprovementSettings(last=2)),)
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample(scores(50), None),
        FormulaSample((activity(50, 0), activity(90, 0)), None),  # both at one moment
        FormulaSample(scores(50, 52, 54), 14.0),  # two points a day
        FormulaSample(scores(50, 52, 0, 56), (14 + 14) / 2 + 0, subject="loops"),
        FormulaSample((activity(40, 0), activity(60, 14)), 10.0),
        FormulaSample((activity(40, 0, module="sql"), activity(60, 14, module="sql")), 10.0, subject="module:sql"),
        FormulaSample((activity(40, 0), activity(60, 14, via="page")), None),
    )


class TestWorkingDifficulty(FormulaSuite):
    formula = WorkingDifficulty()
    lowest, highest = 1, 10
    others = (WorkingDifficulty(WorkingDifficultySettings(last=1)),)
    samples = (
        FormulaSample((), None, at=MONDAY),
        FormulaSample((work(None),), None),
        FormulaSample((work(4.0, 0), work(7.0, 1)), 5.5),
        FormulaSample((work(4.0, 0), work(None, 1), work(9.0, 2), work(5.0, 3)), 5.0, subject="loops"),
        FormulaSample((work(10.0, 0), *(work(2.0, day) for day in range(1, 11))), 2.0),  # ten are looked at
        FormulaSample(tuple(work(2.0 if day < 6 else 8.0, day) for day in range(16)), 8.0),  # the latest ten
    )
