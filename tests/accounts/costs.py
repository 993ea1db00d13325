"""What a request costs: what can be counted of the time that it takes."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import event

from skillcore.accounts import passwords as hashing
from skillcore.runtime.engine import Engine
from tests.visitors import Door

MINE: ContextVar[bool] = ContextVar("mine", default=False)


class Counted:
    """What a request costs: hashes, and statements by their beginning."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hashes = 0
        self.statements: list[str] = []
        for name in ("hashpw", "checkpw"):
            monkeypatch.setattr(hashing.bcrypt, name, self._counting(getattr(hashing.bcrypt, name)))
        event.listen(engine.database.sqlalchemy.sync_engine, "before_cursor_execute", self._execute)

    def _counting(self, real: Any) -> Any:
        def counted(*arguments: bytes) -> Any:
            self.hashes += 1
            return real(*arguments)

        return counted

    def _execute(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if MINE.get():  # and not what the application does by itself meanwhile
            self.statements.append(statement)

    async def of(self, door: Door, path: str, body: Any) -> tuple[int, list[str]]:
        self.hashes, self.statements = 0, []
        token = MINE.set(True)
        try:
            await door.anyone.post(path, body)
        finally:
            MINE.reset(token)
        return self.hashes, self.statements
