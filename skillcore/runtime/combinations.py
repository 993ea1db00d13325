"""Settings that each are fine and together are not."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from skillcore.plugin.sections import without_password
from skillcore.runtime.addresses import is_safe
from skillcore.runtime.settings import ResilienceSettings, Settings, WatchdogSettings, default_queues

__all__ = ["Impossible", "impossible"]


class Impossible(Struct, frozen=True):
    """A value that the other settings rule out.

    Attributes:
        keys: where it stands, such as ``("database", "url")``.
        found: the value.
        allowed: what the others leave.
    """

    keys: tuple[str, ...]
    found: str
    allowed: str


def impossible(settings: Settings) -> Iterator[Impossible]:
    """Yield what rules each other out."""
    yield from _database(settings)
    yield from _plugins(settings)
    yield from _queues(settings)
    yield from _resilience(("resilience",), settings.resilience)
    for plugin in settings.plugins.sections:
        yield from _resilience(("plugins", plugin, "resilience"), settings.resilience_of(plugin))
    yield from _watchdog(settings.watchdog)
    verification = settings.verification
    if verification.redirect_uri and not is_safe(verification.redirect_uri):
        allowed = "an address that begins with https://, or one of this machine"
        yield Impossible(("verification", "redirect_uri"), repr(verification.redirect_uri), allowed)
    if verification.retry_base > verification.retry_every:
        allowed = f"at most verification.retry_every, which is {verification.retry_every}"
        yield Impossible(("verification", "retry_base"), str(verification.retry_base), allowed)


def _database(settings: Settings) -> Iterator[Impossible]:
    database = settings.database
    urls = "a URL that begins with postgresql:// or postgres://"
    if database.url != "embedded" and not _is_postgresql(database.url):
        yield Impossible(("database", "url"), repr(without_password(database.url)), f"'embedded', or {urls}")
    if database.owner_url and not _is_postgresql(database.owner_url):
        yield Impossible(("database", "owner_url"), repr(without_password(database.owner_url)), urls)
    if database.owner_url and database.url == "embedded":
        allowed = "none while database.url is 'embedded', because the embedded server has an owner of its own"
        yield Impossible(("database", "owner_url"), "a URL", allowed)


def _is_postgresql(url: str) -> bool:
    return url.startswith(("postgresql://", "postgres://"))


def _plugins(settings: Settings) -> Iterator[Impossible]:
    for name in sorted({*settings.plugins.allow} & {*settings.plugins.block}):
        yield Impossible(("plugins", "block"), repr(name), "no name that stands in plugins.allow as well")


def _queues(settings: Settings) -> Iterator[Impossible]:
    known = default_queues()
    for name in settings.queues:
        if name not in known:
            yield Impossible(("queues", name), "a queue that does not exist", f"queues named {', '.join(known)}")
    limit, deadline = settings.queue("verification").time_limit, settings.verification.deadline
    if 0 < limit <= deadline:
        allowed = f"less than queues.verification.time_limit, which is {limit}"
        yield Impossible(("verification", "deadline"), str(deadline), allowed)


def _watchdog(limits: WatchdogSettings) -> Iterator[Impossible]:
    if 0 < limits.end_after <= limits.warn_after:
        allowed = f"less than watchdog.end_after, which is {limits.end_after}"
        yield Impossible(("watchdog", "warn_after"), str(limits.warn_after), allowed)


def _resilience(keys: tuple[str, ...], limits: ResilienceSettings) -> Iterator[Impossible]:
    if limits.retry_wait > limits.retry_wait_max:
        allowed = f"at most retry_wait_max, which is {limits.retry_wait_max}"
        yield Impossible((*keys, "retry_wait"), str(limits.retry_wait), allowed)
