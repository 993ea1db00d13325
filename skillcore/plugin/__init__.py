"""The contract between the engine and its plugins: hooks, the types they return, and the errors of sources.

A plugin imports this package and nothing else of skillcore. It needs only the standard library, msgspec and pluggy.
"""

from typing import TYPE_CHECKING

from skillcore.plugin.deprecations import SkillcoreDeprecationWarning, renamed
from skillcore.plugin.errors import InvalidRequirement, NotFound, Refused, SourceError, Unavailable
from skillcore.plugin.events import Event, EventKind, PluginInfo
from skillcore.plugin.hookspecs import hookimpl
from skillcore.plugin.proofs import (
    Challenge,
    ChallengeProof,
    Identity,
    IssuedChallenge,
    NotProved,
    OAuthClient,
    OAuthProof,
    OIDCProof,
    Proof,
)
from skillcore.plugin.scores import (
    Achievement,
    Component,
    Reading,
    Score,
    ScoringFormula,
    SignalRule,
    SignalType,
    SkillSignal,
    SourceType,
)
from skillcore.plugin.sources import (
    Account,
    Advice,
    Evidence,
    Figure,
    MCPServer,
    NotVerified,
    Page,
    PathAdvisor,
    PathTopic,
    ServerSettings,
    Strength,
    Tool,
    Tools,
    Undecided,
    Verdict,
    VerificationSource,
    Verified,
)
from skillcore.plugin.versions import CONTRACT

if not TYPE_CHECKING:  # a type checker would take it as leave for any name at all
    __getattr__ = renamed(__name__, {})

__all__ = [
    "CONTRACT",
    "Account",
    "Achievement",
    "Advice",
    "Challenge",
    "ChallengeProof",
    "Component",
    "Event",
    "EventKind",
    "Evidence",
    "Figure",
    "Identity",
    "InvalidRequirement",
    "IssuedChallenge",
    "MCPServer",
    "NotFound",
    "NotProved",
    "NotVerified",
    "OAuthClient",
    "OAuthProof",
    "OIDCProof",
    "Page",
    "PathAdvisor",
    "PathTopic",
    "PluginInfo",
    "Proof",
    "Reading",
    "Refused",
    "Score",
    "ScoringFormula",
    "ServerSettings",
    "SignalRule",
    "SignalType",
    "SkillSignal",
    "SkillcoreDeprecationWarning",
    "SourceError",
    "SourceType",
    "Strength",
    "Tool",
    "Tools",
    "Unavailable",
    "Undecided",
    "Verdict",
    "VerificationSource",
    "Verified",
    "hookimpl",
]
