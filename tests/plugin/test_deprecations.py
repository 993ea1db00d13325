"""What goes is told once a plugin and process: in a warning, in the log, and in the plugin's state."""

import sys
import warnings
from types import ModuleType
from typing import Any

import pytest

import skillcore.plugin
from skillcore.plugin import SkillcoreDeprecationWarning
from skillcore.plugin.deprecations import Deprecation, Renamed, deprecated_arguments, loading, renamed, tell, told
from skillcore.plugin.hooks import Hooks, PluginFailure
from skillcore.plugin.hookspecs import hookimpl, hookspec
from skillcore.plugin.manager import Plugins, PluginState

OUTDATED = "@hookimpl\ndef skillcore_plugin():\n    return PluginInfo(contract=1)\n"
PART = 'PluginInfo(contract=1) goes with contract 2.0: write PluginInfo(contract=">=1,<2")'


def loaded(name: str) -> PluginState:
    (found,) = [plugin for plugin in Plugins.load(allow=[name]).plugins if plugin.name == name]
    return found


def test_a_whole_number_still_loads_and_is_told_once_with_its_replacement(install, caplog):
    install("aged", OUTDATED, info=False, version="0.9")
    install("grey", OUTDATED, info=False)

    with pytest.warns(SkillcoreDeprecationWarning) as warned:
        first = loaded("aged")
    again = loaded("aged")

    said = f"plugin aged (acme-aged 0.9) is outdated: {PART}"
    assert [str(warning.message) for warning in warned] == [said]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [said]
    assert first == again
    assert (first.state, first.contract, first.deprecated) == ("active", ">=1,<2", (PART,))
    with pytest.warns(SkillcoreDeprecationWarning, match="plugin grey"):
        loaded("grey")


def test_where_warnings_are_errors_a_plugin_fails_and_nothing_else(install):
    install("strictly", OUTDATED, info=False)

    failed = loaded("strictly")

    assert failed.state == "failed"
    assert "SkillcoreDeprecationWarning" in (failed.error or "")
    assert PART in (failed.error or "")


def test_an_old_name_goes_on_working_and_names_the_new_one(install, monkeypatch):
    old = ModuleType("acme_contract")
    old.__getattr__ = renamed("acme_contract", {"Old": Renamed(to="New", value=42, goes="3.0")})  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "acme_contract", old)
    install("behind", "from acme_contract import Old\nassert Old == 42\n")

    with pytest.warns(SkillcoreDeprecationWarning) as warned:
        state = loaded("behind")

    words = "acme_contract.Old goes with contract 3.0: use acme_contract.New"
    assert state.deprecated == (words,)
    assert [str(warning.message) for warning in warned] == [f"plugin behind (acme-behind 1.0) is outdated: {words}"]
    assert "acme_behind_behind.py" in warned[0].filename
    assert loaded("behind").deprecated == (words,)  # the import, which told it, happened once


def test_a_name_that_never_was_is_none_of_the_module():
    with pytest.raises(AttributeError, match=r"module 'skillcore\.plugin' has no attribute 'Sauce'"):
        skillcore.plugin.Sauce  # noqa: B018
    assert not hasattr(skillcore.plugin, "types")


class Specs:
    """Hooks of a contract to come, which no longer hands the second one its mood."""

    @hookspec
    def skillcore_plugin(self) -> None:
        """Say who you are."""

    @hookspec
    @deprecated_arguments(mood=Deprecation(what="the argument mood", instead="read it from settings", goes="2.0"))
    def skillcore_things(self, settings: Any, mood: str) -> None:
        """Offer things."""


@pytest.mark.parametrize(("argument", "outdated"), [("mood", True), ("settings", False)])
def test_an_argument_that_goes_is_told_to_those_who_take_it(argument, outdated):
    plugin = ModuleType("moody")
    code = f"def skillcore_plugin(): pass\ndef skillcore_things({argument}): pass\n"
    exec(code, plugin.__dict__)
    for hook in ("skillcore_plugin", "skillcore_things"):
        setattr(plugin, hook, hookimpl(getattr(plugin, hook)))

    with warnings.catch_warnings(record=True) as warned, loading(f"moody-{argument}", "acme-moody 1.0") as who:
        warnings.simplefilter("always")
        Hooks("moody", plugin, Specs)

    words = "the argument mood goes with contract 2.0: read it from settings"
    assert told(who) == ((words,) if outdated else ())
    assert [str(one.message) for one in warned] == ([f"{who} is outdated: {words}"] if outdated else [])


def test_with_warnings_as_errors_such_an_argument_is_a_failure_that_names_the_hook():
    plugin = ModuleType("moody")
    exec("def skillcore_plugin(): pass\ndef skillcore_things(mood): pass\n", plugin.__dict__)
    for hook in ("skillcore_plugin", "skillcore_things"):
        setattr(plugin, hook, hookimpl(getattr(plugin, hook)))
    with loading("moodier", "acme-moody 1.0"), pytest.raises(PluginFailure, match=r"'mood' of skillcore_things.*settings"):
        Hooks("moody", plugin, Specs)


def test_outside_of_plugins_it_is_told_as_well():
    once = Deprecation(what="a thing of this test", instead="use another", goes="2.0")
    with pytest.warns(SkillcoreDeprecationWarning, match="code outside of plugins is outdated: a thing of this test"):
        tell(once)
    tell(once)
