"""Each hook's docstring: its example runs, what it returns is accepted, and its arguments are described."""

import doctest
import inspect
from types import ModuleType

import pytest

from skillcore.plugin.hookspecs import HookSpecs
from skillcore.plugin.manager import Plugins

HOOKS = {name: hook for name, hook in vars(HookSpecs).items() if name.startswith("skillcore_")}
PARTS = {
    "skillcore_verification_sources": ("sources", "gym"),
    "skillcore_path_advisors": ("advisors", "shelf"),
    "skillcore_event_kinds": ("kinds", "swim.lap"),
    "skillcore_signal_rules": ("rules", "volunteering"),
    "skillcore_scoring_formulas": ("formulas", "works"),
    "skillcore_achievements": ("achievements", "first-ten"),
}


def run(*names: str) -> ModuleType:
    """Run the examples of some hooks in one module, as a plugin would hold them."""
    module = ModuleType("examples")
    for name in names:
        test = doctest.DocTestParser().get_doctest(inspect.getdoc(HOOKS[name]) or "", module.__dict__, name, None, 0)
        assert test.examples, f"{name} has no example"
        test.globs = module.__dict__
        result = doctest.DocTestRunner(verbose=False).run(test, clear_globs=False)
        assert result.failed == 0
    return module


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_runs_and_implements_its_hook(name):
    assert hasattr(run(name), name)


@pytest.mark.parametrize(("name", "part", "offered"), [(name, *offer) for name, offer in PARTS.items()])
def test_the_engine_takes_what_the_example_returns(name, part, offered):
    plugins = Plugins.load(allow=["example"], extra=[("example", run("skillcore_plugin", name))])

    (state,) = [plugin for plugin in plugins.plugins if plugin.name == "example"]
    assert state.error is None
    assert state.offers == {part: (offered,)}


def test_every_hook_is_covered_here():
    assert {*PARTS, "skillcore_plugin"} == {*HOOKS}


@pytest.mark.parametrize("name", HOOKS)
def test_every_argument_is_described_and_no_other(name):
    arguments = [argument for argument in inspect.signature(HOOKS[name]).parameters if argument != "self"]
    lines = inspect.getdoc(HOOKS[name]).splitlines()

    described = []
    if "Args:" in lines:
        for line in lines[lines.index("Args:") + 1 :]:
            if not line.startswith("    "):
                break
            described.append(line.strip().partition(":")[0])
    assert described == arguments
