"""A small GitHub of one's own: people, repositories, and the part of the web API that the servers ask for.

Tests build it, rename people in it and let things happen. It answers both MCP servers over HTTP, and tests of the source
alone without any.
"""

from __future__ import annotations

import json
import re
import runpy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from skillcore.testing import ToolFault

Row = dict[str, Any]

API = "https://api.github.com"
LIMIT = 1000
"""Results that a search shows."""


class Trouble(Exception):
    """A status with a body."""

    def __init__(self, status: int, message: str, *errors: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "errors": [{"message": error} for error in errors]}


class World:
    """People by number, commits and pull requests by repository. Times are ISO texts in UTC.

    Attributes:
        asked: paths and queries so far.
        hidden: searches show so many results fewer than they count.
        incomplete: searches say that they ran out of time.
    """

    def __init__(self) -> None:
        self.people: dict[int, Row] = {}
        self.commits: dict[str, list[Row]] = {}
        self.pulls: dict[str, dict[int, Row]] = {}
        self.asked: list[tuple[str, Row]] = []
        self.hidden = 0
        self.incomplete = False

    def person(self, login: str, number: int, kind: str = "User") -> int:
        page = f"https://github.com/{login}"
        self.people[number] = {
            "login": login, "id": number, "node_id": "", "avatar_url": "", "url": f"{API}/users/{login}", "html_url": page,
            "type": kind,
        }  # fmt: skip
        return number

    def rename(self, number: int, login: str) -> None:
        self.person(login, number, self.people[number]["type"])

    def commit(self, repo: str, author: int | None, at: str) -> None:
        rows = self.commits.setdefault(repo, [])
        rows.append({"sha": f"{len(rows) + 1:040x}", "author": author, "at": at})

    def pull(self, repo: str, author: int | None, merged: str | None, by: int | None = None, **more: Any) -> str:
        rows = self.pulls.setdefault(repo, {})
        number = more.pop("number", max(rows, default=0) + 1)
        facts = {"author": author, "merged_at": merged, "by": by, "closed_at": merged, "public": True, "number": number}
        rows[number] = facts | more
        return f"{repo.lower()}#{number}"

    def get(self, path: str, query: Row) -> Any:
        """Answer a request of the web API, or raise `Trouble`."""
        self.asked.append((path, query))
        parts = path.strip("/").split("/")
        match parts:
            case ["search", "issues"]:
                return self._search(query)
            case ["search", "users"]:
                login = re.search(r"user:(\S+)", query["q"])
                found = [person for person in self.people.values() if login and person["login"].lower() == login[1].lower()]
                return {"total_count": len(found), "incomplete_results": False, "items": found}
            case ["repos", owner, name, "commits"]:
                return self._commits(f"{owner}/{name}", query)
            case ["repos", owner, name, "pulls"]:
                repo = self._repo(self.pulls, f"{owner}/{name}")
                rows = sorted(self.pulls[repo].values(), key=lambda row: -row["number"])
                return [self._pull(repo, row) for row in _paged(rows, query)]
            case ["repos", owner, name, "pulls" | "issues" as kind, number]:
                repo = self._repo(self.pulls, f"{owner}/{name}")
                if int(number) not in self.pulls[repo]:
                    raise Trouble(404, "Not Found")
                row = self.pulls[repo][int(number)]
                return self._single(repo, row) if kind == "pulls" else self._issue(repo, row)
        raise Trouble(404, "Not Found")

    def _repo(self, kind: dict[str, Any], asked: str) -> str:
        for name in kind:
            if name.lower() == asked.lower():
                return name
        raise Trouble(404, "Not Found")

    def _search(self, query: Row) -> Row:
        terms = dict(term.split(":", 1) for term in query["q"].split() if not term.startswith("is:"))
        assert {"is:pr", "is:merged", "is:public"} <= set(query["q"].split())
        assert (query["sort"], query["order"]) == ("created", "asc")
        authors = [number for number, person in self.people.items() if person["login"].lower() == terms["author"].lower()]
        if not authors:
            raise Trouble(
                422,
                "Validation Failed",
                "The listed users cannot be searched either because the users do not exist or you do not have permission to "
                "view the users.",
            )
        since, until = (_moment(text) for text in terms["merged"].split(".."))
        found = [
            self._found(repo, row)
            for repo, rows in self.pulls.items()
            for row in rows.values()
            if row["author"] in authors and row["merged_at"] and row["public"] and since <= _moment(row["merged_at"]) <= until
        ]
        if int(query["page"]) * int(query["per_page"]) > LIMIT:
            raise Trouble(422, "Only the first 1000 search results are available")
        shown = found[: max(0, len(found) - self.hidden)]
        return {"total_count": len(found), "incomplete_results": self.incomplete, "items": _paged(shown, query)}

    def _commits(self, asked: str, query: Row) -> list[Row]:
        repo = self._repo(self.commits, asked)
        rows = sorted(self.commits[repo], key=lambda row: str(row["at"]), reverse=True)
        login = query.get("author", "").lower()
        wanted = [row for row in rows if not login or (self._user(row["author"]) or {"login": ""})["login"].lower() == login]
        return [self._commit(repo, row) for row in _paged(wanted, query)]

    def _user(self, number: int | None) -> Row | None:
        return None if number is None else self.people[number]

    def _commit(self, repo: str, row: Row) -> Row:
        signature = {"name": "x", "email": "x@example.invalid", "date": row["at"]}
        return {
            "sha": row["sha"],
            "url": f"{API}/repos/{repo}/commits/{row['sha']}",
            "html_url": f"https://github.com/{repo}/commit/{row['sha']}",
            "commit": {"message": "Work", "author": signature, "committer": signature},
            "author": self._user(row["author"]),
            "committer": self._user(row["author"]),
        }

    def _facts(self, repo: str, row: Row) -> Row:
        page = f"https://github.com/{repo}/pull/{row['number']}"
        return {
            "number": row["number"], "html_url": page, "title": "Work", "body": None, "locked": False, "id": row["number"],
            "state": "closed" if row["closed_at"] else "open", "user": self._user(row["author"]), "node_id": "",
            "created_at": "2010-01-01T00:00:00Z", "updated_at": "2010-01-01T00:00:00Z", "closed_at": row["closed_at"],
            "assignee": None, "assignees": [], "labels": [],
        }  # fmt: skip

    def _pull(self, repo: str, row: Row) -> Row:
        """A row of a list: it says neither ``merged`` nor by whom."""
        somebody = self._user(row["author"]) or next(iter(self.people.values()))
        about = {
            "id": 1, "node_id": "", "name": repo.split("/")[1], "full_name": repo, "private": False, "owner": somebody,
            "html_url": "", "description": None, "fork": False, "url": "", "created_at": "", "updated_at": "", "pushed_at": "",
            "git_url": "", "ssh_url": "", "clone_url": "", "default_branch": "main",
        }  # fmt: skip
        side = {"label": "x:y", "ref": "y", "sha": "", "user": somebody, "repo": about}
        links = dict.fromkeys(("url", "diff_url", "patch_url", "issue_url"), "")
        return self._facts(repo, row) | links | {
            "merged_at": row["merged_at"], "merge_commit_sha": None, "requested_reviewers": [], "head": side, "base": side,
        }  # fmt: skip

    def _single(self, repo: str, row: Row) -> Row:
        return self._pull(repo, row) | {"merged": row["merged_at"] is not None, "merged_by": self._user(row["by"])}

    def _found(self, repo: str, row: Row) -> Row:
        links = {"url": f"{API}/repos/{repo}/pulls/{row['number']}", "merged_at": row["merged_at"]}
        return self._facts(repo, row) | {"pull_request": links}

    def _issue(self, repo: str, row: Row) -> Row:
        return self._found(repo, row) | {"closed_by": self._user(row.get("closed_by", row["by"]))}


def _paged(rows: list[Row], query: Row) -> list[Row]:
    page, size = int(query.get("page", 1)), int(query.get("per_page", 30))
    return rows[(page - 1) * size : page * size]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NPM_WORDS = {404: "Not Found: Resource not found: ", 422: "Validation Error: ", 401: "Authentication Failed: "}


class Handlers:
    """What each server answers to a call of a tool, by its dialect's name."""

    def __init__(self) -> None:
        self.short = runpy.run_path(str(Path(__file__).with_name("official_server.py")))

    def official(self, world: World) -> Any:
        """The official server's texts."""

        def answer(tool: str, arguments: Row) -> str | ToolFault:
            path, query, short = self.short["request"](tool, arguments)
            try:
                return json.dumps(short(world.get(path, query)))
            except Trouble as trouble:
                words = " ".join([trouble.body["message"], *(error["message"] for error in trouble.body["errors"])])
                return ToolFault(self.short["refusal"](tool, f"{API}{path}", trouble.status, words))

        return answer

    def npm(self, world: World) -> Any:
        """The npm server's texts."""

        def answer(tool: str, arguments: Row) -> str | ToolFault:
            repository = f"/repos/{arguments.get('owner')}/{arguments.get('repo')}"
            path = {
                "list_commits": f"{repository}/commits",
                "list_pull_requests": f"{repository}/pulls",
                "get_issue": f"{repository}/issues/{arguments.get('issue_number')}",
                "search_issues": "/search/issues",
                "search_users": "/search/users",
            }[tool]
            query = {key.replace("perPage", "per_page"): value for key, value in arguments.items()}
            try:
                return json.dumps(world.get(path, query))
            except Trouble as trouble:
                details = f"\nDetails: {json.dumps(trouble.body)}" if trouble.status == 422 else ""
                return ToolFault(f"{NPM_WORDS[trouble.status]}{trouble.body['message']}{details}")

        return answer


@pytest.fixture
def world() -> World:
    """A GitHub without anything: Ann is number 7, Bob number 8."""
    empty = World()
    empty.person("ann", 7)
    empty.person("bob", 8)
    return empty


@pytest.fixture(scope="session")
def new_world() -> type[World]:
    """The class `World`."""
    return World


@pytest.fixture(scope="session")
def handlers() -> Handlers:
    """What the servers answer, for tests without them."""
    return Handlers()


@pytest.fixture
def web(world: World) -> Iterator[str]:
    """The address at which the world answers over HTTP, below ``/github``."""
    with _served(world) as address:
        yield address


@contextmanager
def _served(world: World) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            try:
                status, body = 200, world.get(url.path.removeprefix("/github"), dict(parse_qsl(url.query)))
            except Trouble as trouble:
                status, body = trouble.status, trouble.body
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output to themselves."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
