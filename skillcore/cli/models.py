"""``skillcore models``: what the service's own data teach its predictions.

The model behind the formula `attempt` is trained, and judged on answers that it has not seen; forecasts of completion are held
against what came of those of the past.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from skillcore.cli.commands import Commands
from skillcore.cli.looking import OPERATOR
from skillcore.cli.printing import as_json
from skillcore.cli.reaching import on_database
from skillcore.defaults.attempts.model import Model, UnusableModel, generic, read_model
from skillcore.insight.attempts.answers import TEST_FILE, TRAIN_FILE, Answers, UnreadableAnswers, read_answers
from skillcore.insight.attempts.judging import Judgement, judged
from skillcore.insight.attempts.ledger import answers_of_ledger
from skillcore.insight.attempts.training import predictions, trained
from skillcore.insight.predictions.completion import NONE, Correction
from skillcore.insight.predictions.experience import looked_back
from skillcore.insight.predictions.facts import Measure
from skillcore.insight.predictions.hindsight import LEAST_LOOKS, Look, correction, held
from skillcore.runtime.engine import Engine

__all__ = ["Evaluation", "Hindsight", "Holding", "hindsight", "register"]

OUT = Path("model.json")

LEAST_LEARNERS, LEAST_PEOPLE = 1, 5
"""Who has a folder has its answers. What is learned of the service's own people names nothing that only a few of them tried."""

LEAST_ANSWERS = 100
"""Fewer say nothing of anybody, and a model made of them says nothing of their answers either."""

PEOPLE = 1000
LEVEL = 0.8


class Evaluation(Struct, frozen=True, kw_only=True):
    """How good a model is on answers that it has not seen.

    Attributes:
        shipped: the same, of the model that comes with the engine, which has seen none of the folder's answers.
        learners: whose answers these are.
        shared_learners: of them, who stand in the file for training too, and go on from there.
    """

    model: Judgement
    shipped: Judgement
    learners: int
    shared_learners: int
    seconds: float


class Holding(Struct, frozen=True, kw_only=True):
    """How many intervals of former forecasts held the day that came.

    Attributes:
        forecasts: of which it is known, because the day came, or the interval was over without it.
        held: of these.
        corrected: of these, had they been corrected.
    """

    forecasts: int
    held: int
    corrected: int


class Hindsight(Struct, frozen=True, kw_only=True):
    """What forecasts of the past teach.

    Attributes:
        forecasts: that were made of the past.
        level: of the intervals.
        measures: by what was counted.
    """

    correction: Correction
    forecasts: int
    level: float
    measures: Mapping[Measure, Holding]


def register(commands: Commands) -> None:
    """Add the commands."""
    group = commands.group("models", summary="what the service's own data teach its predictions")
    train = group.add(
        "train",
        run_train,
        summary=f"train a model on {TRAIN_FILE} of a folder, or on this service's own ledger",
        details="Name the file that it writes in [plugins.defaults.attempt] model. It takes the place of what FILE held;\n"
        f"where no FILE is named, {OUT} is written, and only a model is replaced.\n\n"
        "exit codes: 0 done, 2 the command line, the configuration or the answers cannot be used,\n"
        "3 the database cannot be reached or used, 130 interrupted",
    )
    train.add_argument("directory", metavar="DIR", nargs="?", type=Path, help=f"folder with {TRAIN_FILE}")
    train.add_argument("--ledger", action="store_true", help="train on the attempts in this service's ledger")
    train.add_argument("--out", metavar="FILE", type=Path, help=f"where to write the model (default: {OUT})")
    train.add_argument("--generic", action="store_true", help="name no item and no skill, for use elsewhere")
    train.add_argument(
        "--least-learners",
        metavar="N",
        type=_positive,
        help=f"name only items and skills that so many tried (default: {LEAST_LEARNERS}; with --ledger {LEAST_PEOPLE})",
    )
    evaluate = group.add(
        "evaluate",
        run_evaluate,
        summary=f"train on {TRAIN_FILE} of a folder, and judge the model on its {TEST_FILE}",
        details="The model is the one that `skillcore models train DIR` writes with the same --least-learners. Learners\n"
        "in both files go on from what they answered before. Tenths of the predictions that are not calibrated are named.\n\n"
        "exit codes: 0 done, 1 with --strict, if a tenth is not calibrated, 2 the folder cannot be used, 130 interrupted",
    )
    back = group.add(
        "forecasts",
        run_forecasts,
        summary="hold forecasts of completion against what came, and print how to correct those to come",
        details="Forecasts are made anew of what the ledger knew on former days. Write the two figures that are printed\n"
        "under [forecasts] in the configuration.\n\n"
        "exit codes: 0 done, 2 the command line or the configuration cannot be used, or there is too little to look back on,\n"
        "3 the database cannot be reached or used, 130 interrupted",
    )
    back.add_argument(
        "--people", metavar="N", type=_positive, default=PEOPLE, help="look at so many people at most (default: %(default)s)"
    )
    back.add_argument("--json", action="store_true", help="print JSON")
    evaluate.add_argument("directory", metavar="DIR", type=Path, help="folder with both files")
    evaluate.add_argument(
        "--least-learners",
        metavar="N",
        type=_positive,
        default=LEAST_LEARNERS,
        help="judge a model that names only items and skills that so many tried (default: %(default)s)",
    )
    evaluate.add_argument("--strict", action="store_true", help="end with 1 if a tenth of the predictions is not calibrated")
    evaluate.add_argument("--json", action="store_true", help="print JSON")


def run_train(options: argparse.Namespace) -> int:
    """Train a model and write it."""
    if (options.directory is None) != options.ledger:
        print("models train: name a folder, or --ledger, and not both", file=sys.stderr)
        return 2
    if options.ledger:

        async def work(engine: Engine) -> int:
            return _train(await answers_of_ledger(engine, _progress()), options)

        return on_database(options, work)
    try:
        return _train(read_answers(options.directory / TRAIN_FILE), options)
    except UnreadableAnswers as error:
        print(error, file=sys.stderr)
        return 2


def run_evaluate(options: argparse.Namespace) -> int:
    """Train, judge, and print how good it is."""
    started = time.monotonic()
    try:
        train, test = (read_answers(options.directory / name) for name in (TRAIN_FILE, TEST_FILE))
    except UnreadableAnswers as error:
        print(error, file=sys.stderr)
        return 2
    model = trained(train, least_learners=options.least_learners, report=_progress())
    found = Evaluation(
        model=judged(test.correct, predictions(model, test, train)),
        shipped=judged(test.correct, predictions(generic(), test, train)),
        learners=len(test.learner_names),
        shared_learners=len(set(test.learner_names) & set(train.learner_names)),
        seconds=round(time.monotonic() - started, 1),
    )
    if options.json:
        print(as_json(_figures(found, model)))
    else:
        _show(found, model)
    for number, tenth in enumerate(found.model.calibration, 1):
        if not tenth.holds:
            print(
                f"not calibrated: tenth {number} of the predictions said {tenth.predicted:.3f}, {tenth.happened:.3f} happened,"
                f" and they may lie {tenth.allowed:.3f} apart",
                file=sys.stderr,
            )
    return 1 if options.strict and not found.model.calibrated else 0


def run_forecasts(options: argparse.Namespace) -> int:
    """Look back, and print what it teaches."""

    async def work(engine: Engine) -> int:
        found = await looked_back(engine, OPERATOR, options.people, _progress())
        count = sum(map(len, found.values()))
        if count < LEAST_LOOKS:
            print(
                f"there are {count} forecasts to look back on, and {LEAST_LOOKS} are needed at least: people with a month of"
                " history have one, and with two months and more up to four",
                file=sys.stderr,
            )
            return 2
        taught = hindsight(found)
        print(as_json(msgspec.to_builtins(taught)) if options.json else "\n".join(_told(taught)))
        return 0

    return on_database(options, work)


def hindsight(found: Mapping[Measure, Sequence[Look]]) -> Hindsight:
    """Return what forecasts of the past teach, of which there is at least one."""
    best = correction([look for made in found.values() for look in made], len(found))
    best = Correction(round(min(max(best.shift, -1.0), 1.0), 3), round(min(max(best.scale, 0.5), 2.0), 3))
    measures = {}
    for measure, made in found.items():
        known, as_they_were = held(made, LEVEL, NONE)
        measures[measure] = Holding(forecasts=known, held=as_they_were, corrected=held(made, LEVEL, best)[1])
    return Hindsight(correction=best, forecasts=sum(map(len, found.values())), level=LEVEL, measures=measures)


def _told(taught: Hindsight) -> Iterator[str]:
    yield f"of {taught.forecasts} forecasts of the past, intervals of {taught.level:.0%} would have held the day that came:"
    for measure, one in taught.measures.items():
        if one.forecasts:
            before, after = one.held / one.forecasts, one.corrected / one.forecasts
            yield f"  {measure:<9}{before:6.1%} of {one.forecasts}, {after:.1%} corrected"
    yield "to correct those to come, write into the configuration:"
    yield ""
    yield "[forecasts]"
    yield f"shift = {taught.correction.shift}"
    yield f"scale = {taught.correction.scale}"


def _train(answers: Answers, options: argparse.Namespace) -> int:
    if len(answers) < LEAST_ANSWERS:
        print(f"there are {len(answers)} attempts that count, and {LEAST_ANSWERS} are needed at least", file=sys.stderr)
        return 2
    out = options.out
    if out is None:
        out = OUT
        try:
            if out.exists():
                read_model(out)
        except UnusableModel:
            print(
                f"{out.absolute()} holds no model of this version, and is left as it is; name with --out where to write",
                file=sys.stderr,
            )
            return 2
    least = options.least_learners or (LEAST_PEOPLE if options.ledger else LEAST_LEARNERS)
    model = trained(answers, least_learners=least, generic=options.generic, report=_progress())
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(model, order="sorted"), indent=1) + b"\n")
    except OSError as error:
        print(f"{out} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{out.absolute()}: {_named(model)}; trained on {_seen(model)}")
    return 0


def _named(model: Model) -> str:
    if not model.items and not model.skills:
        return f"model {model.digest()}, which names no item and no skill"
    seen, tried = model.trained_on, "one learner" if model.least_learners == 1 else f"{model.least_learners} learners"
    return (
        f"model {model.digest()}, which names {len(model.items)} of {seen.items} items and {len(model.skills)} of {seen.skills}"
        f" skills: those that {tried} tried at least"
    )


def _seen(model: Model) -> str:
    seen = model.trained_on
    return f"{seen.answers} answers by {seen.learners} learners to {seen.items} items on {seen.skills} skills"


def _figures(found: Evaluation, model: Model) -> dict[str, object]:
    best = found.model
    return {
        "auc": best.auc,
        "rmse": best.rmse,
        "calibrated": best.calibrated,
        "calibration": [{**msgspec.to_builtins(tenth), "holds": tenth.holds} for tenth in best.calibration],
        "answers": best.answers,
        "learners": found.learners,
        "shared_learners": found.shared_learners,
        "model": model.digest(),
        "least_learners": model.least_learners,
        "named": {"items": len(model.items), "skills": len(model.skills)},
        "shipped": {"auc": found.shipped.auc, "rmse": found.shipped.rmse},
        "trained_on": msgspec.to_builtins(model.trained_on),
        "seconds": found.seconds,
    }


def _show(found: Evaluation, model: Model) -> None:
    best = found.model
    print(f"trained on  {_seen(model)}")
    print(f"judged on   {best.answers} answers by {found.learners} learners, in {found.seconds} s")
    print(f"in both     {found.shared_learners} learners, who go on from what they answered before")
    print(f"judged is   {_named(model)}")
    for name, judgement in (("model", best), ("shipped", found.shipped)):
        auc = "-" if judgement.auc is None else f"{judgement.auc:.4f}"
        print(f"{name:<11} auc {auc}, rmse {judgement.rmse:.4f}")
    print("\ncalibration, by tenths of the predictions")
    print("predicted  happened  allowed  answers")
    for tenth in best.calibration:
        line = f"{tenth.predicted:9.3f}  {tenth.happened:8.3f}  {tenth.allowed:7.3f}  {tenth.answers:7d}"
        print(line if tenth.holds else f"{line}  too far")


def _progress() -> Callable[[str], None]:
    started = time.monotonic()
    return lambda line: print(f"{time.monotonic() - started:6.1f} s  {line}", file=sys.stderr, flush=True)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it is 1 or more")
    return number
