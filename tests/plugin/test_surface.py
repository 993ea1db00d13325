"""The names that authors rely on, and what the contract itself may stand on."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import skillcore.plugin
import skillcore.testing
from skillcore.plugin import CONTRACT
from tests.plugin.surface import CHANGELOG, SNAPSHOT, describe, entered, mark, marked, newest

PACKAGE = Path(skillcore.plugin.__file__).parent
REMEDY = 'say what changed: python -m tests.plugin.surface "Added: …"'


def test_the_surface_is_as_it_was_written_down():
    assert describe() == SNAPSHOT.read_text(encoding="utf-8"), f"the public surface changed; {REMEDY}"


def test_the_changelog_tells_of_the_surface():
    changelog = CHANGELOG.read_text(encoding="utf-8")
    assert marked(changelog) == mark(SNAPSHOT.read_text(encoding="utf-8")), f"the changelog says nothing of it; {REMEDY}"
    assert newest(changelog)[0].split(",")[0] == CONTRACT


@pytest.mark.parametrize(
    "line",
    [
        "struct PluginInfo(Struct) frozen",
        "    contract: str",
        "    settings: type[Struct] | None = None",
        "    calls_per_second: Annotated[float, Meta(gt=0, le=1000)] = 1.0",
        'struct ChallengeProof(Struct) frozen kw_only method="challenge"',
        "class VerificationSource(ABC, Generic[~R])",
        "    name: ClassVar[str]",
        "    proofs: tuple[Proof, ...] = ()",
        "    abstract async def verify(self, tools: Tools, account: Account, requirement: R) -> Verdict",
        "    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page] | None",
        "    def __init__(self, message: str, *, retry_after: float | None = None, limited: bool = False, hung: bool = False)"
        " -> None",
        "class InvalidRequirement(SourceError)",
        'CONTRACT = "1.1"',
        'Strength: Literal["asserted", "authenticated", "judged"]',
        "Verdict: Verified | NotVerified | Undecided",
        "hook skillcore_scoring_formulas(self, settings: Any) -> Iterable[ScoringFormula[Any]]",
        "hook skillcore_achievements(self) -> Iterable[Achievement]",
    ],
)
def test_a_signature_a_field_and_a_default_each_stand_in_it(line):
    assert line in describe().splitlines()


def test_a_changed_surface_needs_an_entry_of_its_own():
    before = (
        "# C\n\n## Contract\n\n### 1.1, unreleased\n\n- Old.\n\nSurface: `000000000000`\n\n### 1.0\n\n- First.\n\n## Engine\n"
    )

    after = entered(before, "New.", "surface")

    assert marked(before) == "000000000000"
    assert marked(after) == mark("surface")
    assert after == before.replace("- Old.", "- Old.\n- New.").replace("000000000000", mark("surface"))
    assert entered(after, "", "surface") == after
    assert max(map(len, entered(before, "word " * 50, "surface").splitlines())) <= 120


@pytest.mark.parametrize("module", [skillcore.plugin, skillcore.testing])
def test_each_public_name_exists(module):
    for name in module.__all__:
        assert hasattr(module, name), name


def test_it_imports_the_standard_library_msgspec_and_pluggy_only():
    allowed = {*sys.stdlib_module_names, "msgspec", "pluggy"}
    for file in sorted(PACKAGE.rglob("*.py")):
        for name in _imported(file):
            assert name.split(".")[0] in allowed or name.startswith("skillcore.plugin"), f"{file.name} imports {name}"


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
