"""Strong and weak skills: what stands out by more than chance, and nothing else."""

from __future__ import annotations

import random

from skillcore.insight.predictions.areas import Practised, areas


def of(skill: str, attempts: int, mean: float, spread: float = 0.0, chance: float | None = None) -> Practised:
    return Practised(skill=skill, name=skill.title(), attempts=attempts, mean=mean, spread=spread, mastery=None, chance=chance)


def test_what_lies_three_errors_apart_stands_out() -> None:
    # The mean of all is 70, their deviation √(40·400/44) = 19.1, and three errors of twenty attempts 3·19.1/√20 = 12.8
    found = areas([of("graphs", 20, 90.0), of("loops", 20, 50.0), of("tries", 4, 70.0)])
    assert [(area.skill, area.kind) for area in found][:2] == [("loops", "weak"), ("graphs", "strong")]
    assert (found[2].skill, found[2].kind) == ("tries", "unknown")
    assert found[2].reasons == ("4 of the 5 attempts that it takes to judge",)


def test_reasons_name_the_numbers() -> None:
    # 14 attempts: centre 70, deviation 10 within each and 0 between them; 3 · 10/√7 = 11.3
    found = areas([of("graphs", 7, 70.0, 10.0, 0.75), of("loops", 7, 70.0, 10.0)])
    assert found[1].reasons == (
        "70 on average over 7 attempts; 70 over all skills",
        "within 11 points, which chance explains",
        "the next attempt is expected to succeed with a probability of 75%",
    )


def test_the_least_expected_success_comes_first() -> None:
    found = areas([of("a", 9, 50.0, 40.0, 0.9), of("b", 9, 50.0, 40.0, 0.2), of("c", 9, 50.0, 40.0)])
    assert [area.skill for area in found] == ["b", "c", "a"]


def test_nobody_has_no_areas() -> None:
    assert areas([]) == []


def test_noise_does_not_rank() -> None:
    drawn = random.Random(5)
    standing_out = 0
    for _ in range(400):
        skills = []
        for name in "abcdef":
            scores = [100.0 * (drawn.random() < 0.7) for _ in range(20)]
            mean = sum(scores) / 20
            skills.append(of(name, 20, mean, (sum((one - mean) ** 2 for one in scores) / 20) ** 0.5))
        standing_out += any(area.kind in {"strong", "weak"} for area in areas(skills))
    assert standing_out <= 20  # 5% of the people
