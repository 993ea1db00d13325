"""The routes of predictions: they translate, and leave the rest to the use cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, user
from skillcore.accounts.routes import PersonAsked
from skillcore.insight import forecasts
from skillcore.insight.predictions.facts import Measure
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

READ = {"access": access(user(), key="scores:read")}

AsOf = Annotated[date | None, QueryParameter(description="As it was to be expected at the end of this day; now without.")]
SkillAsked = Annotated[str | None, QueryParameter(max_length=100, description="On this skill: its id, name or alias.")]
LevelAsked = Annotated[float, QueryParameter(ge=0.01, le=0.99, description="The probability that an interval is to have.")]


@get("/api/predictions/completion", opt=READ, tags=["predictions"], summary="Forecast when so much will be done")
async def predict_completion(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    remaining: Annotated[float, QueryParameter(ge=0, le=1e9, description="What is to be done yet.")],
    measure: Annotated[Measure, QueryParameter(description="What is counted.")] = "works",
    skill: SkillAsked = None,
    level: LevelAsked = 0.8,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> forecasts.CompletionForecast:
    """The day, the interval that holds it as often as `level` says, and what it rests on."""
    async with engine.transaction() as tx:
        return await forecasts.completed(
            tx, actor, user=user, measure=measure, remaining=remaining, skill=skill, level=level, as_of=as_of
        )


@get("/api/predictions/score", opt=READ, tags=["predictions"], summary="Forecast a score")
async def predict_score(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    formula: Annotated[
        str, QueryParameter(max_length=100, description="A role, such as `level`, or a formula's name.")
    ] = "level",
    skill: SkillAsked = None,
    subject: Annotated[
        str | None, QueryParameter(max_length=200, description="Of this subject, as the formula has it.")
    ] = None,
    days: Annotated[int, QueryParameter(ge=1, le=90, description="How many days to come.")] = 30,
    level: LevelAsked = 0.8,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> forecasts.ScoreForecast:
    """Its value at the end of each day to come, with a band; nothing where there is too little history."""
    async with engine.transaction() as tx:
        return await forecasts.score_ahead(
            tx, actor, formula=formula, user=user, skill=skill, subject=subject, days=days, level=level, as_of=as_of
        )


@get("/api/predictions/mastery", opt=READ, tags=["predictions"], summary="What it takes to master a skill")
async def predict_mastery(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    skill: Annotated[str, QueryParameter(max_length=100, description="Its id, name or alias.")],
    target: Annotated[float, QueryParameter(ge=1, le=100, description="The mastery to be reached.")] = 80.0,
    level: LevelAsked = 0.8,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> forecasts.MasteryForecast:
    """How many more attempts, with which scores, reach the target by the formula itself; and when they will have been made."""
    async with engine.transaction() as tx:
        return await forecasts.mastered(tx, actor, user=user, skill=skill, target=target, level=level, as_of=as_of)


@get("/api/predictions/attempt", opt=READ, tags=["predictions"], summary="How probable success at the next attempt is")
async def predict_attempt(
    engine: NamedDependency[Engine],
    actor: NamedDependency[Actor],
    skill: SkillAsked = None,
    item: Annotated[str, QueryParameter(max_length=200, description="As attempts name it; any one without.")] = "",
    difficulty: Annotated[float | None, QueryParameter(ge=1, le=10, description="That is stated of it.")] = None,
    user: PersonAsked = "me",
    as_of: AsOf = None,
) -> forecasts.AttemptForecast:
    """The probability by the formula `attempt`, the components that make its logit, and how many attempts it rests on."""
    async with engine.transaction() as tx:
        return await forecasts.attempt(tx, actor, user=user, skill=skill, item=item, difficulty=difficulty, as_of=as_of)


@get("/api/predictions/areas", opt=READ, tags=["predictions"], summary="Strong, weak and challenging skills")
async def predict_areas(
    engine: NamedDependency[Engine], actor: NamedDependency[Actor], user: PersonAsked = "me", as_of: AsOf = None
) -> forecasts.SkillAreas:
    """Skills that stand out from the person's others by more than chance, and those at which success is least expected."""
    async with engine.transaction() as tx:
        return await forecasts.judged(tx, actor, user=user, as_of=as_of)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    predict_completion,
    predict_score,
    predict_mastery,
    predict_attempt,
    predict_areas,
)
