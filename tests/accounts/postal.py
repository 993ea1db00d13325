"""The application with a mail server beside it, and what people read there."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs

import msgspec

from skillcore.runtime.engine import Engine
from tests.mail_server import MailServer, Taken, empty_outbox, mail_server, mail_settings
from tests.visitors import Door, door_of

PAGE = "https://learn.example/account"
LINK = re.compile(re.escape(PAGE) + r"#(\S+)")


class PostalDoor(Door):
    """A door from which mails go to a real server."""

    server: MailServer

    async def read(self, address: str) -> Taken:
        """Deliver everything, and return the newest mail to an address."""
        await empty_outbox(self.engine)
        return self.server.to(address)[-1]

    async def token(self, address: str, purpose: str) -> str:
        """Return the token of the newest mail to an address."""
        found = LINK.search((await self.read(address)).text)
        assert found, self.server.to(address)[-1].text
        query = parse_qs(found[1])
        assert query["purpose"] == [purpose]
        return query["token"][0]


@asynccontextmanager
async def postal_door_of(engine: Engine, **auth: Any) -> AsyncIterator[PostalDoor]:
    async with mail_server() as server:
        changed = msgspec.structs.replace(engine.settings.auth, page=PAGE, **auth)
        engine.settings = msgspec.structs.replace(engine.settings, mail=mail_settings(server), auth=changed)
        async with door_of(engine) as door:
            postal = PostalDoor(engine, door.app, door.client)
            postal.server = server
            yield postal
