"""Somebody at the door of the HTTP application: people, platforms and what they send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
from litestar import Litestar

from skillcore.accounts.setup_token import ensure_token
from skillcore.app import create_app
from skillcore.runtime.engine import Engine
from tests.described import comparing

PASSWORD = "correct horse battery staple"


class Visitor:
    """Sends requests with credentials, or without."""

    def __init__(self, client: httpx.AsyncClient, credentials: str | None = None) -> None:
        self.client = client
        self.credentials = credentials

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = dict(options.pop("headers", {}))
        if self.credentials is not None:
            headers.setdefault("Authorization", f"Bearer {self.credentials}")
        answer = await self.client.request(method, path, headers=headers, **options)
        if answer.headers.get("content-type") == "application/problem+json":
            assert answer.json()["status"] == answer.status_code
        return answer

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.send("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self.send("POST", path, json=json, **options)


class Platform(NamedTuple):
    """A platform with a key."""

    id: str
    key: Visitor
    key_id: str


class Door:
    """The application on a database of the test's own."""

    def __init__(self, engine: Engine, app: Litestar, client: httpx.AsyncClient) -> None:
        self.engine = engine
        self.app = app
        self.client = client
        self.anyone = Visitor(client)
        self._admin: Visitor | None = None

    async def learner(self, email: str = "ada@example.org") -> tuple[Visitor, str]:
        answer = await self.anyone.post("/api/auth/register", {"email": email, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return Visitor(self.client, answer.json()["access_token"]), answer.json()["user"]["id"]

    async def admin(self) -> Visitor:
        if self._admin is None:
            path = ensure_token(self.engine.database.dsn, self.engine.settings.data_dir)
            assert path is not None
            body = {"token": path.read_text().strip(), "email": "root@example.org", "password": PASSWORD}
            answer = await self.anyone.post("/api/setup", body)
            assert answer.status_code == 201, answer.text
            self._admin = Visitor(self.client, answer.json()["access_token"])
        return self._admin

    async def platform(self, *scopes: str, **more: Any) -> Platform:
        admin = await self.admin()
        platform = (await admin.post("/api/platforms", {"name": "Evening school"})).json()["id"]
        made = await admin.post(f"/api/platforms/{platform}/keys", {"name": "app", "scopes": scopes, **more})
        assert made.status_code == 201, made.text
        return Platform(platform, Visitor(self.client, made.json()["key"]), made.json()["id"])


@asynccontextmanager
async def client_of(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Run an application in this loop, so that requests meet as they do in the service."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    open_, close = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            open_.set()
            await close.wait()

    living = asyncio.create_task(live())  # it must be left by the task that entered it, which a fixture's end is not
    try:
        await asyncio.wait({living, asyncio.create_task(open_.wait())}, return_when=asyncio.FIRST_COMPLETED)
        async with httpx.AsyncClient(transport=transport, base_url="http://skillcore.test") as client:
            yield client
    finally:
        close.set()
        await living


@asynccontextmanager
async def door_of(engine: Engine) -> AsyncIterator[Door]:
    app = create_app(engine)
    async with client_of(app) as client:
        client.event_hooks = comparing(app)
        yield Door(engine, app, client)
