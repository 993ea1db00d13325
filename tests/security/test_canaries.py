"""A whole service is led through its life with marked secrets, and nothing that it leaves behind holds one.

What sounds secret is marked by itself: fields of requests and of answers, by their names. A secret that comes in another way
is one more line of `SETTINGS`, or of `life`.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import psutil
import psycopg
import pytest
from anyio.from_thread import start_blocking_portal
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

import skillcore
from skillcore.accounts.access import SCOPES
from skillcore.plugin.sections import is_secret
from tests.cli.conftest import url_of
from tests.conftest import Dsns
from tests.mail_server import MailServer, authority, mail_server
from tests.services import Served, serving, until


def canary() -> str:
    """Return a secret that stands nowhere by chance."""
    return f"Canary-{secrets.token_hex(12)}"


SETTINGS = {
    "SKILLCORE__MAIL__PASSWORD": canary(),
    "SKILLCORE__PLUGINS__GITHUB__SERVER__HEADERS": json.dumps({"Authorization": f"Bearer {canary()}"}),
    "SKILLCORE__PLUGINS__LEETCODE__SERVER__ENV": json.dumps({"SITE_TOKEN": canary()}),
    "SKILLCORE__PLUGINS__CODEFORCES__SERVER__ARGS": json.dumps(["--api-key", canary()]),
    "SKILLCORE__PLUGINS__GITHUB__OAUTH__CLIENT_SECRET": canary(),
}
"""Secrets of an operator, by the variables that bring them."""

PLAIN = {
    "SKILLCORE__LOG__LEVEL": "debug",
    "SKILLCORE__AUTH__BCRYPT_COST": "4",
    "SKILLCORE__MAIL__HOST": "127.0.0.1",
    "SKILLCORE__MAIL__SECURITY": "starttls",
    "SKILLCORE__MAIL__USER": "skillcore",
    "SKILLCORE__MAIL__SENDER": "School <school@example.org>",
    "SKILLCORE__PLUGINS__GITHUB__SERVER__URL": "http://127.0.0.1:9/mcp",
    "SKILLCORE__PLUGINS__GITHUB__OAUTH__CLIENT_ID": "an-app",
    "SKILLCORE__VERIFICATION__REDIRECT_URI": "https://school.test/linked",
    "SKILLCORE__VERIFICATION__RETRY_EVERY": "1",
    "SKILLCORE__OUTBOUND__ALLOW": json.dumps(["127.0.0.0/8"]),
}
"""What they need around them. Nobody listens on the discard port, so that what is sent there fails; and mails are refused."""

MARKED = re.compile(r"Canary-[0-9a-f]{24}")
MAILED = re.compile(r"use this code:\s+(\S+)\s")
UNMARKED = {"token_type", "token_url", "next_cursor", "key_id"}
"""Fields of answers that only sound secret."""


class SignInSite(ThreadingHTTPServer):
    """A site at which people sign in: it gives a marked token for every question, and takes none back."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.given: list[str] = []
        self.shown: list[str] = []
        self.asked_back = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    """Answers as GitHub does."""

    server: SignInSite

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        access, refresh = canary(), canary()
        self.server.given += [access, refresh]
        self.answer(200, {"access_token": access, "refresh_token": refresh, "expires_in": 28800, "token_type": "bearer"})

    def do_GET(self) -> None:
        self.server.shown.append(self.headers["authorization"])
        self.answer(200, {"id": 7, "login": "octocat"})

    def do_DELETE(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked_back += 1
        self.answer(503, {})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[SignInSite]:
    with SignInSite() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A mail server that reads mails to their end, and takes none."""
    running = mail_server("starttls", user="skillcore", password=SETTINGS["SKILLCORE__MAIL__PASSWORD"])
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(running) as server:
        server.at["DATA"] = "451 4.3.0 not now"
        yield server


class Life:
    """Requests to the service, and the secrets in them and in its answers."""

    def __init__(self, served: Served, site: SignInSite, post: MailServer) -> None:
        self.served = served
        self.post = post
        self.site = site
        self.client = httpx.Client(base_url=served.address, trust_env=False, timeout=30)
        self.known: dict[str, str] = {}
        self.problems: list[str] = []

    def close(self) -> None:
        self.client.close()

    def secret(self, what: str) -> str:
        """Return a new secret to send."""
        made = canary()
        self.known[made] = what
        return made

    def send(self, method: str, path: str, body: Any = None, token: str | None = None, **options: Any) -> httpx.Response:
        """Make a request, and note every secret of its answer and what went wrong."""
        headers = options.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        if body is not None:
            options["json"] = body
        answer = self.client.request(method, path, headers=headers, **options)
        if answer.status_code >= 400:
            self.problems.append(answer.text)
        elif answer.content and "json" in answer.headers.get("content-type", ""):
            for name, value in secret_fields(answer.json()):
                self.known[value] = f"{name} of {method} {path}"
        for cookie in answer.cookies.values():
            self.known[cookie] = f"cookie of {method} {path}"
        self.client.cookies.clear()
        return answer


def secret_fields(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of an answer whose names sound secret."""
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from secret_fields(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from secret_fields(item, name)
    elif isinstance(value, str) and len(value) >= 8 and name not in UNMARKED and (is_secret((name,)) or name.endswith("codes")):
        yield name, value


@pytest.fixture
def served(tmp_path: Path, database_dsns: Dsns, site: SignInSite, post: MailServer) -> Iterator[Served]:
    """A service on a database that other tests' server holds, so that its rows can be looked at by their owner."""
    addresses = {
        "SKILLCORE__DATABASE__URL": url_of(database_dsns.service_dsn),
        "SKILLCORE__DATABASE__OWNER_URL": url_of(database_dsns.owner_dsn),
        "SKILLCORE__MAIL__PORT": str(post.port),
        "SKILLCORE__MAIL__CA_FILE": str(authority()),
        "SKILLCORE__PLUGINS__GITHUB__SITE": site.address,
        "SKILLCORE__PLUGINS__GITHUB__API": site.address,
    }
    with serving(tmp_path / "served", "--practice", variables=SETTINGS | PLAIN | addresses) as served:
        yield served


@pytest.mark.timeout(400)
def test_no_secret_is_left_behind(served: Served, site: SignInSite, post: MailServer, database_dsns: Dsns) -> None:
    with closing(Life(served, site, post)) as life:
        follow(life, database_dsns)


def follow(life: Life, database_dsns: Dsns) -> None:
    """Lead a service through its life, and look at all that it leaves behind."""
    served = life.served
    life.known |= {found: name for name, value in SETTINGS.items() for found in MARKED.findall(value)}
    life.known |= {str(conninfo_to_dict(dsn)["password"]): "a password of the database" for dsn in database_dsns}
    admin = live(life)
    ask_everything(life)
    with psycopg.connect(database_dsns.owner_dsn, autocommit=True) as owner:
        sign_in_elsewhere(life, admin, owner)
        break_down(life, owner)
        until(lambda: len(codes(life.post)) >= 2)  # whoever registered is asked to confirm, and somebody is invited
        left = {
            "the log": served.said,
            "problems": "\n".join(life.problems),
            "metrics": life.client.get("/metrics").text,
            "command lines": "\n".join(" ".join(process.cmdline()) for process in served.family() if alive(process)),
            **{f"table {name}": rows for name, rows in tables(owner)},
        }
    life.known |= dict.fromkeys(life.site.given, "a token of an account elsewhere")
    life.known |= dict.fromkeys(codes(life.post), "a code in a mail")
    assert len(life.known) > 20
    assert len(life.site.given) >= 6
    assert all(left[f"table {name}"] for name in ("source_tokens", "token_revocations"))
    assert "Traceback" in left["the log"]  # so that what tracebacks show was looked at as well
    found = [
        f"{what} in {place}"
        for secret, what in life.known.items()
        for place, text in left.items()
        if secret in text or secret.encode().hex() in text
    ]
    assert found == []


def codes(post: MailServer) -> set[str]:
    """Return what opens something once, of all mails that the server was given."""
    return {code for mail in post.refused for code in MAILED.findall(mail.text)}


def sign_in_elsewhere(life: Life, token: str, owner: psycopg.Connection[Any]) -> None:
    """Let somebody prove an account by signing in, twice, and another one in vain; have the token renewed that is kept."""
    link, account = "/api/sources/github/link", "/api/users/me/sources/github"
    password = life.secret("the password of somebody who is invited")
    invited = life.send("POST", "/api/invitations", {"email": "mallory@example.org"}, token).json()["link"]["token"]
    life.send("POST", "/api/auth/password/reset", {"token": invited, "password": password})
    other = life.send("POST", "/api/auth/login", {"email": "mallory@example.org", "password": password}).json()["access_token"]
    for whose, state in ((token, "proved"), (token, "proved"), (other, "failed")):
        life.send("DELETE", account, token=whose)
        url = life.send("POST", link, {}, whose).json()["data"]["url"]
        given = {"code": life.secret("a code of a site"), "state": dict(parse_qsl(urlsplit(url).query))["state"]}
        life.send("POST", f"{link}/callback", given, whose)
        until(lambda whose=whose, state=state: life.send("GET", link, token=whose).json()["state"] == state)  # type: ignore[misc]
    until(lambda: life.site.asked_back > 0)
    assert life.send("GET", account, token=token).json()["followed"] is True
    owner.execute("update source_tokens set asked_at = now() - interval '1 day', expires_at = now()")
    life.send("POST", "/api/sources/github/import", {}, token)
    until(lambda: len(life.site.shown) >= 4)


def live(life: Life) -> str:
    """Let people and platforms come, with right and wrong secrets; returns an administrator's token."""
    token = (life.served.log.parent / "data" / "setup-token").read_text().strip()
    life.known[token] = "the set-up token"
    password = life.secret("the administrator's password")
    root = {"email": "root@example.org", "password": password}
    life.send("POST", "/api/setup", root | {"token": life.secret("a wrong set-up token")})
    admin = life.send("POST", "/api/setup", root | {"token": token}).json()["access_token"]
    life.send("POST", "/api/auth/login", root)
    life.send("POST", "/api/auth/login", root | {"password": life.secret("a wrong password")})
    life.send("POST", "/api/auth/login", root | {"keep": "cookie"})
    platform = life.send("POST", "/api/platforms", {"name": "School"}, admin).json()["id"]
    made = life.send("POST", f"/api/platforms/{platform}/keys", {"name": "app", "scopes": SCOPES}, admin)
    key = made.json()["key"]
    life.known[key.rpartition("_")[2]] = "the secret part of a key"
    life.send("GET", "/api/users", token=key)
    life.send("GET", "/api/users", token=key + life.secret("a wrong key")[7:])
    life.send("GET", "/api/users", token=f"sk_abcdefgh_{life.secret('an unknown key')}")
    life.send("GET", "/api/auth/profile", token=life.secret("no token at all"))
    life.send("GET", "/api/auth/profile", token=f"eyJhbGciOiJub25lIn0.{life.secret('a forged token')}.c2ln")
    life.send("GET", "/api/auth/profile", headers={"Cookie": f"__Host-session={life.secret('a wrong cookie')}"})
    life.send("GET", f"/api/auth/profile?access_token={life.secret('a token in an address')}")
    life.send("GET", f"/nowhere/{life.secret('a secret in a path')}")
    life.send("POST", "/api/auth/login", content=f'{{"password": "{life.secret("a torn body")}', headers=JSON)
    life.send(
        "POST", "/api/auth/login", content=f'{{"password": ["{life.secret("a password of a wrong kind")}"]}}', headers=JSON
    )
    return str(admin)


JSON = {"Content-Type": "application/json"}


def ask_everything(life: Life) -> None:
    """Send every request that the description names, with marked secrets in the fields that sound so."""
    password = life.secret("another administrator's password")
    life.send("POST", "/api/auth/register", {"email": "ada@example.org", "password": password})
    signed_in = life.send("POST", "/api/auth/login", {"email": "ada@example.org", "password": password})
    token = signed_in.json().get("access_token") if signed_in.status_code == 200 else None
    paths = httpx.get(f"{life.served.address}/api/docs/openapi.json", trust_env=False).json()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            names = {
                one["name"]: "github" if one["name"] == "source" else "1"
                for one in operation["parameters"]
                if one["in"] == "path"
            }
            names |= {one: "01902d2e-7c1a-7d3a-9f5b-3c8a4d2b6e10" for one in names if one.endswith("_id")}
            example = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
            query = {
                one["name"]: life.secret(f"{one['name']} of {method} {path}")
                for one in operation["parameters"]
                if one["in"] == "query" and (is_secret((one["name"],)) or one["name"] in {"code", "state"})
            }
            body = None if example is None else marked(life, example, f"{method} {path}")
            if not path.endswith("/logout"):
                life.send(
                    method.upper(),
                    path.format(**names | {"person": "me"} if "person" in names else names),
                    body,
                    token,
                    params=query,
                )


def marked(life: Life, value: Any, where: str, name: str = "") -> Any:
    """Return a body with a marked secret in each field that sounds so."""
    if isinstance(value, dict):
        return {inner: marked(life, item, where, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [marked(life, item, where, name) for item in value]
    secret = is_secret((name,)) or name in {"code", "state"}
    return life.secret(f"{name} of {where}") if secret and isinstance(value, str) else value


def break_down(life: Life, owner: psycopg.Connection[Any]) -> None:
    """Take away the tables that secrets are looked up in, so that the service fails while it holds them."""
    for table in ("users", "api_keys", "sessions"):
        owner.execute(sql.SQL("alter table {} rename to taken_away").format(sql.Identifier(table)))
        person = {"email": "eve@example.org", "password": life.secret("a password without a table")}
        life.send("POST", "/api/auth/login", person)
        life.send("POST", "/api/auth/register", person)
        life.send("POST", "/api/auth/refresh", {"refresh_token": life.secret("a refresh token without a table")})
        life.send("GET", "/api/users", token=f"sk_abcdefgh_{life.secret('a key without a table')}")
        owner.execute(sql.SQL("alter table taken_away rename to {}").format(sql.Identifier(table)))


def tables(owner: psycopg.Connection[Any]) -> Iterator[tuple[str, str]]:
    """Yield every table, those of the jobs included, with its rows as text; bytes are hexadecimal there."""
    names = owner.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
    assert {("procrastinate_jobs",), ("users",), ("api_keys",)} <= set(names)
    for (name,) in names:
        rows = owner.execute(sql.SQL("select t::text from {} t").format(sql.Identifier(name))).fetchall()
        yield name, "\n".join(row for (row,) in rows)


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def structs() -> Iterator[type[msgspec.Struct]]:
    """Yield every Struct of the code."""
    seen = set()
    for module in pkgutil.walk_packages(skillcore.__path__, "skillcore."):
        if module.name.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, msgspec.Struct)
                and kind.__module__ == module.name
                and kind not in seen
            ):
                seen.add(kind)
                yield kind


HARMLESS = {
    "skillcore.accounts.access.Access.key": "the name of a scope",
    "skillcore.plugin.proofs.Challenge.key": "names a challenge",
    "skillcore.plugin.proofs.IssuedChallenge.key": "names a challenge",
    "skillcore.plugin.proofs.OAuthProof.token_url": "an address that everybody knows",
    "skillcore.runtime.sites.Site.token_url": "an address that everybody knows",
    "skillcore.runtime.oauth.Provider.authorization_endpoint": "an address that everybody knows",
    "skillcore.runtime.oauth.Provider.token_endpoint": "an address that everybody knows",
    "skillcore.runtime.oauth.Provider.id_token_signing_alg_values_supported": "names of algorithms",
    "skillcore.runtime.oauth.Provider.token_endpoint_auth_methods_supported": "names of methods",
    "skillcore.verification.handles.Handle.key": "a handle as it is compared",
    "skillcore.testing.samples.MetChallenge.key": "names a challenge",
    "skillcore.verification.linking.Claim.handle_key": "a handle as it is compared",
    "skillcore.runtime.rotation.Rotated.key": "the id of a key",
    "skillcore.cli.config.Shown.key": "the name of a setting",
    "skillcore.operations.idempotency.Claim.key": "a digest",
}
"""Fields that only sound secret, and what they hold."""


def secret_texts() -> Iterator[tuple[type[msgspec.Struct], str]]:
    for kind in structs():
        for name, text in vars(kind).get("__annotations__", {}).items():
            holds_text = any(word in str(text) for word in ("str", "Token", "Password", "Secret", "Mapping", "bytes"))
            if (
                holds_text
                and is_secret((name,))
                and not name.endswith("_file")
                and f"{kind.__module__}.{kind.__qualname__}.{name}" not in HARMLESS
            ):
                yield kind, name


class Anything:
    """Has every attribute, and says nothing."""

    def __getattr__(self, name: str) -> Anything:
        return Anything()

    def __repr__(self) -> str:
        return "anything"


FOUND = list(secret_texts())


@pytest.mark.parametrize(("kind", "name"), FOUND, ids=lambda value: getattr(value, "__qualname__", value))
def test_what_sounds_secret_is_not_shown(kind, name):
    """A value of each kind is made without looking at its types: only its `repr` is of interest."""
    secret = canary()
    assert secret not in repr(kind(**{field: secret if field == name else Anything() for field in kind.__struct_fields__}))


def test_enough_was_found_and_nothing_is_listed_in_vain():
    assert len(FOUND) >= 10
    known = {f"{kind.__module__}.{kind.__qualname__}.{name}" for kind in structs() for name in kind.__struct_fields__}
    assert set(HARMLESS) <= known
