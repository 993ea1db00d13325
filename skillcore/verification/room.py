"""The room `verification`, as processes and commands take it."""

from datetime import timedelta

from skillcore.runtime.rooms import Job, Retention, Room
from skillcore.verification import answers, attempts, imports, mentions, revocations, schedule, services, stats
from skillcore.verification.collecting import read_stats
from skillcore.verification.importing import import_history
from skillcore.verification.linking import unlink_vouches
from skillcore.verification.proof import prove
from skillcore.verification.proving import JOB as PROVE
from skillcore.verification.routes import ROUTES
from skillcore.verification.tokens import forget_person

__all__ = ["ROOM"]

ROOM = Room(
    name="verification",
    routes=ROUTES,
    # Long enough that a job outlives a database that is away for some minutes.
    jobs=(
        Job(name=PROVE, queue="verification", by_source=True, run=prove, retries=10, retry_base=1.0),
        Job(name=imports.JOB, queue="imports", by_source=True, run=import_history, retries=10, retry_base=1.0),
        Job(name=stats.JOB, queue="imports", by_source=True, run=read_stats, retries=10, retry_base=1.0),
    ),
    subscriptions=(mentions.SUBSCRIPTION,),
    rebuild=(mentions.rebuild,),
    retention=(
        Retention(name="raw answers", kept=lambda _: timedelta(), forget=answers.forget_expired),
        Retention(
            name="attempts to prove an account",
            kept=lambda settings: timedelta(days=settings.privacy.link_attempt_days),
            forget=attempts.forget_expired,
        ),
    ),
    erase=(mentions.leave_out, forget_person),
    leave=(unlink_vouches,),
    services={"worker": (services.sources, schedule.service, revocations.service)},
)
