"""A stand-in for GitHub's own MCP server: its tool schemas, its short rows, its words for failures, over GitHub's web API.

Run as ``python official_server.py SCHEMAS API [TOOL…]``: a file with the tools' schemas, the address of the API, and the
tools that it offers; all that it knows without.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

WORDS = {
    "list_commits": "failed to list commits",
    "list_pull_requests": "failed to list pull requests",
    "pull_request_read": "failed to get pull request",
    "search_pull_requests": "failed to search pull requests",
    "search_users": "failed to search users with query",
}


class Refusal(Exception):
    """The text of a call that failed."""


def user(row):
    return {"login": row["login"], "id": row["id"], "profile_url": row["html_url"]} if row else None


def commit(row):
    signatures = {key: row["commit"][key] for key in ("author", "committer")}
    short = {"sha": row["sha"], "html_url": row["html_url"], "commit": {"message": row["commit"]["message"]} | signatures}
    return short | {key: user(row[key]) for key in ("author", "committer") if row.get(key)}


def pull_request(row):
    """Empty fields are left out; lists never say ``merged`` or by whom, since the API's lists do not."""
    short = {key: row[key] for key in ("number", "title", "state", "html_url")} | {"draft": False}
    merging = {"merged": row.get("merged", False)} | ({"merged_by": row["merged_by"]["login"]} if row.get("merged_by") else {})
    times = {key: row[key] for key in ("created_at", "updated_at", "closed_at", "merged_at") if row.get(key)}
    return short | merging | times | ({"user": user(row["user"])} if row.get("user") else {})


def picked(row, fields):
    """Return the fields asked for; GitHub's own rows, without what is empty."""
    return {key: row[key] for key in fields or row if row.get(key) not in (None, "", [])}


def request(tool, arguments):
    """Return path and query of the API that a tool asks for, and what shortens its answer."""
    for name in ("query",) if tool.startswith("search_") else ("owner", "repo"):
        if not arguments.get(name):
            raise Refusal(f"missing required parameter: {name}")
    query = {key: arguments[key] for key in ("author", "state", "page", "sort", "order") if key in arguments}
    query["per_page"] = arguments.get("perPage", 30)
    if tool == "search_pull_requests":
        query["q"] = f"is:pr {arguments['query']}"
        return (
            "/search/issues",
            query,
            lambda found: found | {"items": [picked(row, arguments["fields"]) for row in found["items"]]},
        )
    if tool == "search_users":
        query["q"] = f"type:user {arguments['query']}"
        return "/search/users", query, lambda found: found | {"items": [user(row) for row in found["items"]]}
    repository = f"/repos/{arguments['owner']}/{arguments['repo']}"
    if tool == "pull_request_read":
        return f"{repository}/pulls/{arguments['pullNumber']}", {}, pull_request
    kind, short = ("commits", commit) if tool == "list_commits" else ("pulls", pull_request)
    return f"{repository}/{kind}", query, lambda rows: [short(row) for row in rows]


def refusal(tool, address, status, message):
    return f"{WORDS[tool]}: GET {address}: {status} {message} []"


def message(answer):
    """Return why GitHub refused; a refusal that is no JSON has nothing to say."""
    try:
        found = answer.json()
        return " ".join([found.get("message", ""), *(error["message"] for error in found.get("errors", []))])
    except ValueError:
        return ""


async def answered(client, tool, arguments, tools):
    """Ask the API as the official server does, and shorten what it answers."""
    if tool not in tools:
        raise Refusal(f'unknown tool "{tool}"')
    for name in arguments.keys() - tools[tool]["inputSchema"]["properties"].keys():
        raise Refusal(f"unexpected additional property {name}")
    path, query, short = request(tool, arguments)
    try:
        answer = await client.get(path, params=query)
        if answer.status_code != 200:
            raise Refusal(refusal(tool, answer.url, answer.status_code, message(answer)))
        return short(answer.json())
    except (httpx2.HTTPError, ValueError, AttributeError) as error:
        raise Refusal(f"{WORDS[tool]}: {error}") from error


async def main(schemas, api, offered):
    tools = {tool["name"]: tool for tool in schemas["tools"] if tool["name"] in offered}
    token = os.environ.get("GITHUB_PERSONAL_ACCESS_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def list_tools(context, parameters):
        return ListToolsResult(tools=[Tool.model_validate(tool) for tool in tools.values()])

    async def call_tool(context, parameters):
        try:
            found = await answered(client, parameters.name, parameters.arguments or {}, tools)
        except Refusal as refused:
            return CallToolResult(content=[TextContent(type="text", text=str(refused))], is_error=True)
        return CallToolResult(content=[TextContent(type="text", text=json.dumps(found))])

    server = Server("github-mcp-server", on_list_tools=list_tools, on_call_tool=call_tool)
    async with (
        httpx2.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=60) as client,
        stdio_server() as streams,
    ):
        await server.run(*streams, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2], sys.argv[3:] or list(WORDS)))
