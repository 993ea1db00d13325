"""``skillcore explain``: a person's score, opened down to its facts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import date

from skillcore.cli.commands import Commands
from skillcore.cli.looking import ENDS, OPERATOR, look
from skillcore.cli.printing import plain
from skillcore.insight.explanations import Explanation, Part, explain
from skillcore.runtime.engine import Engine

__all__ = ["register"]

MADE_BY = {"identity": "the {} of", "logistic": "1 / (1 + exp(-x)), where x is the {} of"}
"""How the parts make the score, by its link."""


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "explain",
        run,
        summary="explain a person's score: its parts, what would raise it, and the events behind it",
        details=ENDS,
    )
    parser.add_argument("person", metavar="EMAIL|ID", help="whose score")
    parser.add_argument("formula", metavar="FORMULA", help="a role, such as level, or a formula's name")
    parser.add_argument("--skill", metavar="SKILL", help="of this skill: its id, name or alias")
    parser.add_argument("--subject", metavar="SUBJECT", help="of this subject, as the formula has it")
    parser.add_argument("--as-of", metavar="DATE", type=date.fromisoformat, help="as it was at the end of a day")
    parser.add_argument("--limit", metavar="N", type=_number, default=20, help="events to show at most, the oldest first (20)")
    parser.add_argument("--json", action="store_true", help="as JSON, as the API answers")


def run(options: argparse.Namespace) -> int:
    """Explain a score."""

    async def read(engine: Engine, reference: str) -> Explanation:
        async with engine.transaction() as tx:
            return await explain(
                tx,
                OPERATOR,
                options.formula,
                user=reference,
                skill=options.skill,
                subject=options.subject,
                as_of=options.as_of,
                limit=options.limit,
                cursor=None,
            )

    return look(options, "explain", read, lines)


def lines(found: Explanation) -> Iterator[str]:
    """Yield an explanation for people."""
    of = f" of {found.subject}" if found.subject else ""
    word = f" ({found.label})" if found.label else ""
    yield plain(f"{found.formula}{of}: {_number_of(found.value)}{word}")
    yield MADE_BY[found.link].format(found.combine) if found.components else "nothing to judge by"
    yield from (f"  {plain(_part(part))}" for part in found.components)
    if found.gains:
        yield "what would raise it"
        yield from (f"  {plain(gain.component)}: by {_number_of(gain.points)}" for gain in found.gains)
    yield "events" if found.events.items else "no events"
    for fact in found.events.items:
        change = "" if fact.change is None else f", by {fact.change:+g}"
        about = f" {fact.subject}" if fact.subject else ""
        yield plain(f"  {fact.occurred_at:%Y-%m-%d %H:%M}  {_number_of(fact.score)}{change}: {fact.kind}{about}")
    if found.events.next_cursor is not None:
        yield "  and later ones: ask for more with --limit"


def _part(part: Part) -> str:
    of = f", which is {part.formula} of {part.subject}" if part.formula else ""
    return f"{part.name}: {_number_of(part.contribution)} ({part.value:g} times {part.weight:g}){of}"


def _number_of(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"


def _number(text: str) -> int:
    if not 1 <= (number := int(text)) <= 10_000:
        raise argparse.ArgumentTypeError("1 to 10000 events can be shown")
    return number
