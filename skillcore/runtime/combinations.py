"""Settings that each are fine and together are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parseaddr
from ipaddress import ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from skillcore.plugin.sections import without_password
from skillcore.runtime.addresses import is_loopback, is_safe, origin_of, own_url
from skillcore.runtime.settings import ResilienceSettings, ServerSection, Settings, WatchdogSettings, default_queues

__all__ = ["Impossible", "impossible"]


PROVIDER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z")


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
    yield from _server(settings.server)
    yield from _networks(("outbound", "allow"), settings.outbound.allow)
    yield from _database(settings)
    yield from _plugins(settings)
    yield from _queues(settings)
    yield from _resilience(("resilience",), settings.resilience)
    for plugin in settings.plugins.sections:
        yield from _resilience(("plugins", plugin, "resilience"), settings.resilience_of(plugin))
    yield from _watchdog(settings.watchdog)
    yield from _mail(settings)
    yield from _oidc(settings)
    verification = settings.verification
    if settings.auth.page and (not is_safe(settings.auth.page) or "#" in settings.auth.page):
        allowed = "an address without # that begins with https://, or one of this machine"
        yield Impossible(("auth", "page"), repr(settings.auth.page), allowed)
    if verification.redirect_uri and not is_safe(verification.redirect_uri):
        allowed = "an address that begins with https://, or one of this machine"
        yield Impossible(("verification", "redirect_uri"), repr(verification.redirect_uri), allowed)
    if verification.retry_base > verification.retry_every:
        allowed = f"at most verification.retry_every, which is {verification.retry_every}"
        yield Impossible(("verification", "retry_base"), str(verification.retry_base), allowed)


def _server(server: ServerSection) -> Iterator[Impossible]:
    if server.public_url and not _is_public_url(server.public_url):
        allowed = "an address such as https://skills.example.org, without user, query and fragment"
        yield Impossible(("server", "public_url"), repr(without_password(server.public_url)), allowed)
    yield from _networks(("server", "trusted_proxies"), server.trusted_proxies)
    for origin in server.cors_origins:
        if origin == "*" and len(server.cors_origins) > 1:
            yield Impossible(("server", "cors_origins"), "'*' beside others", "either '*' alone, or origins")
        elif origin != "*" and not _is_origin(origin):
            allowed = "origins as browsers send them, such as https://app.example.org, or '*' alone"
            yield Impossible(("server", "cors_origins"), repr(origin), allowed)
    if bool(server.tls_certificate_file) != bool(server.tls_key_file):
        missing = "tls_key_file" if server.tls_certificate_file else "tls_certificate_file"
        yield Impossible(("server", missing), "''", "a file, because the other one of the two is set")


def _is_public_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = not (parts.username or parts.password or parts.query or parts.fragment) and not re.search(r"[^!-~]|\*", url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and parts.port != 0
    except ValueError:
        return False


def _networks(keys: tuple[str, ...], networks: tuple[str, ...]) -> Iterator[Impossible]:
    for network in networks:
        if not _is_network(network):
            yield Impossible(keys, repr(network), "networks without bits behind the prefix, and not all addresses there are")


def _is_network(network: str) -> bool:
    try:
        return ip_network(network).prefixlen > 0
    except ValueError:
        return False


def _is_origin(origin: str) -> bool:
    return _is_public_url(origin) and origin_of(origin) == origin


def _oidc(settings: Settings) -> Iterator[Impossible]:
    for name, of in settings.oidc.items():
        where = ("oidc", name)
        if not PROVIDER.match(name):
            yield Impossible(
                where, repr(name), "a name of small letters, digits and hyphens, 40 at most: it stands in addresses"
            )
        for key in ("issuer", "redirect_uri"):
            address = getattr(of, key)
            if (address or key == "issuer") and not is_safe(address):
                yield Impossible((*where, key), repr(address), "an address that begins with https://, or one of this machine")
        if of.client_secret and of.client_secret_file:
            allowed = f"nothing, because oidc.{name}.client_secret is set as well"
            yield Impossible((*where, "client_secret_file"), repr(of.client_secret_file), allowed)
        if "openid" not in of.scopes:
            yield Impossible((*where, "scopes"), repr(list(of.scopes)), "a list with openid in it")
        if not (of.redirect_uri or settings.server.public_url or is_safe(own_url(settings.server))):
            allowed = "an address that begins with https://, because people come back to it from the providers of [oidc]"
            yield Impossible(("server", "public_url"), repr(settings.server.public_url), allowed)
    issuers = [of.issuer for of in settings.oidc.values()]
    for name, of in settings.oidc.items():
        if issuers.count(of.issuer) > 1:
            yield Impossible(("oidc", name, "issuer"), repr(of.issuer), "an issuer that no other provider has")


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


def _mail(settings: Settings) -> Iterator[Impossible]:
    mail = settings.mail
    if not mail.host:
        return
    address = parseaddr(mail.sender)[1]
    if not re.fullmatch(r"[!-?A-~]+@[!-?A-~]+", address):
        allowed = "an address in ASCII, perhaps with a name before it: Evening school <no-reply@example.org>"
        yield Impossible(("mail", "sender"), repr(mail.sender), allowed)
    if mail.security == "none" and not is_loopback(mail.host):
        allowed = f"'starttls' or 'tls': mails to {mail.host} would cross the network for everybody to read"
        yield Impossible(("mail", "security"), "'none'", allowed)
    if bool(mail.user) is not bool(mail.password):
        yield Impossible(("mail", "user"), repr(mail.user), "both a user and a password, or neither")
    limit = settings.queue("notifications").time_limit
    if 0 < limit <= mail.timeout:
        allowed = f"less than queues.notifications.time_limit, which is {limit}"
        yield Impossible(("mail", "timeout"), str(mail.timeout), allowed)


def _watchdog(limits: WatchdogSettings) -> Iterator[Impossible]:
    if 0 < limits.end_after <= limits.warn_after:
        allowed = f"less than watchdog.end_after, which is {limits.end_after}"
        yield Impossible(("watchdog", "warn_after"), str(limits.warn_after), allowed)


def _resilience(keys: tuple[str, ...], limits: ResilienceSettings) -> Iterator[Impossible]:
    if limits.retry_wait > limits.retry_wait_max:
        allowed = f"at most retry_wait_max, which is {limits.retry_wait_max}"
        yield Impossible((*keys, "retry_wait"), str(limits.retry_wait), allowed)
