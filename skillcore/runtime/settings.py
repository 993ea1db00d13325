"""Every setting, its type and its default. ``config/skillcore.toml`` documents each; a test compares the two.

Relative paths, here and in the plugins' sections, are relative to the working directory of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field, to_builtins

from skillcore.plugin.manager import RESERVED
from skillcore.plugin.sections import Misfit, fit, merged

__all__ = [
    "AuthSettings",
    "DatabaseSettings",
    "LedgerSettings",
    "LogSettings",
    "PluginSettings",
    "QueueSettings",
    "ResilienceSettings",
    "ServerSection",
    "Settings",
    "VerificationSettings",
    "WatchdogSettings",
]

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file."""


class ServerSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``: how the API listens."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    body_limit: Count = 1_048_576
    grace: Seconds = 10.0


class DatabaseSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[database]``: where the facts lie."""

    url: str = "embedded"
    url_file: str = ""
    owner_url: str = ""
    owner_url_file: str = ""
    pool_size: Count = 10
    connect_timeout: Seconds = 10.0


class PluginSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[plugins]``: which plugins load, and each one's own section, kept as found until its plugin gives it a type."""

    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    strict: bool = False
    sections: Mapping[str, Mapping[str, Any]] = {}


class ResilienceSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[resilience]``: how calls to MCP servers are guarded; ``[plugins.<name>.resilience]`` overrides it for one plugin."""

    call_timeout: Seconds = 30.0
    connect_timeout: Seconds = 60.0
    result_limit: Count = 4_194_304
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    retry_wait: Seconds = 0.5
    retry_wait_max: Seconds = 10.0
    retry_budget: Seconds = 60.0
    breaker_failures: Count = 5
    breaker_reset: Seconds = 60.0
    breaker_trials: Count = 3


class QueueSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[queues.<name>]``: how many jobs of a queue one worker runs at once, and for how long each may run."""

    concurrency: Count
    time_limit: Annotated[float, Meta(ge=0)]


class VerificationSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[verification]``: what is kept of answers, how often a source that is down is asked again, what is imported when."""

    answer_reuse: Annotated[float, Meta(ge=0)] = 3600.0
    answer_retention_days: Count = 90
    deadline: Seconds = 110.0
    isolated: tuple[str, ...] = ()
    proof_grace: Annotated[float, Meta(ge=0)] = 600.0
    proof_starts_per_hour: Count = 10
    redirect_uri: str = ""
    retry_attempts: Annotated[int, Meta(ge=0, le=20)] = 5
    retry_base: Seconds = 1.0
    retry_every: Seconds = 300.0
    import_every: Annotated[float, Meta(ge=0)] = 86_400.0
    import_on_link: bool = True
    topics_file: str = ""


class LedgerSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[ledger]``: limits on what comes in."""

    batch_limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    future_tolerance: Annotated[float, Meta(ge=0)] = 300.0
    writers: Annotated[int, Meta(ge=1, le=32)] = 4
    poll_interval: Seconds = 1.0


class WatchdogSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[watchdog]``: what happens when code holds up the event loop of a process."""

    warn_after: Seconds = 1.0
    end_after: Annotated[float, Meta(ge=0)] = 15.0
    set_apart: Seconds = 30.0


class AuthSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[auth]``: passwords and tokens."""

    issuer: Annotated[str, Meta(min_length=1)] = "skillcore"
    access_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    bcrypt_cost: Annotated[int, Meta(ge=4, le=16)] = 12
    private_key_file: str = ""


class LogSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: one JSON object a line, or text for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"


def default_queues() -> dict[str, QueueSettings]:
    """Return the queues that exist, with their limits; a time limit of 0 is none."""
    return {
        "verification": QueueSettings(concurrency=10, time_limit=120),
        "imports": QueueSettings(concurrency=2, time_limit=0),
        "analytics": QueueSettings(concurrency=3, time_limit=120),
    }


class Settings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    data_dir: Annotated[str, Meta(min_length=1)] = "data"
    server: ServerSection = ServerSection()
    database: DatabaseSettings = DatabaseSettings()
    plugins: PluginSettings = PluginSettings()
    resilience: ResilienceSettings = ResilienceSettings()
    queues: Mapping[str, QueueSettings] = field(default_factory=default_queues)
    verification: VerificationSettings = VerificationSettings()
    ledger: LedgerSettings = LedgerSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    formulas: Mapping[str, str] = field(default_factory=lambda: {"level": "level"})
    auth: AuthSettings = AuthSettings()
    log: LogSettings = LogSettings()

    def queue(self, name: str) -> QueueSettings:
        """Return the limits of a queue.

        Raises:
            KeyError: there is no such queue.
        """
        return self.queues[name]

    def resilience_of(self, plugin: str) -> ResilienceSettings:
        """Return how calls to a plugin's server are guarded: the general limits, under those of its own section.

        Raises:
            Misfit: a value of its section does not fit.
        """
        own = self.plugins.sections.get(plugin, {}).get(RESERVED, {})
        try:
            return fit(merged(to_builtins(self.resilience), own), ResilienceSettings)
        except Misfit as misfit:
            raise Misfit(("plugins", plugin, RESERVED, *misfit.path), misfit.found, misfit.allowed) from misfit
