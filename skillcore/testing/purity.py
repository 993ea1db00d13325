"""A guard under which rules and formulas run: it notices whatever they ask of the world or of chance, and where.

Two of Python's own means work together. The profiler sees every call of a built-in function, however it was imported, and of
the few pure-Python doors to the outside; audit events also tell of what happens deeper, and are stopped before they do harm.
What is looked up to no effect, such as a module that is imported late, is nobody's fault.
"""

from __future__ import annotations

import builtins
import contextvars
import datetime
import gc
import io
import os
import random
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from msgspec import Struct

__all__ = ["ImpureCall", "Watch", "watched"]

CLOCK = "reads the clock"
CHANCE = "asks chance"
WORLD = "reaches outside"
SCREEN = "prints or reads"
ENVIRONMENT = "looks at the environment"
CONTEXT = "changes a context variable"

REMEDIES = {
    CLOCK: "take the time from event.occurred_at, and in a formula's value() from reading.at",
    CHANCE: "derive what must differ from the event's own fields, such as its id",
    WORLD: "take everything from the event and from attributes that the plugin sets out of its settings",
    SCREEN: "leave printing and logging to the engine, and raise an error where something is wrong",
    ENVIRONMENT: "make it a field of the plugin's settings, and an attribute of the object",
    CONTEXT: "keep nothing between two calls: a formula's memory is its state",
}

_CLOCKS = frozenset(
    function
    for name in dir(time)
    if name.startswith(("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_", "sleep"))
    or name in {"localtime", "ctime"}
    if callable(function := getattr(time, name))
)
_SCREEN = frozenset({builtins.print, builtins.input, builtins.breakpoint})
_HARMLESS = frozenset({"fspath", "strerror", "_path_normpath", "_path_splitroot", "cpu_count", "get_terminal_size"})
_OUTSIDE = frozenset(
    {"posix", "nt", "_socket", "select", "_posixsubprocess", "fcntl", "_signal", "mmap", "_sqlite3", "resource", "pwd", "grp"}
)
_AUDITED = (
    "open", "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "sqlite3.", "ctypes.", "urllib.", "http.", "ftplib.",
    "smtplib.", "imaplib.", "poplib.", "fcntl.", "mmap.", "pty.", "signal.", "syslog.", "webbrowser.", "winreg.", "glob.",
    "resource.", "_thread.start_new_thread", "builtins.input",
)  # fmt: skip
_IMPORTING = "<frozen importlib"
_HERE = __file__
_OS = os.getenv.__code__.co_filename  # not __file__: the interpreter may have it built in
_RANDOM = random.Random.seed.__code__.co_filename
_THREADS = frozenset({"start_new_thread", "start_new", "start_joinable_thread"})

Finding = tuple[str, str]
"""What is done, and by which call."""


class ImpureCall(Struct, frozen=True):
    """A call that a pure object must not make.

    Attributes:
        does: what it does, for people.
        call: the function.
        where: file and line of the plugin's own code, and the function there.
        by_way_of: the library's function that makes the call, where the plugin does not make it itself.
    """

    does: str
    call: str
    where: str
    by_way_of: str = ""

    @property
    def remedy(self) -> str:
        """What to do instead."""
        return REMEDIES[self.does]

    def __str__(self) -> str:
        way = f" by way of {self.by_way_of}" if self.by_way_of else ""
        return f"{self.does}: {self.call}{way}, at {self.where}"


class Forbidden(RuntimeError):
    """Something that would leave the process; it is raised in its place."""


class Watch:
    """What was seen so far: every forbidden call, each once.

    Attributes:
        package: whose code is looked at; findings are placed in it, if it stands on the way.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.calls: dict[ImpureCall, None] = {}
        self.thread = threading.get_ident()

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        """Judge one call: of a built-in function, or of one of the doors that are written in Python."""
        if event == "c_call":
            found = _builtin(argument)
        elif event == "call":
            found = _door(frame)
        else:
            return
        if found is not None:
            self.note(found, frame)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Judge an audit event, and stop what would leave the process."""
        if not event.startswith(_AUDITED):
            return
        frame = sys._getframe(2)  # noqa: SLF001 - the only way to whoever called
        if self.note((WORLD, f"{event}({', '.join(ascii(argument)[:60] for argument in arguments[:1])})"), frame):
            raise Forbidden(f"a rule or formula must not do this: {event}")

    def note(self, found: Finding, frame: FrameType) -> bool:
        """Keep a finding with its place, unless it belongs to an import."""
        own: FrameType | None = None
        step: FrameType | None = frame
        while step is not None and step.f_code.co_filename != _HERE:
            if step.f_code.co_filename.startswith(_IMPORTING):
                return False
            if own is None and f"{step.f_globals.get('__name__', '')}.".startswith(f"{self.package}."):
                own = step
            step = step.f_back
        at = own or frame
        way = "" if at is frame else f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}"
        where = f"{at.f_code.co_filename}:{at.f_lineno} in {at.f_code.co_qualname}"
        self.calls[ImpureCall(found[0], found[1], where, way)] = None
        return True


_watch: Watch | None = None
_hooked = False


@contextmanager
def watched(package: str) -> Iterator[Watch]:
    """Watch what this thread does in the block.

    Collecting garbage waits until the block has ended: what it would end there is none of the block's doing.

    Args:
        package: whose code is looked at.
    """
    global _watch, _hooked  # noqa: PLW0603 - a hook for audit events is there once, and for good
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    watch, before, collecting = Watch(package), sys.getprofile(), gc.isenabled()
    gc.disable()
    _watch = watch
    sys.setprofile(watch.profile)
    try:
        yield watch
    finally:
        sys.setprofile(before)
        _watch = None
        if collecting:
            gc.enable()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _watch
    if watch is not None and watch.thread == threading.get_ident():
        watch.audit(event, arguments)


def _builtin(function: Any) -> Finding | None:
    """Judge a built-in function, or a method of a built-in type."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if owner is None or isinstance(owner, ModuleType):
        return _function(function, name, getattr(function, "__module__", None) or "")
    found: Finding | None = None
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in {"now", "utcnow", "today"}:
        found = CLOCK, f"{owner.__name__}.{name}"
    elif owner is random._inst:  # noqa: SLF001
        found = CHANCE, f"random.{name}"
    elif isinstance(owner, contextvars.ContextVar) and name == "set":
        found = CONTEXT, f"{owner.name}.set"
    elif isinstance(owner, io.IOBase) and not isinstance(owner, io.StringIO | io.BytesIO):
        found = WORLD, f"{type(owner).__name__}.{name}"
    return found


def _function(function: Any, name: str, module: str) -> Finding | None:
    found: Finding | None = None
    if module == "time" and function in _CLOCKS:
        found = CLOCK, f"time.{name}"
    elif module == "builtins" and function in _SCREEN:
        found = SCREEN, name
    elif module in {"io", "_io"} and name in {"open", "open_code"}:
        found = WORLD, "open"
    elif module == "_thread" and name in _THREADS:
        found = WORLD, f"_thread.{name}"
    elif module in _OUTSIDE and name not in _HARMLESS:
        found = (CHANCE, f"os.{name}") if name in {"urandom", "getrandom"} else (WORLD, f"{module.strip('_')}.{name}")
    return found


def _door(frame: FrameType) -> Finding | None:
    """Judge a function that is written in Python."""
    code = frame.f_code
    if code.co_filename == _OS and code.co_qualname.startswith("_Environ.") and code.co_name in {"__getitem__", "__setitem__"}:
        return ENVIRONMENT, f"os.environ[{frame.f_locals.get('key')!a}]"
    if code.co_filename == _OS and code.co_qualname.startswith("_Environ.") and code.co_name in {"__iter__", "__len__"}:
        return ENVIRONMENT, "os.environ"
    if code.co_filename == _RANDOM and code.co_qualname == "Random.seed" and frame.f_locals.get("a") is None:
        return CHANCE, "random.Random()"
    return None
