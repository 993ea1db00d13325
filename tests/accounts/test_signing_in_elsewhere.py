"""Signing in at real OpenID providers: what works, and every way in which an answer could be somebody else's."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import httpx2
import msgspec
import pytest
from sqlalchemy import select, text, update

from skillcore.accounts.elsewhere import forget_expired
from skillcore.accounts.identity_tables import IdentityRow, SignInRow
from skillcore.accounts.tables import SessionRow, UserRow
from skillcore.plugin import Unavailable
from skillcore.runtime import oauth
from skillcore.runtime.clock import now
from skillcore.runtime.oauth import Provider
from skillcore.runtime.outbound import Network
from skillcore.runtime.sealing import Sealer
from skillcore.runtime.settings import OIDCProviderSettings, ServerSection, Settings
from tests.described import comparing
from tests.visitors import PASSWORD, Door

PROGRAM = Path(__file__).parents[1] / "verification" / "identity_provider.mjs"
PACKAGE = "oidc-provider@9.13.3"
HERE = "https://skillcore.test"
SECRET = "a secret of the site"
ROLES = {"staff": "mentor", "it": "admin"}

pytestmark = pytest.mark.npm


@contextmanager
def provider(prefix: Path) -> Iterator[str]:
    backs = [f"{HERE}/api/auth/oauth/{name}/callback" for name in ("school", "club")]
    command = ["node", str(PROGRAM), str(prefix), *backs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield next(json.loads(line)["issuer"] for line in iter(process.stdout or ()) if line.startswith("{"))
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def issuers(npm_package: Callable[[str], Path]) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(provider(npm_package(PACKAGE))) for name in ("school", "club")}


@pytest.fixture
def settings(settings: Settings, issuers: dict[str, str]) -> Settings:
    school = OIDCProviderSettings(
        issuer=issuers["school"],
        client_id="skillcore",
        client_secret=SECRET,
        label="The school",
        roles=ROLES,  # type: ignore[arg-type]
    )
    club = OIDCProviderSettings(issuer=issuers["club"], client_id="posting", client_secret="another secret", registration=False)
    away = OIDCProviderSettings(issuer="http://127.0.0.1:9", client_id="skillcore")
    oidc = {"school": school, "club": club, "away": away}
    return msgspec.structs.replace(settings, oidc=oidc, server=ServerSection(public_url=HERE))


class Answer(NamedTuple):
    """Where a provider sent somebody back to."""

    path: str
    given: dict[str, str]

    def url(self, path: str = "", **other: str) -> str:
        return str(httpx.URL(path or self.path, params={**self.given, **other}))


def at_provider(address: str, name: str) -> Answer:
    """Do in the browser's place what a person does at the provider."""
    with httpx2.Client(trust_env=False) as browser:
        answer = browser.get(address)
        for _ in range(10):
            if answer.is_redirect:
                leads = urljoin(str(answer.url), answer.headers["location"])
                if leads.startswith(HERE):
                    return Answer(urlsplit(leads).path, dict(parse_qsl(urlsplit(leads).query)))
                answer = browser.get(leads)
                continue
            assert answer.status_code == 200, answer.text
            action, prompt = (re.search(rf'{words}"([^"]+)"', answer.text) for words in ("action=", 'name="prompt" value='))
            assert action is not None
            assert prompt is not None
            answer = browser.post(
                urljoin(str(answer.url), action[1]), data={"prompt": prompt[1], "login": name, "password": "x"}
            )
    raise AssertionError(answer.text)


class Browser:
    """A browser, which keeps cookies."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def begin(self, name: str = "school", what: str = "start") -> str:
        headers = {"Origin": HERE, "X-CSRF-Token": await self.csrf()} if what == "connect" else {}
        answer = await self.client.post(f"/api/auth/oauth/{name}/{what}", headers=headers)
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        return url

    async def csrf(self) -> str:
        return str((await self.client.get("/api/auth/session")).json()["csrf_token"])

    async def sign_in(self, who: str, name: str = "school", what: str = "start") -> httpx.Response:
        return await self.client.get(at_provider(await self.begin(name, what), who).url())

    async def profile(self) -> dict[str, Any]:
        answer = await self.client.get("/api/auth/profile")
        assert answer.status_code == 200, answer.text
        profile: dict[str, Any] = answer.json()
        return profile


@pytest.fixture
async def browsers(door: Door) -> AsyncIterator[Callable[[], Browser]]:
    opened: list[httpx.AsyncClient] = []

    def browser() -> Browser:
        transport = httpx.ASGITransport(app=door.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        opened.append(httpx.AsyncClient(transport=transport, base_url=HERE, event_hooks=comparing(door.app)))
        return Browser(opened[-1])

    yield browser
    for client in opened:
        await client.aclose()


def says(issuer: str, **people: dict[str, Any]) -> None:
    with httpx2.Client(trust_env=False) as client:
        assert client.post(f"{issuer}/people", json=people).status_code == 200


Browsers = Callable[[], Browser]


# --- what works


async def test_who_comes_for_the_first_time_gets_an_account_and_finds_it_again(
    browsers: Browsers, issuers: dict[str, str], door: Door
) -> None:
    says(issuers["school"], ada={"email": "ada@school.test", "email_verified": True, "name": "Ada L."})
    ada = browsers()
    answer = await ada.sign_in("ada")
    assert (answer.status_code, "Signed in" in answer.text) == (200, True)
    first = await ada.profile()
    assert (first["email"], first["display_name"], first["role"]) == ("ada@school.test", "Ada L.", "learner")
    elsewhere = browsers()
    await elsewhere.sign_in("ada")
    assert (await elsewhere.profile())["id"] == first["id"]
    (identity,) = (await elsewhere.client.get("/api/auth/identities")).json()
    assert (identity["provider"], identity["issuer"]) == ("school", issuers["school"])
    async with door.engine.transaction() as tx:
        assert (await tx.session.scalars(select(SignInRow))).all() == []


async def test_the_page_runs_nothing_and_tells_nobody(browsers: Browsers, issuers: dict[str, str]) -> None:
    ada = browsers()
    for answer in (await ada.sign_in("headers"), await ada.client.get("/api/auth/oauth/school/callback?state=x&code=<script>")):
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        assert "code" not in re.findall(r"<body>.*", answer.text)[0]


async def test_cookies_are_for_this_host_alone(browsers: Browsers) -> None:
    ada = browsers()
    begun = await ada.client.post("/api/auth/oauth/school/start")
    (cookie,) = begun.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-skillcore-sign-in=")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert word.lower() in cookie.lower()
    assert "domain" not in cookie.lower()


async def test_a_page_of_ones_own_can_finish_with_tokens(browsers: Browsers) -> None:
    ada = browsers()
    given = at_provider(await ada.begin(), "with-tokens").given
    signed = await ada.client.post("/api/auth/oauth/school/callback", json={**given, "keep": "token"})
    assert signed.status_code == 200, signed.text
    token = signed.json()["access_token"]
    answer = await browsers().client.get("/api/auth/profile", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["id"] == signed.json()["user"]["id"]


async def test_providers_are_listed_without_what_is_secret(browsers: Browsers) -> None:
    answer = await browsers().client.get("/api/auth/oauth")
    assert answer.json() == [
        {"name": "away", "label": "away", "registration": True},
        {"name": "club", "label": "club", "registration": False},
        {"name": "school", "label": "The school", "registration": True},
    ]


async def test_what_is_sent_is_what_the_provider_must_check(browsers: Browsers, door: Door) -> None:
    url = urlsplit(await browsers().begin())
    asked = dict(parse_qsl(url.query))
    assert (asked["redirect_uri"], asked["code_challenge_method"]) == (f"{HERE}/api/auth/oauth/school/callback", "S256")
    assert asked["response_type"] == "code"
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    async with door.engine.transaction() as tx:
        kept = str((await tx.session.execute(text("select to_json(s)::text from sign_ins s"))).scalar_one())
    for secret in (asked["state"], asked["nonce"]):
        assert secret not in kept
        assert secret.encode().hex() not in kept


# --- whose answer it is


async def test_an_answer_counts_once(browsers: Browsers) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "once").url()
    assert (await ada.client.get(back)).status_code == 200
    again = await ada.client.get(back)
    assert (again.status_code, "start again" in again.text) == (422, True)


async def test_another_browser_cannot_finish_what_one_began(browsers: Browsers) -> None:
    """Nobody can be made to work in the account of whoever sent them a link."""
    eve, ada = browsers(), browsers()
    back = at_provider(await eve.begin(), "eve").url()
    assert (await ada.client.get(back)).status_code == 422  # who has no cookie at all
    await ada.begin()
    assert (await ada.client.get(back)).status_code == 422  # nor one of a sign-in of their own
    assert (await ada.client.get("/api/auth/session")).status_code == 401
    assert (await eve.client.get(back)).status_code == 200  # and it is not used up by having been tried


async def test_a_state_that_was_guessed_is_none(browsers: Browsers) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "guess")
    assert (await ada.client.get(back.url(state="guessed"))).status_code == 422
    assert (await ada.client.get(back.path)).status_code == 422


async def test_a_stolen_code_is_worth_nothing_in_another_sign_in(browsers: Browsers) -> None:
    ada, eve = browsers(), browsers()
    stolen = at_provider(await ada.begin(), "ada").given["code"]
    own = at_provider(await eve.begin(), "eve")
    answer = await eve.client.get(own.url(code=stolen))  # its verifier is another one
    assert (answer.status_code, "did not accept the sign-in" in answer.text) == (403, True)
    assert (await eve.client.get("/api/auth/session")).status_code == 401


async def test_an_answer_of_one_provider_at_the_address_of_another_is_none(browsers: Browsers) -> None:
    ada = browsers()
    back = at_provider(await ada.begin("school"), "mixed")
    await ada.begin("club")
    answer = await ada.client.get(back.url("/api/auth/oauth/club/callback"))
    assert (answer.status_code, "no such sign-in" in answer.text) == (422, True)  # whoever it names itself as


async def test_an_answer_that_names_another_issuer_is_refused_before_the_code_goes_anywhere(
    browsers: Browsers, issuers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    async def exchanged(*arguments: Any) -> Any:
        sent.append(arguments)
        raise AssertionError("the code was sent")

    monkeypatch.setattr(oauth, "exchanged", exchanged)
    for iss in (issuers["club"], ""):  # this provider always names itself
        ada = browsers()
        back = at_provider(await ada.begin(), "mixed")
        answer = await ada.client.get(back.url(iss=iss))
        assert (answer.status_code, "iss" in answer.text) == (422, True)
    assert sent == []


async def test_an_issuer_that_is_named_counts_though_nobody_announced_it(
    browsers: Browsers, issuers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = oauth.discovered

    async def quiet(network: Network, issuer: str) -> Provider:
        found = await real(network, issuer)
        return msgspec.structs.replace(found, authorization_response_iss_parameter_supported=False)

    monkeypatch.setattr(oauth, "discovered", quiet)
    for iss, status in ((issuers["club"], 422), (issuers["school"], 200), ("", 200)):
        ada = browsers()
        assert (await ada.client.get(at_provider(await ada.begin(), "quiet").url(iss=iss))).status_code == status


async def test_a_token_for_another_sign_in_is_refused(browsers: Browsers, door: Door) -> None:
    """The nonce that is kept is another one than the token's: as if the token had been put in its place."""
    ada, other = browsers(), browsers()
    back = at_provider(await ada.begin(), "nonce")
    await other.begin()
    async with door.engine.transaction() as tx:
        rows = (await tx.session.scalars(select(SignInRow).order_by(SignInRow.expires_at))).all()
        sealer = door.engine.service(Sealer)
        rows[0].nonce = sealer.seal(SignInRow.nonce, rows[0].id, None, b"another nonce")
    answer = await ada.client.get(back.url())
    assert (answer.status_code, "another sign-in" in answer.text) == (403, True)


async def test_a_wrong_verifier_is_refused_by_the_provider(browsers: Browsers, door: Door) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "verifier")
    async with door.engine.transaction() as tx:
        row = (await tx.session.scalars(select(SignInRow))).one()
        sealer = door.engine.service(Sealer)
        row.verifier = sealer.seal(SignInRow.verifier, row.id, None, b"v" * 64)
    assert (await ada.client.get(back.url())).status_code == 403


async def test_it_ends_after_ten_minutes_and_is_forgotten(browsers: Browsers, door: Door) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "late")
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(SignInRow).values(expires_at=now() - timedelta(seconds=1)))
    await browsers().begin()
    assert (await ada.client.get(back.url())).status_code == 422
    late = browsers()
    await late.begin()
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(SignInRow).values(expires_at=now() - timedelta(hours=1)))
    async with door.engine.transaction() as tx:
        assert await forget_expired(tx, now() - timedelta(hours=2), 10) == 0
        assert await forget_expired(tx, now(), 1) == 1
        assert await forget_expired(tx, now(), 10) == 1


async def test_a_provider_that_lets_nobody_in_is_quoted(browsers: Browsers) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "denied")
    answer = await ada.client.get(back.url(error="access_denied", code=""))
    assert (answer.status_code, "access_denied" in answer.text) == (403, True)


async def test_a_provider_that_is_down_is_unavailable(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await browsers().client.post("/api/auth/oauth/away/start")
    assert (answer.status_code, "nobody can sign in there" in answer.json()["detail"]) == (503, True)
    ada = browsers()
    back = at_provider(await ada.begin(), "down")

    async def away(*_: Any) -> Any:
        raise Unavailable("it is away")

    monkeypatch.setattr(oauth, "exchanged", away)
    assert (await ada.client.get(back.url())).status_code == 503


async def test_there_is_no_provider_that_nobody_configured(browsers: Browsers) -> None:
    for method, path in (("POST", "start"), ("POST", "callback"), ("GET", "callback")):
        answer = await browsers().client.request(method, f"/api/auth/oauth/nobody/{path}", json={"state": "s"})
        assert answer.status_code == 404


# --- whose account it is


async def test_an_address_opens_no_account_that_is_there(browsers: Browsers, door: Door, issuers: dict[str, str]) -> None:
    _, ada = await door.learner("Ada@example.org")
    says(issuers["school"], thief={"email": "ada@example.org", "email_verified": True})
    eve = browsers()
    answer = await eve.sign_in("thief")
    assert (answer.status_code, "sign in to it as before" in answer.text) == (409, True)
    assert (await eve.client.get("/api/auth/session")).status_code == 401
    says(issuers["school"], thief={"email": "ada@example.org", "email_verified": False})
    await eve.sign_in("thief")
    profile = await eve.profile()
    assert (profile["email"], profile["id"] == ada) == (None, False)


@pytest.mark.parametrize("said", [*({"email_verified": value} for value in ("false", "true", 1, None)), {}])
async def test_only_a_plain_true_says_that_an_address_is_verified(
    said: dict[str, object], browsers: Browsers, issuers: dict[str, str]
) -> None:
    """There are providers that say it as a text, and "false" is one that is not empty; and others that do not say it."""
    says(issuers["school"], stringy={"email": "stringy@example.org", **said})
    ada = browsers()
    assert (await ada.sign_in("stringy")).status_code == 200
    assert (await ada.profile())["email"] is None


LONG = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 54}.example"
"""Each part is as long as it may be, and the whole one character too long (RFC 5321: 254 fit between angle brackets)."""

UNSEEN = "ada@exa" + "\ufe0f" * 300 + "mple.org"
"""Domains are compared without the signs that choose how the letter before looks, so this one has an ordinary envelope."""


@pytest.mark.parametrize("email", ["nobody", "ada@exa_mple", "ada\0@example.org", LONG, UNSEEN, 7])
async def test_what_is_no_address_is_not_kept_as_one(email: object, browsers: Browsers, issuers: dict[str, str]) -> None:
    says(issuers["school"], odd={"email": email, "email_verified": True})
    ada = browsers()
    answer = await ada.sign_in("odd")
    assert answer.status_code == 200, answer.text
    assert (await ada.profile())["email"] is None


async def test_a_null_character_is_in_no_name_and_names_nobody(browsers: Browsers, issuers: dict[str, str]) -> None:
    """PostgreSQL keeps none in a text."""
    says(issuers["school"], odd={"name": "Ada\0 L."})
    ada, eve = browsers(), browsers()
    assert (await ada.sign_in("odd")).status_code == 200
    assert (await ada.profile())["display_name"] == "Ada L."
    answer = await eve.sign_in("odd\0")
    assert (answer.status_code, "does not say who you are" in answer.text) == (403, True)


@pytest.mark.parametrize(("length", "status"), [(255, 200), (256, 403)])
async def test_a_name_at_a_provider_has_255_characters_at_most(length: int, status: int, browsers: Browsers) -> None:
    """OpenID Connect Core 1.0, 2."""
    assert (await browsers().sign_in("s" * length)).status_code == status


async def test_a_provider_without_registration_makes_no_accounts(browsers: Browsers) -> None:
    answer = await browsers().sign_in("stranger", "club")
    assert (answer.status_code, "nobody gets an account" in answer.text) == (403, True)


async def by_password(browser: Browser, email: str) -> None:
    data = {"email": email, "password": PASSWORD, "keep": "cookie"}
    answer = await browser.client.post("/api/auth/login", json=data, headers={"Origin": HERE})
    assert answer.status_code == 200, answer.text


async def test_an_account_is_connected_used_and_disconnected(browsers: Browsers, door: Door) -> None:
    _, ada = await door.learner("ada@example.org")
    browser = browsers()
    await by_password(browser, "ada@example.org")
    answer = await browser.sign_in("ada-at-the-club", "club", "connect")
    assert (answer.status_code, "Connected" in answer.text) == (200, True)
    assert (await browser.sign_in("ada-at-the-club", "club", "connect")).status_code == 200  # again changes nothing
    other = browsers()
    await other.sign_in("ada-at-the-club", "club")
    assert (await other.profile())["id"] == ada
    second = await browser.sign_in("ada-the-second", "club", "connect")
    assert (second.status_code, "disconnect that first" in second.text) == (409, True)
    headers = {"Origin": HERE, "X-CSRF-Token": await browser.csrf()}
    assert (await browser.client.delete("/api/auth/oauth/club", headers=headers)).status_code == 204
    assert (await browser.client.delete("/api/auth/oauth/club", headers=headers)).status_code == 404
    assert (await browsers().sign_in("ada-at-the-club", "club")).status_code == 403
    async with door.engine.transaction() as tx:
        acts = (await tx.session.scalars(text("select act from audit where act like 'identity%' order by position"))).all()
    assert acts == ["identity.connected", "identity.disconnected"]


async def test_what_is_connected_with_one_account_is_not_connected_with_another(browsers: Browsers, door: Door) -> None:
    await door.learner("ada@example.org")
    await browsers().sign_in("eve")
    ada = browsers()
    await by_password(ada, "ada@example.org")
    answer = await ada.sign_in("eve", what="connect")
    assert (answer.status_code, "another account here" in answer.text) == (409, True)


async def test_who_has_signed_out_meanwhile_connects_nothing(browsers: Browsers, door: Door) -> None:
    await door.learner("ada@example.org")
    ada = browsers()
    await by_password(ada, "ada@example.org")
    back = at_provider(await ada.begin("school", "connect"), "left")
    headers = {"Origin": HERE, "X-CSRF-Token": await ada.csrf()}
    assert (await ada.client.post("/api/auth/logout", headers=headers, json={})).status_code == 204
    answer = await ada.client.get(back.url())
    assert (answer.status_code, "signed out meanwhile" in answer.text) == (409, True)


@pytest.mark.parametrize("end", ["expires_at", "idle_at"])
async def test_whose_session_has_run_out_meanwhile_connects_nothing(end: str, browsers: Browsers, door: Door) -> None:
    await door.learner("ada@example.org")
    ada = browsers()
    await by_password(ada, "ada@example.org")
    back = at_provider(await ada.begin("school", "connect"), "late")
    async with door.engine.transaction() as tx:
        await tx.session.execute(update(SessionRow).values({end: now()}))
    assert (await ada.client.get(back.url())).status_code == 409
    async with door.engine.transaction() as tx:
        assert (await tx.session.scalars(select(IdentityRow))).all() == []


async def test_the_last_way_to_sign_in_stays(browsers: Browsers) -> None:
    ada = browsers()
    await ada.sign_in("only-here")
    headers = {"Origin": HERE, "X-CSRF-Token": await ada.csrf()}
    answer = await ada.client.delete("/api/auth/oauth/school", headers=headers)
    assert (answer.status_code, "only way" in answer.json()["detail"]) == (409, True)


# --- groups


async def test_roles_follow_groups_up_and_down(browsers: Browsers, issuers: dict[str, str], door: Door) -> None:
    await door.admin()
    seen = []
    for groups in (["staff"], ["staff", "it"], ["staff", "unknown"], None, "staff", []):
        says(issuers["school"], grouped={} if groups is None else {"groups": groups})
        browser = browsers()
        assert (await browser.sign_in("grouped")).status_code == 200
        seen.append((await browser.profile())["role"])
    assert seen == ["mentor", "admin", "mentor", "learner", "mentor", "learner"]
    async with door.engine.transaction() as tx:
        query = "select detail->>'before', detail->>'after', about_id from audit where act = 'role.changed' order by position"
        noted = (await tx.session.execute(text(query))).all()
    assert [tuple(row[:2]) for row in noted][:2] == [("learner", "mentor"), ("mentor", "admin")]
    assert len(noted) == 6


async def test_a_role_is_lost_at_once_in_sessions_that_go_on(browsers: Browsers, issuers: dict[str, str], door: Door) -> None:
    await door.admin()
    says(issuers["school"], demoted={"groups": ["it"]})
    ada = browsers()
    await ada.sign_in("demoted")
    assert (await ada.client.get("/api/platforms")).status_code == 200
    says(issuers["school"], demoted={"groups": []})
    await browsers().sign_in("demoted")
    assert (await ada.client.get("/api/platforms")).status_code == 403


async def test_groups_take_away_only_what_they_gave(browsers: Browsers, issuers: dict[str, str], door: Door) -> None:
    """The administrator of the set-up connects an account without groups, and stays one."""
    await door.admin()
    root = browsers()
    await by_password(root, "root@example.org")
    says(issuers["school"], root={"groups": []})
    await root.sign_in("root", what="connect")
    again = browsers()
    await again.sign_in("root")
    profile = await again.profile()
    assert (profile["email"], profile["role"]) == ("root@example.org", "admin")


async def test_the_last_administrator_stays_one(browsers: Browsers, issuers: dict[str, str], door: Door) -> None:
    says(issuers["school"], last={"groups": ["it"]}, second={"groups": ["it"]})
    last, second = browsers(), browsers()
    await last.sign_in("last")
    await second.sign_in("second")
    says(issuers["school"], last={"groups": []}, second={"groups": []})
    await second.sign_in("second")
    assert (await second.profile())["role"] == "learner"
    await last.sign_in("last")
    assert (await last.profile())["role"] == "admin"


async def test_nothing_secret_shows(browsers: Browsers, door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    ada = browsers()
    back = at_provider(await ada.begin(), "shown")
    await ada.client.get(back.url())
    await ada.client.get(back.url())
    async with door.engine.transaction() as tx:
        noted = str((await tx.session.execute(text("select json_agg(a)::text from audit a"))).scalar_one())
        identity = (await tx.session.scalars(select(IdentityRow))).one()
        assert (await tx.session.get(UserRow, identity.user_id)) is not None
    seen = noted + "".join(capfd.readouterr()) + repr(door.engine.settings.oidc)
    for secret in (back.given["code"], back.given["state"], SECRET):
        assert secret not in seen
