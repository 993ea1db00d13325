"""Answers of learners who never were: abilities, skills and items drawn, and answers drawn by the logistic model from them."""

import math
import random
from pathlib import Path

from skillcore.insight.attempts.answers import Answer, Answers, gathered

HEADING = "user_id\titem_id\ttimestamp\tcorrect\tskill_id\n"


def rows(seed: int, learners: int = 150, each: int = 40, *, first: int = 0) -> list[Answer]:
    """Return answers to 60 items on 6 skills, each item of one difficulty, by learners who get better on what they practise."""
    world, chance = random.Random("items"), random.Random(seed)
    hard = [world.gauss(0, 1.0) for _ in range(60)]
    found = []
    for learner in range(first, first + learners):
        ability = chance.gauss(0.5, 1.0)
        practised = [0] * 6
        for turn in range(each):
            item = chance.randrange(60)
            skill = item % 6
            logit = ability - hard[item] + 0.1 * practised[skill]
            right = chance.random() < 1 / (1 + math.exp(-logit))
            found.append(Answer(f"u{learner}", f"i{item}", (f"s{skill}",), turn * 60.0, float(right)))
            practised[skill] += 1
    return found


def answers(seed: int, **more: int) -> Answers:
    return gathered(rows(seed, **more))


def written(path: Path, found: list[Answer]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{row.learner}\t{row.item}\t{row.at:g}\t{row.correct:g}\t{'~~'.join(row.skills)}\n" for row in found]
    path.write_text(HEADING + "".join(lines), encoding="utf-8")
    return path
