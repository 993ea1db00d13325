"""Answers of many learners, for training and judging: read from a file, or put together one by one."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

__all__ = ["COLUMNS", "TEST_FILE", "TRAIN_FILE", "Answer", "Answers", "UnreadableAnswers", "gathered", "read_answers"]

TRAIN_FILE = "preprocessed_data_train.csv"
TEST_FILE = "preprocessed_data_test.csv"
COLUMNS = ("user_id", "item_id", "timestamp", "correct", "skill_id")

NO_SKILL = frozenset({"", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A", "<NA>", "None", "none", "NULL", "Null", "null"})
"""What programs write for nothing."""

OUTCOMES = {"true": 1.0, "false": 0.0}
"""In small letters; beside these, numbers that are 0 or 1."""

SEVERAL = "~~"
"""What stands between skills where one row names several."""

WHOLE = re.compile(r"(\d+)\.0", re.ASCII)
"""A whole number as a program writes it that keeps a column with gaps as fractions: 41.0 is the id 41."""


class UnreadableAnswers(Exception):
    """A file of answers that is not there, or holds something else; the message names file, line, column and remedy."""


class Answer(NamedTuple):
    """One answer of a learner.

    Attributes:
        at: seconds, from whenever.
    """

    learner: str
    item: str
    skills: tuple[str, ...]
    at: float
    correct: float


class Answers(Struct, frozen=True):
    """Answers, learner by learner, each learner's in the order of time.

    Attributes:
        learners: by whom, as places in ``learner_names``.
        items: to what, as places in ``item_names``.
        skills: of each answer, as places in ``skill_names``.
        at: when, in seconds.
        correct: 0 or 1.
    """

    learners: NDArray[np.int64]
    items: NDArray[np.int64]
    skills: Sequence[tuple[int, ...]]
    at: NDArray[np.float64]
    correct: NDArray[np.float64]
    learner_names: Sequence[str]
    item_names: Sequence[str]
    skill_names: Sequence[str]

    def __len__(self) -> int:
        return len(self.learners)

    def answer(self, place: int) -> Answer:
        """Return an answer with its names."""
        return Answer(
            self.learner_names[self.learners[place]],
            self.item_names[self.items[place]],
            tuple(self.skill_names[skill] for skill in self.skills[place]),
            float(self.at[place]),
            float(self.correct[place]),
        )

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield where each learner's answers begin and end."""
        cuts = np.flatnonzero(np.diff(self.learners)) + 1
        starts = [0, *cuts.tolist()]
        yield from zip(starts, [*starts[1:], len(self)], strict=True)


def read_answers(path: Path) -> Answers:
    """Return the answers of a tab-separated file with the columns of `COLUMNS`, in any order, and others beside them.

    Cells that hold a tab, a line break or a quote stand in double quotes, as everywhere in CSV; blank lines count for nothing,
    and neither does space around a cell. An id of digits may end in ``.0``, which is left out.
    A learner's rows are ordered by timestamp, and by their place in the file where timestamps are equal. Rows that differ
    from the one before in nothing but the skill are one answer on several skills.

    Raises:
        UnreadableAnswers: it cannot be read, or holds something else.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # some programs put a mark before the first column
            answers = gathered(_rows(path, file))
    except OSError as error:
        raise UnreadableAnswers(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UnreadableAnswers(f"{path}: it is not UTF-8 text: {error.reason} at byte {error.start}") from error
    if not len(answers):
        raise UnreadableAnswers(f"{path}: it holds no answers, only the names of its columns")
    return answers


def gathered(rows: Iterable[Answer]) -> Answers:
    """Return answers in the order in which models see them."""
    learner_places: dict[str, int] = {}
    item_places: dict[str, int] = {}
    skill_places: dict[str, int] = {}
    learners, items, skills, at, correct = [], [], [], [], []
    for row in rows:
        learners.append(learner_places.setdefault(row.learner, len(learner_places)))
        items.append(item_places.setdefault(row.item, len(item_places)))
        skills.append(tuple(skill_places.setdefault(skill, len(skill_places)) for skill in row.skills))
        at.append(row.at)
        correct.append(row.correct)
    order = np.lexsort((np.array(at), np.array(learners)))  # stable: equal times keep their order
    groups = _one_answer_each(
        [(learners[place], items[place], at[place], correct[place], skills[place]) for place in order.tolist()]
    )
    return Answers(
        learners=np.array([group[0] for group in groups], dtype=np.int64),
        items=np.array([group[1] for group in groups], dtype=np.int64),
        skills=[group[4] for group in groups],
        at=np.array([group[2] for group in groups], dtype=np.float64),
        correct=np.array([group[3] for group in groups], dtype=np.float64),
        learner_names=list(learner_places),
        item_names=list(item_places),
        skill_names=list(skill_places),
    )


def _one_answer_each(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Join rows that repeat the one before for another skill."""
    joined: list[tuple[Any, ...]] = []
    for row in rows:
        last = joined[-1] if joined else None
        if last is not None and last[:4] == row[:4] and row[4] and not set(row[4]) & set(last[4]):
            joined[-1] = (*row[:4], (*last[4], *row[4]))
        else:
            joined.append(row)
    return joined


def _rows(path: Path, lines: Iterable[str]) -> Iterator[Answer]:
    table = _cells(path, lines)
    _, heading = next(table, (1, [""]))
    places = []
    for column in COLUMNS:
        if column not in heading:
            raise UnreadableAnswers(
                f"{path}, line 1: there is no column {column!r} among {', '.join(map(repr, heading))}; the first line names"
                f" {', '.join(COLUMNS)}, with tabs between them"
            )
        places.append(heading.index(column))
    for number, cells in table:
        if len(cells) != len(heading):
            if not "".join(cells):
                continue
            raise UnreadableAnswers(f"{path}, line {number}: found {len(cells)} columns; line 1 names {len(heading)}")
        learner, item, at, correct, skill = (cells[place] for place in places)
        try:
            yield Answer(_name(learner), _name(item), _skills(skill), _seconds(at), _outcome(correct))
        except ValueError as error:
            raise UnreadableAnswers(f"{path}, line {number}: {_misplaced(learner, item, at, correct)}") from error


def _cells(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row's cells with the number of the line that it ends on."""
    table = csv.reader(lines, delimiter="\t", strict=True)
    try:
        for cells in table:
            yield table.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UnreadableAnswers(
            f"{path}, line {table.line_num}: a quote that opens here or before does not close at the end of its cell: {error}"
        ) from error


def _misplaced(learner: str, item: str, at: str, correct: str) -> str:
    """Say which column holds what it may not hold."""
    for column, text, fits, allowed in (
        ("user_id", learner, _name, "a name or number"),
        ("item_id", item, _name, "a name or number"),
        ("timestamp", at, _seconds, "a finite number of seconds; 0 everywhere if unknown"),
        ("correct", correct, _outcome, "0 or 1, or true or false"),
    ):
        try:
            fits(text)
        except ValueError:
            return f"column {column!r}: found {text!r}; allowed: {allowed}"
    raise AssertionError


def _name(text: str) -> str:
    if not text:
        raise ValueError(text)
    whole = WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _skills(text: str) -> tuple[str, ...]:
    named = (skill.strip() for skill in text.split(SEVERAL))
    return tuple(dict.fromkeys(_name(skill) for skill in named if skill not in NO_SKILL))


def _seconds(text: str) -> float:
    seconds = float(text)
    if not math.isfinite(seconds):
        raise ValueError(text)
    return seconds


def _outcome(text: str) -> float:
    told = OUTCOMES.get(text.lower())
    outcome = float(text) if told is None else told
    if outcome not in (0.0, 1.0):
        raise ValueError(text)
    return outcome
