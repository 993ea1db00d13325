"""The routes of this room."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from skillcore.accounts.access import Actor, access, public, user
from skillcore.operations import documentation, gauges, health, jobs
from skillcore.runtime import metrics
from skillcore.runtime.engine import Engine

__all__ = ["ROUTES"]

OPEN = {"access": access(public()), "limit": "probe"}
UNCOUNTED = {"access": access(public()), "limit": None}
"""For what answers without asking anybody, and for readiness: who probes it must not be told that it is busy."""


@get("/api/health/live", opt=UNCOUNTED, tags=["health"], summary="Is the process alive?", sync_to_thread=False)
def live() -> dict[str, str]:
    """Asks nobody else, the database least of all."""
    return {"status": "ok"}


@get("/api/health/ready", opt=UNCOUNTED, tags=["health"], summary="Can it serve?")
async def ready(engine: NamedDependency[Engine]) -> dict[str, str]:
    """The database answers, takes writes and has the right schema; 503 if not, within about two seconds."""
    await health.database(engine)
    return {"status": "ok"}


@get("/api/health/db", opt=OPEN, tags=["health"], summary="How is the database?")
async def database(engine: NamedDependency[Engine]) -> health.DatabaseHealth:
    """As for readiness, with what was found."""
    return await health.database(engine)


@get("/api/health/mcp", opt=OPEN, tags=["health"], summary="How are the sources' servers?")
async def mcp(engine: NamedDependency[Engine]) -> health.Mcp:
    """The breakers, as the workers last told."""
    return await health.mcp(engine)


@get("/api/health/plugins", opt=OPEN, tags=["health"], summary="How are the plugins?", sync_to_thread=False)
def plugins(engine: NamedDependency[Engine]) -> list[health.PluginHealth]:
    """What became of each, and why if it failed."""
    return health.plugins(engine)


@get("/api/health", opt=OPEN, tags=["health"], summary="How is everything?")
async def summary(engine: NamedDependency[Engine]) -> health.Health:
    """All of the above in short."""
    return await health.summary(engine)


@get("/api/jobs/{job_id:int}", opt={"access": access(user(), key="tasks:read")}, tags=["jobs"], summary="Read a job")
async def read_job(engine: NamedDependency[Engine], actor: NamedDependency[Actor], job_id: FromPath[int]) -> jobs.Job:
    """How far it is, and why it failed, for those whose job it is."""
    async with engine.transaction() as tx:
        return await jobs.read(tx, actor, job_id)


@get("/metrics", opt=OPEN, include_in_schema=False)
async def read_metrics(engine: NamedDependency[Engine]) -> Response[bytes]:
    """In Prometheus's text format."""
    await gauges.refresh(engine)
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


@get("/api/docs/openapi.json", opt=UNCOUNTED, include_in_schema=False, sync_to_thread=False)
def openapi(request: Request[Any, Any, State]) -> Response[bytes]:
    """The description of the API for programs."""
    return Response(documentation.openapi(request.app), media_type="application/vnd.oai.openapi+json")


@get("/api/docs", opt=UNCOUNTED, include_in_schema=False, sync_to_thread=False)
def page() -> Response[bytes]:
    """The description of the API for people."""
    return Response(documentation.asset("index.html"), media_type="text/html", headers=documentation.PAGE_HEADERS)


@get("/api/docs/page.js", opt=UNCOUNTED, include_in_schema=False, sync_to_thread=False)
def page_script() -> Response[bytes]:
    """What draws the page."""
    return Response(documentation.asset("page.js"), media_type="text/javascript", headers=documentation.PAGE_HEADERS)


@get("/api/docs/page.css", opt=UNCOUNTED, include_in_schema=False, sync_to_thread=False)
def page_style() -> Response[bytes]:
    """How the page looks."""
    return Response(documentation.asset("page.css"), media_type="text/css", headers=documentation.PAGE_HEADERS)


ROUTES: tuple[ControllerRouterHandler, ...] = (
    live,
    ready,
    database,
    mcp,
    plugins,
    summary,
    read_job,
    read_metrics,
    openapi,
    page,
    page_script,
    page_style,
)
