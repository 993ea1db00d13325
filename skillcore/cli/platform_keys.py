"""``skillcore keys create|list|renew|revoke``: the keys with which platforms sign their requests."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import msgspec
from sqlalchemy import or_, select

from skillcore.accounts import platforms
from skillcore.accounts.access import Scope
from skillcore.accounts.platforms import ApiKey, NewApiKey, NewPlatform, Renewal, ShownApiKey
from skillcore.accounts.tables import ApiKeyRow, PlatformRow
from skillcore.cli.commands import Commands
from skillcore.cli.printing import as_json, plain
from skillcore.cli.reaching import on_database
from skillcore.runtime.engine import Engine, Transaction
from skillcore.runtime.problems import NotFound, Problem

__all__ = ["add_to"]

CODES = (
    "exit codes: 0 done, 1 it cannot be done, 2 the command line or the configuration cannot be used,\n"
    "3 the database cannot be used"
)
Act = Callable[[Transaction], Awaitable[int]]


def add_to(group: Commands) -> None:
    """Add the commands."""
    create = group.add("create", run_create, summary="make a key for a platform, and show it this once", details=CODES)
    create.add_argument("--platform", required=True, metavar="ID|NAME", help="whose key it is")
    create.add_argument("--new-platform", action="store_true", help="make the platform first, of this name")
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument(
        "--scope", required=True, action="append", choices=get_args(Scope), metavar="SCOPE", help="may be repeated"
    )
    create.add_argument(
        "--expires", type=moment, metavar="TIME", help="when it stops being valid, such as 2030-01-01T00:00:00Z"
    )
    create.add_argument("--requests-per-minute", type=int, metavar="N", help="a limit of its own; 0 for none")
    found = group.add("list", run_list, summary="list the keys of platforms, without their secrets", details=CODES)
    found.add_argument("--platform", metavar="ID|NAME", help="of this platform alone")
    renew = group.add("renew", run_renew, summary="make a key's successor, and show it this once", details=CODES)
    renew.add_argument("key", metavar="ID|PREFIX", help="which key")
    renew.add_argument("--overlap", type=int, metavar="SECONDS", help="for which the old one stays valid")
    revoke = group.add("revoke", run_revoke, summary="make a key invalid for good", details=CODES)
    revoke.add_argument("key", metavar="ID|PREFIX", help="which key")
    for command in (create, found, renew, revoke):
        command.add_argument("--json", action="store_true", help="print JSON")


def moment(text: str) -> datetime:
    """Read a time; without a zone it is UTC.

    Raises:
        ValueError: it is none.
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def run_create(options: argparse.Namespace) -> int:
    """Make a key, and its platform if asked to."""

    async def act(tx: Transaction) -> int:
        if options.new_platform:
            platform_id = (await platforms.create(tx, None, msgspec.convert({"name": options.platform}, NewPlatform))).id
        else:
            platform_id = await _platform(tx, options.platform)
        given = {"name": options.name, "scopes": options.scope, "expires_at": options.expires}
        limit = {"requests_per_minute": options.requests_per_minute}
        _show_key(await platforms.create_key(tx, None, platform_id, msgspec.convert(given | limit, NewApiKey)), options)
        return 0

    return _run(options, act)


def run_list(options: argparse.Namespace) -> int:
    """List keys, oldest first."""

    async def act(tx: Transaction) -> int:
        chosen = None if options.platform is None else await _platform(tx, options.platform)
        query = select(PlatformRow).order_by(PlatformRow.id)
        rows = await tx.session.scalars(query if chosen is None else query.where(PlatformRow.id == chosen))
        keys = [(row.name, key) for row in rows.all() for key in await platforms.all_keys(tx, row.id)]
        if options.json:
            print(as_json({"keys": [msgspec.to_builtins(key) for _, key in keys]}))
        else:
            print("\n".join(_line(name, key) for name, key in keys) or "there are no keys")
        return 0

    return _run(options, act)


def run_renew(options: argparse.Namespace) -> int:
    """Make a key's successor."""

    async def act(tx: Transaction) -> int:
        row = await _key(tx, options.key)
        data = msgspec.convert({"overlap": options.overlap}, Renewal)
        _show_key(await platforms.renew_key(tx, None, row.platform_id, row.id, data), options)
        return 0

    return _run(options, act)


def run_revoke(options: argparse.Namespace) -> int:
    """Make a key invalid."""

    async def act(tx: Transaction) -> int:
        row = await _key(tx, options.key)
        await platforms.revoke_key(tx, None, row.platform_id, row.id)
        print(as_json({"revoked": str(row.id)}) if options.json else f"key {row.prefix} is revoked")
        return 0

    return _run(options, act)


def _run(options: argparse.Namespace, act: Act) -> int:
    """Do it in one transaction."""

    async def work(engine: Engine) -> int:
        try:
            async with engine.transaction() as tx:
                return await act(tx)
        except (Problem, msgspec.ValidationError) as error:
            print(plain(error), file=sys.stderr)
            return 1

    return on_database(options, work)


async def _platform(tx: Transaction, named: str) -> UUID:
    """Return the platform of an id, or of a name that only one has."""
    by_id = [PlatformRow.id == UUID(named)] if _is_uuid(named) else []
    found = (await tx.session.scalars(select(PlatformRow.id).where(or_(PlatformRow.name == named, *by_id)))).all()
    if len(found) != 1:
        raise NotFound(f"{len(found)} platforms are called {named!r}: name one by its id, or make it with --new-platform")
    return found[0]


async def _key(tx: Transaction, named: str) -> ApiKeyRow:
    chosen = ApiKeyRow.id == UUID(named) if _is_uuid(named) else ApiKeyRow.prefix == named
    row = await tx.session.scalar(select(ApiKeyRow).where(chosen))
    if row is None:
        raise NotFound(f"there is no key {named!r}: skillcore keys list shows them")
    return row


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _show_key(shown: ShownApiKey, options: argparse.Namespace) -> None:
    if options.json:
        fields: Mapping[str, Any] = msgspec.to_builtins(shown)
        print(as_json(fields))
        return
    print(shown.key)
    print(f"key {shown.prefix} of platform {shown.platform_id}: keep it, it is not shown again", file=sys.stderr)


def _line(platform: str, key: ApiKey) -> str:
    state = "revoked" if key.revoked_at else f"until {key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "valid"
    return f"{key.prefix}  {plain(platform)}: {plain(key.name)}  {state}  {' '.join(key.scopes)}"
