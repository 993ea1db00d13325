"""docs/hooks.md: it has every hook, type and error of the contract, and its examples run, the whole plugin included."""

import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import get_args

import msgspec
import pytest

from skillcore import plugin
from skillcore.plugin import (
    PathAdvisor,
    ScoringFormula,
    SignalRule,
    SignalType,
    SourceType,
    Strength,
    VerificationSource,
    errors,
)
from skillcore.plugin.hookspecs import HookSpecs
from skillcore.plugin.manager import Plugins
from tests.docs.documents import ROOT, blocks, codes, read, sections

TEXT = read("hooks.md")
SECTIONS = sections(TEXT)
HOOKS = {name: hook for name, hook in vars(HookSpecs).items() if name.startswith("skillcore_")}
STRUCTS = {
    name: kind
    for name in plugin.__all__
    if isinstance(kind := getattr(plugin, name), type) and issubclass(kind, msgspec.Struct)
}
CLASSES = [VerificationSource, PathAdvisor, SignalRule, ScoringFormula]


def example(name: str) -> ModuleType:
    """Run the block of a hook's section as the module of a plugin, which introduces itself if the block does not."""
    (section,) = [section for title, section in SECTIONS.items() if title.startswith(f"{name}(")]
    (block,) = section.blocks("python")
    module = ModuleType(f"example_of_{name}")
    introduction = "@hookimpl\ndef skillcore_plugin():\n    return PluginInfo(contract='>=1.1,<2')\n"
    source = block.text
    if "def skillcore_plugin" not in source:
        source += f"\nfrom skillcore.plugin import PluginInfo\n{introduction}"
    exec(compile(source, module.__name__, "exec"), module.__dict__)  # the document is ours
    return module


def test_every_hook_has_a_section_with_its_arguments_and_what_it_returns():
    documented = {}
    for title, section in SECTIONS.items():
        if match := re.fullmatch(r"(skillcore_\w+)\((.*)\)", title):
            documented[match[1]] = ([argument for argument in match[2].split(", ") if argument], codes(section.text)[0])
            assert section.text.lstrip().startswith("Returns `"), title
    in_code = {
        name: (
            [argument for argument in inspect.signature(hook).parameters if argument != "self"],
            str(inspect.signature(hook).return_annotation).replace("[Any]", ""),
        )
        for name, hook in HOOKS.items()
    }
    assert documented == in_code


@pytest.mark.parametrize("name", HOOKS)
def test_each_example_loads(name):
    module = example(name)
    assert hasattr(module, name)

    plugins = Plugins.load(allow=["example"], extra=[("example", module)])

    (state,) = [plugin for plugin in plugins.plugins if plugin.name == "example"]
    assert state.error is None
    assert len(state.offers) == (name != "skillcore_plugin")


def test_every_name_of_the_contract_is_mentioned():
    missing = [name for name in plugin.__all__ if not re.search(rf"`[^`]*\b{name}\b[^`]*`", TEXT)]
    assert missing == []


def test_the_structs_have_these_fields():
    documented = {codes(row["Struct"])[0]: codes(row["fields"]) for row in SECTIONS["Structs"].tables()[0]}
    in_code = {
        name: [field.name + ("" if field.required else "?") for field in msgspec.structs.fields(kind)]
        for name, kind in STRUCTS.items()
    }
    assert documented == in_code


def test_the_words_are_these():
    documented = {codes(row["type"])[0]: tuple(codes(row["values"])) for row in SECTIONS["Structs"].tables()[1]}
    assert documented == {
        "SourceType": get_args(SourceType),
        "SignalType": get_args(SignalType),
        "Strength": get_args(Strength),
    }


@pytest.mark.parametrize("kind", CLASSES)
def test_the_classes_have_these_members(kind):
    documented = {codes(row["member"])[0]: row[""] for row in SECTIONS[kind.__name__].table()}
    in_code = {}
    for name in inspect.get_annotations(kind):
        in_code[name] = "optional" if hasattr(kind, name) else "required"
    for name, member in vars(kind).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            arguments = [argument for argument in inspect.signature(member).parameters if argument != "self"]
            in_code[f"{name}({', '.join(arguments)})"] = "required" if name in kind.__abstractmethods__ else "optional"
    assert documented == in_code


def test_every_verdict_says_what_the_engine_does():
    documented = [codes(row["verdict"])[0] for row in SECTIONS["VerificationSource"].tables()[1]]
    assert documented == [kind.__name__ for kind in get_args(plugin.Verdict)]


def test_every_error_says_what_the_engine_does():
    documented = [codes(row["error"])[0] for row in SECTIONS["Errors"].table()]
    assert sorted(documented) == sorted(set(errors.__all__) - {"SourceError"})
    keywords = [name for name in inspect.signature(errors.Unavailable).parameters if name != "message"]
    assert all(f"`{keyword}`" in SECTIONS["Errors"].text for keyword in keywords)


def test_the_contract_has_this_version():
    text = " ".join(SECTIONS["Contract version"].text.split())
    assert f"The contract has version {plugin.CONTRACT} " in text


# The plugin from zero


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the plugin's files as the document has them, and install them as a distribution."""
    files = {block.words: block.text for block in blocks(SECTIONS["A plugin from zero"].text) if block.words}
    assert sorted(files) == ["pyproject.toml", "skillcore_arena/__init__.py", "tests/test_arena.py"]
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    metadata = tmp_path / f"skillcore_arena-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = "".join(f"{name} = {module}\n" for name, module in project["entry-points"]["skillcore"].items())
    (metadata / "entry_points.txt").write_text(f"[skillcore]\n{entries}")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("skillcore_arena", None)


def test_the_plugin_from_zero_loads_with_all_that_it_offers(arena):
    plugins = Plugins.load(allow=["arena"], strict=True, sections={"arena": {"scale": 2}})

    (state,) = [plugin for plugin in plugins.plugins if plugin.name == "arena"]
    assert (state.name, state.distribution, state.version, state.state) == ("arena", "skillcore-arena", "0.1.0", "active")
    assert state.offers == {
        "sources": ("arena",),
        "kinds": ("arena.daily",),
        "rules": ("arena-daily",),
        "formulas": ("arena.points",),
        "achievements": ("arena-ten",),
    }
    assert plugins.formulas["arena.points"].parameters() == {"scale": 2.0}


def test_the_tests_of_the_plugin_from_zero_pass(arena):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "tests"]
    paths = os.pathsep.join([str(arena), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    ran = subprocess.run(
        command, cwd=arena, env=environment | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
