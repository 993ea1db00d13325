"""Health, jobs, metrics and the description of the API."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text, update

from skillcore.app import create_app
from skillcore.operations.health import Probe
from skillcore.operations.sources import SourceState, publish
from skillcore.operations.tables import WorkerSourceRow
from skillcore.runtime import metrics
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import UnavailableNow
from tests.conftest import Dsns
from tests.visitors import Door, client_of


async def test_a_well_service_says_so(door: Door) -> None:
    assert (await door.anyone.get("/api/health/live")).json() == {"status": "ok"}
    assert (await door.anyone.get("/api/health/ready")).json() == {"status": "ok"}
    database = (await door.anyone.get("/api/health/db")).json()
    async with door.engine.transaction() as tx:
        assert database["server_version"] == await tx.session.scalar(text("show server_version"))
        assert database["revision"] == await tx.session.scalar(text("select version_num from schema_version"))
    whole = (await door.anyone.get("/api/health")).json()
    assert (whole["status"], whole["database"], whole["plugins"]["defaults"]) == ("ok", "ok", "active")


async def test_checking_writes_leaves_nothing(door: Door) -> None:
    await door.anyone.get("/api/health/ready")
    async with door.engine.transaction() as tx:
        assert await tx.session.scalar(text("select count(*) from idempotency_keys")) == 0


@pytest.mark.parametrize("path", ["ready", "db", "mcp", ""])
async def test_without_a_database_it_is_alive_and_not_ready(engine: Engine, path: str) -> None:
    nowhere = Database("host=127.0.0.1 port=1 user=x dbname=x connect_timeout=2", engine.settings.database)
    lost = Engine(engine.settings, engine.plugins, nowhere)
    async with client_of(create_app(lost)) as client:
        assert (await client.get("/api/health/live")).status_code == 200
        answer = await client.get(f"/api/health/{path}")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:skillcore:problem:unavailable")
        assert "skillcore_database_up 0.0" in (await client.get("/metrics")).text
    await nowhere.close()


async def test_a_database_that_takes_no_writes_is_not_ready(door: Door, database_dsns: Dsns) -> None:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("revoke insert on idempotency_keys from skillcore_service")
    assert (await door.anyone.get("/api/health/ready")).status_code == 503
    assert (await door.anyone.get("/api/health/live")).status_code == 200


async def test_an_older_schema_is_not_ready(door: Door, database_dsns: Dsns) -> None:
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("update schema_version set version_num = '0001'")
    answer = await door.anyone.get("/api/health/ready")
    assert answer.status_code == 503
    assert "0001" in answer.json()["detail"]


async def test_what_hangs_is_left_and_not_asked_again() -> None:
    probe = Probe()
    asked = 0
    never = asyncio.Event()

    async def hang() -> None:
        nonlocal asked
        asked += 1
        while not never.is_set():  # as a driver does that does not heed being cancelled
            with contextlib.suppress(asyncio.CancelledError):
                await never.wait()

    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(UnavailableNow):
            await probe.ask("database", hang, patience=0.05)
        assert time.monotonic() - began < 1
    assert asked == 1
    never.set()
    (hanging,) = (task for task in asyncio.all_tasks() if "<locals>.hang" in repr(task.get_coro()))
    await hanging  # as long as it goes on, whoever asks shares what it finds

    async def well() -> str:
        return "well"

    assert await probe.ask("database", well, patience=5) == "well"


async def test_workers_tell_of_their_sources(door: Door) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=30)
    closed = SourceState(worker="a:1", source="codeforces", state="closed", server_version="1.0.2")
    open_ = SourceState(worker="b:1", source="codeforces", state="open", failures=5, retry_at=soon, error="it did not answer")
    await publish(door.engine, [closed, SourceState(worker="a:1", source="leetcode", state="half_open")])
    await publish(door.engine, [open_])
    shown = (await door.anyone.get("/api/health/mcp")).json()
    assert shown["status"] == "degraded"
    assert [(source["source"], source["state"]) for source in shown["sources"]] == [
        ("codeforces", "open"),
        ("leetcode", "half_open"),
    ]
    assert [worker["error"] for worker in shown["sources"][0]["workers"]] == ["", "it did not answer"]
    scraped = (await door.anyone.get("/metrics")).text
    assert 'skillcore_source_breaker_state{source="codeforces"} 2.0' in scraped
    assert 'skillcore_source_breaker_state{source="leetcode"} 1.0' in scraped
    assert (await door.anyone.get("/api/health")).json()["status"] == "degraded"

    await publish(door.engine, [closed])  # a:1 has no other source any more
    await publish(door.engine, [SourceState(worker="b:1", source="codeforces", state="closed")])
    shown = (await door.anyone.get("/api/health/mcp")).json()
    assert [(source["source"], source["state"]) for source in shown["sources"]] == [("codeforces", "closed")]
    assert shown["status"] == "ok"


async def test_old_news_is_no_news(door: Door) -> None:
    await publish(door.engine, [SourceState(worker="a:1", source="codeforces", state="open")])
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(WorkerSourceRow).values(updated_at=datetime.now(UTC) - timedelta(minutes=6)))
    assert (await door.anyone.get("/api/health/mcp")).json() == {"status": "ok", "sources": []}


async def test_plugins_show_what_became_of_them(door: Door) -> None:
    shown = {plugin["name"]: plugin for plugin in (await door.anyone.get("/api/health/plugins")).json()}
    assert shown["defaults"]["state"] == "active"
    assert {plugin["state"] for name, plugin in shown.items() if name != "defaults"} <= {"blocked"}


async def queued(door: Door, *, user_id: str | None = None, platform_id: str | None = None) -> int:
    """Put a job into the queue that failed for a reason."""
    async with door.engine.transaction() as tx:
        number = await tx.session.scalar(
            text(
                "insert into procrastinate_jobs (queue_name, task_name, status, attempts) "
                "values ('verification', 'work.complete_task', 'failed', 3) returning id"
            )
        )
        await tx.session.execute(
            text(
                "insert into job_progress (job_id, user_id, platform_id, reason) values (:job, :user, :platform, 'it is down')"
            ),
            {"job": number, "user": user_id and UUID(user_id), "platform": platform_id and UUID(platform_id)},
        )
    return int(number)


async def test_a_job_is_shown_to_those_whose_it_is(door: Door) -> None:
    ada, ada_id = await door.learner("ada@example.org")
    bob, _ = await door.learner("bob@example.org")
    ours, theirs = await door.platform("tasks:read"), await door.platform("tasks:read")
    job = await queued(door, user_id=ada_id, platform_id=ours.id)
    shown = (await ada.get(f"/api/jobs/{job}")).json()
    assert (shown["id"], shown["state"], shown["reason"], shown["attempts"]) == (job, "failed", "it is down", 3)
    assert (await ours.key.get(f"/api/jobs/{job}")).json() == shown
    assert (await (await door.admin()).get(f"/api/jobs/{job}")).json() == shown
    absent = await bob.get("/api/jobs/999999")
    for stranger in (bob, theirs.key):
        foreign = await stranger.get(f"/api/jobs/{job}")
        assert (foreign.status_code, foreign.content) == (404, absent.content)
    nobodys = await queued(door)
    for stranger in (ada, ours.key):
        assert (await stranger.get(f"/api/jobs/{nobodys}")).status_code == 404
    assert (await ada.get("/api/jobs/99999999999999999999")).status_code == 404


async def test_metrics_count_by_route_and_not_by_path(door: Door) -> None:
    ada, ada_id = await door.learner()
    await ada.get(f"/api/users/{ada_id}")
    await ada.get(f"/nowhere/{ada_id}")
    await queued(door)
    scraped = (await door.anyone.get("/metrics")).text
    assert 'skillcore_http_requests_total{endpoint="/api/users/{person}",method="GET",status="200"}' in scraped
    assert 'skillcore_http_requests_total{endpoint="(unknown)",method="GET",status="404"}' in scraped
    assert 'skillcore_jobs{queue="verification",status="failed"} 1.0' in scraped
    assert ada_id not in scraped
    names = {line.split()[2] for line in scraped.splitlines() if line.startswith("# TYPE")}
    declared = {metric.name for metric in metrics.declared()}
    assert declared <= {name if name in declared else f"{name}_total" for name in names} | names


async def test_parameters_are_described_by_the_names_that_requests_use(door: Door) -> None:
    paths = (await door.anyone.get("/api/docs/openapi.json")).json()["paths"]
    places = {
        f"{method} {path}": [(parameter["name"], parameter["in"]) for parameter in operation["parameters"]]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert ("state", "query") in places["get /api/tasks"]
    assert places["post /api/events"] == [("Idempotency-Key", "header")]
    for operation, named in places.items():
        assert len(named) == len(set(named)), operation


async def test_the_description_is_whole(door: Door) -> None:
    api = (await door.anyone.get("/api/docs/openapi.json")).json()
    served = {
        (route.path_format, method)
        for route in door.app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method != "OPTIONS" and handler.resolve_include_in_schema()
    }
    operations = {(path, method.upper()): one for path, methods in api["paths"].items() for method, one in methods.items()}
    assert set(operations) == served
    for (path, method), operation in operations.items():
        assert operation["summary"], path
        assert operation["description"], path
        assert set(re.findall(r"{(\w+)}", path)) == {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        if operation["security"]:
            assert {"401", "403"} <= set(operation["responses"])
            assert (method == "POST") == ("Idempotency-Key" in {one["name"] for one in operation["parameters"]})
        for body in operation.get("requestBody", {}).get("content", {}).values():
            assert body["example"]
    assert len({operation["operationId"] for operation in operations.values()}) == len(operations)
    for reference in re.findall(r'"\$ref":\s*"#/([^"]+)"', json.dumps(api)):
        found = api
        for key in reference.split("/"):
            found = found[key]


async def test_closed_objects_read_as_closed(door: Door) -> None:
    api = (await door.anyone.get("/api/docs/openapi.json")).json()
    schema = api["components"]["schemas"]["NewPerson"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["external_id"]
    assert schema["properties"]["external_id"]["maxLength"] == 200
    assert schema["properties"]["display_name"]["default"] == ""
    users = api["paths"]["/api/users"]
    assert users["post"]["security"] == [{"platformKey": []}]
    assert users["get"]["security"] == [{"accessToken": []}, {"sessionCookie": []}, {"platformKey": []}]
    leaving = api["paths"]["/api/auth/logout"]["post"]
    assert leaving["security"] == [{"accessToken": []}, {"sessionCookie": [], "csrfToken": []}]
    schemes = api["components"]["securitySchemes"]
    assert (schemes["sessionCookie"]["in"], schemes["sessionCookie"]["name"]) == ("cookie", "__Host-skillcore")
    assert (schemes["csrfToken"]["in"], schemes["csrfToken"]["name"]) == ("header", "X-CSRF-Token")
    assert {"200", "201", "400", "401", "403", "409", "413", "415", "422"} <= set(users["post"]["responses"])
    limit = next(one for one in users["get"]["parameters"] if one["name"] == "limit")
    assert (limit["schema"], limit["required"]) == (
        {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
        False,
    )


async def test_examples_are_accepted(door: Door) -> None:
    api = (await door.anyone.get("/api/docs/openapi.json")).json()
    admin = await door.admin()
    key = (await door.platform("users:write")).key

    def example(path: str) -> object:
        return api["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]

    assert (await key.post("/api/users", example("/api/users"))).status_code == 201
    assert (await door.anyone.post("/api/auth/register", example("/api/auth/register"))).status_code == 201
    assert (await door.anyone.post("/api/auth/login", example("/api/auth/login"))).status_code == 200
    platform = (await admin.post("/api/platforms", example("/api/platforms"))).json()["id"]
    made = await admin.post(f"/api/platforms/{platform}/keys", example("/api/platforms/{platform_id}/keys"))
    assert made.status_code == 201, made.text


async def test_the_page_needs_nobody_elses_server(door: Door) -> None:
    page = await door.anyone.get("/api/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        assert name.startswith("/api/docs")
        assert (await door.anyone.get(name)).status_code == 200
    for name in ("", "/page.js", "/page.css"):
        assert not re.search(r"https?://", (await door.anyone.get(f"/api/docs{name}")).text)
    assert "<script>" not in page.text
    assert "innerHTML" not in (await door.anyone.get("/api/docs/page.js")).text
    assert (await door.anyone.get(f"/api/docs/{uuid4()}")).status_code == 404
