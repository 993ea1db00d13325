"""``skillcore worker``: one worker process. ``skillcore serve`` runs one; a cluster runs as many as it needs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack

import uvloop

from skillcore.app import ROOMS
from skillcore.cli.commands import Commands
from skillcore.cli.serving import engine_for, opened, watch_parent
from skillcore.ledger.feed import Feed
from skillcore.runtime.engine import Engine
from skillcore.runtime.handing_back import hand_back
from skillcore.runtime.hints import FEED, Hints
from skillcore.runtime.http import stop_requested
from skillcore.runtime.jobs import Jobs
from skillcore.runtime.lanes import ALL, Work
from skillcore.runtime.watchdog import Blocked, watched
from skillcore.runtime.worker import run_worker
from skillcore.verification.services import held_up

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add(
        "worker",
        run,
        summary="run jobs and, without --queues and --source, subscriptions",
        details=(
            "exit codes: 0 stopped, 1 it could not start or failed, "
            "2 the command line or configuration cannot be used, 75 code held it up for too long"
        ),
    )
    parser.add_argument("--queues", metavar="A,B", help="run the jobs of these queues, and nothing else")
    parser.add_argument("--source", metavar="NAME", help="run the jobs about this source, and nothing else")


def run(options: argparse.Namespace) -> int:
    """Work until a signal comes."""
    try:
        engine = engine_for(options)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    known = Jobs(ROOMS).queues
    queues = None if options.queues is None else tuple(name.strip() for name in options.queues.split(","))
    unknown = sorted(set(queues or ()) - set(known))
    if unknown:
        print(f"--queues: found {', '.join(unknown)}; allowed: {', '.join(known)}", file=sys.stderr)
        return 2
    if options.source is not None and options.source not in engine.plugins.sources:
        offered = ", ".join(sorted(engine.plugins.sources)) or "none"
        print(f"no plugin offers the source {options.source}, so its jobs wait; sources: {offered}", file=sys.stderr)
    watch_parent(engine)
    uvloop.run(work(engine, Work(queues=queues, source=options.source)))
    return 0


async def work(engine: Engine, chosen: Work = ALL) -> None:
    """Run jobs and subscriptions until a signal comes; running jobs get the grace period, and are put back after it."""
    stop = stop_requested()
    async with opened(engine, "worker"), AsyncExitStack() as stack:
        if chosen == ALL:
            feed = Feed(engine, [subscription for room in ROOMS for subscription in room.subscriptions])
            await stack.enter_async_context(feed.run())
            stack.enter_context(engine.service(Hints).heard(FEED, lambda _: feed.hint()))
        stack.enter_context(watched(engine.settings.watchdog, lambda blocked: last_words(engine, blocked)))
        working = asyncio.create_task(run_worker(engine, chosen), name="jobs")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def last_words(engine: Engine, blocked: Blocked) -> None:
    """Do what there is to do before a process ends whose loop was held up."""
    await held_up(engine, blocked)
    await hand_back(engine, "the process that ran it was held up, and ended; it runs again")
