"""Structured logging: one JSON object a line, or text for people.

Whatever looks like a secret is hidden first, and what an error of the database quotes from rows.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from skillcore.plugin.sections import is_secret, without_password
from skillcore.runtime.log_files import DailyFile
from skillcore.runtime.masking import HIDDEN
from skillcore.runtime.rationing import Ration
from skillcore.runtime.settings import LogSettings

__all__ = ["configure_logging", "hide_secrets"]

SECRETS = re.compile(
    r"(?P<keep>\bBearer\s+)[^\s'\"]+|\bsk_[A-Za-z0-9]+_[A-Za-z0-9_-]+|(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+", re.IGNORECASE
)
QUOTED = re.compile(r"(DETAIL|CONTEXT):  ?(?:(?!\\n).)+")
"""Where an error of the database quotes what was in a row, such as an address or the id of a person."""

LOUD = ("alembic", "asyncio", "httpx", "httpx2", "httpcore2", "mcp", "procrastinate")
"""Libraries whose everyday messages nobody needs."""


def configure_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send this process's log, that of its libraries included, to a stream.

    Args:
        settings: the level and the format.
        stream: standard error, if not given. Files are written besides, if the settings name a directory.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared[:-1],
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(settings.format, shared))
    handler.addFilter(Ration(_left_out))
    root = logging.getLogger()
    former, root.handlers[:] = root.handlers[:], [handler]
    for other in former:
        if isinstance(other, DailyFile):
            other.close()
    if settings.directory:
        root.addHandler(_daily(settings.directory, shared))
    root.setLevel(settings.level.upper())
    for name in LOUD:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _formatter(form: str, shared: Sequence[Processor]) -> logging.Formatter:
    rendered: list[Processor] = (
        [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(serializer=_json)]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            hide_secrets,
            *rendered,
        ],
    )


def _daily(directory: str, shared: Sequence[Processor]) -> logging.Handler:
    """Return the handler that writes the same lines into files, as JSON whatever the format is."""
    file = DailyFile(directory)
    file.setFormatter(_formatter("json", shared))
    file.addFilter(Ration(lambda package, lines: None))  # what is left out is told of once
    return file


def _left_out(package: str, lines: int) -> None:
    log = structlog.get_logger(__name__)
    log.warning("lines of a package that logs too much were left out", package=package, at_least=lines)


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values of keys that name secrets, in texts what looks like a token, a key or a password in a URL, or quotes rows."""
    return {key: _hidden(key, value) for key, value in event.items()}


def _hidden(key: str, value: Any) -> Any:
    if is_secret((str(key),)) and value not in (None, "", ()) and not isinstance(value, bool):
        return HIDDEN
    if isinstance(value, str):
        written = value.encode(errors="backslashreplace").decode()  # foreign text may hold what UTF-8 cannot
        written = QUOTED.sub(rf"\1: {HIDDEN}", written)
        return SECRETS.sub(lambda match: f"{match['keep'] or ''}{HIDDEN}", without_password(written))
    if isinstance(value, Mapping):
        return {inner: _hidden(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", item) for item in value]
    return value


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
