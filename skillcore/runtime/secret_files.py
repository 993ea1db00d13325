"""Files that hold a secret, written once and readable by their owner alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

__all__ = ["keep_first"]


def keep_first(path: Path, content: bytes) -> None:
    """Write a file with mode 600, whole or not at all, unless it exists; of several writers at once the first one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
