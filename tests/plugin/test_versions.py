"""Ranges of the contract, as plugins write them, and the versions that lie in them."""

import ast
from pathlib import Path

import pytest

from skillcore.plugin import CONTRACT
from skillcore.plugin.versions import EXAMPLE, Range, UnreadableRange, Version, installed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.1,<2", ["1.1", "1.2", "1.99"], ["1.0", "2.0", "2.1", "0.9"]),
        (">=1.1", ["1.1", "1.10", "2.0", "17.3"], ["1.0", "0.99"]),
        (">=1", ["1.0", "1.1", "2.0"], ["0.9"]),
        ("<2.1,>=1.9", ["1.9", "1.10", "2.0"], ["1.8", "2.1"]),
        (" >= 1.2 , < 1.10 ", ["1.2", "1.9"], ["1.1", "1.10"]),
        ("==1.1", ["1.1"], ["1.0", "1.2", "2.1"]),
        ("==2", ["2.0"], ["1.9", "2.1"]),
    ],
)
def test_these_versions_lie_in_a_range(text, inside, outside):
    wanted = Range.parse(text)
    assert [version for version in inside + outside if as_version(version) in wanted] == inside


def as_version(text: str) -> Version:
    major, minor = text.split(".")
    return Version(int(major), int(minor))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "cannot be read, ''"),
        ("1.1", "cannot be read, '1.1'"),
        (">1.1", "cannot be read"),
        ("<=1.1,>=1", "cannot be read"),
        ("~=1.1", "cannot be read"),
        (">=1.1.0", "cannot be read"),
        (">=01", "cannot be read"),
        (">=1.1,", "cannot be read, ''"),
        (">=1.1 <2", "cannot be read"),
        (">=1.1;<2", "cannot be read"),
        (">=1.1\n", "cannot be read"),
        (">=१", "cannot be read"),
        (">=99999", "cannot be read"),
        ("any", "cannot be read, 'any'"),
        ("<2", "does not say from which version on"),
        (">=2,<2", "holds no version"),
        (">=2,<1.9", "holds no version"),
        (">=1,>=2", "has >= twice"),
        ("==1.1,<2", "has other bounds beside =="),
        (">=1," * 30, "is no range"),
        (None, "is no range"),
        (1.1, "is no range"),
        ((1, 1), "is no range"),
    ],
)
def test_nonsense_is_refused_with_an_example(given, why):
    with pytest.raises(UnreadableRange) as caught:
        Range.parse(given)
    assert why in str(caught.value)
    assert f'"{EXAMPLE}"' in str(caught.value)


def test_the_example_holds_the_installed_version():
    assert str(installed()) == CONTRACT
    assert installed() in Range.parse(EXAMPLE)


def plugin_modules() -> list[Path]:
    return [ROOT / "skillcore/defaults/__init__.py", *sorted(ROOT.glob("plugins/*/skillcore_*/__init__.py"))]


def test_there_are_these_plugins():
    assert len(plugin_modules()) >= 6


@pytest.mark.parametrize("module", plugin_modules(), ids=lambda module: module.parent.name)
def test_our_plugins_write_out_the_range_that_they_want(module):
    """`PluginInfo(contract=CONTRACT)` would claim to fit whatever contract is installed."""
    calls = [
        node
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "PluginInfo"
    ]
    (contract,) = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "contract"]
    assert isinstance(contract, ast.Constant)
    wanted = Range.parse(contract.value)
    assert installed() in wanted
    assert wanted.below == Version(installed().major + 1, 0)
