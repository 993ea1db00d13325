"""Whether a plugin's documents say what its operators and its readers need: settings, and what evidence means."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from skillcore.cli.checking.lines import Finding, failed, passed, skipped
from skillcore.cli.checking.subject import Subject
from skillcore.cli.checking.suites import Report, SuitesUnusable
from skillcore.plugin import Strength

__all__ = ["explains_evidence", "settings_documented"]

_CODE = re.compile(r"```.*?```|``[^`]+``|`[^`]+`", re.DOTALL)
_ATTRIBUTES = re.compile(r"^Attributes:\n((?:[ \t].*\n|\n)*(?:[ \t].*)?)", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^    (\w+):", re.MULTILINE)
_WORD = re.compile(r"\w+")


def settings_documented(subject: Subject) -> Finding:
    """Look for every setting in the README, as code, or among the attributes in the docstring of its Struct."""
    if subject.settings is None:
        return skipped("it takes no settings")
    in_readme = _words_of_code(subject.readme)
    fields = list(_fields(subject.settings, ""))
    silent = [path for path, owner in fields if path.rpartition(".")[2] not in in_readme | _attributes(owner)]
    if silent:
        return failed(
            f"nothing says what {', '.join(silent)} is",
            f"name it in code in the README, or under `Attributes:` in the docstring of {subject.settings.__name__}",
        )
    return passed(f"documented: {', '.join(path for path, _ in fields)}")


def _fields(shape: type[Struct], above: str) -> Iterator[tuple[str, type[Struct]]]:
    """Yield the fields of a Struct and of Structs inside, with their owners. The contract documents its own Structs."""
    hints = get_type_hints(shape)
    for field in msgspec.structs.fields(shape):
        path = f"{above}{field.name}"
        yield path, shape
        for inner in _structs(hints[field.name]):
            if not inner.__module__.startswith("skillcore.") and inner is not shape:
                yield from _fields(inner, f"{path}.")


def _structs(hint: Any) -> Iterator[type[Struct]]:
    if isinstance(hint, type) and issubclass(hint, Struct):
        yield hint
    elif get_origin(hint) is not None:
        for part in get_args(hint):
            yield from _structs(part)


def _attributes(shape: type[Struct]) -> set[str]:
    section = _ATTRIBUTES.search(inspect.getdoc(shape) or "")
    return set(_ATTRIBUTE.findall(section[1])) if section else set()


def explains_evidence(subject: Subject) -> Finding:
    """Look in the README for the strengths and further facts of the evidence, and for what a difficulty means."""
    if not subject.sources:
        return skipped("it offers no source")
    if not subject.readme.strip():
        return failed("it has no README", 'write one, and name it in pyproject.toml: readme = "README.md"')
    code = _words_of_code(subject.readme)
    strengths, facts = _evidence_in_code(subject.package)
    seen = _seen(subject)
    strengths |= {strength for evidence in seen.evidence for strength in evidence.strengths}
    facts |= {fact for evidence in seen.evidence for fact in evidence.metadata}
    silent = [f"the strength `{word}`" for word in sorted(strengths - code)]
    silent += [f"the further fact `{word}`" for word in sorted(facts - code)]
    if not strengths and not code & set(get_args(Strength)):
        silent.append("a strength (`judged`, `authenticated` or `asserted`)")
    if "difficulty" not in subject.readme.lower():
        silent.append("what a difficulty means, or that it stays unknown")
    if silent:
        return failed(f"the README does not say {'; '.join(silent)}", "explain it there: readers of a score come to ask")
    return passed(
        f"strength {', '.join(sorted(strengths)) or 'as named'}, difficulty, and {len(facts)} further facts are explained"
    )


def _seen(subject: Subject) -> Report:
    try:
        return subject.suites.report()
    except SuitesUnusable:  # said by another line; the code shows what it can
        return Report()


def _evidence_in_code(package: Path | None) -> tuple[set[str], set[str]]:
    """Return the strengths and the keys of metadata that are written out in a package."""
    strengths: set[str] = set()
    facts: set[str] = set()
    files = [] if package is None else [package] if package.is_file() else sorted(package.rglob("*.py"))
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in get_args(Strength):
                strengths.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg == "metadata" and isinstance(node.value, ast.Dict):
                facts |= {key.value for key in node.value.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return strengths, facts


def _words_of_code(text: str) -> set[str]:
    return {word for code in _CODE.findall(text) for word in _WORD.findall(code)}
