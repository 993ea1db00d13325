"""The MCP server of the practice learners, over standard input and output.

python -m skillcore_practice.server
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from skillcore_practice.learners import LEARNERS, SolvedExercise, solved_by
from skillcore_practice.notes import Note, notes_of

__all__ = ["PAGE", "server"]

PAGE = 10
"""Exercises in an answer."""

server = MCPServer(
    "skillcore-practice",
    instructions="Generated work of practice learners, for demonstrations. No person stands behind it.",
    log_level="WARNING",
)


@dataclass(frozen=True)
class Listing:
    """Some of ``total`` solved exercises."""

    exercises: list[SolvedExercise]
    total: int


@dataclass(frozen=True)
class Notes:
    """What a learner wrote for all to see."""

    notes: list[Note]


@server.tool()
def list_exercises(handle: str, offset: Annotated[int, Field(ge=0)] = 0) -> Listing:
    """List exercises that a learner has solved, oldest first, from the given one on. Generated, not a person's."""
    solved = solved_by(_known(handle))
    return Listing(exercises=solved[offset : offset + PAGE], total=len(solved))


@server.tool()
def list_notes(handle: str) -> Notes:
    """List the last public notes of a learner, oldest first."""
    return Notes(notes=notes_of(_known(handle)))


def _known(handle: str) -> str:
    if handle not in LEARNERS:
        # The text of a ToolError reaches the caller; any other exception would become a generic message.
        raise ToolError(f"there is no practice learner {handle!r}; there are {', '.join(LEARNERS)}")
    return handle


if __name__ == "__main__":
    server.run("stdio")
