"""Commands run in this process as an operator runs them, in an empty directory and with an environment of their own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from psycopg.conninfo import conninfo_to_dict

from skillcore.cli import main
from tests.cli.environments import Environment
from tests.conftest import Dsns

Commands = Callable[..., "Done"]


class Done(NamedTuple):
    """What became of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def url_of(dsn: str) -> str:
    """Return a connection string as the URL that an operator would write."""
    parts = {key: str(value) for key, value in conninfo_to_dict(dsn).items() if value is not None}
    return f"postgresql:///{quote(parts.pop('dbname'))}?{urlencode(parts, quote_via=quote)}"


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """Run a command in an empty directory; what others left in the environment or in the log's set-up plays no part."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in os.environ:
        if name.upper().startswith("SKILLCORE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SKILLCORE__DATA_DIR", str(tmp_path / "data of mine"))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Done(code, *capsys.readouterr())

    yield run
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def on_database(command: Commands, database_dsns: Dsns, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command on the test's own database, beside the loop of the test."""
    monkeypatch.setenv("SKILLCORE__DATABASE__URL", url_of(database_dsns.service_dsn))

    async def run(*arguments: str) -> Done:
        return await asyncio.to_thread(command, *arguments)

    return run


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Install a plugin: a module of this text, in a distribution of its own."""
    site, installed = tmp_path / "site", []

    def installer(name: str, text: str) -> None:
        metadata = site / f"acme_{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[skillcore]\n{name} = acme_{name}\n")
        (site / f"acme_{name}.py").write_text(text)
        installed.append(f"acme_{name}")
        monkeypatch.syspath_prepend(site)

    yield installer
    for module in installed:
        sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, known_types: Path) -> Environment:
    """Return an environment with an installed skillcore. Whoever installs a plugin there gives it a name of its own."""
    pytest.importorskip("pip", reason="this environment has no pip")
    return Environment(tmp_path_factory.mktemp("new"), types=known_types)
