"""Where work is verified and who advises on it: values and abstract classes. Nothing here does I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from msgspec import Meta, Struct

from skillcore.plugin.errors import SourceError
from skillcore.plugin.proofs import Challenge, Identity, IssuedChallenge, NotProved, Proof
from skillcore.plugin.veiled import Veiled

__all__ = [
    "Account",
    "Advice",
    "Evidence",
    "Figure",
    "MCPServer",
    "NotVerified",
    "Page",
    "PathAdvisor",
    "PathTopic",
    "ServerSettings",
    "Strength",
    "Tool",
    "Tools",
    "Undecided",
    "Verdict",
    "VerificationSource",
    "Verified",
]

R = TypeVar("R", bound=Struct)
T = TypeVar("T")

Strength = Literal["asserted", "authenticated", "judged"]

Figure = Literal["problems_solved", "contest_rating", "contributions"]
"""Names of figures that mean the same at every source, so that a profile can set them side by side:

- ``problems_solved``: different problems that the account has solved there; a whole number, 0 and more.
- ``contest_rating``: its rating of today by what it did in contests, on the source's own scale; absent before the first.
- ``contributions``: pieces of its work that public projects took in, such as merged pull requests; a whole number, 0 and more.
"""


class Account(Struct, frozen=True):
    """An account at a source that its user has proved, or that a platform vouches for.

    Attributes:
        source: name of the source.
        handle: the name under which the source knows it, as the person wrote it.
        external_id: the source's own unchanging id, where it has one. It decides whose work it is: a name that was given up can
            be taken by somebody else.
    """

    source: str
    handle: str
    external_id: str | None = None


class ServerSettings(Veiled, frozen=True, kw_only=True, forbid_unknown_fields=True):
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


class Page(Struct, frozen=True, kw_only=True):
    """A page of past work.

    Attributes:
        evidence: in the order in which it was done, where the source can tell.
        cursor: where a later run goes on from, once this page is kept; only the source reads it.
        total: how many items there are in all, where the source knows; for telling the progress.
        done: how many of them lie behind this page; without it the engine counts the evidence.
        gap: what work before this page may be missing, and why, for the person; empty where nothing is known to be.
    """

    evidence: tuple[Evidence, ...]
    cursor: Annotated[str, Meta(max_length=1000)]
    total: Annotated[int, Meta(ge=0)] | None = None
    done: Annotated[int, Meta(ge=0)] | None = None
    gap: Annotated[str, Meta(max_length=500)] = ""


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
    """A place where work is done and can be checked. Stateless between calls: one instance serves all users.

    Attributes:
        name: lower case, as tasks and evidence name the source.
        requirement: the Struct of its requirements.
        server: the MCP server that it asks.
        proofs: the ways in which a person can prove that an account is theirs, the best one first.
        counted_as: the figure that its works are instances of: what the engine verified is shown beside what the site says.
            None if they are neither.
    """

    name: ClassVar[str]
    requirement: type[R]
    server: MCPServer
    proofs: tuple[Proof, ...] = ()
    counted_as: Literal["problems_solved", "contributions"] | None = "problems_solved"

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

    def challenge(self, account: Account, number: int) -> Challenge:
        """Return what the account's holder is asked to do; needed by sources with a `ChallengeProof`. Pure: no I/O.

        Args:
            account: that is to be proved.
            number: drawn at random, from 0 on and below 2**64. Different numbers should give many different challenges.
        """
        raise LookupError(f"{self.name} sets no challenges")

    async def check_challenge(self, tools: Tools, account: Account, challenge: IssuedChallenge) -> Identity | NotProved:
        """Look whether a challenge was met between its beginning and its end; needed by sources with a `ChallengeProof`.

        Raises:
            SourceError: the source did not say; the subclass says why.
        """
        raise LookupError(f"{self.name} sets no challenges")

    def history(self, tools: Tools, account: Account, after: str | None) -> AsyncIterator[Page] | None:
        """Yield past accepted work page by page, the oldest first where the source can tell; None if it shows none.

        A work is named once in a run, with the time when it was first accepted. A later run may name it again, if it was
        done again; the ledger keeps the first. The engine keeps each page and its cursor together, asks for the next one
        when that is done, and may stop anywhere.

        Args:
            tools: paced at the source's pace.
            account: whose work.
            after: the cursor of the last page that was kept, of a run that was interrupted or of one that came to its end;
                the first page follows it. None to begin at the beginning.

        Raises:
            SourceError: while iterating; the run goes on later from the last page kept.
        """
        return None

    async def get_user_stats(self, tools: Tools, account: Account) -> Mapping[str, float]:
        """Return figures of the account's public profile by name: finite numbers, 50 at most.

        Names that are a `Figure` mean what that says; all others are the source's own, and are shown as they are. What the
        site does not tell is left out, and never 0.

        Raises:
            SourceError: the source did not say; the subclass says why.
        """
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
