"""The application, with somebody at its door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from skillcore.accounts.tokens import KEY_FILE, signing_key
from skillcore.runtime.engine import Engine
from skillcore.runtime.settings import Settings
from tests.visitors import Door, door_of


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One signing key for all tests of a process: making one takes longer than most of them."""
    directory = tmp_path_factory.mktemp("key")
    signing_key(directory)
    return directory / KEY_FILE


@pytest.fixture
def settings(settings: Settings, key_file: Path) -> Settings:
    return msgspec.structs.replace(settings, auth=msgspec.structs.replace(settings.auth, private_key_file=str(key_file)))


@pytest.fixture
async def door(engine: Engine) -> AsyncIterator[Door]:
    async with door_of(engine) as door:
        yield door
