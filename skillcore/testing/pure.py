"""What the checks of rules and formulas share: events to try them with, the guard, and processes of their own."""

from __future__ import annotations

import copy
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from os import environ
from pathlib import Path
from tempfile import gettempdir
from types import ModuleType
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import strategies as st

from skillcore.plugin import CONTRACT, Achievement, Event, EventKind, PluginInfo, Score, ScoringFormula, SignalRule, hookimpl
from skillcore.plugin.hooks import Hooks, PluginFailure
from skillcore.plugin.offers import collect
from skillcore.testing import elsewhere
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.elsewhere import RAISED, SOLVED, results
from skillcore.testing.kinds import OF_PLATFORMS, known_kinds
from skillcore.testing.memory import changed, home, own_memory, package_memory, writer
from skillcore.testing.purity import watched
from skillcore.testing.strategies import drawn, events

__all__ = ["PureFrame", "judged", "shown"]

EVENTS = 120
HISTORIES = 40
LONGEST = 12
PATIENCE = 120.0
"""Seconds that a process of its own may take; most of it is the start of Python on a busy machine."""

PROCESSES: tuple[Mapping[str, str], ...] = (
    {"PYTHONHASHSEED": "1", "TZ": "EAST-13"},
    {"PYTHONHASHSEED": "4242", "TZ": "WEST+11"},
)
"""What differs between processes: the order of sets of texts, and what the machine takes for local time."""

encode = msgspec.json.Encoder(order="sorted").encode

History = tuple[Event, ...]

_pools: dict[Any, list[History]] = {}


class PureFrame:
    """The attributes that an author sets, and the checks that rules and formulas have in common."""

    event_kinds: ClassVar[Sequence[EventKind]] = ()
    fields: ClassVar[Mapping[str, st.SearchStrategy[Any]]] = {}

    @property
    def _tried(self) -> SignalRule | ScoringFormula[Any]:
        """The object under test."""
        raise LookupError("a suite of skillcore.testing is subclassed, with the object under test as an attribute")

    @property
    def _who(self) -> str:
        """The object's name, for messages."""
        name: object = getattr(self._tried, "name", None)
        return name if isinstance(name, str) and name else type(self._tried).__qualname__

    def _refuse(self, wrong: str, remedy: str) -> Nonconformance:
        """Return the error that says what the object did wrong, and what mends it."""
        return Nonconformance(self._who, wrong, remedy)

    def _skip(self, reason: str) -> None:
        """Leave out the test that runs, since it has nothing to look at."""
        pytest.skip(f"{self._who} {reason}")

    def _exercise(self, history: Sequence[Event]) -> None:
        """Use the object in every way that the engine does."""
        raise LookupError("a suite of skillcore.testing says how its object is used")

    def _sampled(self) -> list[History]:
        """Return the events of the author's samples."""
        return []

    def _inputs(self) -> Mapping[str, Score]:
        """Return scores of the formulas that the object takes for its inputs."""
        return {}

    def _histories(self) -> list[History]:
        """Return events to try the object with, the shortest histories first; the same ones in every run."""
        return sorted([*self._sampled(), *_pool(self._tried.kinds, self.event_kinds, self.fields)], key=len)

    def test_it_is_well_formed(self) -> None:
        """Guards the start of the engine, which refuses a plugin whose objects lack a name, a version or kinds."""
        refused = judged(self._tried)
        if refused:
            raise self._refuse(f"would be refused by the engine: {refused}", "give it what the message asks for")

    def test_its_kinds_exist(self) -> None:
        """Guards against objects that wait for events which never come, since their kind is misspelt."""
        known = known_kinds(self.event_kinds)
        for kind in sorted(self._tried.kinds):
            if kind not in known and not kind.startswith(OF_PLATFORMS):
                raise self._refuse(
                    f"takes events of the kind {kind!r}, which nobody offers",
                    "spell it as the engine does, or name the EventKind in the suite's `event_kinds`",
                )

    def test_it_is_pure(self) -> None:
        """Guards the past: what follows from an event must follow from it for ever, wherever and whenever it is computed.

        The object runs under a guard that sees calls of the clock, of chance, of files, networks, threads and the
        environment, and that compares what the object and its package remember before and after.
        """
        histories = self._histories()
        package, own = package_memory(self._tried), own_memory(self._tried)
        with watched(home(self._tried)) as watch:
            for history in histories:
                try:
                    self._exercise(history)
                except (Exception, SystemExit):  # noqa: BLE001, S112 - another test tells of it
                    continue
        for call in watch.calls:
            raise self._refuse(f"is not pure, it {call}", call.remedy)
        for name in changed(own, own_memory(self._tried)):
            raise self._refuse(
                f"is not pure, it changes its own attribute {name!r}",
                "set attributes in __init__ only: one object serves all people, in several processes at once",
            )
        for name in changed(package, package_memory(self._tried)):
            place = writer(name)
            raise self._refuse(
                f"is not pure, it changes the global {name}{f' at {place}' if place else ''}",
                "keep nothing between two calls: a formula's memory is its state, and a rule has none",
            )

    def test_it_gives_the_same_every_time(self) -> None:
        """Guards against a memory of earlier events: the same history gives the same, whatever was asked before it."""
        histories = self._possible()
        first = self._lines(self._tried, histories)
        for again in (self._lines(self._tried, histories[::-1])[::-1], self._lines(self._copied(), histories)):
            self._compare(histories, first, again, "when asked again", "keep nothing between two calls")

    def test_it_gives_the_same_in_every_process(self) -> None:
        """Guards replays: workers, rebuilds and other machines come to the same bytes.

        Processes of their own run with other hash seeds, under which sets of texts have another order, and elsewhere in the
        world.
        """
        histories = self._possible()
        here = self._lines(self._tried, histories)
        for there in self._elsewhere(histories):
            self._compare(
                histories,
                here,
                there,
                "in another process",
                "go through sets in sorted() order, and use neither hash() nor id() nor the machine's time zone",
            )

    def test_it_takes_any_event(self) -> None:
        """Guards streams: an event that is odd but sound, such as one with empty texts or no skills, is no error."""
        for history in self._histories():
            self._exercised(history)

    def test_it_leaves_its_events_alone(self) -> None:
        """Guards other rules and formulas, which are shown the same events afterwards."""
        for history in self._histories():
            before = [encode(event) for event in history]
            self._exercised(history)
            for event, bytes_ in zip(history, before, strict=True):
                if encode(event) != bytes_:
                    raise self._refuse(
                        f"changes an event that it is shown: from {_short(bytes_)} to {_short(encode(event))}",
                        "copy lists and dicts of event.data before changing them",
                    )

    def _exercised(self, history: Sequence[Event]) -> None:
        """As `_exercise`.

        Raises:
            Nonconformance: the object raised.
        """
        self._contained(lambda: self._exercise(history), history)

    def _contained(self, use: Callable[[], Any], history: Sequence[Event]) -> Any:
        """Return what a use of the object gives.

        Raises:
            Nonconformance: the object raised.
        """
        try:
            return use()
        except Nonconformance:
            raise
        except (Exception, SystemExit) as error:
            raise self._refuse(
                f"raises {type(error).__name__}: {error} for {shown(history)}",
                "take every event that fits its kind: empty texts, None, no skills, numbers at their bounds, a first event",
            ) from error

    def _copied(self) -> Any:
        """Return the object as another process has it, or itself where it cannot be copied."""
        try:
            return copy.deepcopy(self._tried)
        except Exception:  # noqa: BLE001 - whatever an attribute raises; other tests look at what it remembers
            return self._tried

    def _possible(self) -> list[History]:
        """Return the histories that the object takes; of the others another test tells."""
        possible = []
        for history in self._histories():
            try:
                self._lines(self._tried, [history])
            except (Exception, SystemExit):  # noqa: BLE001, S112
                continue
            possible.append(history)
        return possible

    def _lines(self, tried: Any, histories: Sequence[History]) -> list[bytes]:
        return [results(tried, [history], self._inputs()) for history in histories]

    def _compare(
        self, histories: Sequence[History], one: Sequence[bytes], other: Sequence[bytes], when: str, remedy: str
    ) -> None:
        for history, here, there in zip(histories, one, other, strict=True):
            if here != there:
                was, is_ = _apart(here, there)
                raise self._refuse(f"gives something else {when}, {is_} and not {was}, for {shown(history)}", remedy)

    def _elsewhere(self, histories: Sequence[History]) -> Iterator[list[bytes]]:
        """Yield what other processes make of the histories."""
        try:
            tried = pickle.dumps((self._tried, list(histories), dict(self._inputs())))
        except Exception as error:
            raise self._refuse(
                f"cannot be handed to another process: {type(error).__name__}: {error}",
                "define its class at the top of a module, and let its attributes be plain values",
            ) from error
        work = pickle.dumps({"path": sys.path, "files": _files(self._tried, histories), "tried": tried})
        started = [_started(differing) for differing in PROCESSES]
        try:
            for process in started:
                output, errors = process.communicate(work, timeout=PATIENCE)
                if not output.startswith(SOLVED):
                    said = (output or errors).decode(errors="replace").strip()
                    raise self._refuse(
                        f"{'raises' if output.startswith(RAISED) else 'cannot be made'} in another process: {said[-600:]}",
                        "let its module be importable on its own, and its attributes be plain values",
                    )
                yield output.removeprefix(SOLVED).split(b"\n")
        finally:
            for process in started:
                process.kill()
                process.communicate()


def judged(offered: SignalRule | ScoringFormula[Any] | Achievement) -> str:
    """Return why the engine would refuse an object that a plugin offers; empty if it would not."""

    @hookimpl
    def skillcore_plugin() -> PluginInfo:
        return PluginInfo(contract=f"=={CONTRACT}")

    @hookimpl
    def skillcore_signal_rules(settings: None) -> list[Any]:
        return [offered] if isinstance(offered, SignalRule) else []

    @hookimpl
    def skillcore_scoring_formulas(settings: None) -> list[Any]:
        return [offered] if isinstance(offered, ScoringFormula) else []

    @hookimpl
    def skillcore_achievements() -> list[Any]:
        return [offered] if isinstance(offered, Achievement) else []

    module = ModuleType("offering")
    for hook in (skillcore_plugin, skillcore_signal_rules, skillcore_scoring_formulas, skillcore_achievements):
        setattr(module, hook.__name__, hook)
    try:
        collect(Hooks("offering", module), None)
    except PluginFailure as failure:
        return str(failure)
    return ""


def shown(history: Sequence[Event]) -> str:
    """Say in a few words which events were tried."""
    if not history:
        return "no event at all"
    last = _short(encode(history[-1]))
    return last if len(history) == 1 else f"{len(history)} events, the last being {last}"


def _short(bytes_: bytes) -> str:
    text = ascii(bytes_.decode())[1:-1]
    return text if len(text) <= 300 else f"{text[:300]}…"


def _apart(one: bytes, other: bytes) -> tuple[str, str]:
    """Return two texts from a little before where they part."""
    start = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return tuple(ascii(text[max(0, start - 40) : start + 60].decode(errors="replace")) for text in (one, other))  # type: ignore[return-value]


def _pool(kinds: frozenset[str], more: Sequence[EventKind], fields: Mapping[str, st.SearchStrategy[Any]]) -> list[History]:
    """Return histories of these kinds: every event alone, some together in many ways, and all of them."""
    key = (kinds, tuple(more), tuple(sorted((name, id(strategy)) for name, strategy in fields.items())))
    if key not in _pools:
        own = {kind.name: kind for kind in more}
        known = known_kinds(more)
        chosen = [own.get(kind, kind) for kind in sorted(kinds) if kind in known or kind.startswith(OF_PLATFORMS)]
        alone = drawn(events(chosen, fields=fields), EVENTS) if chosen else []
        chance = random.Random(7)  # noqa: S311 - the same histories in every run # nosec B311
        together = [chance.sample(alone, chance.randint(2, LONGEST)) for _ in range(HISTORIES if alone else 0)]
        _pools[key] = [(event,) for event in alone] + [_in_order(some) for some in (*together, alone)]
    return _pools[key]


def _in_order(some: Sequence[Event]) -> History:
    """Return events as formulas see them: each once, by time."""
    return tuple(sorted({event.id: event for event in some}.values(), key=lambda event: (event.occurred_at, event.id)))


def _files(tried: object, histories: Sequence[History]) -> dict[str, str]:
    """Return the files of the modules that another process needs, with those of the packages around them."""
    things = {type(tried), *type(tried).__mro__, *(type(event.data) for history in histories for event in history)}
    names = {thing.__module__ for thing in things}
    around = {name[:place] for name in names for place, letter in enumerate(f"{name}.") if letter == "."}
    return {name: file for name in around if (file := getattr(sys.modules.get(name), "__file__", None))}


def _started(differing: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", str(Path(elsewhere.__file__))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=gettempdir(),
        env={**environ, **differing},
    )
