"""Context7 as a path advisor."""

from __future__ import annotations

from skillcore.plugin import Advice, MCPServer, PathAdvisor, PathTopic, ServerSettings, SourceError, Tool, Tools
from skillcore_context7.advice import (
    documented,
    match,
    prerequisites,
    split_version,
    undocumented,
    undocumented_version,
    versioned_id,
)
from skillcore_context7.prose import Library, Snippet, read_libraries, read_snippets

__all__ = ["Context7"]


class Context7(PathAdvisor):
    """Looks up each topic's library, and says what is documented."""

    name = "context7"

    def __init__(self, settings: ServerSettings) -> None:
        self.server = MCPServer(
            tools=(Tool("resolve-library-id", ("query", "libraryName")), Tool("query-docs", ("libraryId", "query"))),
            settings=settings,
        )

    async def advise(self, tools: Tools, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        """Advise on the topics that name a library, written ``name`` or ``name@version``; the others need none.

        Raises:
            SourceError: an answer was missing or made no sense; advice on half a path would look like praise of the rest.
        """
        advice: list[Advice] = []
        for topic in topics:
            if topic.library.strip():
                advice.extend(await self._on(tools, topic, topics))
        return tuple(advice)

    async def health_check(self, tools: Tools) -> str | None:
        """Look one library up: a server that cannot reach its service still connects and lists its tools."""
        try:
            await _libraries(tools, "python", "standard library")
        except SourceError as error:
            return error.message
        return None

    async def _on(self, tools: Tools, topic: PathTopic, topics: tuple[PathTopic, ...]) -> tuple[Advice, ...]:
        name, version = split_version(topic.library)
        libraries = await _libraries(tools, name, topic.name)
        library = match(name, libraries)
        if library is None:
            return (undocumented(topic, libraries),)
        library_id = versioned_id(library, version)
        if library_id is None:
            return (undocumented_version(topic, library),)
        snippets = await _snippets(tools, library_id, topic.name)
        return (documented(topic, library, snippets), *prerequisites(topic, topics, snippets))


async def _libraries(tools: Tools, name: str, query: str) -> tuple[Library, ...]:
    # An id is looked up by its last part: the tool searches for names.
    sought = name.rpartition("/")[2] if name.startswith("/") else name
    return await tools.read("resolve-library-id", {"query": query, "libraryName": sought}, read_libraries)


async def _snippets(tools: Tools, library_id: str, query: str) -> tuple[Snippet, ...]:
    return await tools.read("query-docs", {"libraryId": library_id, "query": query}, read_snippets)
