"""What ``skillcore verify-ledger`` checks of tasks: each one's state against its last ``task.state`` event, both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator

from skillcore.runtime.engine import Engine
from skillcore.runtime.rooms import Finding

__all__ = ["tasks"]

LAST = """select distinct on (user_id, subject_id) user_id, subject_id, data ->> 'new' as state
  from events where kind = 'task.state' order by user_id, subject_id, version desc"""

DIFFERENCES = f"""
with last as materialized ({LAST})
select coalesce(t.user_id, l.user_id), coalesce(t.id::text, l.subject_id), t.state, l.state
from tasks t full join last l on l.user_id = t.user_id and l.subject_id = t.id::text
where t.state is distinct from l.state
order by 1, 2"""  # noqa: S608 - both parts are constants


async def tasks(engine: Engine) -> AsyncIterator[Finding]:
    """Check that tasks and their events tell the same; deleted tasks keep their row, and so are compared too."""
    connection = await engine.database.connect(autocommit=True)
    try:
        async for user_id, task, state, recorded in connection.cursor().stream(DIFFERENCES):
            if recorded is None:
                message = f"the task is {state}, and no event says so"
            elif state is None:
                message = f"events say that it is {recorded}, and there is no such task"
            else:
                message = f"the task is {state}, and its last event says {recorded}"
            yield Finding("tasks", message, user_id, task)
    finally:
        await connection.close()
