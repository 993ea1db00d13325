"""Every setting, its type and its default. ``config/skillcore.toml`` documents each; a test compares the two.

Relative paths, here and in the plugins' sections, are relative to the working directory of the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, field, to_builtins

from skillcore.plugin.manager import RESERVED
from skillcore.plugin.sections import Misfit, fit, merged
from skillcore.plugin.veiled import Veiled

__all__ = [
    "AuditSettings",
    "AuthSettings",
    "DatabaseSettings",
    "ForecastSettings",
    "LearningSettings",
    "LedgerSettings",
    "LimitSettings",
    "LimitsSettings",
    "LogSettings",
    "MailSettings",
    "NetworkName",
    "OIDCProviderSettings",
    "OutboundSettings",
    "PluginSettings",
    "PrivacySettings",
    "QueueSettings",
    "ResilienceSettings",
    "ReviewSettings",
    "SealingSettings",
    "ServerSection",
    "Settings",
    "VerificationSettings",
    "WatchdogSettings",
]

NUMBER = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
NetworkName = Annotated[
    str, Meta(pattern=rf"^({NUMBER}(\.{NUMBER}){{3}}/(3[0-2]|[12]?[0-9])|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*/[0-9]{{1,3}})\Z")
]
"""A network in CIDR notation, such as 10.0.0.0/8 or fd00::/8."""

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Section(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file."""


class ServerSection(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``: how the API listens."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    public_url: str = ""
    trusted_proxies: tuple[NetworkName, ...] = ()
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"
    cors_origins: tuple[str, ...] = ()
    tls_certificate_file: str = ""
    tls_key_file: str = ""
    hsts: Annotated[str, Meta(pattern=r"^(max-age=[0-9]{1,10}(; includeSubDomains)?(; preload)?)?\Z")] = (
        "max-age=31536000; includeSubDomains"
    )
    body_limit: Count = 1_048_576
    body_timeout: Seconds = 30.0
    grace: Seconds = 10.0


class DatabaseSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[database]``: where the facts lie."""

    url: str = "embedded"
    url_file: str = ""
    owner_url: str = ""
    owner_url_file: str = ""
    pool_size: Count = 10
    connect_timeout: Seconds = 10.0
    idle_transaction_timeout: Annotated[float, Meta(ge=1, le=86_400)] = 60.0


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
    keep_tokens: bool = True
    proof_grace: Annotated[float, Meta(ge=0)] = 600.0
    proof_starts_per_hour: Count = 10
    redirect_uri: str = ""
    retry_attempts: Annotated[int, Meta(ge=0, le=20)] = 5
    retry_base: Seconds = 1.0
    retry_every: Seconds = 300.0
    import_every: Annotated[float, Meta(ge=0)] = 86_400.0
    import_on_link: bool = True
    stats_every: Annotated[float, Meta(ge=0)] = 86_400.0
    topics_file: str = ""


class LedgerSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[ledger]``: limits on what comes in."""

    batch_limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    future_tolerance: Annotated[float, Meta(ge=0)] = 300.0
    writers: Annotated[int, Meta(ge=1, le=32)] = 4
    poll_interval: Seconds = 1.0


class LearningSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[learning]``: when a training session is over that nobody ends."""

    session_idle: Annotated[float, Meta(ge=60, le=604_800)] = 7200.0


class ReviewSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[reviews]``: limits on what people say of each other's work."""

    circle_days: Annotated[float, Meta(ge=0, le=3650)] = 30.0
    daily_limit: Annotated[int, Meta(ge=1, le=10_000)] = 30


class ForecastSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[forecasts]``: what looking back taught of forecasts of completion, on the scale of standard normal deviates."""

    shift: Annotated[float, Meta(ge=-1, le=1)] = 0.0
    scale: Annotated[float, Meta(ge=0.5, le=2)] = 1.0


class SealingSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[sealing]``: the keys with which secrets are sealed that must be read again."""

    keys_dir: str = ""
    key_grace: Annotated[float, Meta(ge=0)] = 86_400.0


class WatchdogSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[watchdog]``: what happens when code holds up the event loop of a process."""

    warn_after: Seconds = 1.0
    end_after: Annotated[float, Meta(ge=0)] = 15.0
    set_apart: Seconds = 30.0


class OIDCProviderSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[oidc.<name>]``: a place at which people can sign in for this one."""

    issuer: Annotated[str, Meta(min_length=1, max_length=500)]
    client_id: Annotated[str, Meta(min_length=1, max_length=500)]
    client_secret: str = ""
    client_secret_file: str = ""
    label: Annotated[str, Meta(max_length=100)] = ""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    groups_claim: Annotated[str, Meta(min_length=1, max_length=100)] = "groups"
    roles: Mapping[str, Literal["mentor", "admin"]] = {}
    registration: bool = True
    redirect_uri: str = ""
    leeway: Annotated[int, Meta(ge=0, le=300)] = 60


class AuthSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[auth]``: passwords, sessions and tokens."""

    issuer: Annotated[str, Meta(min_length=1)] = "skillcore"
    access_minutes: Annotated[float, Meta(gt=0, le=1440)] = 15.0
    session_days: Annotated[float, Meta(gt=0, le=400)] = 30.0
    idle_days: Annotated[float, Meta(gt=0, le=400)] = 7.0
    most_sessions: Annotated[int, Meta(ge=1, le=10_000)] = 100
    refresh_grace: Annotated[float, Meta(ge=0, le=60)] = 10.0
    registration: Literal["open", "closed"] = "open"
    min_characters: Annotated[int, Meta(ge=8, le=64)] = 15
    bcrypt_cost: Annotated[int, Meta(ge=4, le=16)] = 12
    hashing_queue: Count = 32
    reset_minutes: Annotated[float, Meta(gt=0, le=1440)] = 30.0
    confirm_hours: Annotated[float, Meta(gt=0, le=168)] = 24.0
    page: str = ""
    keys_dir: str = ""
    key_overlap: Annotated[float, Meta(ge=0)] = 3600.0
    api_key_overlap: Annotated[float, Meta(ge=0)] = 86_400.0


class OutboundSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[outbound]``: where skillcore connects to when a plugin or a person gave the address."""

    allow: tuple[NetworkName, ...] = ()


class MailSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[mail]``: the SMTP server that takes mails to people; without a host none are sent."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: str = ""
    user: str = ""
    password: str = ""
    password_file: str = ""
    sender: str = ""
    timeout: Seconds = 8.0


class LimitSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits.<name>]``: so many requests in so many seconds for good, and so many at once; 0 requests lifts the limit."""

    requests: Annotated[int, Meta(ge=0)]
    seconds: Count
    burst: Count


class LimitsSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``: how often who may call. People and keys are counted by themselves, everybody else by address."""

    user: LimitSettings = LimitSettings(requests=100, seconds=60, burst=20)
    key: LimitSettings = LimitSettings(requests=6000, seconds=60, burst=600)
    anonymous: LimitSettings = LimitSettings(requests=10, seconds=60, burst=5)
    probe: LimitSettings = LimitSettings(requests=120, seconds=60, burst=30)
    login: LimitSettings = LimitSettings(requests=5, seconds=900, burst=5)


class AuditSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[audit]``: what is noted of reads."""

    platform_reads: Annotated[float, Meta(ge=0, le=1)] = 0.1


class PrivacySettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[privacy]``: how long what is not kept for ever is kept, and how long one may think better of being erased."""

    erasure_grace_days: Annotated[float, Meta(ge=0, le=90)] = 7.0
    job_days: Annotated[float, Meta(gt=0)] = 30.0
    link_attempt_days: Annotated[float, Meta(gt=0)] = 90.0


class LogSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[log]``: one JSON object a line, or text for people."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "text"] = "json"
    directory: str = ""
    retention_days: Count = 30


def default_queues() -> dict[str, QueueSettings]:
    """Return the queues that exist, with their limits; a time limit of 0 is none."""
    return {
        "verification": QueueSettings(concurrency=10, time_limit=120),
        "imports": QueueSettings(concurrency=2, time_limit=0),
        "analytics": QueueSettings(concurrency=3, time_limit=120),
        "notifications": QueueSettings(concurrency=10, time_limit=10),
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
    learning: LearningSettings = LearningSettings()
    reviews: ReviewSettings = ReviewSettings()
    forecasts: ForecastSettings = ForecastSettings()
    sealing: SealingSettings = SealingSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    formulas: Mapping[str, str] = field(default_factory=lambda: {"level": "level"})
    auth: AuthSettings = AuthSettings()
    audit: AuditSettings = AuditSettings()
    oidc: Mapping[str, OIDCProviderSettings] = {}
    outbound: OutboundSettings = OutboundSettings()
    mail: MailSettings = MailSettings()
    limits: LimitsSettings = LimitsSettings()
    privacy: PrivacySettings = PrivacySettings()
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
