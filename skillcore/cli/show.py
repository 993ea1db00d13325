"""``skillcore show``: what the API reads of a person, on the command line.

Each reading is a route. Its options, their bounds and what they are without are read from the route's own parameters, and its
function answers; so a reading cannot say something else here than over HTTP.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import date
from functools import partial
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct

from skillcore.accounts.access import Actor
from skillcore.cli.commands import Commands
from skillcore.cli.looking import ENDS, OPERATOR, look
from skillcore.cli.outline import outline
from skillcore.insight import (
    activity_routes,
    dashboard_routes,
    module_routes,
    path_routes,
    prediction_routes,
    profile,
    profile_routes,
    routes,
)
from skillcore.learning import module_routes as definition_routes
from skillcore.learning import path_routes as learning_routes
from skillcore.learning import session_routes
from skillcore.runtime.engine import Engine
from skillcore.work import review_routes, space_routes
from skillcore.work import routes as work_routes

__all__ = ["PERSON", "READINGS", "Argument", "arguments", "register"]

READINGS: Mapping[str, HTTPRouteHandler] = {
    "dashboard": dashboard_routes.read_dashboard,
    "recommendations": dashboard_routes.recommend,
    "level": routes.read_level,
    "skills": routes.list_skills_of_person,
    "score": routes.read_score,
    "series": routes.read_series,
    "progress": routes.read_progress_chart,
    "radar": routes.read_radar_chart,
    "heatmap": routes.read_heatmap_chart,
    "weeks": routes.read_weeks_chart,
    "over-time": activity_routes.read_progress_over_time,
    "distribution": routes.read_distribution,
    "momentum": routes.read_momentum,
    "activity": routes.read_activity,
    "aggregates": activity_routes.read_aggregates,
    "streaks": activity_routes.read_streaks,
    "patterns": activity_routes.read_patterns,
    "profile": profile_routes.read_coding_profile,
    "completion": prediction_routes.predict_completion,
    "score-ahead": prediction_routes.predict_score,
    "mastery": prediction_routes.predict_mastery,
    "attempt": prediction_routes.predict_attempt,
    "areas": prediction_routes.predict_areas,
    "paths": learning_routes.list_paths,
    "followed": path_routes.list_followed_paths,
    "position": path_routes.read_position,
    "modules": definition_routes.list_modules,
    "module": module_routes.read_progress,
    "sessions": session_routes.list_training_sessions,
    "weekly-goal": space_routes.read_weekly_goal,
    "goals": space_routes.list_goals,
    "goal": space_routes.read_goal,
    "spaces": space_routes.list_spaces,
    "space": space_routes.read_space,
    "tasks": work_routes.list_tasks,
    "updates": work_routes.list_updates,
    "reviews": review_routes.list_reviews,
    "mentorship-sessions": work_routes.list_mentorship_sessions,
}
"""The readings by what one types: those routes of scores, learning and work that tell of one person and change nothing."""

PERSON = frozenset({"user", "person"})
"""How routes call the parameter that names the person; here that is the command's own."""
METAVARS = {int: "N", float: "NUMBER", date: "YYYY-MM-DD", bool: "true|false"}
"""How help and errors show what is to be written."""
BOUNDS = ("gt", "ge", "lt", "le", "min_length", "max_length", "pattern")


class Argument(NamedTuple):
    """A parameter of a route, as its function takes it.

    Attributes:
        place: its name in the function.
        name: in requests.
        kind: its type, but for null.
        given: where and how requests give it.
        without: its value where it is not given; `Parameter.empty` where it must be.
    """

    place: str
    name: str
    kind: Any
    given: PathParameter | QueryParameter
    without: Any


def arguments(route: HTTPRouteHandler) -> Iterator[Argument]:
    """Yield the parameters of a route, without those that the service itself gives."""
    taken = signature(route.fn).parameters
    for place, hint in get_type_hints(route.fn, include_extras=True).items():
        given = next(
            (one for one in getattr(hint, "__metadata__", ()) if isinstance(one, PathParameter | QueryParameter)), None
        )
        if given is not None:
            name = given.name if isinstance(given, QueryParameter) and given.name else place
            yield Argument(place, name, _not_null(get_args(hint)[0]), given, taken[place].default)


def register(commands: Commands) -> None:
    """Add the command, with one below it for each reading."""
    parser = commands.add("show", _run, summary="show what is known of a person: what the API answers of them", details=ENDS)
    parser.add_argument("person", metavar="EMAIL|ID", help="whom to look at")
    parser.add_argument("--json", action="store_true", help="as JSON, as the API answers")
    readings = parser.add_subparsers(title="readings", metavar="WHAT", required=True)
    for name, route in READINGS.items():
        reading = readings.add_parser(
            name,
            help=str(route.summary),
            description=route.fn.__doc__,
            epilog=ENDS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        # Absent, these two leave what was said of them before the reading's name.
        reading.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="the configuration file")
        reading.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="as JSON, as the API answers")
        for argument in arguments(route):
            if argument.name not in PERSON:
                _add(reading, argument)
        reading.set_defaults(reading=name)


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    """Add an argument to a reading's parser, with the bounds that it has in requests."""
    described = (argument.given.description or "").replace("%", "%%")
    choices = get_args(argument.kind) if get_origin(argument.kind) is Literal else None
    taken: dict[str, Any] = {"choices": choices} if choices else {"type": partial(_value, argument)}
    if isinstance(argument.given, PathParameter):
        parser.add_argument(argument.place, metavar=argument.name.upper(), help=described, **taken)
        return
    if argument.without is Parameter.empty:
        taken["required"] = True
    elif argument.without is not None:
        taken["default"] = argument.without
        described += f" ({_shown(argument.without)} if not given)"
    option = f"--{argument.name.replace('_', '-')}"
    metavar = None if choices else METAVARS.get(argument.kind, "TEXT")
    parser.add_argument(option, dest=argument.place, metavar=metavar, help=described, **taken)


def _value(argument: Argument, text: str) -> Any:
    """Return what an argument says, as the route's function takes it.

    Raises:
        ArgumentTypeError: it is nothing that a request could say; argparse names the argument.
    """
    bounds = {name: bound for name in BOUNDS if (bound := getattr(argument.given, name)) is not None}
    try:
        if argument.kind is bool:
            return msgspec.convert(text, Literal["true", "false"]) == "true"
        return msgspec.convert(text, Annotated[argument.kind, Meta(**bounds)], strict=False)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("Invalid RFC3339 encoded", "Expected YYYY-MM-DD, a")
        told = f"{text!r} cannot be used: {reason}. {argument.given.description or ''}"
        raise argparse.ArgumentTypeError(told.strip()) from error


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _not_null(kind: Any) -> Any:
    if get_origin(kind) not in (Union, UnionType):
        return kind
    (other,) = (one for one in get_args(kind) if one is not NoneType)
    return other


def _run(options: argparse.Namespace) -> int:
    """Show a reading."""
    route = READINGS[options.reading]
    asked = {one.place: one for one in arguments(route)}
    (person,) = (place for place, one in asked.items() if one.name in PERSON)
    values = {place: getattr(options, place) for place in asked if place != person}
    answer: Callable[..., Awaitable[Struct]] = OTHERWISE.get(options.reading, route.fn)

    async def read(engine: Engine, reference: str) -> Struct:
        return await answer(engine=engine, actor=OPERATOR, **{person: reference}, **values)

    return look(options, f"show {options.reading}", read, outline)


async def _profile(engine: Engine, actor: Actor, user: str, as_of: date | None) -> profile.Profile:
    async with engine.transaction() as tx:
        return await profile.read(tx, await profile.ask(tx, actor, user=user, as_of=as_of))


OTHERWISE: Mapping[str, Callable[..., Awaitable[Struct]]] = {"profile": _profile}
"""What answers in place of a route's function that needs a request, for its headers."""
