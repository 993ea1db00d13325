"""What a plugin hands to the engine: values and abstract classes. Nothing here does I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from skillcore.plugin.errors import SourceError

__all__ = [
    "Account",
    "Achievement",
    "Advice",
    "Component",
    "Event",
    "EventKind",
    "Evidence",
    "MCPServer",
    "NotVerified",
    "Page",
    "PathAdvisor",
    "PathTopic",
    "PluginInfo",
    "Proof",
    "Reading",
    "Score",
    "ScoringFormula",
    "ServerSettings",
    "SignalRule",
    "SignalType",
    "SkillSignal",
    "SourceType",
    "Strength",
    "Tool",
    "Tools",
    "Undecided",
    "Verdict",
    "VerificationSource",
    "Verified",
]

R = TypeVar("R", bound=Struct)
S = TypeVar("S", bound=Struct)
T = TypeVar("T")

SourceType = Literal["project", "update", "mentorship", "evidence", "session", "platform"]
SignalType = Literal["joined", "update", "completed"]
Strength = Literal["asserted", "authenticated", "judged"]


class PluginInfo(Struct, frozen=True):
    """What a plugin is.

    Attributes:
        contract: the version of this contract that the plugin was written for; another one is refused.
        settings: the Struct behind ``[plugins.<name>]``; every field needs a default. A field ``server: ServerSettings``
            holds the MCP server.
    """

    contract: int
    settings: type[Struct] | None = None


class EventKind(Struct, frozen=True):
    """A kind of event and the shape of its payload.

    Attributes:
        name: dotted, lower case, such as ``task.verified``.
        payload: a Struct that only ever gains optional fields.
        client: platforms and learners may send it; otherwise only the engine records it.
    """

    name: str
    payload: type[Struct]
    client: bool = False


class Event(Struct, frozen=True):
    """A recorded fact, as rules and formulas see it: its payload is an instance of its kind's Struct."""

    id: str
    user_id: str
    kind: str
    subject_id: str
    occurred_at: datetime
    skills: tuple[str, ...]
    data: Any
    via: str = "engine"


class Account(Struct, frozen=True):
    """An account at a source that its user has proved, or that a platform vouches for.

    Attributes:
        source: name of the source.
        handle: the name under which the source knows it, as the person wrote it.
        external_id: the source's own unchanging id, where it has one.
    """

    source: str
    handle: str
    external_id: str | None = None


class Proof(Struct, frozen=True):
    """A way to prove that an account is one's own."""

    method: Literal["oauth", "oidc", "challenge"]
    instructions: str


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach an MCP server: ``[plugins.<name>.server]``. A URL wins over a command.

    Attributes:
        command: program to start and to talk to over stdio; looked up on PATH.
        args: its arguments.
        env: added to the child's environment, which is otherwise a short list of harmless variables.
        url: address of a streamable HTTP server.
        headers: sent with each request to ``url``.
        headers_file: file with further headers as a JSON object, for secrets.
        calls_per_second: pace of tool calls; bursts up to one second's worth.
        concurrency: tool calls under way at once.
    """

    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    url: str = ""
    headers: Mapping[str, str] = {}
    headers_file: str = ""
    calls_per_second: Annotated[float, Meta(gt=0, le=1000)] = 1.0
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 4


class Tool(Struct, frozen=True):
    """A tool that a source calls, with the arguments it passes; the engine checks both against the server when it connects."""

    name: str
    arguments: tuple[str, ...] = ()


class MCPServer(Struct, frozen=True, kw_only=True):
    """Declared by the plugin; opened, paced, retried and broken by the engine."""

    tools: tuple[Tool, ...]
    settings: ServerSettings


class Evidence(Struct, frozen=True, kw_only=True):
    """One piece of work that a source confirms.

    Attributes:
        work: names the work within the source and account, such as ``1500/A``; it counts once however often it is seen.
        occurred_at: when the work was done, with a time zone.
        topics: the source's own words; the engine maps them to skills.
        difficulty: 1 to 10 on the documented common scale; None is unknown, never guessed.
        strength: ``judged`` by the source, done while ``authenticated``, or merely ``asserted`` by its author.
        metadata: further facts worth showing, such as a rating change.
    """

    work: Annotated[str, Meta(min_length=1, max_length=200)]
    occurred_at: datetime
    topics: tuple[str, ...] = ()
    difficulty: Annotated[float, Meta(ge=1, le=10)] | None = None
    strength: Strength
    metadata: Mapping[str, Any] = {}


class Verified(Struct, frozen=True, tag="verified"):
    """The requirement holds; at least one piece of evidence says so."""

    evidence: tuple[Evidence, ...]


class NotVerified(Struct, frozen=True, tag="not_verified"):
    """The source answered in full, and the work is not there."""

    looked_for: str
    found: str


class Undecided(Struct, frozen=True, tag="undecided"):
    """The source answered, but cannot show what would decide it."""

    reason: str
    would_decide: str = ""


Verdict = Verified | NotVerified | Undecided
"""The outcome of a verification. Everything else is raised: see `skillcore.plugin.errors`."""


class Page(Struct, frozen=True):
    """A page of past work, and the cursor from which the next run continues."""

    evidence: tuple[Evidence, ...]
    cursor: str


class Tools(Protocol):
    """A guarded session of the declared server: paced, bounded in time and size, retried, behind a breaker.

    Answers are judged inside the guard, so that an answer that makes no sense is retried and counted like an outage.
    ``failure`` turns the text of a call that the server itself reported as failed into the error to raise; without it
    every such call is `Unavailable`.
    """

    async def call(
        self, tool: str, arguments: Mapping[str, Any], returns: type[T], *, failure: Callable[[str], SourceError] | None = None
    ) -> T:
        """Call a tool and decode its JSON text strictly into ``returns``.

        Raises:
            Unavailable: no answer, or one that does not decode.
            Refused: the server does not accept our credentials.
        """
        ...

    async def read(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        parse: Callable[[str], T],
        *,
        failure: Callable[[str], SourceError] | None = None,
    ) -> T:
        """Call a tool and hand its text to ``parse``, which returns a value or raises a `SourceError`.

        For servers that answer in prose or report failures as ordinary text. Any other exception of ``parse`` is
        `Unavailable`.
        """
        ...


class VerificationSource(ABC, Generic[R]):
    """A place where work is done and can be checked. Stateless between calls: one instance serves all users."""

    name: ClassVar[str]
    requirement: type[R]
    server: MCPServer
    proofs: tuple[Proof, ...] = ()

    @abstractmethod
    async def verify(self, tools: Tools, account: Account, requirement: R) -> Verdict:
        """Check one requirement for one account.

        Raises:
            SourceError: no verdict; the subclass says why.
        """

    def check(self, requirement: R) -> None:
        """Refuse a requirement that its types allow but that cannot hold.

        Raises:
            InvalidRequirement: names the field.
        """

    def normalise(self, handle: str) -> str:
        """Return the handle as the source compares it; evidence of accounts without an id is kept under this name.

        Raises:
            InvalidRequirement: this cannot be a handle there (field ``handle``).
        """
        return handle.strip().lower()

    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page] | None:
        """Yield past accepted work from the cursor ``after`` on, or return None if the source shows none."""
        return None

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return figures of the account's public profile."""
        return {}

    async def health_check(self, tools: Tools) -> str | None:
        """Return what is wrong beyond connection and tools, which the engine has checked, or None."""
        return None


class PathTopic(Struct, frozen=True):
    """A topic of a learning path as an advisor sees it."""

    name: str
    library: str = ""
    prerequisites: tuple[str, ...] = ()


class Advice(Struct, frozen=True):
    """What an advisor says of one topic. It never decides anything."""

    topic: str
    kind: Literal["documented", "undocumented", "prerequisite"]
    message: str
    suggestions: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()


class PathAdvisor(ABC):
    """Advises on a learning path from what the outside world knows; verifies nobody."""

    name: ClassVar[str]
    server: MCPServer

    @abstractmethod
    async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        """Return advice on the topics.

        Raises:
            Unavailable: nothing that can be trusted came back.
        """

    async def health_check(self, tools: Tools) -> str | None:
        """Return what is wrong beyond connection and tools, or None."""
        return None


class SkillSignal(Struct, frozen=True):
    """A trace that an event leaves on a skill; its first four fields and the user make it one and the same."""

    skill_id: str
    source_type: SourceType
    source_id: str
    signal_type: SignalType
    weight: float = 1.0


class SignalRule(ABC):
    """Derives skill signals from an event. Pure: no clock, no I/O, no globals."""

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]

    @abstractmethod
    def derive(self, event: Event) -> Iterable[SkillSignal]:
        """Return the signals of one event. Signals that exist already are absorbed."""


class Component(Struct, frozen=True):
    """A part of a score. ``kinds`` and ``subject`` name the events behind it; the engine finds them.

    Attributes:
        value: the part itself; the score combines ``value * weight``.
        subject: as returned by the formula's ``subjects``; empty for all.
    """

    name: str
    value: float
    weight: float = 1.0
    kinds: frozenset[str] = frozenset()
    subject: str = ""


class Score(Struct, frozen=True):
    """A value that is the weighted sum, or the product, of its components; the engine checks that it is.

    Attributes:
        value: finite, or None where there is nothing to judge by.
        label: a word for the value, where thresholds give one.
    """

    value: float | None
    components: tuple[Component, ...] = ()
    combine: Literal["sum", "product"] = "sum"
    label: str | None = None


class Reading(Struct, frozen=True):
    """What a formula may see when its value is read, and never when it folds.

    Attributes:
        at: the moment of reading.
        subject: whose value is read, as returned by ``subjects``.
        definition: targets, sizes and the like, where the formula's subject has one.
        inputs: scores of the formulas named in ``inputs``, by formula and subject.
    """

    at: datetime
    subject: str = ""
    definition: Struct | None = None
    inputs: Mapping[str, Mapping[str, Score]] = {}


class ScoringFormula(ABC, Generic[S]):
    """A fold over a person's events. Pure: no clock, no I/O, no globals.

    Events come ordered by ``(occurred_at, id)`` with withdrawn evidence left out; the engine sees to it. Parameters are
    attributes of the instance, set by the plugin from its settings and listed by `parameters`: snapshots are kept by name,
    version and parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]
    state: type[S]
    inputs: tuple[str, ...] = ()

    def parameters(self) -> Mapping[str, Any]:
        """Return what, beside the events, determines the fold and its value."""
        return dict(sorted(vars(self).items()))

    def subjects(self, event: Event) -> Iterable[str]:
        """Return whose score the event moves: the person's (empty), a skill's, a space's, and so on."""
        return ("",)

    @abstractmethod
    def apply(self, state: S, event: Event) -> S:
        """Return the state after the event; sees neither definitions nor time."""

    @abstractmethod
    def value(self, state: S, reading: Reading) -> Score:
        """Return the score of a state; sees definitions, other scores and time."""


class Achievement(Struct, frozen=True, kw_only=True):
    """Something earned once when a score reaches a bound.

    Attributes:
        formula: role or name of the formula whose value counts.
        subject: as returned by the formula's ``subjects``.
        at_least: the bound.
    """

    name: str
    title: str
    formula: str
    subject: str = ""
    at_least: float
    points: int = 0
