"""Where the files are that travel with the code but are no Python: migrations and the default configuration."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled"]

PACKAGE = Path(__file__).resolve().parent.parent


def bundled(name: str) -> Path:
    """Return the path of a bundled file or directory: inside the package when installed from a wheel, else in the checkout.

    Args:
        name: as in the checkout, such as ``migrations`` or ``config/skillcore.toml``.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for place in (PACKAGE / "_bundled", PACKAGE.parent):
        if (place / name).exists():
            return place / name
    raise FileNotFoundError(
        f"{name} came neither with the package at {PACKAGE} nor with a checkout around it: install it again"
    )
