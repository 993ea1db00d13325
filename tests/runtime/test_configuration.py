"""Defaults under a file under the environment; what does not fit is named; the documented file says what the code does."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from skillcore.plugin import ServerSettings
from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import Configuration, ConfigurationError, load
from skillcore.runtime.settings import QueueSettings, Settings

DOCUMENTED = Path(__file__).resolve().parents[2] / "config" / "skillcore.toml"

MACHINE_DEPENDENT = ["plugins.practice.server.command"]
"""Defaults that differ from machine to machine, such as the path of the running Python: documented in a comment."""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "skillcore.toml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def problems(file: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(file, environ=environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", list(value) if isinstance(value, tuple) else value


# The documented file


def test_the_documented_file_changes_nothing():
    loaded = load(DOCUMENTED, environ={}).settings

    assert msgspec.structs.replace(loaded, plugins=Settings().plugins) == Settings()
    assert (loaded.plugins.allow, loaded.plugins.block, loaded.plugins.strict) == ((), (), False)


def test_the_documented_file_has_every_setting_of_the_engine_and_no_other():
    in_code = dict(leaves(msgspec.to_builtins(Settings())))
    del in_code["plugins.sections"]
    in_file = dict(leaves(tomllib.loads(DOCUMENTED.read_text(encoding="utf-8"))))

    assert {key: value for key, value in in_file.items() if key in in_code or not key.startswith("plugins.")} == in_code


def test_the_documented_file_has_every_setting_of_every_plugin_and_no_other():
    plugins = Plugins.load()
    assert {"defaults", "codeforces", "leetcode", "github", "context7", "practice"} <= {*plugins.settings}
    in_code = dict(leaves({"plugins": {name: msgspec.to_builtins(settings) for name, settings in plugins.settings.items()}}))
    text = DOCUMENTED.read_text(encoding="utf-8")
    in_file = {key: value for key, value in leaves({"plugins": tomllib.loads(text)["plugins"]}) if key.count(".") > 1}

    for key in MACHINE_DEPENDENT:
        assert in_code.pop(key)
        assert f"# {key.rpartition('.')[2]} =" in text
    assert in_file == in_code


def test_plugins_with_the_documented_file_are_as_without():
    sections = load(DOCUMENTED, environ={}).settings.plugins.sections

    assert Plugins.load(sections=sections).settings == Plugins.load().settings


# Where the file is


def test_a_file_that_is_named_wins_then_the_variable_then_the_working_directory(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = write("[server]\nport = 1001", "named.toml")
    variable = write("[server]\nport = 1002", "variable.toml")
    write("[server]\nport = 1003", "config/skillcore.toml")
    write("[server]\nport = 1004")

    assert load(named, environ={"SKILLCORE_CONFIG": str(variable)}).settings.server.port == 1001
    assert load(environ={"SKILLCORE_CONFIG": str(variable)}).settings.server.port == 1002
    assert load(environ={}).settings.server.port == 1003
    (tmp_path / "config" / "skillcore.toml").unlink()
    assert load(environ={}).settings.server.port == 1004


def test_without_any_file_the_one_that_came_along_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    loaded = load(environ={})

    assert loaded.file.read_bytes() == DOCUMENTED.read_bytes()


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_named_file_that_cannot_be_read(tmp_path, name):
    (problem,) = problems(tmp_path / name)

    assert problem.startswith(f"{tmp_path / name}: the configuration file cannot be read: ")


def test_a_file_that_is_no_toml(write):
    (problem,) = problems(write("[server]\nport = = 3"))

    assert "not TOML" in problem
    assert "line 2" in problem


def test_a_file_that_is_no_utf8(tmp_path):
    file = tmp_path / "skillcore.toml"
    file.write_bytes(b'data_dir = "\xff"')

    assert "UTF-8" in problems(file)[0]


# The environment


def test_the_environment_stands_above_the_file_in_any_case(write):
    file = write("[server]\nport = 1001\nhost = '::1'\n[log]\nlevel = 'debug'")

    settings = load(
        file, environ={"SKILLCORE__SERVER__PORT": "1002", "skillcore__log__FORMAT": "text", "SKILLCORE__DATA_DIR": "12"}
    ).settings

    assert (settings.server.port, settings.server.host) == (1002, "::1")
    assert (settings.log.level, settings.log.format) == ("debug", "text")
    assert settings.data_dir == "12"


def test_lists_and_tables_of_the_environment_are_json(write):
    file = write("[queues.analytics]\nconcurrency = 2")

    settings = load(
        file,
        environ={
            "SKILLCORE__PLUGINS__BLOCK": '["leetcode"]',
            "SKILLCORE__PLUGINS__STRICT": "true",
            "SKILLCORE__QUEUES": '{"verification": {"concurrency": 7}}',
            "SKILLCORE__QUEUES__VERIFICATION__TIME_LIMIT": "300",
        },
    ).settings

    assert settings.plugins.block == ("leetcode",)
    assert settings.plugins.strict is True
    assert settings.queue("verification") == QueueSettings(concurrency=7, time_limit=300)
    assert settings.queue("analytics") == QueueSettings(concurrency=2, time_limit=120)


def test_variables_of_a_plugin_reach_it_with_the_types_of_its_settings(write):
    file = write("[plugins.codeforces.server]\ncalls_per_second = 1\nconcurrency = 2")
    environ = {
        "SKILLCORE__PLUGINS__CODEFORCES__SERVER__CALLS_PER_SECOND": "2.5",
        "SKILLCORE__PLUGINS__CODEFORCES__SERVER__ARGS": '["-y", "another"]',
        "SKILLCORE__PLUGINS__CODEFORCES__SERVER__ENV__API_KEY": "12345",
        "SKILLCORE__PLUGINS__CODEFORCES__SERVER__HEADERS_FILE": "",
        "SKILLCORE__PLUGINS__GITHUB": '{"max_pages": 3, "server": {"url": "https://mcp.test"}}',
        "SKILLCORE__PLUGINS__GITHUB__SERVER__URL": "https://other.test",
    }

    plugins = Plugins.load(
        allow=["codeforces", "github"], strict=True, sections=load(file, environ=environ).settings.plugins.sections
    )

    server = plugins.settings["codeforces"].server
    assert server == ServerSettings(
        command="npx", args=("-y", "another"), env={"API_KEY": "12345"}, calls_per_second=2.5, concurrency=2
    )
    assert plugins.settings["github"].max_pages == 3
    assert plugins.settings["github"].server.url == "https://other.test"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SKILLCORE__SERVER__PORT", "http", ("[server] port", "text 'http'", "a whole number, at least 0, at most 65535")),
        ("SKILLCORE__SERVER__PORT", "65536", ("65536 (int)", "at most 65535")),
        ("SKILLCORE__SERVER__PROT", "1", ("[server] prot", "no setting has", "host, port", "did you mean port?")),
        ("SKILLCORE__SRVER__PORT", "1", ("srver", "no setting has", "did you mean server?")),
        ("SKILLCORE__SERVER", "8000", ("server", "8000 (int)", "a table, as JSON")),
        ("SKILLCORE__PLUGINS__BLOCK", "leetcode", ("[plugins] block", "text 'leetcode'", "a list, as JSON")),
        ("SKILLCORE__PLUGINS__BLOK", "[]", ("[plugins] blok", "did you mean block?")),
        ("SKILLCORE__PLUGINS__STRICT", "yes", ("[plugins] strict", "true or false")),
        ("SKILLCORE__LOG__LEVEL", "loud", ("[log] level", "'debug' or 'error' or 'info' or 'warning'")),
        ("SKILLCORE__RESILIENCE__CALL_TIMEOUT", "Infinity", ("call_timeout", "a finite number")),
        ("SKILLCORE__RESILIENCE__CALL_TIMEOUT", "0", ("call_timeout", "more than 0")),
        (
            "SKILLCORE__PLUGINS__GITHUB__RESILIENCE__RETRYS",
            "0",
            ("[plugins.github.resilience] retrys", "did you mean retries?"),
        ),
        ("SKILLCORE__SERVER____PORT", "1", ("names no setting",)),
        ("SKILLCORE__", "1", ("names no setting",)),
    ],
)
def test_variables_that_do_not_fit(write, variable, value, words):
    (problem,) = problems(write(""), **{variable: value})

    assert problem.startswith(f"{variable}: ")
    for word in words:
        assert word in problem


def test_a_setting_given_by_two_variables(write):
    (problem,) = problems(write(""), SKILLCORE__SERVER__PORT="1", skillcore__server__port="2")

    assert "SKILLCORE__SERVER__PORT" in problem
    assert "skillcore__server__port" in problem


# What does not fit


def test_all_problems_of_a_file_come_at_once(write):
    file = write("data_dri = 'x'\n[server]\nport = '8000'\n[queues.verification]\nconcurrency = 0\n[formulas]\nlevel = 3")

    found = problems(file)

    assert len(found) == 4
    assert all(problem.startswith(f"{file}: ") for problem in found)
    for words in (
        ("data_dri", "did you mean data_dir?"),
        ("[server] port", "text '8000'"),
        ("[queues.verification] concurrency", "0 (int)", "at least 1"),
        ("[formulas] level", "3 (int)", "text"),
    ):
        assert any(all(word in problem for word in words) for problem in found), words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\npublic_url = 'skills.example.org'", ("[server] public_url", "'skills.example.org'")),
        ("[server]\npublic_url = 'https://me:secret@example.org'", ("[server] public_url", "without user")),
        ("[server]\npublic_url = 'javascript://example.org/%0aalert(1)'", ("[server] public_url",)),
        ("[server]\npublic_url = 'https://example.org/?a'", ("[server] public_url",)),
        ("[server]\ntrusted_proxies = ['10.0.0.1/8']", ("[server] trusted_proxies", "'10.0.0.1/8'")),
        ("[server]\ntrusted_proxies = ['0.0.0.0/0']", ("[server] trusted_proxies", "'0.0.0.0/0'")),
        ("[server]\ntrusted_proxies = ['proxy.example.org']", ("[server.trusted_proxies]", "'proxy.example.org'")),
        ("[server]\ncors_origins = ['*', 'https://a.example']", ("[server] cors_origins", "'*' beside others")),
        ("[server]\ncors_origins = ['https://a.example/']", ("[server] cors_origins", "'https://a.example/'")),
        ("[server]\ncors_origins = ['https://A.example']", ("[server] cors_origins",)),
        ("[server]\ncors_origins = ['https://*.example.org']", ("[server] cors_origins",)),
        ("[server]\ncors_origins = ['null']", ("[server] cors_origins", "'null'")),
        ("[server]\ntls_key_file = 'k.pem'", ("[server] tls_certificate_file", "the other one")),
        ("[server]\nhsts = 'max-age=1\\r\\nX: y'", ("[server] hsts",)),
        ("[database]\nurl = 'mysql://u:secret@h/d'", ("[database] url", "'embedded'", "postgresql://", "mysql://u:***@h/d")),
        ("[database]\nurl = 'embeded'", ("[database] url", "'embeded'")),
        ("[database]\nowner_url = 'postgresql://o:secret@h/d'", ("[database] owner_url", "embedded")),
        ("[database]\nurl = 'postgresql://h/d'\nowner_url = 'h'", ("[database] owner_url", "'h'")),
        ("[resilience]\nretry_wait = 20", ("[resilience] retry_wait", "20.0", "retry_wait_max, which is 10.0")),
        ("[plugins.x.resilience]\nretry_wait_max = 0.25", ("[plugins.x.resilience] retry_wait", "0.5", "0.25")),
        ("[plugins]\nallow = ['a', 'b']\nblock = ['b']", ("[plugins] block", "'b'", "plugins.allow")),
        ("[queues.verifcation]\nconcurrency = 1\ntime_limit = 1", ("[queues] verifcation", "verification, imports, analytics")),
        ("[queues.verification]\ntime_limit = 60", ("[verification] deadline", "110.0", "60.0")),
        ("[verification]\nredirect_uri = 'http://school.test/linked'", ("[verification] redirect_uri", "https://")),
        ("[verification]\nretry_base = 301", ("[verification] retry_base", "301.0", "300.0")),
    ],
)
def test_combinations_that_cannot_be(write, text, words):
    (problem,) = problems(write(text))

    for word in words:
        assert word in problem
    assert "secret" not in problem


def test_a_queue_without_a_time_limit_leaves_the_deadline_alone(write):
    settings = load(write("[queues.verification]\ntime_limit = 0"), environ={}).settings

    assert settings.queue("verification").time_limit == 0


def test_a_secret_does_not_stand_in_a_message(write):
    (problem,) = problems(write("[plugins.x.resilience]\napi_token = 'hush'\n"))
    assert "hush" not in problem

    (problem,) = problems(write("[database]\nurl = ['postgresql://u:hush@h/d']\n"))
    assert "hush" not in problem


# Secrets from files


def test_the_url_may_stand_in_a_file_of_its_own(write, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("postgresql://u:hush@h/d\n")
    file = write(f"[database]\nurl_file = '{secret}'")

    loaded = load(file, environ={})

    assert loaded.settings.database.url == "postgresql://u:hush@h/d"
    assert (loaded.origin("database", "url").kind, loaded.origin("database", "url").place) == ("file", str(secret))


def test_the_url_and_a_file_with_it_exclude_each_other(write, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("postgresql://u@h/d")

    (problem,) = problems(write(f"[database]\nurl_file = '{secret}'"), SKILLCORE__DATABASE__URL="postgresql://other/d")

    assert "[database] url_file" in problem
    assert "database.url is set as well" in problem


def test_a_secret_file_that_is_not_there(write, tmp_path):
    (problem,) = problems(write(f"[database]\nurl_file = '{tmp_path / 'absent'}'"))

    assert "[database] url_file" in problem
    assert "No such file" in problem


def test_what_a_secret_file_holds_is_checked_and_not_shown(write, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("mysql://u:hush@h/d")

    (problem,) = problems(write(f"[database]\nurl_file = '{secret}'"))

    assert problem.startswith(f"{secret}: [database] url: ")
    assert "hush" not in problem


# Where values come from, and what they amount to


def origin(loaded: Configuration, keys: str) -> tuple[str, str]:
    layer = loaded.origin(*keys.split("."))
    return layer.kind, layer.place


def test_the_origin_of_each_value(write):
    file = write("[server]\nport = 1001\n[plugins.github.server]\nurl = 'https://a.test'")
    loaded = load(
        file,
        environ={
            "SKILLCORE__SERVER__HOST": "::1",
            "SKILLCORE__PLUGINS__GITHUB": json.dumps({"server": {"concurrency": 2}}),
        },
    )

    assert origin(loaded, "server.port") == ("file", str(file))
    assert origin(loaded, "server.host") == ("environment", "SKILLCORE__SERVER__HOST")
    assert origin(loaded, "server.grace") == ("default", "")
    assert origin(loaded, "plugins.github.server.url") == ("file", str(file))
    assert origin(loaded, "plugins.github.server.concurrency") == ("environment", "SKILLCORE__PLUGINS__GITHUB")
    assert origin(loaded, "plugins.github.server.command") == ("default", "")


def test_the_limits_of_one_plugin_lie_over_the_general_ones(write):
    file = write("[resilience]\nretries = 1\ncall_timeout = 5\n[plugins.github.resilience]\ncall_timeout = 9")

    settings = load(file, environ={"SKILLCORE__PLUGINS__CODEFORCES__RESILIENCE": '{"retries": 7}'}).settings

    assert (settings.resilience_of("github").retries, settings.resilience_of("github").call_timeout) == (1, 9)
    assert (settings.resilience_of("codeforces").retries, settings.resilience_of("codeforces").call_timeout) == (7, 5)
    assert settings.resilience_of("leetcode") == settings.resilience
