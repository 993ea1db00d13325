"""The bar of the attempt model: what fails it."""

from msgspec import structs

from benchmarks.truth.attempts import failures
from skillcore.insight.attempts.judging import Judgement, Tenth

GOOD = Judgement(
    answers=100,
    auc=0.78,
    rmse=0.41,
    calibrated=True,
    calibration=(Tenth(answers=100, predicted=0.5, happened=0.52, allowed=0.03),),
)


def test_what_meets_the_bar_fails_nothing():
    assert failures(GOOD) == []


def test_each_miss_is_named():
    off = structs.replace(GOOD.calibration[0], happened=0.54)
    missed = failures(structs.replace(GOOD, auc=0.7709, rmse=0.4221, calibration=(*GOOD.calibration, off)))
    assert missed == [
        "auc 0.7709 is below 0.771",
        "rmse 0.4221 is above 0.422",
        "of 100 answers 0.540 were right, and 0.500 was said",
    ]
