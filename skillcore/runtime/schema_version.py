"""Which version of the schema this code needs, and where a database says which one it has."""

from __future__ import annotations

from functools import cache

from skillcore.runtime.bundled import bundled

__all__ = ["VERSION_TABLE", "latest"]

VERSION_TABLE = "schema_version"
"""Where a database says at which revision it is; the service may read it."""


@cache
def latest() -> str:
    """Return the revision that this code needs: the highest of those that the migrations' file names begin with.

    Only who migrates loads what reads the files themselves; every other process would start later for it.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    return max(file.name.partition("_")[0] for file in bundled("migrations/versions").glob("[0-9]*_*.py"))
