"""No text makes any of the project's regular expressions slow, and none that judges a whole text overlooks a line's end."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.attacks.ambiguity import ALL, BOUND, judge
from tests.docs.documents import ROOT

FUNCTIONS = {
    f"re.{name}" for name in ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")
}
MENTION = re.compile(r"\bre\s*\.\s*[a-z]|\bpattern\b")
"""What a module has somewhere that has an expression; reading through all others takes every process seconds."""

SOURCES = [ROOT / "skillcore", *sorted(ROOT.glob("plugins/*/skillcore_*"))]

BOUNDED: dict[str, str] = {
    r"(\{[^}]*\})": "the path of a route of ours",
    r"\n\s*Attributes:\n(?P<lines>.*?)(?=\n\s*\n|\Z)": "a docstring of ours",
    r"^ *(?P<name>\w+): (?P<text>.*?)(?=^ *\w+: |\Z)": "a docstring of ours",
    r"```.*?```|``[^`]+``|`[^`]+`": "a document of the plugin whose author asks for the check",
    r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+": "a name that an installed plugin gives, and matched as a whole",
    r"(?P<keep>\bBearer\s+)[^\s'\"]+|\bsk_[A-Za-z0-9]+_[A-Za-z0-9_-]+|(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+": (
        "each part begins only where no character of its own kind stands before, so that no run of them is read twice"
    ),
    r"```.*?```": "only the last opening has no end, so that the rest is read in vain once",
    r"([^/]+/[^/]+)/(?:commits?|pull)/[^/]+$": "an address of at most 1000 characters, by its field's bounds",
}
"""Expressions for which some text takes time with the square of its length, and why that is no matter."""

OPERATORS = "skillcore/runtime/settings.py"
"""Expressions of this module see nothing but the operator's own settings."""

MADE: dict[str, str] = {
    "skillcore/runtime/refusals.py": "the path of a route, in which everything but its parameters is escaped",
    "plugins/context7/skillcore_context7/advice.py": "a library's name, escaped, between two looks at one character",
    "plugins/codeforces/skillcore_codeforces/answers.py": "constant texts around a handle, escaped",
}
"""Modules that make an expression while they run, and of what."""


class Found(NamedTuple):
    """An expression in the code."""

    place: str
    pattern: str
    flags: int
    used: frozenset[str]
    longest: int | None
    """How long a text it judges, for that of a field with bounds; 0 if they name no length."""


def modules() -> Iterator[tuple[str, Path]]:
    """Yield every module's name and file."""
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            parts = file.relative_to(source.parent).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def written() -> Iterator[Found | tuple[str, int]]:
    """Yield the expressions that stand in the code; where one is made while the code runs, its file and line."""
    for name, file in modules():
        place = str(file.relative_to(ROOT))
        text = file.read_text("utf-8")
        if MENTION.search(text) is None:
            continue
        names: dict[str, object] | None = None
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            given = [word.value for word in node.keywords if word.arg == "pattern"]
            longest = (
                next((ast.literal_eval(word.value) for word in node.keywords if word.arg == "max_length"), 0) if given else None
            )
            used = frozenset({"search"})
            if ast.unparse(node.func) in FUNCTIONS:
                given, used = node.args[:1], uses(node, text)
            for expression in given:
                names = vars(importlib.import_module(name)) if names is None else names
                try:
                    # The module's own constants and the code's own text: nothing that anybody sends.
                    pattern = eval(compile(ast.Expression(expression), place, "eval"), dict(names))
                except NameError:
                    yield place, node.lineno
                    continue
                yield Found(f"{place}:{node.lineno}", pattern, flags_of(node, names), used, longest)


def uses(call: ast.Call, text: str) -> frozenset[str]:
    """Return the methods by which the expression of a call is used: of this module, where it has a name there."""
    function = ast.unparse(call.func).removeprefix("re.")
    if function != "compile":
        return frozenset({function})
    written = ast.get_source_segment(text, call) or ""
    named = re.search(rf"^(\w+) = {re.escape(written)}(\.fullmatch)?$", text, re.MULTILINE)
    if named is None:
        return ALL
    if named[2]:
        return frozenset({"fullmatch"})
    methods = frozenset(re.findall(rf"\b{named[1]}\.(\w+)\(", text))
    everywhere = methods <= {function.removeprefix("re.") for function in FUNCTIONS} and methods
    others = (
        len(re.findall(rf"\b{named[1]}\b", text)) - 1 - sum(len(re.findall(rf"\b{named[1]}\.{m}\(", text)) for m in methods)
    )
    return methods if everywhere and not others else ALL


def flags_of(call: ast.Call, names: dict[str, object]) -> int:
    """Return the flags of a call of the module `re`."""
    given = [word.value for word in call.keywords if word.arg == "flags"] + call.args[1:2]
    for expression in given:
        if any(isinstance(node, ast.Attribute) and node.attr.isupper() for node in ast.walk(expression)):
            return int(eval(compile(ast.Expression(expression), "flags", "eval"), dict(names)))
    return 0


WRITTEN = list(written())
FOUND = [one for one in WRITTEN if isinstance(one, Found)]
RUNNING = [one for one in WRITTEN if not isinstance(one, Found)]


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.place)
def test_no_text_makes_an_expression_slow(found):
    verdict = judge(found.pattern, found.flags, used=found.used)
    assert not verdict.exponential
    if not 0 < (found.longest or 0) <= BOUND and not found.place.startswith(OPERATORS):
        assert verdict.polynomial == (found.pattern in BOUNDED), found.pattern


def test_those_that_are_made_while_running_are_known():
    assert {place for place, _ in RUNNING} == set(MADE)


def test_those_in_no_danger_still_exist():
    assert set(BOUNDED) <= {found.pattern for found in FOUND}


@pytest.mark.parametrize("found", [found for found in FOUND if found.longest is not None], ids=lambda found: found.place)
def test_what_judges_a_field_judges_all_of_it(found):
    r"""`$` matches before a last newline too, which a mail or a header would not take so lightly: `\Z` is the end."""
    assert found.pattern.startswith("^")
    assert found.pattern.endswith(r"\Z")


def test_every_module_was_looked_at():
    imported = {module.name for module in pkgutil.walk_packages([str(ROOT / "skillcore")], "skillcore.")}
    assert imported <= {name for name, _ in modules()}
    assert len(FOUND) > 40


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|aa)+$",
        "(a*)*$",
        "([a-zA-Z]+)*$",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(?:\w+\s?)*$",
        r"^(?=(a+)+$)",
        r"(x+x+)+y",
        r"(?i)(?:ab?|AB)+$",
    ],
)
def test_expressions_known_to_be_slow_are_recognised(pattern):
    assert judge(pattern).exponential


@pytest.mark.parametrize("pattern", [r"\s+$", r"^a*a*$", r"(a|b)*c", r"^[ab]*a[ab]*a[ab]*$", r"[ab]([ab]*c)?", r"<[^>]*>"])
def test_expressions_that_take_the_square_are_recognised(pattern):
    verdict = judge(pattern)
    assert verdict.polynomial
    assert not verdict.exponential


@pytest.mark.parametrize(
    "pattern", [r"^\s+$", r"[a-z]+(-[a-z]+)*", r"^[a-z]+@[a-z]+$", r"\s+", r"x{4}y", r"^(a|b)*c", r"(?:ab|ac)+"]
)
def test_others_are_let_be(pattern):
    assert judge(pattern) == (False, False)


def test_the_verdict_agrees_with_the_clock():
    def seconds(pattern: str, length: int) -> float:
        began = time.process_time()
        assert re.match(pattern, "a" * length + "!") is None
        return time.process_time() - began

    assert seconds("(a+)+$", 22) > 20 * seconds("(a+)+$", 14)
    assert seconds("^a+$", 220_000) < 1


def test_what_cannot_be_judged_is_not_passed():
    with pytest.raises(ValueError, match="cannot be judged"):
        judge(r"(a)\1+$")
