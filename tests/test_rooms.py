"""Every folder of skillcore is a package that says what it holds; one without __init__ escapes the import contracts."""

import ast
from pathlib import Path

import skillcore

PACKAGE = Path(skillcore.__file__).parent


def test_every_folder_is_a_package_with_a_docstring():
    for folder in sorted({file.parent for file in PACKAGE.rglob("*.py") if "_bundled" not in file.parts}):
        init = folder / "__init__.py"
        assert init.is_file(), f"{folder.name} has no __init__.py"
        assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))), f"{init} has no docstring"
