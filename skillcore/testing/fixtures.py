"""Fixtures for the tests of plugins. Ask for them in ``conftest.py``: ``pytest_plugins = ["skillcore.testing.fixtures"]``.

They are no plugin that pytest loads by itself: importing them takes seconds, which every test run of every project in an
environment with skillcore would pay.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import respx

from skillcore.testing.ledgers import Ledger, ledger
from skillcore.testing.responder import MCP_URL, MCPResponder
from skillcore.testing.scripted import ScriptedServer

__all__ = ["installed_ledger", "mcp_server"]


@pytest.fixture
def mcp_server(httpx2_mock: respx.Router) -> ScriptedServer:
    """An MCP server in memory, over the engine's real session and guard; it is silent until it is told what to answer.

    ``httpx2_mock`` is respx wired for httpx2, and comes with the extra ``skillcore[testing]``: other sites can be mocked
    beside the server.
    """
    server = ScriptedServer()
    httpx2_mock.route(url=MCP_URL).mock(side_effect=MCPResponder(server))
    return server


@pytest_asyncio.fixture(name="ledger")
async def installed_ledger() -> AsyncIterator[Ledger]:
    """A ledger on an empty database, with the plugins that are installed here; `skillcore.testing.ledger` takes others."""
    async with ledger() as opened:
        yield opened
