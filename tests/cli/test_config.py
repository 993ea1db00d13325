"""The commands that look at configuration and plugins, as the operator runs them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import skillcore
from skillcore.cli import main


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty directory: the checkout's own file plays no part."""
    monkeypatch.chdir(tmp_path)


def write(text: str) -> str:
    Path("skillcore.toml").write_text(text, encoding="utf-8")
    return "skillcore.toml"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    assert main(["config", "show", "--json", *arguments]) == 0
    out = capsys.readouterr().out
    return {setting["key"]: setting for setting in json.loads(out)["settings"]}


@pytest.fixture
def broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that ends the process when it is imported."""
    metadata = tmp_path / "site" / "acme_broken-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[skillcore]\nbroken = acme_broken_module\n")
    (tmp_path / "site" / "acme_broken_module.py").write_text("raise SystemExit('gone')\n")
    monkeypatch.syspath_prepend(tmp_path / "site")


def test_check_is_content_with_the_defaults(capsys):
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out.endswith(": fine\n")


def test_check_names_what_does_not_fit(capsys):
    write("[server]\nprot = 1")

    assert main(["config", "check"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("error: skillcore.toml: [server] prot: found a key that no setting has")
    assert "did you mean port?" in out


def test_check_names_a_plugin_that_cannot_use_its_section(capsys):
    write("[plugins.codeforces.server]\ncalls_per_second = 0")

    assert main(["config", "check", "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    for word in ("plugin codeforces (skillcore-codeforces ", "[plugins.codeforces.server] calls_per_second", "more than 0"):
        assert word in error


def test_check_warns_of_plugins_that_are_not_installed(capsys):
    write("[plugins]\nblock = ['leetcod']\n[plugins.codeforce.server]\nconcurrency = 1")

    assert main(["config", "check", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == []
    assert report["warnings"] == [
        "skillcore.toml: [plugins] block: no plugin named leetcod is installed; did you mean leetcode?",
        "skillcore.toml: [plugins.codeforce]: no plugin of this name is installed; did you mean codeforces?",
    ]


def test_check_knows_the_formulas(capsys):
    write("[formulas]\nlevel = 'levle'")

    assert main(["config", "check"]) == 1
    assert (
        "[formulas] level: found 'levle'; allowed: attempt, goal, improvement, level, mastery, module, overall, readiness,"
        " skill_progress, space, working_difficulty" in capsys.readouterr().out
    )


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), ("[1]", "something else")])
def test_check_opens_the_files_with_headers(capsys, tmp_path, content, words):
    if content is not None:
        (tmp_path / "headers.json").write_text(content)
    write("[plugins.github.server]\nheaders_file = 'headers.json'")

    assert main(["config", "check"]) == 1
    out = capsys.readouterr().out
    assert "[plugins.github.server] headers_file" in out
    assert words in out


def test_show_says_where_each_value_comes_from(capsys, monkeypatch):
    write("[server]\nport = 8111\n[plugins.codeforces.server]\ncalls_per_second = 2")
    monkeypatch.setenv("SKILLCORE__SERVER__HOST", "::1")

    settings = shown(capsys)

    assert settings["server.port"] == {"key": "server.port", "value": 8111, "from": "file", "place": "skillcore.toml"}
    assert settings["server.host"]["place"] == "SKILLCORE__SERVER__HOST"
    assert settings["server.grace"] == {"key": "server.grace", "value": 10.0, "from": "default", "place": ""}
    assert settings["plugins.codeforces.server.calls_per_second"]["value"] == 2.0
    assert settings["plugins.codeforces.server.command"]["value"] == "npx"
    assert settings["plugins.codeforces.server.command"]["from"] == "default"


def test_show_hides_secrets_wherever_they_stand(capsys, tmp_path, monkeypatch):
    (tmp_path / "owner").write_text("postgresql://owner:hush1@db/name")
    write(
        """
        [database]
        url = "postgresql://u:hush2@db/name"
        owner_url_file = "owner"
        [auth]
        keys_dir = "keys"
        [plugins.github.server]
        command = "npx"
        args = ["--token", "hush3", "--api-key=hush4", "https://u:hush5@proxy.test/", "plain"]
        url = "https://mcp.test/?token=hush6"
        headers = { Authorization = "Bearer hush7", X-Other = "hush8" }
        env = { GITHUB_PERSONAL_ACCESS_TOKEN = "hush9", LANG = "C" }
        [plugins.unknown]
        password = "hush10"
        """
    )
    monkeypatch.setenv("SKILLCORE__PLUGINS__CODEFORCES__SERVER__HEADERS", '{"Authorization": "hush11"}')

    settings = shown(capsys)
    assert main(["config", "show"]) == 0
    text = capsys.readouterr().out

    assert "hush" not in json.dumps(settings)
    assert "hush" not in text
    assert settings["database.url"]["value"] == "postgresql://u:***@db/name"
    assert settings["database.owner_url"]["value"] == "***"
    assert settings["auth.keys_dir"]["value"] == "keys"
    assert settings["plugins.github.server.env.LANG"]["value"] == "C"
    assert settings["plugins.github.server.args"]["value"][-1] == "plain"


def test_show_stops_at_a_configuration_that_cannot_be_used(capsys):
    file = write("[server]\nport = 'x'")

    assert main(["config", "show", "--config", file]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[server] port" in captured.err


def test_the_plugins_are_listed_with_what_they_offer(capsys):
    assert main(["plugins", "list", "--json"]) == 0
    plugins = {plugin["name"]: plugin for plugin in json.loads(capsys.readouterr().out)["plugins"]}

    assert plugins["codeforces"] == {
        "name": "codeforces",
        "version": "0.1.0",
        "distribution": "skillcore-codeforces",
        "state": "active",
        "error": None,
        "blocked_by": None,
        "contract": ">=1.1,<2",
        "deprecated": [],
        "exempt": {},
        "offers": {"sources": ["codeforces"]},
    }
    assert plugins["defaults"]["offers"]["formulas"] == [
        "attempt",
        "goal",
        "improvement",
        "level",
        "mastery",
        "module",
        "overall",
        "readiness",
        "skill_progress",
        "space",
        "working_difficulty",
    ]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("block = ['codeforces']", "plugins.block names it; take it out of the list to load it"),
        ("allow = ['leetcode']", "plugins.allow does not name it; add it to the list to load it"),
    ],
)
def test_blocked_plugins_are_listed_with_what_blocks_them(capsys, setting, words):
    write(f"[plugins]\n{setting}")

    assert main(["plugins", "list"]) == 0

    out = capsys.readouterr().out
    assert f"codeforces  blocked  skillcore-codeforces 0.1.0\n    blocked: {words}\n" in out
    assert "leetcode  active  skillcore-leetcode 0.1.0\n    contract: >=1.1,<2\n    sources: leetcode\n" in out


@pytest.mark.filterwarnings("ignore::skillcore.plugin.SkillcoreDeprecationWarning")
def test_what_is_outdated_in_a_plugin_is_listed(capsys, tmp_path, monkeypatch):
    metadata = tmp_path / "site" / "acme_old-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-old\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[skillcore]\nold = acme_old\n")
    (tmp_path / "site" / "acme_old.py").write_text(
        "from skillcore.plugin import PluginInfo, hookimpl\n\n"
        "@hookimpl\ndef skillcore_plugin():\n    return PluginInfo(contract=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, "acme_old", raising=False)

    assert main(["plugins", "list"]) == 0

    assert (
        "old  active  acme-old 1.0\n    contract: >=1,<2\n    outdated: PluginInfo(contract=1) goes with contract 2.0: write"
        ' PluginInfo(contract=">=1,<2")\n' in capsys.readouterr().out
    )


@pytest.mark.usefixtures("broken_plugin")
@pytest.mark.parametrize("strict", [False, True])
def test_a_broken_plugin_is_listed_with_its_error_even_under_strict(capsys, strict):
    write(f"[plugins]\nstrict = {str(strict).lower()}")

    assert main(["plugins", "list"]) == 1
    out = capsys.readouterr().out
    assert "broken  failed  acme-broken 1.0" in out
    assert "error: importing it raised SystemExit: gone" in out
    assert "codeforces  active" in out


@pytest.mark.usefixtures("broken_plugin")
def test_a_broken_plugin_leaves_the_other_commands_alone(capsys):
    assert main(["config", "show"]) == 0
    assert main(["config", "check"]) == 1
    assert "plugin broken (acme-broken 1.0): importing it raised SystemExit: gone" in capsys.readouterr().out


def test_the_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])

    assert caught.value.code == 0
    assert capsys.readouterr().out == f"skillcore {skillcore.__version__}\n"


def test_a_command_that_does_not_exist_lists_those_that_do(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["confg"])

    assert caught.value.code == 2
    assert "config" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["config", "--help"], ["config", "show", "--help"], ["plugins", "list", "-h"]]
)
def test_help(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 0
    assert "usage: skillcore" in capsys.readouterr().out


def test_the_module_runs_as_the_command_and_bears_a_reader_that_leaves():
    command = [sys.executable, "-m", "skillcore", "config", "show"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        errors = process.stderr.read()

    assert errors == ""
    assert process.returncode == 1
