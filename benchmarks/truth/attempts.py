"""``python -m benchmarks.truth.attempts``: the model of the next attempt against the figures of Best-LR.

Exit codes: 0 the bar is met, 1 it is not, 77 the data is not there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skillcore.insight.attempts.answers import TEST_FILE, TRAIN_FILE, read_answers
from skillcore.insight.attempts.judging import Judgement, judged
from skillcore.insight.attempts.training import predictions, trained

__all__ = ["DATA", "LEAST_AUC", "MOST_RMSE", "failures"]

DATA = Path(__file__).parents[3] / "shared" / "data" / "learning" / "assistments09"
LEAST_AUC, MOST_RMSE = 0.771, 0.422
"""Of logistic regression on items, skills and counts, on the same split."""

SKIPPED = 77


def failures(found: Judgement) -> list[str]:
    """Return what misses the bar."""
    wrong = []
    if found.auc is None or found.auc < LEAST_AUC:
        wrong.append(f"auc {found.auc} is below {LEAST_AUC}")
    if found.rmse > MOST_RMSE:
        wrong.append(f"rmse {found.rmse} is above {MOST_RMSE}")
    wrong += [
        f"of {tenth.answers} answers {tenth.happened:.3f} were right, and {tenth.predicted:.3f} was said"
        for tenth in found.calibration
        if not tenth.holds
    ]
    return wrong


def main() -> int:
    """Train, judge, and say whether the bar is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth.attempts", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=DATA, help="folder of answers (default: %(default)s)")
    directory: Path = parser.parse_args().directory
    if not (directory / TRAIN_FILE).is_file():
        print(f"skipped: there is no {directory / TRAIN_FILE}")
        return SKIPPED
    train, test = read_answers(directory / TRAIN_FILE), read_answers(directory / TEST_FILE)
    found = judged(test.correct, predictions(trained(train), test, train))
    print(f"auc {found.auc:.4f} (at least {LEAST_AUC}), rmse {found.rmse:.4f} (at most {MOST_RMSE})")
    for tenth in found.calibration:
        print(f"said {tenth.predicted:.3f}, happened {tenth.happened:.3f}, allowed {tenth.allowed:.3f}")
    wrong = failures(found)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
