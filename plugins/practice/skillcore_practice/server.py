"""The practice MCP server, over standard input and output: ``python -m skillcore_practice.server``."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Annotated

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from skillcore_practice.learners import LEARNERS, SolvedExercise, solved_by

__all__ = ["PAGE", "server"]

PAGE = 10
"""Exercises on a page."""

server = MCPServer(
    "skillcore-practice",
    instructions="Generated work of practice learners, for demonstrations. No person stands behind it.",
    log_level="WARNING",
)


@dataclass(frozen=True)
class Listing:
    """A page of solved exercises, out of ``pages``."""

    exercises: list[SolvedExercise]
    page: int
    pages: int


@server.tool()
def list_exercises(handle: str, page: Annotated[int, Field(ge=1)] = 1) -> Listing:
    """List the exercises that a practice learner has solved, oldest first. Practice data: generated, not a person's."""
    if handle not in LEARNERS:
        # The text of a ToolError reaches the caller; any other exception would become a generic message.
        raise ToolError(f"there is no practice learner {handle!r}; there are {', '.join(LEARNERS)}")
    solved = solved_by(handle)
    start = (page - 1) * PAGE
    return Listing(exercises=solved[start : start + PAGE], page=page, pages=max(1, ceil(len(solved) / PAGE)))


if __name__ == "__main__":
    server.run("stdio")
