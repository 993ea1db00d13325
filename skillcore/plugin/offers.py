"""What one plugin offers, judged before the engine relies on it: names, types, bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from skillcore.plugin.events import EventKind
from skillcore.plugin.hooks import Hooks, PluginFailure, contained
from skillcore.plugin.proofs import ChallengeProof, OAuthProof, OIDCProof
from skillcore.plugin.scores import Achievement, ScoringFormula, SignalRule
from skillcore.plugin.sources import MCPServer, PathAdvisor, VerificationSource

__all__ = ["Offers", "collect"]

T = TypeVar("T")

_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_COUNTED = ("problems_solved", "contributions", None)
_PROOFS = (ChallengeProof, OAuthProof, OIDCProof)
_KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class Offers(Struct, frozen=True, kw_only=True):
    """Everything a plugin offers, by name."""

    sources: Mapping[str, VerificationSource[Any]] = {}
    advisors: Mapping[str, PathAdvisor] = {}
    kinds: Mapping[str, EventKind] = {}
    rules: Mapping[str, SignalRule] = {}
    formulas: Mapping[str, ScoringFormula[Any]] = {}
    achievements: Mapping[str, Achievement] = {}


def collect(hooks: Hooks, settings: Struct | None) -> Offers:
    """Call all hooks of a plugin and judge what they return.

    Raises:
        PluginFailure: a hook raised, or something it returned cannot be used.
    """
    offers = Offers(
        sources=_judged("source", hooks.verification_sources(settings), _judge_source),
        advisors=_judged("advisor", hooks.path_advisors(settings), _judge_advisor),
        kinds=_judged("event kind", hooks.event_kinds(), _judge_kind),
        rules=_judged("rule", hooks.signal_rules(settings), _judge_rule),
        formulas=_judged("formula", hooks.scoring_formulas(settings), _judge_formula),
        achievements=_judged("achievement", hooks.achievements(), _judge_achievement),
    )
    for name in sorted(offers.sources.keys() & offers.advisors.keys()):
        raise PluginFailure(f"it offers a source and an advisor named {name!r}; give one of them another name")
    return offers


def _judged(what: str, objects: Iterable[T], judge: Callable[[T], None]) -> dict[str, T]:
    named: dict[str, T] = {}
    for item in objects:
        with contained(f"looking at a {what}, {type(item).__qualname__},"):
            name = getattr(item, "name", None)
            pattern = _KIND if isinstance(item, EventKind) else _NAME
            if not isinstance(name, str) or not pattern.fullmatch(name) or len(name) > 100:
                raise PluginFailure(
                    f"{what} {type(item).__qualname__} must have a name of lower-case words, digits and dots such as"
                    f" {'task.verified' if isinstance(item, EventKind) else 'codeforces'}; it has {name!r}"
                )
            try:
                judge(item)
            except (PluginFailure, msgspec.ValidationError) as error:
                raise PluginFailure(f"{what} {name!r}: {error}") from error
            if name in named:
                raise PluginFailure(f"it offers two {what}s named {name!r}; give one of them another name")
            named[name] = item
    return named


def _judge_source(source: VerificationSource[Any]) -> None:
    _need_struct(source, "requirement")
    _judge_server(source)
    _judge_proofs(source)
    _need(
        source.counted_as in _COUNTED,
        f"counted_as must be 'problems_solved', 'contributions' or None, not {source.counted_as!r}",
    )


def _judge_proofs(source: VerificationSource[Any]) -> None:
    _need(isinstance(source.proofs, tuple), "proofs must be a tuple of ChallengeProof, OAuthProof and OIDCProof")
    shapes = [type(proof) for proof in source.proofs]
    for proof, shape in zip(source.proofs, shapes, strict=True):
        _need(shape in _PROOFS, f"{shape.__name__} stands among its proofs, which are ChallengeProof, OAuthProof and OIDCProof")
        _need(shapes.count(shape) == 1, f"it has two proofs of the kind {shape.__name__}; keep one")
        _revalidate(proof, shape)
    if ChallengeProof in shapes:
        for method in ("challenge", "check_challenge"):
            own = getattr(type(source), method) is not getattr(VerificationSource, method)
            _need(own, f"its ChallengeProof needs a method {method}() of its own")


def _judge_advisor(advisor: PathAdvisor) -> None:
    _judge_server(advisor)


def _judge_server(owner: VerificationSource[Any] | PathAdvisor) -> None:
    server = getattr(owner, "server", None)
    _need(isinstance(server, MCPServer), "it has no server; set server = MCPServer(tools=…, settings=…)")
    _revalidate(server, MCPServer)
    settings = owner.server.settings
    _need(bool(settings.url or settings.command), "its server has neither a command nor a url; set one of them as its default")
    _need(bool(owner.server.tools), "its server declares no tools; name those it calls")


def _judge_kind(kind: EventKind) -> None:
    _need_struct(kind, "payload")
    _need(isinstance(kind.client, bool), "client must be True or False")
    _need(not kind.name.startswith("x."), "names under x. belong to platforms; choose another")


def _judge_rule(rule: SignalRule) -> None:
    _need_version_and_kinds(rule)


def _judge_formula(formula: ScoringFormula[Any]) -> None:
    _need_version_and_kinds(formula)
    _need_struct(formula, "state")
    with contained("its state, made without arguments,"):
        formula.state()
    inputs: object = formula.inputs
    _need(isinstance(inputs, tuple) and all(isinstance(name, str) for name in inputs), "inputs must be a tuple of names")
    with contained("parameters()"):
        msgspec.json.encode(dict(formula.parameters()))


def _judge_achievement(achievement: Achievement) -> None:
    _revalidate(achievement, Achievement)
    _need(bool(achievement.title), "it needs a title")
    _need(
        bool(_NAME.fullmatch(achievement.formula)),
        f"formula must be the name of a formula or role, not {achievement.formula!r}",
    )


def _need_version_and_kinds(owner: SignalRule | ScoringFormula[Any]) -> None:
    version: object = getattr(owner, "version", None)
    kinds: object = getattr(owner, "kinds", None)
    _need(type(version) is int and version >= 1, f"version must be a whole number from 1 on, not {version!r}")
    fine = isinstance(kinds, frozenset) and bool(kinds) and all(isinstance(kind, str) for kind in kinds)
    _need(fine, "kinds must be a frozenset of the names of the events it takes")


def _need_struct(owner: object, attribute: str) -> None:
    value = getattr(owner, attribute, None)
    _need(isinstance(value, type) and issubclass(value, Struct), f"{attribute} must be a msgspec.Struct class")


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PluginFailure(otherwise)


def _revalidate(value: object, shape: type[Struct]) -> None:
    """Check a Struct that was built in Python, where msgspec checks nothing."""
    _need(isinstance(value, shape), f"{type(value).__name__} stands where a {shape.__name__} belongs")
    msgspec.convert(msgspec.to_builtins(value), shape)
