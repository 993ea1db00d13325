"""Charts stand on the standard library and msgspec, and on nothing in it that knows the time, the place or chance."""

import ast
import sys
from pathlib import Path

import skillcore.charts

ALLOWED = {
    "__future__", "bisect", "collections", "datetime", "functools", "hashlib", "html", "itertools", "math", "msgspec", "re",
    "typing", "unicodedata",
}  # fmt: skip
MODULES = sorted(Path(skillcore.charts.__file__).parent.glob("*.py"))


def imported(tree):
    """Yield the modules that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_only_what_is_pure_is_imported():
    found = {name for module in MODULES for name in imported(ast.parse(module.read_text(encoding="utf-8")))}
    others = {name for name in found if not name.startswith("skillcore.charts")}
    assert {name.split(".")[0] for name in others} == ALLOWED
    assert all(name in sys.stdlib_module_names for name in ALLOWED - {"msgspec"})


def test_nobody_asks_for_the_time():
    asking = [
        (module.name, node.attr)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow"}
    ]
    assert asking == []


def test_the_public_names_are_these():
    assert skillcore.charts.__all__ == sorted(skillcore.charts.__all__)
    assert all(getattr(skillcore.charts, name).__doc__ for name in skillcore.charts.__all__ if name != "Chart")
