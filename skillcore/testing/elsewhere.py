"""What a rule or formula gives for events, as bytes: here, or as a program of its own, in another process.

As a program it is started by its path and reads its work from standard input. Then it imports the contract alone, so that it
starts quickly, and nothing is there but what the object brings with it.
"""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import msgspec
from msgspec import structs

from skillcore.plugin import Event, Reading, Score, ScoringFormula, SignalRule

__all__ = ["SOLVED", "derived", "results"]

encode = msgspec.json.Encoder(order="sorted").encode

SOLVED, UNMADE, RAISED = b"solved\n", b"unmade\n", b"raised\n"
"""How what comes back from another process begins."""

LATER = timedelta(days=1)


def results(tried: SignalRule | ScoringFormula[Any], histories: Sequence[Sequence[Event]], inputs: Any) -> bytes:
    """Return what comes of each history, one a line: signals, or states and values."""
    if isinstance(tried, SignalRule):
        return b"\n".join(encode([derived(tried, event) for event in history]) for history in histories)
    return b"\n".join(encode(_scored(tried, history, inputs)) for history in histories)


def derived(rule: SignalRule, event: Event) -> list[Any]:
    """Return the signals of an event, as a list."""
    return list(rule.derive(event))


def _scored(formula: ScoringFormula[Any], history: Iterable[Event], inputs: Any) -> Any:
    states: dict[str, Any] = {}
    at = None
    for event in history:
        for subject in formula.subjects(event):
            state = states.get(subject)
            states[subject] = formula.apply_to(subject, formula.state() if state is None else state, event)
        at = event.occurred_at + LATER
    if at is None:
        return {}
    values = {subject: formula.value(state, _reading(formula, at, subject, inputs)) for subject, state in states.items()}
    # The order of subjects is that of the fold; a dict of states in that order is part of what must be the same.
    return [dict(formula.parameters()), list(states), states, values]


def _reading(formula: ScoringFormula[Any], at: datetime, subject: str, inputs: Mapping[str, Score]) -> Reading:
    bare = Reading(at, subject)
    return structs.replace(
        bare, inputs={name: dict.fromkeys(asked, inputs[name]) for name, asked in formula.asks(bare).items()}
    )


class Given(MetaPathFinder):
    """Finds modules by the files that they had in the other process, such as those of tests, which no path leads to."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where a module is."""
        file = self.files.get(fullname)
        return importlib.util.spec_from_file_location(fullname, file) if file else None


def main() -> None:
    """Do the work that standard input describes, and write what came of it."""
    work = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one # nosec B301
    output = sys.stdout.buffer
    sys.stdout = sys.stderr  # what plugins print does not mingle with the answer
    sys.path[:] = work["path"]
    sys.meta_path.append(Given(work["files"]))
    try:
        tried, histories, inputs = pickle.loads(work["tried"])  # noqa: S301 - as above # nosec B301
    except BaseException as error:  # noqa: BLE001 - whatever it is, the other process tells it
        output.write(UNMADE + f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace"))
        return
    try:
        output.write(SOLVED + results(tried, histories, inputs))
    except BaseException as error:  # noqa: BLE001
        output.write(RAISED + f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace"))


if __name__ == "__main__":
    main()
