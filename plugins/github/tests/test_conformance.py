"""The source against the suite of its contract, over a small GitHub of its own, through what either server makes of it."""

import runpy
from datetime import UTC, datetime
from pathlib import Path

from skillcore.testing import Sample, SourceSuite
from skillcore_github import Settings
from skillcore_github.dialects import NPM, OFFICIAL
from skillcore_github.requirement import Contribution
from skillcore_github.source import GitHub

ANN, BOB, NEW = 7, 8, 9
PARTS = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
HANDLERS = PARTS["Handlers"]()


def github():
    """Two repositories: one of Ann's own, and one of Bob's in which he merged what she did."""
    world = PARTS["World"]()
    for login, number in (("Ann", ANN), ("bob", BOB), ("new", NEW)):
        world.person(login, number)
    for day, author in ((2, ANN), (3, BOB), (4, ANN), (5, None)):
        world.commit("Ann/work", author, f"2026-03-{day:02}T10:00:00Z")
    world.commit("bob/tools", BOB, "2026-03-01T10:00:00Z")
    for day, merger in ((6, BOB), (7, BOB), (8, ANN)):
        world.pull("bob/tools", ANN, f"2026-03-{day:02}T10:00:00Z", merger)
    world.pull("bob/tools", ANN, None, closed_at="2026-03-09T10:00:00Z")
    world.pull("bob/tools", BOB, "2026-03-10T10:00:00Z", BOB)
    world.pull("Ann/work", BOB, "2026-03-11T10:00:00Z", ANN)
    return world


def source(dialect):
    return GitHub(Settings().server, dialect, max_pages=3, now=lambda: datetime(2026, 5, 1, tzinfo=UTC))


class GitHubSuite(SourceSuite):
    # Nobody is a possible author, and null a possible time of merging: their absence is an answer, not damage.
    spare = ("author", "user", "merged_at", "merged_by", "closed_by")
    met = (
        Sample("ann", Contribution("ann/work", 2), "7"),
        Sample("Ann", Contribution("Ann/work", 2, "repository")),
        Sample("ann", Contribution("bob/tools", 3, "pull_requests")),
    )
    not_met = (
        Sample("ann", Contribution("ann/work", 3)),
        Sample("new", Contribution("bob/tools", 1, "pull_requests")),
        Sample("bob", Contribution("ann/work", 1, "repository")),
    )
    not_found = (Sample("ann", Contribution("ann/nothing")),)


class TestNpmConformance(GitHubSuite):
    source = source(NPM)
    answers = staticmethod(HANDLERS.npm(github()))

    def answer(self, tool, arguments):
        return self.answers(tool, arguments)


class TestOfficialConformance(GitHubSuite):
    source = source(OFFICIAL)
    answers = staticmethod(HANDLERS.official(github()))

    def answer(self, tool, arguments):
        return self.answers(tool, arguments)
