"""Limits on how often who may call: exact over processes, counted by person, key or address, and told in every answer."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from skillcore.accounts.limit_tables import RateLimitRow
from skillcore.accounts.limiting import bucket, check_limits, of_key
from skillcore.accounts.limits import SPEND, Limiter, enforce, forget_expired, give_back, spend, verdict
from skillcore.app import create_app
from skillcore.runtime.callers import Caller, called_by
from skillcore.runtime.clock import now
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.problems import TooManyRequests, UnavailableNow
from skillcore.runtime.settings import DatabaseSettings, LimitSettings, LimitsSettings, ServerSection, Settings
from tests.conftest import LIFTED, Dsns, default_plugins
from tests.visitors import PASSWORD, Door, Visitor, door_of

SLOW = LimitSettings(requests=1, seconds=3600, burst=3)
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
"""Nothing comes back while a test runs."""

PROXY = "127.0.0.0/8"


@pytest.fixture
async def limiter(engine: Engine) -> AsyncIterator[Limiter]:
    async with Limiter.opened(engine) as limiter:
        yield limiter


def limited(settings: Settings, **limits: LimitSettings) -> Settings:
    return msgspec.structs.replace(
        settings, limits=msgspec.structs.replace(LIFTED, **limits), server=ServerSection(trusted_proxies=(PROXY,))
    )


@pytest.fixture
async def narrow(database_dsns: Dsns, settings: Settings) -> AsyncIterator[Door]:
    """The application with small limits, behind a proxy that says for whom it calls."""
    settings = limited(settings, user=SLOW, key=SLOW, anonymous=SLOW)
    database = Database(database_dsns.service_dsn, settings.database)
    async with door_of(Engine(settings, default_plugins(), database)) as door:
        yield door
    await database.close()


def come_from(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def learner(door: Door, address: str, email: str = "ada@example.org") -> Visitor:
    body = {"email": email, "password": PASSWORD}
    answer = await door.anyone.post("/api/auth/register", body, headers=come_from(address))
    assert answer.status_code == 201, answer.text
    return Visitor(door.client, answer.json()["access_token"])


# The sums


@pytest.mark.parametrize(
    ("full_in", "allowed", "remaining", "retry_after"),
    # 100 in 60 s, 20 at once: a unit every 0.6 s, a full bucket after 12 s.
    [
        (0.6, True, 19, 1),  # the first of a full bucket
        (12.0, True, 0, 1),
        (11.0, True, 1, 1),  # 1.67 are there; the next whole one in 0.2 s
        (12.5, False, 0, 2),  # it may be spent once 11.4 are missing, in 1.1 s
        (11.4, False, 0, 1),
    ],
)
def test_what_is_left_follows_from_when_the_bucket_is_full(
    full_in: float, allowed: bool, remaining: int, retry_after: int
) -> None:
    found = verdict("user", LimitsSettings().user, allowed=allowed, full_in=full_in)
    assert (found.allowed, found.remaining, found.retry_after) == (allowed, remaining, retry_after)


def test_the_limits_are_those_that_are_promised() -> None:
    limits = LimitsSettings()
    assert [(one.requests, one.seconds, one.burst) for one in (limits.user, limits.anonymous, limits.login)] == [
        (100, 60, 20),
        (10, 60, 5),
        (5, 900, 5),
    ]


# The bucket


@pytest.mark.usefixtures("limiter")
async def test_as_many_as_the_burst_pass_at_once_and_no_more(engine: Engine) -> None:
    found = await asyncio.gather(*(spend(engine, "user:ada", SLOW) for _ in range(20)))
    assert sum(one.allowed for one in found) == 3
    assert sorted(one.remaining for one in found if one.allowed) == [0, 1, 2]
    refused = next(one for one in found if not one.allowed)
    assert 3590 <= refused.retry_after <= 3600
    assert (await spend(engine, "user:bob", SLOW)).allowed


@pytest.mark.usefixtures("limiter")
async def test_who_was_overtaken_is_told_when_there_is_a_unit_again(engine: Engine, database_dsns: Dsns) -> None:
    for _ in range(2):
        assert (await spend(engine, "user:ada", SLOW)).allowed
    async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn) as owner:
        await owner.execute("update rate_limits set full_at = full_at + interval '1 hour'")  # another process takes the last
        spending = asyncio.create_task(spend(engine, "user:ada", SLOW))
        async with await psycopg.AsyncConnection.connect(database_dsns.owner_dsn, autocommit=True) as watching:
            while (await (await watching.execute(WAITING)).fetchone()) == (0,):  # noqa: ASYNC110 - another process waits
                await asyncio.sleep(0.01)
    refused = await spending
    assert not refused.allowed
    assert 3590 <= refused.retry_after <= 3600


@pytest.mark.usefixtures("limiter")
async def test_units_come_back_with_time(engine: Engine) -> None:
    fast = LimitSettings(requests=20, seconds=1, burst=2)
    assert [(await spend(engine, "user:ada", fast)).allowed for _ in range(2)] == [True, True]
    began, allowed = time.monotonic(), 0
    while allowed < 4:
        allowed += (await spend(engine, "user:ada", fast)).allowed
        await asyncio.sleep(0.001)
        assert time.monotonic() < began + 10
    assert time.monotonic() - began >= 0.15  # the first of them may have begun to come back already


async def test_what_this_process_knows_to_be_empty_is_not_asked_about(
    engine: Engine, limiter: Limiter, database_dsns: Dsns
) -> None:
    for _ in range(4):
        await spend(engine, "user:ada", SLOW)
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        owner.execute("alter table rate_limits rename to away")
    assert not (await spend(engine, "user:ada", SLOW)).allowed
    with pytest.raises(UnavailableNow):
        await spend(engine, "user:bob", SLOW)
    assert limiter


@pytest.mark.usefixtures("limiter")
async def test_a_lifted_limit_always_has_one(engine: Engine) -> None:
    lifted = LimitSettings(requests=0, seconds=1, burst=1)
    assert all([(await spend(engine, "user:ada", lifted)).allowed for _ in range(5)])
    await give_back(engine, "user:ada", lifted)
    async with engine.transaction() as tx:
        assert await tx.session.get(RateLimitRow, hashlib.sha256(b"user:ada").digest()) is None


@pytest.mark.usefixtures("limiter")
async def test_what_is_given_back_can_be_spent_again(engine: Engine) -> None:
    for _ in range(3):
        await enforce(engine, "login:ada", SLOW)
    with pytest.raises(TooManyRequests, match=r"limit login is 1 requests in 3600 s, 3 at once") as caught:
        await enforce(engine, "login:ada", SLOW)
    assert caught.value.headers["Retry-After"] == str(caught.value.extra["retry_after"])
    await give_back(engine, "login:ada", SLOW)
    await enforce(engine, "login:ada", SLOW)
    with pytest.raises(TooManyRequests):
        await enforce(engine, "login:ada", SLOW)


async def refused_after_spending(engine: Engine) -> None:
    async with engine.transaction():
        await spend(engine, "login:ada", SLOW)
        raise ZeroDivisionError


@pytest.mark.usefixtures("limiter")
async def test_a_spent_unit_stays_spent_when_the_request_fails(engine: Engine) -> None:
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await refused_after_spending(engine)
    assert not (await spend(engine, "login:ada", SLOW)).allowed


@pytest.mark.usefixtures("limiter")
async def test_full_buckets_are_forgotten(engine: Engine) -> None:
    await spend(engine, "user:ada", SLOW)
    await spend(engine, "user:bob", LimitSettings(requests=1000, seconds=1, burst=1))
    async with engine.transaction() as tx:
        assert await forget_expired(tx, now() + timedelta(minutes=1), 10) == 1
        await spend(engine, "user:eve", SLOW)
        assert [await forget_expired(tx, now() + timedelta(days=1), 1) for _ in range(3)] == [1, 1, 0]


SHARED = {"key": b"shared", "step": 0.02, "tolerance": 0.02 * 49}
"""A unit each 20 ms, 50 at once."""


def spent(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(SPEND, SHARED, prepare=True).fetchone()
    return bool(row and row[0])


def clock(connection: psycopg.Connection[Any]) -> float:
    row = connection.execute("select extract(epoch from clock_timestamp())::float8").fetchone()
    return float(row[0]) if row else 0.0


def spending(dsn: str, seconds: float, together: Any, into: Any) -> None:
    """Spend as fast as one can; in a process of its own."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        together.wait()
        allowed, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            allowed += spent(connection)
    into.put(allowed)


def test_processes_count_together(database_dsns: Dsns) -> None:
    """All that four processes get together is the burst and what came back in the time, give or take one."""
    context = multiprocessing.get_context("fork")
    results, together = context.Queue(), context.Barrier(5)
    arguments = (database_dsns.service_dsn, 2.0, together, results)
    processes = [context.Process(target=spending, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    with psycopg.connect(database_dsns.service_dsn, autocommit=True) as connection:
        before_first = clock(connection)
        assert spent(connection)
        after_first = clock(connection)
        together.wait(60)
        shares = [results.get(timeout=60) for _ in processes]
        for process in processes:
            process.join()
        drained = 0
        while (before_last := clock(connection)) and spent(connection):
            drained += 1
        after_last = clock(connection)
    allowed = 1 + sum(shares) + drained
    assert (before_last - after_first) / 0.02 + 50 - 1 <= allowed <= (after_last - before_first) / 0.02 + 50
    assert sum(shares) >= 100  # they were at work, and not only the one after them


# Requests


async def test_each_answer_tells_what_is_left(narrow: Door) -> None:
    answer = await narrow.anyone.get("/api/nothing", headers=come_from("203.0.113.1"))
    assert answer.status_code == 404
    assert answer.headers["ratelimit-policy"] == '"anonymous";q=1;w=3600;skillcore-burst=3'
    assert answer.headers["ratelimit"] == '"anonymous";r=2;t=3600'
    ada = await learner(narrow, "203.0.113.1")
    mine = await ada.get("/api/auth/profile")
    assert (mine.status_code, mine.headers["ratelimit"]) == (200, '"user";r=2;t=3600')


async def test_over_the_limit_is_a_problem_that_says_when(narrow: Door) -> None:
    ada = await learner(narrow, "203.0.113.1")
    assert [(await ada.get("/api/auth/profile")).status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = await ada.get("/api/auth/profile")
    document = refused.json()
    assert (document["type"], document["limit"]) == ("urn:skillcore:problem:too-many-requests", "user")
    assert refused.headers["retry-after"] == str(document["retry_after"])
    assert refused.headers["ratelimit"] == f'"user";r=0;t={document["retry_after"]}'
    assert refused.headers["x-content-type-options"] == "nosniff"
    # Before access is checked: what is refused anyway counts as well, and tells nothing once the limit is used up.
    assert (await ada.post("/api/platforms", {"name": "x"})).status_code == 429


async def test_people_are_counted_by_themselves_wherever_they_are(narrow: Door) -> None:
    ada, bob = await learner(narrow, "203.0.113.1"), await learner(narrow, "203.0.113.2", "bob@example.org")
    for number in range(4):
        await ada.get("/api/auth/profile", headers=come_from(f"203.0.113.{number}"))
    assert (await ada.get("/api/auth/profile", headers=come_from("203.0.113.9"))).status_code == 429
    assert (await bob.get("/api/auth/profile", headers=come_from("203.0.113.1"))).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/api/nothing", {}, 404),
        ("GET", "/", {}, 404),
        ("PUT", "/api/auth/login", {}, 405),
        ("BREW", "/api/health/live", {}, 405),
        ("OPTIONS", "/api/auth/login", {}, 204),
        ("GET", "/api/auth/profile", {}, 401),
        ("GET", "/api/auth/profile", {"headers": {"Authorization": "Bearer nonsense"}}, 401),
        ("GET", "/api/auth/profile", {"headers": {"Authorization": "Bearer sk_aaaa_bbbb"}}, 401),
        ("POST", "/api/platforms", {"headers": {"Idempotency-Key": "x" * 999}, "json": {}}, 401),
        ("POST", "/api/auth/login", {"content": b"{"}, 415),
        ("POST", "/api/setup", {"json": {}}, 422),
    ],
)
async def test_nothing_is_a_way_around(narrow: Door, method: str, path: str, options: dict[str, Any], status: int) -> None:
    headers = {**options.pop("headers", {}), **come_from("203.0.113.7")}
    found = [await narrow.client.request(method, path, headers=headers, **options) for _ in range(4)]
    assert [one.status_code for one in found] == [status] * 3 + [429]
    assert all("ratelimit" in one.headers for one in found)
    elsewhere = await narrow.client.request(method, path, headers={**headers, **come_from("203.0.113.8")}, **options)
    assert elsewhere.status_code == status


async def test_credentials_that_do_not_hold_are_counted_with_everybody_else_at_the_address(narrow: Door) -> None:
    for _ in range(3):
        headers = {"Authorization": "Bearer nonsense", **come_from("203.0.113.1")}
        assert (await narrow.anyone.get("/api/auth/profile", headers=headers)).status_code == 401
    assert (await narrow.anyone.get("/api/nothing", headers=come_from("203.0.113.1"))).status_code == 429


async def test_a_network_of_one_line_counts_as_one_address(narrow: Door) -> None:
    for number in range(3):
        assert (await narrow.anyone.get("/api/x", headers=come_from(f"2001:db8:1:2::{number}"))).status_code == 404
    assert (await narrow.anyone.get("/api/x", headers=come_from("2001:db8:1:2:ffff::1"))).status_code == 429
    assert (await narrow.anyone.get("/api/x", headers=come_from("2001:db8:1:3::1"))).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/api/health/live", "/api/health/ready", "/api/docs", "/api/docs/page.js", "/api/docs/page.css", "/api/docs/openapi.json"],
)
async def test_what_is_not_counted(narrow: Door, path: str) -> None:
    found = [await narrow.client.get(path) for _ in range(6)]
    assert [one.status_code for one in found] == [200] * 6
    assert not any("ratelimit" in one.headers for one in found)


async def test_health_and_metrics_have_a_limit_of_their_own(database_dsns: Dsns, settings: Settings) -> None:
    settings = limited(settings, anonymous=SLOW, probe=SLOW)
    database = Database(database_dsns.service_dsn, settings.database)
    async with door_of(Engine(settings, default_plugins(), database)) as door:
        paths = ["/metrics", "/api/health", "/api/health/db", "/metrics"]
        assert [(await door.client.get(path)).status_code for path in paths] == [200, 200, 200, 429]
        assert (await door.client.get("/api/nothing")).status_code == 404
    await database.close()


async def test_refused_requests_are_metered(narrow: Door) -> None:
    for _ in range(4):
        await narrow.anyone.get("/api/nothing", headers=come_from("203.0.113.44"))
    told = (await narrow.client.get("/metrics")).text
    assert 'skillcore_limited_requests_total{limit="anonymous"}' in told


async def test_addresses_and_ids_are_kept_as_hashes(narrow: Door, database_dsns: Dsns) -> None:
    await narrow.anyone.get("/api/nothing", headers=come_from("203.0.113.99"))
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        kept = {key for (key,) in owner.execute("select key_sha256 from rate_limits").fetchall()}
    assert kept == {hashlib.sha256(b"anonymous:203.0.113.99").digest()}


async def test_a_key_may_have_a_limit_of_its_own(engine: Engine) -> None:
    usual = engine.settings.limits.key
    assert of_key(usual, None) == usual
    assert of_key(usual, 50) == LimitSettings(requests=50, seconds=60, burst=5)
    assert of_key(usual, 3).burst == 1
    assert of_key(usual, 0).requests == 0
    with called_by(Caller("2001:db8::1")):
        assert bucket(engine, "probe", None)[0] == "probe:2001:db8::/64"


# Without the database


async def test_nothing_is_counted_without_the_database_and_so_nothing_limited_is_served(settings: Settings) -> None:
    settings = limited(settings, anonymous=SLOW)
    database = Database("postgresql://nobody@127.0.0.1:1/none", DatabaseSettings())
    engine = Engine(settings, default_plugins(), database)
    async with Limiter.opened(engine):
        with pytest.raises(UnavailableNow, match="cannot be counted") as caught:
            await spend(engine, "anonymous:x", SLOW)
        assert caught.value.headers == {"Retry-After": "5"}
    await database.close()


@pytest.mark.usefixtures("limiter")
async def test_a_connection_that_has_gone_is_replaced(engine: Engine, database_dsns: Dsns) -> None:
    assert (await spend(engine, "user:ada", SLOW)).allowed
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        query = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> %s"
        owner.execute(query, (owner.info.backend_pid,))
    assert (await spend(engine, "user:ada", SLOW)).remaining == 1


async def test_a_database_that_hangs_holds_nobody_up_for_long(engine: Engine, limiter: Limiter, database_dsns: Dsns) -> None:
    assert (await spend(engine, "user:ada", SLOW)).allowed
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("lock table rate_limits")
        began = time.monotonic()
        with pytest.raises(UnavailableNow):
            await spend(engine, "user:ada", SLOW)
        assert time.monotonic() - began < 10
    assert (await spend(engine, "user:ada", SLOW)).allowed
    assert limiter


async def test_the_application_refuses_a_limit_that_there_is_not(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(engine)
    handler = next(handler for route in app.routes for handler in route.route_handlers if handler.opt.get("limit"))
    monkeypatch.setitem(handler.opt, "limit", "nonsense")
    with pytest.raises(ValueError, match="limit that no route may"):
        check_limits(app)
