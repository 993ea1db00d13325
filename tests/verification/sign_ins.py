"""People who sign in at a real OpenID provider to prove accounts at the arena."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
import msgspec

from skillcore.accounts.access import Actor
from skillcore.plugin import OAuthClient, OAuthProof, OIDCProof
from skillcore.runtime.settings import Settings
from skillcore.verification import proving
from skillcore.verification.attempts import Attempt
from skillcore.verification.proving import NewAttempt
from skillcore.verification.signing_in import Return
from tests.conftest import Dsns
from tests.verification.site import SOURCE, Arena, Claims, Site, claims_at

PROGRAM = Path(__file__).with_name("identity_provider.mjs")
PACKAGE = "oidc-provider@9.13.3"
BACK = "https://school.test/linked"
HERE = "https://skillcore.test"
OWN_PAGE = f"{HERE}/api/sources/arena/link/callback"
SECRET = "a secret of the site"
POSTED = "another secret"
KEEPING = "a third secret"


@contextmanager
def issuing(prefix: Path) -> Iterator[str]:
    """Run the provider, installed below a directory; gives its address."""
    command = ["node", str(PROGRAM), str(prefix), BACK, OWN_PAGE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            lines = iter(process.stdout or ())
            yield next(json.loads(line)["issuer"] for line in lines if line.startswith("{"))
        finally:
            process.terminate()


def by_token(issuer: str, **more: Any) -> OIDCProof:
    client = OAuthClient(client_id="skillcore", client_secret=SECRET)
    return OIDCProof(**{"client": client, "issuer": issuer, "handle_claim": "handle", **more})


def by_profile(issuer: str, **more: Any) -> OAuthProof:
    client = OAuthClient(client_id="posting", client_secret=POSTED)
    addresses = {
        name: f"{issuer}/{path}" for name, path in (("authorize_url", "auth"), ("token_url", "token"), ("user_url", "me"))
    }
    return OAuthProof(**{"client": client, **addresses, "scopes": ("openid",), **more})


def by_lasting_token(issuer: str, **more: Any) -> OAuthProof:
    """As `by_profile`, at a site that gives refresh tokens, and takes tokens back."""
    client = OAuthClient(client_id="keeping", client_secret=KEEPING)
    return by_profile(issuer, **{"client": client, "revoke_url": f"{issuer}/token/revocation", **more})


class Signed(NamedTuple):
    """Somebody who signed in at the site, and what the site gave them."""

    attempt: Attempt
    given: Return


class People(Claims):
    """People who sign in."""

    async def begin(self, person: Actor, method: str | None = None) -> Attempt:
        new = NewAttempt(method=method)  # type: ignore[arg-type]
        await proving.look_up(self.engine, SOURCE, new)
        async with self.engine.transaction() as tx:
            return await proving.start(tx, person, SOURCE, new)

    async def signed_in(self, person: Actor, name: str, method: str | None = None) -> Signed:
        attempt = await self.begin(person, method)
        return Signed(attempt, sign_in(attempt.data["url"], name))

    async def hand_in(self, person: Actor, given: Return) -> Attempt:
        async with self.engine.transaction() as tx:
            await proving.come_back(tx, person, SOURCE, given)
        return await self.look(person)


def sign_in(address: str, name: str) -> Return:
    """Do in the browser's place what a person does at the provider."""
    with httpx2.Client(trust_env=False) as browser:
        answer = browser.get(address)
        for _ in range(10):
            if answer.is_redirect:
                leads = urljoin(str(answer.url), answer.headers["location"])
                if leads.startswith((BACK, OWN_PAGE)):
                    return msgspec.convert(dict(parse_qsl(urlsplit(leads).query)), Return)
                answer = browser.get(leads)
                continue
            assert answer.status_code == 200, answer.text
            action, prompt = (re.search(rf'{words}"([^"]+)"', answer.text) for words in ("action=", 'name="prompt" value='))
            assert action is not None
            assert prompt is not None
            form = {"prompt": prompt[1], "login": name, "password": "any"}
            answer = browser.post(urljoin(str(answer.url), action[1]), data=form)
    raise AssertionError(answer.text)


Place = Callable[..., AbstractAsyncContextManager[People]]


def place_of(dsns: Dsns, settings: Settings) -> Place:
    """Return what opens an engine on an arena with some proofs."""

    def at(*proofs: OAuthProof | OIDCProof, kind: type[Arena] = Arena, **options: Any) -> AbstractAsyncContextManager[People]:
        class There(kind):  # type: ignore[misc, valid-type]
            pass

        There.proofs = proofs
        opened = claims_at(dsns, settings, There(Site()), **options)

        class Opened:
            async def __aenter__(self) -> People:
                claims = await opened.__aenter__()
                return People(claims.engine, claims.site)

            async def __aexit__(self, *error: Any) -> None:
                await opened.__aexit__(*error)

        return Opened()  # type: ignore[return-value]

    return at


async def held(place: People, person: Actor) -> list[tuple[str, str, str]]:
    return [(one.account, one.handle, one.method) for one in await place.held(person)]
