"""The room `delivery`, as processes and commands take it."""

from skillcore.delivery import gauges, outbox
from skillcore.delivery.mail import JOB
from skillcore.runtime.rooms import Job, Room

__all__ = ["ROOM"]

ROOM = Room(
    name="delivery",
    jobs=(Job(name=JOB, queue="notifications", run=outbox.deliver),),
    gauges=(gauges.refresh,),
    retention=(outbox.RETENTION,),
)
