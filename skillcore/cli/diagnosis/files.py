"""Files: the data directory, and whatever holds a secret."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from skillcore.accounts.signing_keys import keys_directory, read_key
from skillcore.cli.config import leaves
from skillcore.cli.diagnosis.report import Diagnosis, bad, fine, odd
from skillcore.plugin.manager import Plugins
from skillcore.runtime.configuration import Configuration
from skillcore.runtime.keyring import KeyFileDamaged
from skillcore.runtime.keyring import read_key as read_sealing_key
from skillcore.runtime.masking import masked
from skillcore.runtime.sealing import keys_directory as sealing_directory
from skillcore.runtime.settings import Settings

__all__ = ["OWN_SECRETS", "data_directory", "sealing_keys", "secrets", "signing_keys"]

OWN_SECRETS = ("pgpass", "pgpass-service", "setup-token")
"""Files of the data directory that nobody but its owner may read."""

LITTLE = 2 * 1024**3
TOO_LITTLE = 200 * 1024**2


def data_directory(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the data directory can be made or written to, is its owner's alone, and has room."""
    directory = Path(settings.data_dir).resolve()
    if not directory.exists():
        yield from _to_be_made(directory)
        return
    if not directory.is_dir():
        yield bad("data_dir", f"{directory} is no directory", "set data_dir to a directory, or to one that can be made")
        return
    found = directory.stat()
    if found.st_uid != os.geteuid():
        whose = _user(found.st_uid)
        yield bad(
            "data_dir", f"{directory} belongs to {whose}", f"run skillcore as {whose}, or chown -R the directory to yourself"
        )
    try:
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        yield bad("data_dir", f"{directory} cannot be written to: {error.strerror}", "mount or chmod it so that it can")
        return
    if found.st_mode & 0o022:
        yield bad("data_dir", f"others may write to {directory} (mode {_mode(found)})", f"chmod 700 '{directory}'")
    elif found.st_mode & 0o055:
        yield odd("data_dir", f"others may look into {directory} (mode {_mode(found)})", f"chmod 700 '{directory}'")
    else:
        yield fine("data_dir", f"{directory} is writable, and its owner's alone")
    yield _space(directory)


def secrets(loaded: Configuration, found: Plugins) -> Iterator[Diagnosis]:
    """Check that what holds a secret exists, can be read, and by nobody else."""
    settings = loaded.settings
    directory = Path(settings.data_dir).resolve()
    own = [directory / name for name in OWN_SECRETS if (directory / name).exists()]
    own += sorted(keys_directory(settings).resolve().glob("[!.]*.pem"))
    named = [*_named(loaded.settings, found)]
    for path in own:
        yield from _private(str(path), path, loose=bad)
    for setting, path in named:
        yield from _private(f"{setting} {path}", path, loose=bad)
    if _holds_secrets(loaded):
        yield from _private(f"the configuration file {loaded.file}, which holds a secret,", loaded.file, loose=odd)
    if not own and not named:
        yield fine("secrets", "no file holds one yet")


def signing_keys(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the keys that sign access tokens are some."""
    directory = keys_directory(settings)
    try:
        found = _keys(directory, ".pem")
    except OSError as error:
        yield bad("signing keys", f"{directory} cannot be read: {error.strerror}", f"chown -R it to {_user(os.geteuid())}")
        return
    if not found:
        yield fine("signing keys", "the first one is made at the first start")
    for path in found:
        try:
            read_key(path)
        except OSError as error:
            yield bad("signing keys", f"{path}: {error.strerror}", f"chown it to {_user(os.geteuid())}, and chmod 600 '{path}'")
        except (ValueError, TypeError) as error:
            remedy = "remove it: where no key is left, one is made; or openssl genrsa -out 20261121T140000Z.pem 3072"
            yield bad("signing keys", f"{path} cannot be used: {error}", remedy)
        else:
            yield fine("signing keys", f"{path} is an RSA key that is long enough")


def sealing_keys(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the keys that seal secrets are what their names say, and their owner's alone."""
    directory = sealing_directory(settings).resolve()
    try:
        files = _keys(directory, ".key")
    except OSError as error:
        yield bad("sealing keys", f"{directory} cannot be read: {error.strerror}", f"chown -R it to {_user(os.geteuid())}")
        return
    if not files:
        yield fine("sealing keys", f"the first is made in {directory} at the first start")
        return
    if (mode := directory.stat()).st_mode & 0o077:
        yield odd("sealing keys", f"others may enter {directory} (mode {_mode(mode)})", f"chmod 700 '{directory}'")
    whole = True
    for file in files:
        try:
            read_sealing_key(file)
            if file.stat().st_mode & 0o007:
                yield bad("sealing keys", f"{file} is open to everybody", f"chmod 600 '{file}', and rotate")
                whole = False
        except OSError as error:
            yield bad("sealing keys", f"{file} cannot be read: {error.strerror}", f"chown it to {_user(os.geteuid())}")
            whole = False
        except KeyFileDamaged as error:
            yield bad("sealing keys", str(error), "restore it from a backup: what was sealed with it opens with no other")
            whole = False
    if whole:
        yield fine("sealing keys", f"{len(files)} in {directory}, each what its name says")


def _keys(directory: Path, suffix: str) -> list[Path]:
    """Return the files of keys; none where there is no directory yet. Globbing would pass over one that cannot be read.

    Raises:
        OSError: it cannot be read.
    """
    entries = sorted(directory.iterdir()) if directory.exists() else []
    return [entry for entry in entries if entry.suffix == suffix and not entry.name.startswith(".")]


def _to_be_made(directory: Path) -> Iterator[Diagnosis]:
    parent = next(parent for parent in directory.parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        remedy = (
            f"set data_dir to a place that you may write to, or let an administrator make it and chown it to you: {directory}"
        )
        yield bad("data_dir", f"{directory} does not exist and cannot be made in {parent}", remedy)
        return
    yield fine("data_dir", f"{directory} is made at the first start")
    yield _space(parent)


def _space(directory: Path) -> Diagnosis:
    free = shutil.disk_usage(directory).free
    found = f"{free / 1024**3:.1f} GB free at {directory}"
    if free < TOO_LITTLE:
        return bad("disk space", found, "free some, or set data_dir to a larger file system; PostgreSQL stops when it is full")
    if free < LITTLE:
        return odd("disk space", found, "free some, or set data_dir to a larger file system")
    return fine("disk space", found)


def _named(settings: Settings, found: Plugins) -> Iterator[tuple[str, Path]]:
    """Yield the files that settings name, with the setting."""
    named = {
        "database.url_file": settings.database.url_file,
        "database.owner_url_file": settings.database.owner_url_file,
        "mail.password_file": settings.mail.password_file,
        "server.tls_key_file": settings.server.tls_key_file,
        **{f"oidc.{name}.client_secret_file": of.client_secret_file for name, of in settings.oidc.items()},
    }
    yield from ((setting, Path(file)) for setting, file in named.items() if file)
    for plugin, own in sorted(found.settings.items()):
        for keys, value in leaves(msgspec.to_builtins(own), ("plugins", plugin)):
            # That such a file is missing is said of the configuration.
            if keys[-1].endswith("_file") and value and Path(str(value)).exists():
                yield ".".join(keys), Path(str(value))


def _private(what: str, path: Path, *, loose: Callable[[str, str, str], Diagnosis]) -> Iterator[Diagnosis]:
    remedy = f"chmod 600 '{path}'"
    try:
        found = path.stat()
        with path.open("rb"):
            pass
    except FileNotFoundError:
        yield bad("secrets", f"{what} does not exist", "write it, or mend the setting that names it")
    except OSError as error:
        yield bad("secrets", f"{what} cannot be read: {error.strerror}", f"chown it to {_user(os.geteuid())}, and {remedy}")
    else:
        if found.st_mode & 0o007:
            yield loose("secrets", f"{what} is open to everybody (mode {_mode(found)})", remedy)
        elif found.st_mode & 0o070:
            yield odd("secrets", f"{what} is open to its group (mode {_mode(found)})", remedy)
        else:
            yield fine("secrets", f"{what} is its owner's alone")


def _holds_secrets(loaded: Configuration) -> bool:
    tables = [layer.table for layer in loaded.layers if layer.place == str(loaded.file)]
    return any(masked(keys, value) != value for table in tables for keys, value in leaves(table, ()))


def _mode(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
