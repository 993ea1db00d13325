"""GitHub as it documents itself: what its sign-in gives, says of its holder, renews, and takes back."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
from sqlalchemy import select, text

from skillcore.accounts.access import Actor
from skillcore.plugin import OAuthClient, Refused
from skillcore.runtime import oauth
from skillcore.runtime.settings import Settings
from skillcore.runtime.sites import Site, Token, TokenEnded
from skillcore.testing.tools import THIS_MACHINE
from skillcore.verification.following import DAILY, followed
from skillcore.verification.linking import LinkedAccount, account_for
from skillcore.verification.revocations import revoke_due
from skillcore.verification.signing_in import Return
from skillcore.verification.tables import SourceTokenRow, TokenRevocationRow
from skillcore.verification.tokens import opened
from skillcore_github import Settings as GitHub
from tests.verification.sign_ins import BACK, People, Place
from tests.verification.site import SOURCE, patient

PROOF = GitHub(oauth=OAuthClient(client_id="Iv1.8a61f9b3a7aba766", client_secret="a secret of the app")).proof
TOKENS = "https://github.com/login/oauth/access_token"
USER = "https://api.github.com/user"
REVOKED = "https://api.github.com/applications/Iv1.8a61f9b3a7aba766/token"

GIVEN = {"access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "scope": "", "token_type": "bearer"}
GIVEN_FOR_A_WHILE = {
    "access_token": "ghu_16C7e42F292c6912E7710c838347Ae178B4a",
    "expires_in": 28800,
    "refresh_token": "ghr_1B4a2e77838347a7E420ce178F2E7c6912E169246c34E1ccbF66C46812d16D5B1A9Dc86A1498",
    "refresh_token_expires_in": 15897600,
    "scope": "",
    "token_type": "bearer",
}
RENEWED = GIVEN_FOR_A_WHILE | {"access_token": "ghu_the_next_one", "refresh_token": "ghr_the_next_one"}
REFUSED = {
    "error": "bad_refresh_token",
    "error_description": "The refresh token passed is incorrect or expired.",
    "error_uri": "https://docs.github.com",
}
BAD_CREDENTIALS = {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest", "status": "401"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    own = patient(settings)
    verification = msgspec.structs.replace(own.verification, redirect_uri=BACK, import_on_link=False)
    return msgspec.structs.replace(own, verification=verification)


def octocat(login: str = "octocat", number: int = 583231) -> dict[str, Any]:
    page = f"https://github.com/{login}"
    return {"login": login, "id": number, "node_id": "MDQ6VXNlcjE=", "html_url": page, "type": "User", "site_admin": False}


async def proved(place: People, web: Any, given: dict[str, Any] = GIVEN) -> Actor:
    web.post(TOKENS).respond(json=given)
    web.get(USER).respond(json=octocat())
    person = await place.person()
    url = (await place.begin(person)).data["url"]
    state = dict(parse_qsl(urlsplit(url).query))["state"]
    attempt = await place.hand_in(person, Return(code="20e8ad1b4a2f", state=state))
    assert (attempt.state, attempt.handle) == ("proved", "octocat")
    return person


async def kept(place: People) -> Token | None:
    async with place.engine.transaction() as tx:
        row = await tx.session.scalar(select(SourceTokenRow))
        return None if row is None else opened(place.engine, row)


async def a_day_later(place: People, person: Actor) -> LinkedAccount:
    async with place.engine.transaction() as tx:
        await tx.session.execute(
            text("update source_tokens set asked_at = asked_at - interval '1 day', expires_at = expires_at - interval '1 day'")
        )
        account = await account_for(tx, person.user_id, SOURCE, platform_id=None)  # type: ignore[arg-type]
    assert account is not None
    return await followed(place.engine, account, DAILY)


async def test_a_login_that_is_renamed_survives(people: Place, httpx2_mock: Any) -> None:
    async with people(PROOF) as place:
        ada = await proved(place, httpx2_mock)
        assert await kept(place) == Token(GIVEN["access_token"])
        asked = httpx2_mock.get(USER).respond(json=octocat("monalisa"))
        found = await a_day_later(place, ada)
        assert (found.handle, found.account) == ("monalisa", "arena:583231")
        assert asked.calls.last.request.headers["authorization"] == f"Bearer {GIVEN['access_token']}"


async def test_a_login_that_somebody_else_took_is_not_followed(people: Place, httpx2_mock: Any) -> None:
    async with people(PROOF) as place:
        ada = await proved(place, httpx2_mock)
        httpx2_mock.get(USER).respond(json=octocat("monalisa", 1))
        assert (await a_day_later(place, ada)).handle == "octocat"
        assert await kept(place) is None


@pytest.mark.parametrize(
    ("answer", "stays"),
    [
        ({"status_code": 401, "json": BAD_CREDENTIALS}, False),
        ({"status_code": 403, "json": {"message": "API rate limit exceeded"}, "headers": {"x-ratelimit-remaining": "0"}}, True),
        ({"status_code": 429}, True),
        ({"status_code": 502, "text": "<html>"}, True),
    ],
)
async def test_only_bad_credentials_cost_the_token(
    people: Place, httpx2_mock: Any, answer: dict[str, Any], stays: bool
) -> None:
    async with people(PROOF) as place:
        ada = await proved(place, httpx2_mock)
        httpx2_mock.get(USER).respond(**answer)
        assert (await a_day_later(place, ada)).handle == "octocat"
        assert (await kept(place) is not None) == stays


async def test_an_issuer_that_shows_nobody_what_it_is_ends_no_token(httpx2_mock: Any) -> None:
    httpx2_mock.get("https://issuer.test/.well-known/openid-configuration").respond(status_code=401)
    with pytest.raises(Refused) as caught:
        await oauth.discovered(THIS_MACHINE, "https://issuer.test")
    assert not isinstance(caught.value, TokenEnded)


@pytest.mark.parametrize("posted", [True, False])
async def test_elsewhere_a_form_gives_back_what_others_follow_from(httpx2_mock: Any, posted: bool) -> None:
    """As RFC 7009 has it: with a refresh token goes the access token that came of it, and not the other way round."""
    site = Site(
        name="arena",
        client=OAuthClient(client_id="app", client_secret="a secret"),
        authorize_url="https://arena.test/authorize",
        token_url="https://arena.test/token",
        redirect_uri=BACK,
        posted=posted,
        revoke_url="https://arena.test/revoke",
    )
    taking = httpx2_mock.post("https://arena.test/revoke").respond()
    await oauth.given_back(THIS_MACHINE, site, Token("the access token", refresh_token="the refresh token"))
    request = taking.calls.last.request
    form = dict(parse_qsl(request.content.decode()))
    assert (form["token"], form["token_type_hint"]) == ("the refresh token", "refresh_token")
    assert form.get("client_secret") == ("a secret" if posted else None)
    login = base64.b64encode(b"app:a secret").decode()
    assert request.headers.get("authorization") == (None if posted else f"Basic {login}")
    with pytest.raises(Refused, match="without TLS"):
        await oauth.given_back(
            THIS_MACHINE, msgspec.structs.replace(site, revoke_url="http://arena.test/revoke"), Token("the access token")
        )


@pytest.mark.parametrize(("answer", "successor"), [(RENEWED, "ghu_the_next_one"), (REFUSED, None)])
async def test_a_token_for_eight_hours_is_renewed(
    people: Place, httpx2_mock: Any, answer: dict[str, Any], successor: str | None
) -> None:
    async with people(PROOF) as place:
        ada = await proved(place, httpx2_mock, GIVEN_FOR_A_WHILE)
        renewed = httpx2_mock.post(TOKENS).respond(json=answer)
        httpx2_mock.get(USER).respond(json=octocat("monalisa"))
        found = await a_day_later(place, ada)
        form = parse_qs(renewed.calls.last.request.content.decode())
        assert form["grant_type"] == ["refresh_token"]
        assert form["refresh_token"] == [GIVEN_FOR_A_WHILE["refresh_token"]]
        assert form["client_id"] == ["Iv1.8a61f9b3a7aba766"]
        token = await kept(place)
        assert (token and token.access_token, found.handle) == (successor, "monalisa" if successor else "octocat")


@pytest.mark.parametrize(
    ("status", "over"),
    [(204, True), (404, True), (422, True), (401, False), (403, False), (429, False), (500, False), (302, False)],
)
async def test_it_takes_one_token_back(people: Place, httpx2_mock: Any, status: int, over: bool) -> None:
    async with people(PROOF) as place:
        ada = await proved(place, httpx2_mock)
        await place.unlink(ada, ada)
        taking = httpx2_mock.delete(REVOKED).respond(status_code=status)
        assert await revoke_due(place.engine) == int(over)
        request = taking.calls.last.request
        login = base64.b64encode(b"Iv1.8a61f9b3a7aba766:a secret of the app").decode()
        assert request.headers["authorization"] == f"Basic {login}"
        assert json.loads(request.content) == {"access_token": GIVEN["access_token"]}
        async with place.engine.transaction() as tx:
            assert (await tx.session.scalar(select(TokenRevocationRow)) is None) == over
