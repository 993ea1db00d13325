"""docs/settings.md: its tables are the Structs, type by type and default by default."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec import inspect as shapes

from skillcore.plugin import ServerSettings
from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import FILE_VARIABLE, PLACES, PREFIX, ConfigurationError, load
from skillcore.runtime.settings import OIDCProviderSettings, PluginSettings, ResilienceSettings, Settings
from tests.docs.documents import codes, read, sections

TEXT = read("settings.md")
SECTIONS = sections(TEXT)
OURS = ("codeforces", "context7", "defaults", "github", "leetcode", "practice")
WORDS: dict[type[shapes.Type], str] = {
    shapes.StrType: "text",
    shapes.BoolType: "true or false",
    shapes.IntType: "whole number",
    shapes.FloatType: "number",
    shapes.DictType: "table",
}


@pytest.fixture(scope="module")
def installed() -> Mapping[str, Struct]:
    found = Plugins.load(allow=OURS).settings
    assert sorted(found) == sorted(OURS)
    return found


def kind(of: Any) -> str:
    """Return a setting's type in words, bounds included."""
    info = shapes.type_info(of)
    if isinstance(info, shapes.LiteralType):
        return " or ".join(f"`{json.dumps(value)}`" for value in sorted(info.values))
    if isinstance(info, shapes.VarTupleType):
        return f"list of {WORDS[type(info.item_type)]}"
    return WORDS[type(info)] + bounds(info)


def bounds(info: Any) -> str:
    if getattr(info, "min_length", None):
        return ", not empty"
    more, least, most = (getattr(info, name, None) for name in ("gt", "ge", "le"))
    if least is not None and most is not None:
        return f", {least:g} to {most:g}"
    words = [f"more than {more:g}"] if more is not None else []
    words += [f"{least:g} or more"] if least is not None else []
    words += [f"up to {most:g}"] if most is not None else []
    return ", " + ", ".join(words) if words else ""


def rows(value: Struct, above: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, type and default of each setting of a Struct."""
    for field in msgspec.structs.fields(value):
        inner = getattr(value, field.name)
        key = f"{above}{field.encode_name}"
        if isinstance(value, PluginSettings) and field.name == "sections":
            continue
        if isinstance(inner, ServerSettings) and above:
            continue  # one table for all plugins
        if isinstance(inner, Struct):
            yield from rows(inner, f"{key}.")
        elif isinstance(inner, Mapping) and inner:
            for name, member in inner.items():
                if isinstance(member, Struct):
                    yield from rows(member, f"{key}.{name}.")
                else:
                    yield f"{key}.{name}", kind(type(member)), json.dumps(member)
        else:
            yield key, kind(field.type), json.dumps(msgspec.to_builtins(inner))


def documented(title: str) -> list[tuple[str, str, str]]:
    table = SECTIONS[title].table()
    assert [row["setting"] for row in table if not row[""]] == [], "a setting without a meaning"
    return [(codes(row["setting"])[0], row["type"], codes(row["default"])[0]) for row in table]


def test_every_setting_of_the_engine_is_there():
    assert documented("The engine's settings") == list(rows(Settings()))


def test_every_setting_of_a_provider_is_there():
    given = [(key, of) for key, of, _ in documented_of_providers()]
    fields = msgspec.structs.fields(OIDCProviderSettings)
    assert given == [(f"oidc.<name>.{field.name}", kind(field.type).removesuffix(", not empty")) for field in fields]
    defaults = [default for *_, default in documented_of_providers()]
    least = msgspec.to_builtins(OIDCProviderSettings(issuer="i", client_id="c"))
    assert defaults == ["" if field.required else json.dumps(least[field.name]) for field in fields]


def documented_of_providers() -> list[tuple[str, str, str]]:
    table = SECTIONS["Providers"].table()
    return [(codes(row["setting"])[0], row["type"], (codes(row["default"]) or [""])[0]) for row in table]


def test_every_setting_of_the_plugins_is_there(installed):
    in_code = [row for name in OURS for row in rows(installed[name], f"plugins.{name}.")]
    assert documented("The plugins' settings") == in_code


def test_every_setting_of_a_server_is_there():
    assert documented("Servers") == list(rows(ServerSettings()))


def test_the_plugins_servers_have_these_defaults(installed):
    in_code = {
        name: (server.command, list(server.args), server.calls_per_second)
        for name in OURS
        if isinstance(server := getattr(installed[name], "server", None), ServerSettings)
    }
    table = SECTIONS["Servers"].tables()[1]
    in_docs = {
        codes(row["plugin"])[0]: (
            codes(row["command"]),
            json.loads(codes(row["args"])[0]),
            float(codes(row["calls_per_second"])[0]),
        )
        for row in table
    }
    assert in_docs.pop("practice")[1:] == in_code.pop("practice")[1:]  # its command is the Python that runs
    assert in_docs == {name: ([command], args, pace) for name, (command, args, pace) in in_code.items()}
    same = ServerSettings()
    for name in in_code:
        server = installed[name].server
        assert (server.env, server.url, server.headers, server.headers_file, server.concurrency) == (
            same.env,
            same.url,
            same.headers,
            same.headers_file,
            same.concurrency,
        )


def test_all_keys_of_resilience_can_be_set_for_one_plugin():
    keys = [field.name for field in msgspec.structs.fields(ResilienceSettings)]
    assert [key for key, *_ in documented("The engine's settings") if key.startswith("resilience.")] == [
        f"resilience.{key}" for key in keys
    ]
    own = {"codeforces": {"resilience": {key: getattr(ResilienceSettings(), key) for key in keys}}}
    settings = msgspec.structs.replace(Settings(), plugins=PluginSettings(sections=own))
    assert settings.resilience_of("codeforces") == ResilienceSettings()


def test_the_places_of_the_file_are_these():
    text = SECTIONS["Where settings come from"].text
    for name in (FILE_VARIABLE, PREFIX, *map(str, PLACES)):
        assert f"`{name}" in text, name


def test_the_example_of_what_does_not_fit_is_what_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "skillcore.toml").write_text("[ledger]\nwriters = 70\nwriter = 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load(environ={})
    (block,) = SECTIONS["What does not fit"].blocks("text")
    assert block.text == f"{caught.value}\n"


def test_the_example_of_variables_is_understood():
    (block,) = SECTIONS["Where settings come from"].blocks("sh")
    variables = dict(line.split("=", 1) for line in block.text.splitlines())
    loaded = load(environ={name: value.strip("'") for name, value in variables.items()}).settings
    assert (loaded.server.port, loaded.plugins.block) == (9000, ("leetcode",))
    assert list(loaded.plugins.sections["github"]["server"]["env"]) == ["GITHUB_PERSONAL_ACCESS_TOKEN"]
