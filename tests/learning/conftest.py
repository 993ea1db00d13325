"""People and platforms on the engine's own plugins."""

from __future__ import annotations

import pytest

from skillcore.runtime.engine import Engine
from tests.world import World


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)
