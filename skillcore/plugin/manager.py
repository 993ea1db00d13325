"""Finds plugins, contains the broken ones, refuses conflicts, and hands out what the others offer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from types import MappingProxyType, ModuleType
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from skillcore.plugin.deprecations import Deprecation, loading, tell, told
from skillcore.plugin.events import EventKind, PluginInfo
from skillcore.plugin.hooks import Hooks, PluginFailure, contained
from skillcore.plugin.hookspecs import GROUP
from skillcore.plugin.offers import Offers, collect
from skillcore.plugin.scores import Achievement, ScoringFormula, SignalRule
from skillcore.plugin.sections import Misfit, defaults_of, fit, merged
from skillcore.plugin.sources import PathAdvisor, VerificationSource
from skillcore.plugin.versions import CONTRACT, Range, UnreadableRange, installed

__all__ = ["DEFAULTS", "RESERVED", "PluginState", "Plugins", "PluginsFailed"]

log = logging.getLogger(__name__)

T = TypeVar("T")

DEFAULTS = "defaults"
"""The plugin with the engine's own kinds, rules and formulas: loaded whatever ``allow`` says, and first in every conflict."""

RESERVED = "resilience"
"""The key of each plugin's section that the engine reads itself."""

SLOW = 10.0
"""Seconds of loading after which the log names a plugin."""

_Reason = Annotated[str, Meta(min_length=1, max_length=500)]

# What the parts of `Offers` are called in messages. Sources and advisors share their names: both are servers.
_WORDS = {
    "sources": "source or advisor",
    "advisors": "source or advisor",
    "kinds": "event kind",
    "rules": "rule",
    "formulas": "formula",
    "achievements": "achievement",
}


class PluginsFailed(Exception):
    """Plugins failed and ``plugins.strict`` is set. Names each with its error."""

    def __init__(self, failures: Iterable[PluginState]) -> None:
        self.failures = tuple(failures)
        lines = "".join(f"\n- {plugin.name} ({plugin.from_whom}): {plugin.error}" for plugin in self.failures)
        super().__init__(f"{len(self.failures)} plugin(s) failed, and plugins.strict = true allows none:{lines}")


class PluginState(Struct, frozen=True, kw_only=True):
    """What became of an installed plugin.

    Attributes:
        name: of its entry point; its section of the configuration is ``[plugins.<name>]``.
        distribution: the installed package it comes in.
        error: why it failed, and what to do; None unless it did.
        blocked_by: the setting that keeps it from being loaded: ``plugins.block`` names it, or ``plugins.allow`` does not.
        contract: the versions of the contract that it wants; empty where it did not come to say so.
        deprecated: what it uses that will go, and what takes its place.
        exempt: what its nature prevents of the checklist, with the reasons; see `PluginInfo.exempt`.
        offers: the names of what it offers, by part: ``sources``, ``rules`` and so on; empty unless it is active.
    """

    name: str
    version: str
    distribution: str
    state: Literal["active", "failed", "blocked"]
    error: str | None = None
    blocked_by: Literal["plugins.block", "plugins.allow"] | None = None
    contract: str = ""
    deprecated: tuple[str, ...] = ()
    exempt: Mapping[str, str] = {}
    offers: Mapping[str, tuple[str, ...]] = {}

    @property
    def from_whom(self) -> str:
        """The distribution with its version."""
        return _from_whom(self.distribution, self.version)


class Plugins:
    """The plugins of a process, and what the active ones offer: by name, but for the rules.

    Attributes:
        plugins: the state of every installed plugin, ``defaults`` first, the others by name.
        sources: verification sources.
        advisors: path advisors.
        kinds: event kinds.
        rules: signal rules.
        formulas: scoring formulas.
        achievements: achievements.
        settings: by plugin, the Struct of its section; may hold secrets.
    """

    def __init__(self, loaded: Sequence[_Loaded]) -> None:
        self.plugins = tuple(one.plugin for one in loaded)
        self.settings: Mapping[str, Struct] = MappingProxyType(
            {one.plugin.name: one.settings for one in loaded if one.settings is not None}
        )
        offers = tuple(one.offers for one in loaded)
        self.sources: Mapping[str, VerificationSource[Any]] = _joined(offer.sources for offer in offers)
        self.advisors: Mapping[str, PathAdvisor] = _joined(offer.advisors for offer in offers)
        self.kinds: Mapping[str, EventKind] = _joined(offer.kinds for offer in offers)
        self.rules: tuple[SignalRule, ...] = tuple(rule for offer in offers for rule in offer.rules.values())
        self.formulas: Mapping[str, ScoringFormula[Any]] = _joined(offer.formulas for offer in offers)
        self.achievements: Mapping[str, Achievement] = _joined(offer.achievements for offer in offers)
        self._owners = {
            name: one.plugin.name for one in loaded for names in (one.offers.sources, one.offers.advisors) for name in names
        }
        by_kind: dict[str, list[SignalRule]] = {}
        for rule in self.rules:
            for kind in rule.kinds:
                by_kind.setdefault(kind, []).append(rule)
        self._rules_by_kind = {kind: tuple(rules) for kind, rules in by_kind.items()}

    @classmethod
    def load(
        cls,
        *,
        allow: Collection[str] = (),
        block: Collection[str] = (),
        strict: bool = False,
        sections: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        extra: Iterable[tuple[str, ModuleType]] = (),
    ) -> Plugins:
        """Load the installed plugins. One that fails contributes nothing, is logged, and stops nobody else.

        Args:
            allow: names to load; all if empty.
            block: names not to load, not even import.
            strict: let a failure stop the start.
            sections: the ``[plugins.<name>]`` tables as found; each is laid over its plugin's defaults.
            extra: further plugins as name and module, for tests.

        Raises:
            PluginsFailed: there were failures, and ``strict`` is set; names all of them.
        """
        loaded: list[_Loaded] = []
        for found in sorted([*_installed(), *(_Found.given(name, module) for name, module in extra)], key=_Found.order):
            blocked_by = _blocked_by(found.name, allow, block)
            if blocked_by:
                loaded.append(_Loaded(plugin=found.state("blocked", blocked_by=blocked_by)))
                continue
            with _named_when_slow(found):
                one = _load(found, sections.get(found.name, {}), loaded)
            if one.plugin.state == "failed":
                log.error("plugin %s (%s) failed: %s", found.name, found.from_whom, one.plugin.error)
            loaded.append(one)
        failures = [one.plugin for one in loaded if one.plugin.state == "failed"]
        if strict and failures:
            raise PluginsFailed(failures)
        return cls(loaded)

    def rules_for(self, kind: str) -> tuple[SignalRule, ...]:
        """Return the rules that take events of a kind."""
        return self._rules_by_kind.get(kind, ())

    def owner(self, name: str) -> str:
        """Return the name of the plugin that offers a source or an advisor.

        Raises:
            KeyError: none does.
        """
        return self._owners[name]


class _Loaded(Struct, frozen=True, kw_only=True):
    """A plugin with what it offers; failed and blocked ones offer nothing."""

    plugin: PluginState
    offers: Offers = Offers()
    settings: Struct | None = None


class _Found(Struct, frozen=True, kw_only=True):
    """A plugin that is installed, not imported yet."""

    name: str
    distribution: str
    version: str = ""
    load: Callable[[], Any]

    @classmethod
    def given(cls, name: str, module: ModuleType) -> _Found:
        return cls(name=name, distribution=module.__name__, load=lambda: module)

    def order(self) -> tuple[bool, bool, str, str]:
        """The defaults come first and so win every conflict; the rest goes by name."""
        return (self.name != DEFAULTS, self.distribution != GROUP, self.name, self.distribution)

    @property
    def from_whom(self) -> str:
        return _from_whom(self.distribution, self.version)

    def state(self, state: Literal["active", "failed", "blocked"], **more: Any) -> PluginState:
        return PluginState(name=self.name, version=self.version, distribution=self.distribution, state=state, **more)


def _installed() -> Iterator[_Found]:
    for entry_point in entry_points(group=GROUP):
        distribution = entry_point.dist
        yield _Found(
            name=entry_point.name,
            distribution=distribution.name if distribution else entry_point.module,
            version=distribution.version if distribution else "",
            load=entry_point.load,
        )


def _blocked_by(name: str, allow: Collection[str], block: Collection[str]) -> Literal["plugins.block", "plugins.allow"] | None:
    if name in block:
        return "plugins.block"
    return "plugins.allow" if allow and name not in allow and name != DEFAULTS else None


@contextmanager
def _named_when_slow(found: _Found) -> Iterator[None]:
    """Tell whose code it is that the start waits for: nothing can end it, but an operator can block it."""
    message = "plugin %s (%s) has been loading for %g s, and the start waits for it; plugins.block leaves it out"
    timer = threading.Timer(SLOW, log.warning, (message, found.name, found.from_whom, SLOW))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _load(found: _Found, section: Mapping[str, Any], loaded: Iterable[_Loaded]) -> _Loaded:
    contract, exempt = "", {}
    offers, settings, error = Offers(), None, None
    with loading(found.name, found.from_whom) as who:
        try:
            _refuse_namesake(found, loaded)
            with contained("importing it"):
                module = found.load()
            hooks = Hooks(found.name, module)
            info = hooks.plugin()
            contract = _contract(info)
            _check_contract(found, contract)
            exempt = _exempt(info)
            settings = _settings(found.name, info, section)
            offers = collect(hooks, settings)
            _refuse_conflicts(found, offers, loaded)
        except PluginFailure as failure:
            error, offers, settings = str(failure), Offers(), None
    names = {part: tuple(sorted(getattr(offers, part))) for part in _WORDS if getattr(offers, part)}
    about = {"contract": contract, "deprecated": told(who), "exempt": exempt}
    state = found.state("failed" if error else "active", error=error, offers=names, **about)
    return _Loaded(plugin=state, offers=offers, settings=settings)


def _refuse_namesake(found: _Found, loaded: Iterable[_Loaded]) -> None:
    for other in (one.plugin for one in loaded):
        if other.name == found.name:
            raise PluginFailure(
                f"{found.from_whom} and {other.from_whom} both bring a plugin of this name: uninstall one of the two"
            )


def _contract(info: PluginInfo) -> str:
    """Return the range that a plugin wants. Until contract 1.1 it was the whole number of one version."""
    wanted: object = info.contract
    if type(wanted) is int:
        outdated, wanted = wanted, f">={wanted},<{wanted + 1}"
        with contained("its PluginInfo"):
            instead = f'write PluginInfo(contract="{wanted}")'
            tell(Deprecation(what=f"PluginInfo(contract={outdated})", instead=instead, goes="2.0"))
    try:
        Range.parse(wanted)
    except UnreadableRange as error:
        raise PluginFailure(f"the contract of its PluginInfo, {error}") from error
    return str(wanted)


def _check_contract(found: _Found, wanted: str) -> None:
    if installed() not in Range.parse(wanted):
        raise PluginFailure(
            f"it wants contract {wanted}, and this skillcore has contract {CONTRACT}: install a release of"
            f" {found.distribution} for contract {CONTRACT}, or a skillcore with contract {wanted}"
        )


def _exempt(info: PluginInfo) -> dict[str, str]:
    try:
        return msgspec.convert(msgspec.to_builtins(info.exempt), dict[str, _Reason])
    except (msgspec.ValidationError, TypeError) as error:
        raise PluginFailure(f"the exempt of its PluginInfo must name lines of the checklist with reasons: {error}") from error


def _settings(name: str, info: PluginInfo, section: Mapping[str, Any]) -> Struct | None:
    own = {key: value for key, value in section.items() if key != RESERVED}
    if info.settings is None:
        if own:
            raise PluginFailure(f"it takes no settings; remove {', '.join(sorted(own))} from [plugins.{name}]")
        return None
    shape: object = info.settings
    if not (isinstance(shape, type) and issubclass(shape, Struct)):
        raise PluginFailure("the settings of its PluginInfo must be a msgspec.Struct class")
    with contained("its settings without arguments (each needs a default)"):
        defaults = defaults_of(shape)
    try:
        return fit(merged(defaults, own), shape)
    except Misfit as misfit:
        section_name = ".".join(["plugins", name, *misfit.path[:-1]])
        key = misfit.path[-1] if misfit.path else "the section"
        raise PluginFailure(f"[{section_name}] {key}: found {misfit.found}; allowed: {misfit.allowed}") from misfit
    except msgspec.ValidationError as error:
        raise PluginFailure(f"[plugins.{name}] does not fit: {error}") from error


def _refuse_conflicts(found: _Found, offers: Offers, loaded: Iterable[_Loaded]) -> None:
    for other, theirs in ((one.plugin, one.offers) for one in loaded):
        for part, word in _WORDS.items():
            taken = {*theirs.sources, *theirs.advisors} if part in {"sources", "advisors"} else set(getattr(theirs, part))
            for name in sorted(taken & set(getattr(offers, part))):
                raise PluginFailure(
                    f"{found.from_whom} offers {word} {name!r}, and so does plugin {other.name} ({other.from_whom}): uninstall"
                    " one of the two, or name it in plugins.block"
                )


def _from_whom(distribution: str, version: str) -> str:
    return f"{distribution} {version}".strip()


def _joined(parts: Iterable[Mapping[str, T]]) -> Mapping[str, T]:
    return MappingProxyType({name: item for part in parts for name, item in part.items()})
