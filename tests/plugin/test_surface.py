"""The names that authors rely on, and what the contract itself may stand on."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import skillcore.plugin

CONTRACT = Path(skillcore.plugin.__file__).parent


def test_the_public_names_are_these():
    assert sorted(skillcore.plugin.__all__) == [
        "Account",
        "Achievement",
        "Advice",
        "CONTRACT",
        "Challenge",
        "ChallengeProof",
        "Component",
        "Event",
        "EventKind",
        "Evidence",
        "Identity",
        "InvalidRequirement",
        "IssuedChallenge",
        "MCPServer",
        "NotFound",
        "NotProved",
        "NotVerified",
        "OAuthClient",
        "OAuthProof",
        "OIDCProof",
        "Page",
        "PathAdvisor",
        "PathTopic",
        "PluginInfo",
        "Proof",
        "Reading",
        "Refused",
        "Score",
        "ScoringFormula",
        "ServerSettings",
        "SignalRule",
        "SignalType",
        "SkillSignal",
        "SkillcoreDeprecationWarning",
        "SourceError",
        "SourceType",
        "Strength",
        "Tool",
        "Tools",
        "Unavailable",
        "Undecided",
        "Verdict",
        "VerificationSource",
        "Verified",
        "hookimpl",
    ]


def test_each_public_name_exists():
    for name in skillcore.plugin.__all__:
        assert hasattr(skillcore.plugin, name), name


def test_it_imports_the_standard_library_msgspec_and_pluggy_only():
    allowed = {*sys.stdlib_module_names, "msgspec", "pluggy"}
    for file in sorted(CONTRACT.rglob("*.py")):
        for name in _imported(file):
            assert name.split(".")[0] in allowed or name.startswith("skillcore.plugin"), f"{file.name} imports {name}"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
