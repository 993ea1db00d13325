"""The revision that this code needs: told by file names, which must tell what the migrations say themselves."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory

from skillcore.runtime.bundled import bundled
from skillcore.runtime.schema_version import latest


def test_file_names_tell_what_the_migrations_say() -> None:
    scripts = ScriptDirectory(str(bundled("migrations")))
    assert latest() == scripts.get_current_head()
    said = {Path(script.path).name: script.revision for script in scripts.walk_revisions()}
    assert said == {name: name[:4] for name in said}
    assert sorted(said) == sorted(file.name for file in bundled("migrations/versions").glob("*.py"))
