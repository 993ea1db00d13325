"""The outbox: in the sender's transaction, sealed, emptied by a job, and honest about what was never delivered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, text, update

from skillcore.app import opened
from skillcore.delivery import gauges, mail, outbox
from skillcore.delivery.mail import JOB, Mail
from skillcore.delivery.outbox import LONGEST_WAIT, deliver, forget_expired
from skillcore.delivery.tables import MailRow
from skillcore.runtime.clock import new_id, now
from skillcore.runtime.engine import Engine
from skillcore.runtime.jobs import JobContext, Retry
from skillcore.runtime.metrics import exposition
from skillcore.runtime.worker import Pace, run_worker
from tests.conftest import Dsns
from tests.ledger.facts import rows
from tests.mail_server import MailServer, empty_outbox, mail_server, mail_settings

SECRET = "the code is 4711-0815"
ADA = new_id()


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture
async def sending(engine: Engine, server: MailServer) -> AsyncIterator[Engine]:
    """An engine whose mails go to the test's server."""
    engine.settings = msgspec.structs.replace(engine.settings, mail=mail_settings(server))
    async with opened(engine, "api"):
        yield engine


async def send(engine: Engine, to: str = "ada@example.org", **more: object) -> None:
    async with engine.transaction() as tx:
        given = {"user_id": ADA, "to": to, "subject": "Hello", "text": SECRET} | more
        assert await mail.send(tx, msgspec.convert(given, Mail))


async def outbox_of(engine: Engine) -> list[MailRow]:
    async with engine.transaction() as tx:
        return list(await tx.session.scalars(select(MailRow)))


async def test_without_a_server_nothing_is_written(engine: Engine) -> None:
    assert not mail.is_configured(engine.settings)
    async with engine.transaction() as tx:
        assert not await mail.send(tx, Mail(user_id=ADA, to="ada@example.org", subject="Hello", text=SECRET))
    assert await outbox_of(engine) == []


async def test_a_mail_is_sealed_and_its_job_knows_its_number_alone(sending: Engine, database_dsns: Dsns) -> None:
    await send(sending)
    (row,) = await outbox_of(sending)
    assert (row.state, row.user_id) == ("waiting", ADA)
    everything = b"".join(
        json.dumps(found, default=str).encode()
        for table in ("mails", "procrastinate_jobs", "procrastinate_events", "job_progress")
        for found in rows(database_dsns, f"select to_jsonb(t) from {table} t")
    )
    for hidden in (b"4711", b"ada@example.org", SECRET.encode().hex().encode(), b"ada@example.org".hex().encode()):
        assert hidden not in everything
    ((task, queue, arguments),) = rows(database_dsns, "select task_name, queue_name, args from procrastinate_jobs")
    assert (task, queue, arguments) == (JOB, "notifications", {"mail": str(row.id)})


async def fail_after_sending(engine: Engine) -> None:
    async with engine.transaction() as tx:
        await mail.send(tx, Mail(user_id=ADA, to="ada@example.org", subject="Hello", text=SECRET))
        raise RuntimeError("not after all")


async def test_a_transaction_that_fails_sends_nothing(sending: Engine, database_dsns: Dsns) -> None:
    with pytest.raises(RuntimeError, match="after all"):
        await fail_after_sending(sending)
    assert await outbox_of(sending) == []
    assert rows(database_dsns, "select count(*) from procrastinate_jobs") == [(0,)]


async def test_a_worker_sends_it_and_forgets_it(engine: Engine, server: MailServer) -> None:
    engine.settings = msgspec.structs.replace(engine.settings, mail=mail_settings(server))
    async with opened(engine, "worker"):
        worker = asyncio.create_task(run_worker(engine, pace=Pace(poll=0.05)))
        try:
            await send(engine)
            async with asyncio.timeout(30):
                while await outbox_of(engine):  # noqa: ASYNC110 - it is another process's work
                    await asyncio.sleep(0.02)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
    (taken,) = server.to("ada@example.org")
    assert taken.text == SECRET + "\n"


async def test_no_transaction_is_open_while_the_server_is_asked(
    sending: Engine, server: MailServer, database_dsns: Dsns
) -> None:
    await send(sending)
    (row,) = await outbox_of(sending)
    server.silent = True
    sending.settings = msgspec.structs.replace(sending.settings, mail=mail_settings(server, timeout=30.0))
    job = asyncio.create_task(deliver(sending, JobContext(sending, 0, 1), mail=str(row.id)))
    await asyncio.wait_for(server.asked.wait(), 30)
    idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    assert rows(database_dsns, idle) == [(0,)]
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert [one.state for one in await outbox_of(sending)] == ["waiting"]


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 5.0), (2, 10.0), (3, 20.0), (9, 1280.0), (10, LONGEST_WAIT), (99, LONGEST_WAIT)]
)
async def test_a_server_that_is_busy_is_asked_again(sending: Engine, server: MailServer, attempt: int, seconds: float) -> None:
    await send(sending)
    (row,) = await outbox_of(sending)
    server.at["RCPT"] = "421 4.3.2 ada@example.org must wait"
    with pytest.raises(Retry) as caught:
        await deliver(sending, JobContext(sending, 0, attempt), mail=str(row.id))
    assert caught.value.after == seconds
    (kept,) = await outbox_of(sending)
    assert (kept.state, kept.reason) == ("waiting", "the server answered 421 4.3.2 to the recipient")
    server.at.clear()
    await empty_outbox(sending)
    assert len(server.to("ada@example.org")) == 1
    assert await outbox_of(sending) == []


async def test_a_refused_mail_is_not_sent_again_and_keeps_no_text(sending: Engine, server: MailServer) -> None:
    await send(sending)
    server.at["RCPT"] = "550 5.1.1 ada@example.org is nobody"
    await empty_outbox(sending)
    (row,) = await outbox_of(sending)
    assert (row.state, row.body, row.reason) == ("refused", None, "the server answered 550 5.1.1 to the recipient")
    sessions = server.sessions
    await deliver(sending, JobContext(sending, 0, 2), mail=str(row.id))
    assert server.sessions == sessions


async def test_a_mail_that_nobody_wants_any_more_is_given_up(sending: Engine, server: MailServer) -> None:
    await send(sending, until=now() - timedelta(seconds=1))
    await empty_outbox(sending)
    (row,) = await outbox_of(sending)
    assert (row.state, row.body) == ("given_up", None)
    assert server.sessions == 0


async def test_no_retry_comes_after_its_end(sending: Engine, server: MailServer) -> None:
    await send(sending, until=now() + timedelta(seconds=4))
    server.at["RCPT"] = "421 4.3.2 later"
    await empty_outbox(sending)
    (row,) = await outbox_of(sending)
    assert (row.state, row.body, row.reason) == ("given_up", None, "the server answered 421 4.3.2 to the recipient")


async def test_a_mail_to_nobody_goes_through_the_same_and_nowhere(sending: Engine, server: MailServer) -> None:
    await send(sending, to="", user_id=None)
    await empty_outbox(sending)
    assert await outbox_of(sending) == []
    assert server.sessions == 0


async def test_a_foreign_text_does_not_open(sending: Engine, server: MailServer) -> None:
    await send(sending)
    await send(sending, to="bob@example.org", user_id=new_id())
    ada, bob = await outbox_of(sending)
    async with sending.transaction() as tx:
        await tx.session.execute(update(MailRow).where(MailRow.id == ada.id).values(body=bob.body))
    with pytest.raises(Exception, match=r"mails\.body"):
        await deliver(sending, JobContext(sending, 0, 1), mail=str(ada.id))
    assert server.taken == []


async def test_a_mail_that_is_gone_is_no_failure(sending: Engine, server: MailServer) -> None:
    await deliver(sending, JobContext(sending, 0, 1), mail=str(new_id()))
    assert server.sessions == 0


async def test_a_steering_subject_is_refused_for_good(sending: Engine, server: MailServer) -> None:
    await send(sending, subject="Hello\r\nBcc: mallory@example.org")
    await empty_outbox(sending)
    assert [row.state for row in await outbox_of(sending)] == ["refused"]
    assert server.sessions == 0


async def test_what_was_never_delivered_is_forgotten(sending: Engine) -> None:
    for days in (9, 8, 1):
        await send(sending, until=now() - timedelta(days=days))
    async with sending.transaction() as tx:
        before = now() - (outbox.RETENTION.kept(sending.settings) or timedelta())
        assert await forget_expired(tx, before, 1) == 1
        assert await forget_expired(tx, before, 10) == 1
        assert await forget_expired(tx, before, 10) == 0
    assert len(await outbox_of(sending)) == 1


async def test_the_outbox_is_counted(sending: Engine, server: MailServer) -> None:
    server.at["RCPT"] = "550 no"
    await send(sending)
    await empty_outbox(sending)
    await send(sending)
    async with sending.transaction() as tx:
        await gauges.refresh(tx)
    counted = exposition().decode()
    for state, number in {"waiting": 1, "refused": 1, "given_up": 0}.items():
        assert f'skillcore_mails{{state="{state}"}} {number}.0' in counted


async def insert(engine: Engine, values: str) -> None:
    async with engine.transaction() as tx:
        await tx.session.execute(text(f"insert into mails (id, body, state, expires_at) {values}"))


async def test_the_table_keeps_no_text_of_what_is_over(engine: Engine) -> None:
    for state, body in (("refused", "'x'"), ("waiting", "null"), ("unknown", "'x'")):
        with pytest.raises(Exception, match="check"):
            await insert(engine, f"values (uuidv7(), {body}, '{state}', now())")
