r"""Every pattern that is served takes, read as JSON Schema has it, the texts that the code takes, and no others.

JSON Schema's expressions are those of ECMA-262. Where Python's differ is tried: the end of the text, blanks, digits, letters.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from skillcore.app import create_app
from skillcore.operations.documentation import openapi
from skillcore.plugin.manager import Plugins
from skillcore.runtime.database import Database
from skillcore.runtime.engine import Engine
from skillcore.runtime.portable import portable
from skillcore.runtime.settings import Settings

FIT = (
    "ada@example.org",
    "platform.volunteered",
    "student-17",
    "two-sum",
    "A1",
    "octocat/hello-world",
    "https://example.org/a",
)
"""Texts of which each pattern takes one at least."""

ODD = (
    *"\n\r\t\v\f \0\x1c\x1f\x7f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff\u200b",
    *"$Z/@.-_0aZé\u0131\u212a\u0663\u4e00\U0001f600",
    "\r\n",
)
"""What a text gets before, within and behind it."""

SCRIPT = """
const [patterns, texts] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(patterns.map(pattern => texts.map(text => new RegExp(pattern, 'u').test(text)))));
"""


def patterns_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for inner in schema.values():
            yield from patterns_in(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from patterns_in(inner)


@pytest.fixture(scope="module")
def served() -> dict[str, str]:
    """The patterns of the description and of all requirements, by what the code has in their place."""
    settings = Settings()
    plugins = Plugins.load(strict=True)
    app = create_app(Engine(settings, plugins, Database("", settings.database)))
    requirements = [msgspec.json.schema(source.requirement) for source in plugins.sources.values()]
    written = {*patterns_in(json.loads(openapi(app))), *patterns_in(portable(requirements))}
    assert len(written) > 4
    assert not [pattern for pattern in written if not pattern.startswith("^") or not pattern.endswith("$")]
    return {pattern[:-1] + r"\Z": pattern for pattern in written}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_both_languages_take_the_same(served: dict[str, str]) -> None:
    texts = [*FIT, *(text[:place] + odd + text[place:] for text in FIT for odd in ODD for place in (0, 1, len(text)))]
    node = subprocess.run(
        ["node", "-e", SCRIPT], input=json.dumps([list(served.values()), texts]), capture_output=True, text=True, check=True
    )
    for ours, theirs in zip(served, json.loads(node.stdout), strict=True):
        taken = [re.search(ours, text) is not None for text in texts]
        assert any(taken[: len(FIT)]), f"no text of FIT is taken by {ours}: add one"
        assert [text for text, one, other in zip(texts, taken, theirs, strict=True) if one != other] == [], ours


def test_only_patterns_are_written_anew() -> None:
    schema = {"properties": {"pattern": {"type": "string", "pattern": r"^a\Z"}}, "examples": [{"word": r"^a\Z"}], "x": (1,)}
    assert portable(schema) == {
        "properties": {"pattern": {"type": "string", "pattern": "^a$"}},
        "examples": [{"word": r"^a\Z"}],
        "x": [1],
    }
