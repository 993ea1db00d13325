"""How commands reach the database: a running embedded server is used, one that does not run is started for them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from skillcore.runtime.logins import Logins, embedded, instance_lock, logins, reachable
from skillcore.runtime.processes import InUse
from skillcore.runtime.settings import DatabaseSettings, Settings


def test_an_embedded_server_is_started_for_a_command_and_stopped_after_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"))
    with reachable(settings) as found, psycopg.connect(found.service) as connection:
        assert connection.execute("select current_user").fetchone() == ("skillcore_app",)
        with reachable(settings) as again:  # it runs: nothing is started, nothing stopped
            assert again == found
        assert connection.execute("select 1").fetchone() == (1,)
    server = embedded(settings)
    assert server
    assert not server.running
    with pytest.raises(FileNotFoundError):
        logins(settings)


def test_a_data_directory_whose_server_is_being_started_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"))
    with instance_lock(settings), pytest.raises(InUse, match="process"), reachable(settings):
        pass


@pytest.mark.parametrize("owner", ["", "postgresql://owner@db/name"])
def test_one_url_serves_as_both_logins(tmp_path: Path, owner: str) -> None:
    url = "postgresql://app@db/name"
    settings = Settings(data_dir=str(tmp_path), database=DatabaseSettings(url=url, owner_url=owner))
    with reachable(settings) as found:
        assert found == Logins(owner=owner or url, service=url)
