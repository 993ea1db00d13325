"""A stand-in for GitHub's own MCP server: its tool schemas, its short rows, its words for failures, over GitHub's web API.

Run as ``python official_server.py SCHEMAS API``: a file with the tools' schemas, and the address of the API.
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

OFFERED = ("list_commits", "list_pull_requests")
WORDS = {"list_commits": "failed to list commits", "list_pull_requests": "failed to list pull requests"}


class Refusal(Exception):
    """The text of a call that failed."""


def user(row):
    return {"login": row["login"], "id": row["id"], "profile_url": row["html_url"]} if row else None


def commit(row):
    signatures = {key: row["commit"][key] for key in ("author", "committer")}
    short = {"sha": row["sha"], "html_url": row["html_url"], "commit": {"message": row["commit"]["message"]} | signatures}
    return short | {key: user(row[key]) for key in ("author", "committer") if row.get(key)}


def pull_request(row):
    """Empty fields are left out, and lists never say ``merged``."""
    short = {key: row[key] for key in ("number", "title", "state", "html_url")} | {"draft": False, "merged": False}
    times = {key: row[key] for key in ("created_at", "updated_at", "closed_at", "merged_at") if row.get(key)}
    return short | times | ({"user": user(row["user"])} if row.get("user") else {})


def message(answer):
    """Return why GitHub refused; a refusal that is no JSON has nothing to say."""
    try:
        return answer.json().get("message", "")
    except ValueError:
        return ""


async def rows(client, tool, arguments, known):
    """Ask the API as the official server does, and shorten what it answers."""
    for name in arguments.keys() - known:
        raise Refusal(f"unexpected additional property {name}")
    for name in ("owner", "repo"):
        if not arguments.get(name):
            raise Refusal(f"missing required parameter: {name}")
    kind, short = ("commits", commit) if tool == "list_commits" else ("pulls", pull_request)
    query = {key: arguments[key] for key in ("author", "state", "page") if key in arguments}
    query["per_page"] = arguments.get("perPage", 30)
    address = f"/repos/{arguments['owner']}/{arguments['repo']}/{kind}"
    try:
        answer = await client.get(address, params=query)
        if answer.status_code != 200:
            raise Refusal(f"{WORDS[tool]}: GET {answer.url}: {answer.status_code} {message(answer)} []")
        return [short(row) for row in answer.json()]
    except (httpx2.HTTPError, ValueError, AttributeError) as error:
        raise Refusal(f"{WORDS[tool]}: {error}") from error


async def main(schemas, api):
    tools = {tool["name"]: tool for tool in schemas["tools"] if tool["name"] in OFFERED}
    token = os.environ.get("GITHUB_PERSONAL_ACCESS_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def list_tools(context, parameters):
        return ListToolsResult(tools=[Tool.model_validate(tool) for tool in tools.values()])

    async def call_tool(context, parameters):
        known = tools[parameters.name]["inputSchema"]["properties"].keys()
        try:
            found = await rows(client, parameters.name, parameters.arguments or {}, known)
        except Refusal as refusal:
            return CallToolResult(content=[TextContent(type="text", text=str(refusal))], is_error=True)
        return CallToolResult(content=[TextContent(type="text", text=json.dumps(found))])

    server = Server("github-mcp-server", on_list_tools=list_tools, on_call_tool=call_tool)
    async with (
        httpx2.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=60) as client,
        stdio_server() as streams,
    ):
        await server.run(*streams, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2]))
