"""The hooks of one plugin, typed and contained: whatever its code raises becomes a `PluginFailure`."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pluggy

from skillcore.plugin.deprecations import of_arguments, tell
from skillcore.plugin.events import EventKind, PluginInfo
from skillcore.plugin.hookspecs import GROUP, HookSpecs
from skillcore.plugin.scores import Achievement, ScoringFormula, SignalRule
from skillcore.plugin.sections import nearest
from skillcore.plugin.sources import PathAdvisor, VerificationSource

__all__ = ["Hooks", "PluginFailure", "contained"]


class PluginFailure(Exception):
    """A plugin cannot be used. The message says what it did and what to do about it."""


@contextmanager
def contained(doing: str) -> Iterator[None]:
    """Run a plugin's code so that nothing it raises gets past; only an interrupt from the keyboard does.

    Raises:
        PluginFailure: the code raised; says what, and where.
    """
    try:
        yield
    except (KeyboardInterrupt, PluginFailure):
        raise
    except BaseException as error:  # a plugin that calls sys.exit must not end the process either
        what = traceback.format_exception_only(error)[-1].strip()
        raise PluginFailure(f"{doing} raised {what}{_place(error)}") from error


def _place(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else ""


class Hooks:
    """One plugin's hooks. It is alone in its pluggy manager, so that no other can lose its results or see its settings."""

    def __init__(self, name: str, plugin: ModuleType, specs: type = HookSpecs) -> None:
        """Find the hooks of a plugin's module.

        Args:
            name: of the plugin.
            plugin: its module.
            specs: the class with the hooks that there are.

        Raises:
            PluginFailure: a hook that does not exist, is not marked, or takes arguments that the hook has not.
        """
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(specs)
        known = [hook for hook in vars(specs) if hook.startswith(f"{GROUP}_")]
        try:
            with contained("reading its hooks"):
                self._manager.register(plugin, name)
        except PluginFailure as failure:
            if not isinstance(failure.__cause__, pluggy.PluginValidationError):
                raise
            detail = str(failure.__cause__).splitlines()
            raise PluginFailure(f"a hook takes other arguments than specified: {'; '.join(detail[1:])}") from failure
        callers = {caller.name: caller for caller in self._manager.get_hookcallers(plugin) or ()}
        for hook in callers:
            if hook not in known:
                raise PluginFailure(f"there is no hook {hook}{nearest(hook, known)} The hooks are {', '.join(known)}.")
        for hook in known:
            if hook not in callers and callable(getattr(plugin, hook, None)):
                raise PluginFailure(f"{hook} is not marked: put @hookimpl above it")
        if "skillcore_plugin" not in callers:
            raise PluginFailure("it has no hook skillcore_plugin: every plugin says there which contract it was written for")
        for hook, caller in callers.items():
            outdated = of_arguments(vars(specs)[hook])
            taken = {name for implementation in caller.get_hookimpls() for name in implementation.argnames}
            for argument in sorted(taken & outdated.keys()):
                with contained(f"the deprecated argument {argument!r} of {hook}"):
                    tell(outdated[argument])

    def plugin(self) -> PluginInfo:
        """Call `skillcore_plugin`."""
        results = self._call("skillcore_plugin", {})
        if len(results) != 1 or not isinstance(results[0], PluginInfo):
            raise PluginFailure(f"skillcore_plugin must return one PluginInfo, not {_words(results)}")
        return results[0]

    def verification_sources(self, settings: Any) -> tuple[VerificationSource[Any], ...]:
        """Call `skillcore_verification_sources`."""
        return self._objects("skillcore_verification_sources", VerificationSource, {"settings": settings})

    def path_advisors(self, settings: Any) -> tuple[PathAdvisor, ...]:
        """Call `skillcore_path_advisors`."""
        return self._objects("skillcore_path_advisors", PathAdvisor, {"settings": settings})

    def event_kinds(self) -> tuple[EventKind, ...]:
        """Call `skillcore_event_kinds`."""
        return self._objects("skillcore_event_kinds", EventKind, {})

    def signal_rules(self, settings: Any) -> tuple[SignalRule, ...]:
        """Call `skillcore_signal_rules`."""
        return self._objects("skillcore_signal_rules", SignalRule, {"settings": settings})

    def scoring_formulas(self, settings: Any) -> tuple[ScoringFormula[Any], ...]:
        """Call `skillcore_scoring_formulas`."""
        return self._objects("skillcore_scoring_formulas", ScoringFormula, {"settings": settings})

    def achievements(self) -> tuple[Achievement, ...]:
        """Call `skillcore_achievements`."""
        return self._objects("skillcore_achievements", Achievement, {})

    def _objects(self, hook: str, of: type[Any], arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        objects: list[Any] = []
        for result in self._call(hook, arguments):
            if not isinstance(result, Iterable) or isinstance(result, str | bytes | Mapping):
                raise PluginFailure(f"{hook} must return a list of {of.__name__}, not {_words([result])}")
            with contained(hook):
                returned = list(result)
            for item in returned:
                if not isinstance(item, of):
                    raise PluginFailure(f"{hook} must return a list of {of.__name__}; {_words([item])} is none")
            objects.extend(returned)
        return tuple(objects)

    def _call(self, hook: str, arguments: Mapping[str, Any]) -> list[Any]:
        """Call the plugin's functions directly: pluggy would drop a None, which is an implementation that forgot to return."""
        results = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.hookwrapper or implementation.wrapper:
                raise PluginFailure(f"{hook} is a wrapper: a hook only returns its own objects")
            if inspect.iscoroutinefunction(implementation.function) or inspect.isasyncgenfunction(implementation.function):
                raise PluginFailure(f"{hook} is asynchronous: hooks are plain functions, and do no I/O")
            with contained(hook):
                results.append(implementation.function(*(arguments[name] for name in implementation.argnames)))
        return results


def _words(results: list[Any]) -> str:
    """Name the types of results: their own text could be anything, and could raise."""
    return ", ".join(_word(result) for result in results) or "nothing"


def _word(result: object) -> str:
    if isinstance(result, type):
        return f"the class {result.__name__} itself"
    return "None" if result is None else f"an object of class {type(result).__name__}"
