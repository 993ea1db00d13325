"""Proving an account by signing in, against a real OpenID provider: what works, and every way to be fooled that it must not."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import httpx2
import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import select, text

from skillcore.plugin import OAuthClient, Refused, Unavailable
from skillcore.runtime import oauth
from skillcore.runtime.jobs import Retry
from skillcore.runtime.oauth import Provider, Providers
from skillcore.runtime.problems import Conflict, InvalidField, UnavailableNow
from skillcore.runtime.settings import ServerSection, Settings
from skillcore.runtime.sites import Site as OAuthSite
from skillcore.testing.tools import THIS_MACHINE
from skillcore.verification import proving
from skillcore.verification.signing_in import Return
from skillcore.verification.tables import LinkAttemptRow
from tests.described import comparing
from tests.verification.sign_ins import (
    BACK,
    HERE,
    OWN_PAGE,
    SECRET,
    Place,
    by_profile,
    by_token,
    held,
    sign_in,
)
from tests.verification.site import SOURCE, patient
from tests.visitors import PASSWORD, Door, door_of

pytestmark = pytest.mark.npm


@pytest.fixture
def settings(settings: Settings) -> Settings:
    own = patient(settings)
    return msgspec.structs.replace(own, verification=msgspec.structs.replace(own.verification, redirect_uri=BACK))


# --- what works


async def test_a_signed_token_links_the_account_it_names(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        attempt, given = await place.signed_in(ada, "Ada")
        assert (attempt.method, attempt.handle, attempt.state) == ("oidc", "", "open")
        asked = dict(parse_qsl(urlsplit(attempt.data["url"]).query))
        assert (asked["client_id"], asked["redirect_uri"], asked["code_challenge_method"]) == ("skillcore", BACK, "S256")
        assert (await place.hand_in(ada, given)).state == "proved"
        assert await held(place, ada) == [("arena:ada", "Ada", "oidc")]


async def test_a_profile_links_the_account_under_its_number(issuer: str, people: Place) -> None:
    async with people(by_profile(issuer)) as place:
        ada = await place.person()
        assert (await place.hand_in(ada, (await place.signed_in(ada, "Ada")).given)).state == "proved"
        assert await held(place, ada) == [("arena:583003", "Ada", "oauth")]


async def test_a_renamed_account_stays_the_same_one(issuer: str, people: Place) -> None:
    """The provider's numbers follow from the length of a name: to the engine, Eve is Ada under a new name."""
    async with people(by_profile(issuer)) as place:
        ada = await place.person()
        await place.hand_in(ada, (await place.signed_in(ada, "Ada")).given)
        assert (await place.hand_in(ada, (await place.signed_in(ada, "Eve")).given)).state == "proved"
        assert await held(place, ada) == [("arena:583003", "Eve", "oauth")]
        assert "evidence.withdrawn" not in await place.kinds(ada)


async def test_over_http(issuer: str, people: Place) -> None:
    async with people(by_token(issuer), jobs=False) as place, door_of(place.engine) as door:
        ada, _ = await door.learner()
        (offer,) = (await ada.get("/api/sources")).json()
        assert offer["proofs"] == ["oidc"]
        attempt = (await ada.post("/api/sources/arena/link", {})).json()
        early = await ada.post("/api/sources/arena/link/confirm")
        assert (early.status_code, "sign in at arena first" in early.json()["detail"]) == (409, True)
        given = sign_in(attempt["data"]["url"], "Ada")
        wrong = await ada.post("/api/sources/arena/link/callback", {"code": given.code, "state": "guessed"})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "state")
        submitted = await ada.post("/api/sources/arena/link/callback", msgspec.to_builtins(given))
        assert submitted.status_code == 202
        assert submitted.json()["attempt"]["state"] == "checking"
        assert given.code not in submitted.text
        again = await ada.post("/api/sources/arena/link/callback", msgspec.to_builtins(given))
        assert again.json()["job_id"] == submitted.json()["job_id"]


async def test_a_browser_comes_back_to_the_service_s_own_page(issuer: str, people: Place) -> None:
    async with people(by_token(issuer), jobs=False) as place:
        own = msgspec.structs.replace(place.engine.settings.verification, redirect_uri="")
        place.engine.settings = msgspec.structs.replace(
            place.engine.settings, verification=own, server=ServerSection(public_url=f"{HERE}/")
        )
        async with door_of(place.engine) as door:
            await door.learner("ada@example.org")
            await door.learner("eve@example.org")
            ada, eve = [await browser_of(door, f"{name}@example.org") for name in ("ada", "eve")]
            begun = await ada.post("/api/sources/arena/link", json={}, headers=await of_page(ada))
            url = begun.json()["data"]["url"]
            assert dict(parse_qsl(urlsplit(url).query))["redirect_uri"] == OWN_PAGE
            back = msgspec.to_builtins(sign_in(url, "Ada"))
            nobody = await eve.get(OWN_PAGE, params=back)
            assert (nobody.status_code, "no attempt to prove" in nobody.text) == (404, True)
            assert (await eve.get(OWN_PAGE, params={"error": "access_denied", "state": "s"})).status_code == 403
            assert (await ada.get(OWN_PAGE, params={**back, "state": "guessed"})).status_code == 422
            page = await ada.get(OWN_PAGE, params=back)
            assert (page.status_code, "Nearly done" in page.text, back["code"] in page.text) == (200, True, False)
            assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
            assert page.headers["content-security-policy"].startswith("default-src 'none'")
            assert (await ada.get("/api/sources/arena/link")).json()["state"] == "checking"
            assert (await door.client.get("/api/sources/arena/link/callback", params=back)).status_code == 401
            for client in (ada, eve):
                await client.aclose()


async def browser_of(door: Door, email: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=door.app, raise_app_exceptions=False)  # type: ignore[arg-type]
    client = httpx.AsyncClient(transport=transport, base_url=HERE, event_hooks=comparing(door.app))
    signed = await client.post(
        "/api/auth/login", json={"email": email, "password": PASSWORD, "keep": "cookie"}, headers={"Origin": HERE}
    )
    assert signed.status_code == 200, signed.text
    return client


async def of_page(client: httpx.AsyncClient) -> dict[str, str]:
    return {"Origin": HERE, "X-CSRF-Token": (await client.get("/api/auth/session")).json()["csrf_token"]}


# --- what must not


async def test_who_follows_a_link_that_another_began_links_nothing(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        eve, ada = await place.person(), await place.person()
        begun = await place.begin(eve)
        given = sign_in(begun.data["url"], "Ada")  # Ada was sent Eve's link, and comes back to her own page
        await place.begin(ada)
        with pytest.raises(InvalidField, match="no attempt of yours"):
            await place.hand_in(ada, given)
        assert await held(place, ada) == []
        assert await held(place, eve) == []


async def test_a_code_that_was_stolen_is_worth_nothing_in_another_attempt(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada, eve = await place.person(), await place.person()
        _, given = await place.signed_in(ada, "Ada")
        own = await place.signed_in(eve, "Eve")
        failed = await place.hand_in(eve, Return(code=given.code, state=own.given.state, iss=given.iss))
        assert (failed.state, "did not accept the sign-in" in failed.reason) == ("failed", True)  # its verifier is another one
        assert await held(place, eve) == []


async def test_a_code_counts_once(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        _, given = await place.signed_in(ada, "Ada")
        assert (await place.hand_in(ada, given)).state == "proved"
        with pytest.raises(Conflict, match="over"):
            await place.hand_in(ada, given)


async def test_it_ends_after_ten_minutes(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        _, given = await place.signed_in(ada, "Ada")
        await place.pass_time(601)
        with pytest.raises(Conflict, match="expired"):
            await place.hand_in(ada, given)


async def test_a_second_claim_fails_without_a_name(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada, eve = await place.person(), await place.person()
        await place.hand_in(ada, (await place.signed_in(ada, "Ada")).given)
        failed = await place.hand_in(eve, (await place.signed_in(eve, "Ada")).given)
        assert failed.state == "failed"
        assert "another person" in failed.reason
        assert str(ada.user_id) not in failed.reason


async def test_another_site_s_word_is_refused(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        _, given = await place.signed_in(ada, "Ada")
        with pytest.raises(InvalidField, match="this attempt is with"):
            await place.hand_in(ada, Return(code=given.code, state=given.state, iss="https://evil.test"))
        failed = await place.hand_in(ada, Return(code=given.code, state=given.state))  # this provider always names itself
        assert (failed.state, "names itself" in failed.reason) == ("failed", True)


async def test_a_wrong_secret_is_said_in_words(issuer: str, people: Place) -> None:
    client = OAuthClient(client_id="skillcore", client_secret="wrong")
    async with people(by_token(issuer, client=client)) as place:
        ada = await place.person()
        failed = await place.hand_in(ada, (await place.signed_in(ada, "Ada")).given)
        assert (failed.state, "invalid_client" in failed.reason) == ("failed", True)


async def test_what_only_the_job_had_to_know_is_forgotten(issuer: str, people: Place) -> None:
    async with people(by_token(issuer)) as place:
        for name, state in (("Ada", "proved"), ("Eve", "failed")):
            person = await place.person()
            _, given = await place.signed_in(person, "Ada")
            assert (await place.hand_in(person, given)).state == state, name
        async with place.engine.transaction() as tx:
            rows = (await tx.session.scalars(select(LinkAttemptRow))).all()
        assert [(row.code, row.verifier, row.nonce) for row in rows] == [(None, None, None)] * 2


async def test_neither_code_nor_secret_shows(issuer: str, people: Place, capfd: pytest.CaptureFixture[str]) -> None:
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        _, given = await place.signed_in(ada, "Ada")
        await place.hand_in(ada, given)
        async with place.engine.transaction() as tx:
            jobs = (await tx.session.execute(text("select args::text from procrastinate_jobs"))).scalars().all()
        seen = "".join(jobs) + repr(given) + repr(place.engine.plugins.sources[SOURCE].proofs) + "".join(capfd.readouterr())
        assert given.code not in seen
        assert SECRET not in seen


# --- the site does not do as it should


async def test_an_issuer_that_does_not_answer_is_unavailable_and_then_waited_for(
    issuer: str, people: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with people(by_token("http://127.0.0.1:9")) as place:
        with pytest.raises(UnavailableNow, match="nobody can sign in"):
            await place.begin(await place.person())
    async with people(by_token(issuer)) as place:
        ada = await place.person()
        _, given = await place.signed_in(ada, "Ada")

        async def away(*_: Any) -> None:
            raise Unavailable("it is away")

        with monkeypatch.context() as patch:
            patch.setattr(oauth, "exchanged", away)
            with pytest.raises(Retry):
                await place.hand_in(ada, given)
        assert (await place.look(ada)).state == "proved"


async def test_without_credentials_or_a_page_to_come_back_to_it_is_not_offered(issuer: str, people: Place) -> None:
    proofs = (by_profile(issuer, client=OAuthClient()), by_token(issuer))
    async with people(*proofs) as place:
        offered = proving.offered(place.engine.plugins.sources[SOURCE], BACK)
        assert list(offered) == ["oidc"]
        assert proving.offered(place.engine.plugins.sources[SOURCE], "") == {}


def provider_of(issuer: str) -> Provider:
    return Provider(issuer, f"{issuer}/auth", f"{issuer}/token", f"{issuer}/jwks")


SOUND = msgspec.to_builtins(provider_of("https://issuer.test"))


@pytest.fixture(scope="module")
def impostor() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("how", ["none", "shared secret", "another key", "another key under its id"])
async def test_tokens_that_the_issuer_did_not_sign_are_refused(issuer: str, impostor: rsa.RSAPrivateKey, how: str) -> None:
    with httpx2.Client(trust_env=False) as client:
        (shown, *_) = client.get(f"{issuer}/jwks").json()["keys"]
    claims = {"iss": issuer, "aud": "skillcore", "sub": "ada", "nonce": "n", "iat": 1, "exp": 9_999_999_999, "handle": "ada"}
    signed = {
        "none": lambda: jwt.encode(claims, None, algorithm="none"),
        "shared secret": lambda: jwt.encode(claims, SECRET * 4, algorithm="HS256", headers={"kid": shown["kid"]}),
        "another key": lambda: jwt.encode(claims, impostor, algorithm="RS256", headers={"kid": "own"}),
        "another key under its id": lambda: jwt.encode(claims, impostor, algorithm="RS256", headers={"kid": shown["kid"]}),
    }[how]()
    with pytest.raises(Refused):
        await oauth.claims_of(THIS_MACHINE, provider_of(issuer), signed, client_id="skillcore", nonce="n")


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"nonce": "another"}, False),
        ({"nonce": None}, False),
        ({"aud": "somebody else"}, False),
        ({"aud": ["skillcore", "somebody else"]}, False),
        ({"aud": ["skillcore", "somebody else"], "azp": "skillcore"}, True),
        ({"aud": ["skillcore", "somebody else"], "azp": "somebody else"}, False),
        ({"aud": None}, False),
        ({"iss": "https://evil.test"}, False),
        ({"iss": None}, False),
        ({"exp": 1}, False),
        ({"exp": None}, False),
        ({"iat": 9_999_999_998}, False),
        ({"iat": None}, False),
        ({"sub": None}, False),
    ],
)
async def test_what_a_token_must_claim(
    changes: dict[str, Any], holds: bool, impostor: rsa.RSAPrivateKey, httpx2_mock: Any
) -> None:
    issuer = "https://issuer.test"
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(impostor.public_key())) | {"kid": "own", "use": "sig"}
    httpx2_mock.get(f"{issuer}/jwks").respond(json={"keys": [shown]})
    sound = {"iss": issuer, "aud": "skillcore", "sub": "ada", "nonce": "n", "iat": 1, "exp": 9_999_999_999}
    claims = {name: value for name, value in (sound | changes).items() if value is not None}
    token = jwt.encode(claims, impostor, algorithm="RS256", headers={"kid": "own"})
    asked = oauth.claims_of(THIS_MACHINE, provider_of(issuer), token, client_id="skillcore", nonce="n")
    if holds:
        assert (await asked)["sub"] == "ada"
    else:
        with pytest.raises(Refused):
            await asked


@pytest.mark.parametrize(("away", "holds"), [(30, True), (90, False)])
@pytest.mark.parametrize(("claim", "ahead"), [("exp", -1), ("iat", 1)])
async def test_clocks_may_differ_by_a_minute(
    claim: str, ahead: int, away: int, holds: bool, impostor: rsa.RSAPrivateKey, httpx2_mock: Any
) -> None:
    issuer, moment = "https://issuer.test", int(time.time())
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(impostor.public_key())) | {"kid": "own", "use": "sig"}
    httpx2_mock.get(f"{issuer}/jwks").respond(json={"keys": [shown]})
    claims = {"iss": issuer, "aud": "skillcore", "sub": "ada", "nonce": "n", "iat": moment - 600, "exp": moment + 600}
    token = jwt.encode(claims | {claim: moment + ahead * away}, impostor, algorithm="RS256", headers={"kid": "own"})
    asked = oauth.claims_of(THIS_MACHINE, provider_of(issuer), token, client_id="skillcore", nonce="n")
    if holds:
        assert (await asked)["sub"] == "ada"
    else:
        with pytest.raises(Refused):
            await asked


@pytest.mark.parametrize(
    ("members", "header", "holds"),
    [
        ({"kid": "own", "use": "sig"}, {"kid": "own"}, True),
        ({"kid": "own"}, {"kid": "own"}, True),
        ({"kid": "own", "use": "sig"}, {}, True),
        ({"kid": "own", "use": "enc"}, {"kid": "own"}, False),
        ({"kid": "own", "use": "sig"}, {"kid": "another"}, False),
    ],
)
async def test_a_key_counts_for_what_its_issuer_shows_it_for(
    members: dict[str, str], header: dict[str, str], holds: bool, impostor: rsa.RSAPrivateKey, httpx2_mock: Any
) -> None:
    """A key to encrypt to may be kept with less care than one that signs (RFC 7517, 4.2), and lie elsewhere."""
    issuer = "https://issuer.test"
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(impostor.public_key())) | members
    httpx2_mock.get(f"{issuer}/jwks").respond(json={"keys": [shown]})
    claims = {"iss": issuer, "aud": "skillcore", "sub": "ada", "nonce": "n", "iat": 1, "exp": 9_999_999_999}
    token = jwt.encode(claims, impostor, algorithm="RS256", headers=header)
    asked = oauth.claims_of(THIS_MACHINE, provider_of(issuer), token, client_id="skillcore", nonce="n")
    if holds:
        assert (await asked)["sub"] == "ada"
    else:
        with pytest.raises(Refused, match="does not show"):
            await asked


@pytest.mark.parametrize(
    ("says", "signed", "holds"),
    [
        (("RS256", "PS256"), "PS256", True),
        (("RS256",), "PS256", False),  # it says that it signs in another way
        (("HS256",), "HS256", False),  # with a secret that its keys, which everybody sees, would be
        (("none",), "none", False),
    ],
)
async def test_the_algorithm_is_for_the_issuer_to_say_among_those_that_are_sound(
    says: tuple[str, ...], signed: str, holds: bool, impostor: rsa.RSAPrivateKey, httpx2_mock: Any
) -> None:
    issuer, secret = "https://issuer.test", b"a secret that everybody can see, " * 2
    shown: dict[str, Any] = {"kid": "own"} | ({} if signed == "none" else {"alg": signed})
    if signed == "HS256":
        shown |= {"kty": "oct", "k": jwt.utils.base64url_encode(secret).decode()}
    else:
        shown |= json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(impostor.public_key()))
    httpx2_mock.get(f"{issuer}/jwks").respond(json={"keys": [shown]})
    claims = {"iss": issuer, "aud": "skillcore", "sub": "ada", "nonce": "n", "iat": 1, "exp": 9_999_999_999}
    key: Any = {"HS256": secret, "none": None}.get(signed, impostor)
    token = jwt.encode(claims, key, algorithm=signed, headers={"kid": "own"})
    provider = msgspec.structs.replace(provider_of(issuer), id_token_signing_alg_values_supported=says)
    asked = oauth.claims_of(THIS_MACHINE, provider, token, client_id="skillcore", nonce="n")
    if holds:
        assert (await asked)["sub"] == "ada"
    else:
        with pytest.raises(Refused):
            await asked


LONG_SECRET = "a secret of the site's own, long enough"


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"nonce": "n"}, True),
        ({"nonce": "another"}, False),
        ({"aud": "somebody else"}, False),
        ({"aud": ["skillcore", "somebody else"]}, False),
        ({"iss": "https://evil.test"}, False),
        ({"exp": 1}, False),
    ],
)
def test_a_token_by_shared_secret_must_hold_as_well(changes: dict[str, Any], holds: bool) -> None:
    issuer = "https://issuer.test"
    sound = {"iss": issuer, "aud": "skillcore", "sub": "ada", "iat": 1, "exp": 9_999_999_999}
    token = jwt.encode(sound | changes, LONG_SECRET, algorithm="HS256")
    site = by_secret(LONG_SECRET)
    if holds:
        assert oauth.claims_by_secret(provider_of(issuer), token, site, nonce="n")["sub"] == "ada"
    else:
        with pytest.raises(Refused):
            oauth.claims_by_secret(provider_of(issuer), token, site, nonce="n")


@pytest.mark.parametrize(
    ("key", "algorithm"), [("another secret of the same length", "HS256"), (None, "none"), (LONG_SECRET * 2, "HS512")]
)
def test_a_token_by_another_secret_is_refused(key: str | None, algorithm: str) -> None:
    issuer = "https://issuer.test"
    claims = {"iss": issuer, "aud": "skillcore", "sub": "ada", "iat": 1, "exp": 9_999_999_999}
    with pytest.raises(Refused):
        oauth.claims_by_secret(
            provider_of(issuer), jwt.encode(claims, key, algorithm=algorithm), by_secret(LONG_SECRET), nonce="n"
        )


def test_a_secret_that_could_be_guessed_signs_nothing() -> None:
    token = jwt.encode({"sub": "ada"}, "short" * 7, algorithm="HS256")
    with pytest.raises(Refused, match="too short"):
        oauth.claims_by_secret(provider_of("https://issuer.test"), token, by_secret("short"), nonce="n")


async def test_an_issuer_without_keys_is_not_believed_unless_it_is_known_for_that() -> None:
    provider = Provider("https://issuer.test", "https://issuer.test/auth", "https://issuer.test/token")
    with pytest.raises(Refused, match="shows no keys"):
        await oauth.claims_of(THIS_MACHINE, provider, "any", client_id="skillcore", nonce="n")


def by_secret(secret: str) -> OAuthSite:
    client = OAuthClient(client_id="skillcore", client_secret=secret)
    return OAuthSite(name="arena", client=client, authorize_url="", token_url="", redirect_uri=BACK)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status_code": 500}, Unavailable),
        ({"status_code": 302, "headers": {"location": "https://evil.test"}}, Unavailable),
        ({"text": "<!DOCTYPE html>"}, Unavailable),
        ({"text": "x" * 1_100_000}, Unavailable),
        ({"json": {"issuer": "https://issuer.test"}}, Unavailable),
        ({"json": msgspec.to_builtins(provider_of("https://evil.test"))}, Refused),
        *(
            ({"json": SOUND | {endpoint: "http://issuer.test/plain"}}, Refused)
            for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        ),
    ],
)
async def test_what_an_issuer_may_not_say_of_itself(answer: dict[str, Any], error: type[Exception], httpx2_mock: Any) -> None:
    httpx2_mock.get("https://issuer.test/.well-known/openid-configuration").respond(**answer)
    with pytest.raises(error):
        await oauth.discovered(THIS_MACHINE, "https://issuer.test")


@pytest.mark.usefixtures("httpx2_mock")
async def test_an_issuer_without_tls_is_not_even_asked() -> None:
    with pytest.raises(Refused, match="without TLS"):  # and not that nobody answers there
        await oauth.discovered(THIS_MACHINE, "http://issuer.test")


async def test_an_issuer_is_asked_once_an_hour(issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    providers, moment = Providers(), 0.0
    monkeypatch.setattr("skillcore.runtime.oauth.time.monotonic", lambda: moment)
    first = await providers.ask(THIS_MACHINE, issuer)
    assert await providers.ask(THIS_MACHINE, issuer) is first
    moment = 3601.0
    assert providers.known(issuer) is None
    assert await providers.ask(THIS_MACHINE, issuer) is not first


async def test_no_address_without_tls_gets_a_secret() -> None:
    site = OAuthSite(
        name="arena",
        client=OAuthClient(client_id="skillcore", client_secret=SECRET),
        authorize_url="https://arena.test/a",
        token_url="http://arena.test/t",
        redirect_uri=BACK,
    )
    with pytest.raises(Refused, match="without TLS"):
        await oauth.exchanged(THIS_MACHINE, site, "code", "verifier")
