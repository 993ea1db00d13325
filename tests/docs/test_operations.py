"""docs/operations.md: commands, queues, subscriptions, checks, health, metrics and logs are those of the code."""

import argparse
import ast
import importlib
import io
import json
import logging
import pkgutil
import re
from pathlib import Path

import psycopg
import pytest
import structlog
from litestar.params import PathParameter, QueryParameter
from psycopg.conninfo import make_conninfo

from skillcore import cli
from skillcore.app import ROOMS
from skillcore.cli.commands import Commands
from skillcore.cli.show import PERSON, READINGS, arguments
from skillcore.ledger.feed import Feed, lag
from skillcore.ledger.recording import record
from skillcore.runtime import metrics
from skillcore.runtime.clock import new_id
from skillcore.runtime.engine import Engine
from skillcore.runtime.events import NewEvent
from skillcore.runtime.logs import configure_logging
from skillcore.runtime.migrations import migrate
from skillcore.runtime.postgres import EmbeddedPostgres
from skillcore.runtime.rooms import Subscription
from skillcore.runtime.settings import LogSettings, default_queues
from tests.docs.documents import codes, read, sections
from tests.stepping import step
from tests.visitors import Door

TEXT = read("operations.md")
SECTIONS = sections(TEXT)
COMMON = {"--help", "--config"}
DIAGNOSE = {"fine", "odd", "bad", "say", "loose", "_connected"}


def leaves(parser: argparse.ArgumentParser, above: str = "") -> dict[str, argparse.ArgumentParser]:
    """Return the commands that do something, by what one types."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups or any(not action.option_strings for action in parser._actions if action not in groups):
        return {above: parser}  # what stands below a command with arguments of its own are things that it is asked for
    return {
        name: leaf
        for group in groups
        for choice, inner in group.choices.items()
        for name, leaf in leaves(inner, f"{above} {choice}".strip()).items()
    }


@pytest.fixture(scope="module")
def commands() -> dict[str, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(prog="skillcore")
    taken = Commands(parser)
    for module in pkgutil.iter_modules(cli.__path__):
        if register := getattr(importlib.import_module(f"skillcore.cli.{module.name}"), "register", None):
            register(taken)
    return leaves(parser)


def test_every_command_is_there_with_its_options(commands):
    documented = {codes(row["command"])[0]: sorted(codes(row["options"])) for row in SECTIONS["Commands"].table()}
    in_code = {
        name: sorted({max(action.option_strings, key=len) for action in parser._actions if action.option_strings} - COMMON)
        for name, parser in commands.items()
    }
    assert documented == in_code


def test_every_reading_is_there_with_its_request_and_options():
    documented = {
        codes(row["reading"])[0]: (codes(row["answers as"]), codes(row["options"])) for row in SECTIONS["Readings"].table()
    }
    in_code = {}
    for name, route in READINGS.items():
        taken = [one for one in arguments(route) if one.name not in PERSON]
        words = [name, *(one.name.upper() for one in taken if isinstance(one.given, PathParameter))]
        options = [f"--{one.name.replace('_', '-')}" for one in taken if isinstance(one.given, QueryParameter)]
        (path,) = route.paths
        in_code[" ".join(words)] = ([f"GET {re.sub(':[a-z]+}', '}', path)}"], options)
    assert documented == in_code


def test_every_command_ends_with_these_codes(commands):
    documented = {codes(row["command"])[0]: codes(row["ends with"]) for row in SECTIONS["Commands"].table()}
    in_code = {name: re.findall(r"(?:codes: |[,;]\s+)(\d+) ", parser.epilog or "") for name, parser in commands.items()}
    assert documented == in_code


def test_every_check_of_the_doctor_is_there():
    """Its checks are named where they say something: the first argument of what makes a diagnosis."""
    rooms = Path(cli.__file__).parent
    named: set[str] = set()
    for file in (rooms / "doctor.py", *(rooms / "diagnosis").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DIAGNOSE and node.args:
                named |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
    assert {codes(row["check"])[0] for row in SECTIONS["What the doctor finds"].table()} == named


def test_every_check_is_there():
    documented = [codes(row["check"])[0] for row in SECTIONS["Commands"].tables()[1]]
    assert documented == [name for room in ROOMS for name in room.checks]


def test_every_queue_is_there_with_its_jobs_and_limits():
    documented = {
        codes(row["queue"])[0]: (
            codes(row["jobs"]),
            float(row["at once"]),
            float(row["time limit"].removesuffix(" s")),
            row["tried again"],
        )
        for row in SECTIONS["Jobs"].table()
    }
    jobs = [job for room in ROOMS for job in room.jobs]
    in_code = {}
    for name, limits in default_queues().items():
        own = [job for job in jobs if job.queue == name]
        ways = [f"{job.retries} times, after {', '.join(f'{job.retry_base * 2**n:g}' for n in range(3))}… s" for job in own]
        again = "; ".join(dict.fromkeys(ways))
        in_code[name] = ([job.name for job in own], limits.concurrency, limits.time_limit, again)
    assert documented == in_code


def test_every_subscription_is_there():
    documented = {
        codes(row["subscription"])[0]: (codes(row["looks at"]), codes(row["records"]))
        for row in SECTIONS["Subscriptions"].table()
    }
    in_code = {
        one.name: ([*sorted(one.kinds), *([one.follows] if one.follows else [])], sorted(one.emits))
        for room in ROOMS
        for one in room.subscriptions
    }
    assert documented == in_code


def test_every_metric_is_there():
    table = SECTIONS["Metrics"].table()
    documented = [(codes(row["metric"])[0], row["kind"], codes(row["labels"])) for row in table]
    assert documented == [(metric.name, metric.kind, list(metric.labels)) for metric in metrics.declared()]
    assert all(row[""] for row in table)


async def test_health_answers_as_said(door: Door):
    for row in SECTIONS["Health"].table():
        method, path = codes(row["request"])[0].split(" ")
        assert (await door.anyone.send(method, path)).status_code == 200
    served = {route.path for route in door.app.routes if route.path.startswith("/api/health")}
    assert served == {codes(row["request"])[0].split(" ")[1] for row in SECTIONS["Health"].table()}


async def test_the_log_has_these_fields(door: Door):
    root = logging.getLogger()
    handlers, level, written = root.handlers[:], root.level, io.StringIO()
    configure_logging(LogSettings(), written)
    try:
        await door.anyone.get("/api/health/live")
        structlog.get_logger("test").error("it broke", exc_info=ValueError("so"))
        with structlog.contextvars.bound_contextvars(job_id=1, job="work.complete_task"):
            structlog.get_logger("test").info("a job's own")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    fields = {field for line in written.getvalue().splitlines() for field in json.loads(line)}
    assert {code for row in SECTIONS["Log"].table() for code in codes(row["field"])} == fields


def test_a_database_of_ones_own_is_made_as_said(tmp_path: Path):
    """The statements, as a superuser, are all that the migrations and the service need."""
    (block,) = SECTIONS["A PostgreSQL of your own"].blocks("sql")
    server = EmbeddedPostgres(tmp_path / "a cluster", parameters={"fsync": "off"})
    server.start()
    try:
        superuser = make_conninfo(server.owner_dsn, dbname="postgres")
        with psycopg.connect(superuser, autocommit=True) as connection:
            for gone in ("database skillcore", "role skillcore_app", "role skillcore_service"):
                connection.execute(f"drop {gone}".encode())
            for statement in block.text.split(";")[:-1]:
                connection.execute(statement.encode())
        owner = make_conninfo(superuser, dbname="skillcore", user="skillcore_owner", password="one")
        migrate(owner)
        with psycopg.connect(make_conninfo(owner, user="skillcore_login", password="another")) as connection:
            connection.execute("set role skillcore_service")
            connection.execute("select count(*) from events")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("delete from events")
    finally:
        server.stop()


async def test_a_restored_dump_is_put_in_order_as_said(engine: Engine, database_dsns):
    """Commits of a cluster that had counted much further are handled, and so is what comes after them."""
    seen: list[str] = []

    async def handle(tx, events):
        seen.extend(event.id for theirs in events.values() for event in theirs)
        return []

    subscription = Subscription(name="test.reader", kinds=frozenset({"x.note"}), handle=handle)
    feed = Feed(engine, [subscription])
    (block,) = SECTIONS["Backups"].blocks("sql")
    before, after = new_id(), new_id()
    await note(engine, before)
    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute("insert into subscriptions (name, xid, pos) values ('test.reader', '999999999', 0)")
        owner.execute("update commits set xid = '999999999'")
    await note(engine, after)
    assert await feed.advance(subscription) == 0  # as things stand, nothing is seen any more

    with psycopg.connect(database_dsns.owner_dsn) as owner:
        owner.execute(block.text.encode())
    while await step(feed, subscription):
        pass

    assert {str(before), str(after)} <= set(seen)
    async with engine.transaction() as tx:
        assert (await lag(tx))["test.reader"] == 0


async def note(engine: Engine, event: object) -> None:
    async with engine.transaction() as tx:
        await record(tx, [NewEvent(user_id=new_id(), kind="x.note", data={}, id=event)])
