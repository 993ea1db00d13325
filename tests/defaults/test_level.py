"""The level under the whole suite, with sums by hand."""

from skillcore.defaults.level import Level, LevelSettings
from skillcore.testing import FormulaSample, FormulaSuite, event


def work(name, difficulty=None, strength="judged", skills=()):
    data = {"source": "gym", "account": "gym:7", "work": name, "strength": strength, "difficulty": difficulty}
    return event("evidence.accepted", data, skills=skills)


def task(work, difficulty, by="mentor", known=None):
    done = {"subject": f"gym:7:{work}", "difficulty": known, "strength": "judged"}
    data = {"works": [done], "difficulty": difficulty, "declared_by": by}
    return event("task.completed", data, subject_id=f"task-of-{work}")


class TestLevel(FormulaSuite):
    formula = Level()
    lowest = 0
    others = (
        Level(LevelSettings(normalisation=20)),
        Level(LevelSettings(unknown_difficulty=2)),
        Level(LevelSettings(asserted_weight=1)),
    )
    samples = (
        FormulaSample((work("a", 4.0),), 0.4),
        FormulaSample((work("a", 4.0, "asserted"),), 0.2),
        FormulaSample((work("a", 4.0), work("b")), 0.4 + 0.1),
        FormulaSample((work("a"), task("a", 7.0)), 0.7),
        FormulaSample((work("a"), task("a", 7.0, by=None)), 0.1),
        FormulaSample((work("a", 2.0), task("a", 7.0, known=2.0)), 0.2),
        FormulaSample((work("a", 4.0, skills=["loops"]), work("b", 2.0)), 0.4, subject="loops"),
    )
