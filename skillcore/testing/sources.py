"""The conformance suite for verification sources."""

from __future__ import annotations

from skillcore.testing.source_checks.accounts import AccountChecks
from skillcore.testing.source_checks.failing import FailingChecks
from skillcore.testing.source_checks.histories import HistoryChecks
from skillcore.testing.source_checks.reading import ReadingChecks
from skillcore.testing.source_checks.requirements import RequirementChecks
from skillcore.testing.source_checks.users import UserChecks

__all__ = ["SourceSuite"]


class SourceSuite(ReadingChecks, FailingChecks, UserChecks, RequirementChecks, AccountChecks, HistoryChecks):
    """The whole suite for a source: one subclass, whose name begins with ``Test``, is all that an author adds.

    Example:
        class TestConformance(SourceSuite):
            source = Gym()
            met = (Sample("ann", Solved("loops-1")),)
            not_met = (Sample("ann", Solved("loops-9")),)
            not_found = (Sample("nobody", Solved("loops-1")),)

    The answers come from the server that the source's settings name, which is started and asked once for all samples; where
    it cannot run beside the tests, override `answer`. No test needs a fixture, and none needs the network.

    Attributes:
        source: the object under test.
        met: accounts with requirements that are met; one at least.
        not_met: accounts that exist, with requirements that are not met; one at least.
        not_found: accounts that do not exist, if the server can tell.
        challenges: challenges that accounts have met, if the source has a `ChallengeProof`.
        spare: keys of answers that tests leave as they are, because their absence is an answer at this server.
        most_calls: calls of one verification, or of one account's history; a source that makes more is taken for endless.
        patience: seconds after its last call of a tool within which the source must come to an end.
    """
