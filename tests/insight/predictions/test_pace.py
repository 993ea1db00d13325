"""What the model of somebody's pace takes the future to hold."""

from __future__ import annotations

import numpy as np
import pytest

from skillcore.insight.predictions.pace import LEVELS, MODELS, Habits, Known, walked

DAYS = 700


def test_who_is_at_work_will_be_away_as_often_as_the_pauses_say() -> None:
    # One model alone: the pace jumps with a deviation of 0.3 about the usual one, and one day in forty a pause begins.
    (model,) = [place for place, one in enumerate(MODELS) if one == (1 / 30, 0.3, 0.0, 1 / 40)]
    weights = np.zeros((4, len(MODELS), len(LEVELS)))
    weights[0, model, len(LEVELS) // 2] = 1.0
    known = Known(Habits(np.ones(7), intensity=0.5, amount=2.0, variation=0.5), weights)
    ahead = walked(known, first_weekday=0, days=DAYS, enough=1e9).expected
    # Pauses take 0.5·4 + 0.49·11 + 0.01·40 = 7.79 days, so 40 of 47.79 days are worked, at a pace of 0.5·2 = 1 a day times the
    # mean of what is lognormal, e^(0.3²/2 + 0.4²/24) = 1.05: a cell of the grid stands for paces spread evenly over 0.4.
    assert float(ahead[-1].mean()) / DAYS == pytest.approx(40 / 47.79 * 1.05, rel=0.04)
    # Of 300 courses, e^(-10/40) have no pause that begins in the first ten days.
    worked = (np.diff(ahead[:11], axis=0) > 0).all(axis=0)
    assert float(worked.mean()) == pytest.approx(np.exp(-10 / 40), abs=0.07)
