"""A provider at which people sign in, and the place where that proves accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skillcore.runtime.settings import Settings
from tests.conftest import Dsns
from tests.verification.sign_ins import PACKAGE, Place, issuing, place_of


@pytest.fixture(scope="module")
def issuer(npm_package: Callable[[str], Path]) -> Iterator[str]:
    with issuing(npm_package(PACKAGE)) as address:
        yield address


@pytest.fixture
def people(database_dsns: Dsns, settings: Settings) -> Place:
    return place_of(database_dsns, settings)
