"""Questions to sites at which people sign in: what they cost the event loop."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpcore2
import pytest

from skillcore.plugin import OAuthClient
from skillcore.runtime.oauth import address_for
from skillcore.runtime.outbound import Network, _certificates
from skillcore.runtime.sites import Site, token_client

SITE = Site(
    name="school",
    client=OAuthClient(client_id="skillcore", client_secret="hush"),
    authorize_url="https://school.test/authorize",
    token_url="https://school.test/token",
    redirect_uri="https://skillcore.test/back",
)


@pytest.fixture
def read_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have whom TLS trusts read once, and never again: it would hold up all requests for 60 ms."""
    _certificates()

    def again(**_: object) -> None:
        raise AssertionError("whom TLS trusts was read once more")

    monkeypatch.setattr(httpcore2, "default_ssl_context", again)


@pytest.mark.usefixtures("read_already")
async def test_nobody_s_sign_in_reads_whom_tls_trusts() -> None:
    found = urlsplit(address_for(SITE, state="s", verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
    assert (found.netloc, found.path) == ("school.test", "/authorize")
    assert parse_qs(found.query) == {
        "client_id": ["skillcore"],
        "code_challenge": ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"],  # RFC 7636, appendix B
        "code_challenge_method": ["S256"],
        "redirect_uri": ["https://skillcore.test/back"],
        "response_type": ["code"],
        "state": ["s"],
    }
    async with token_client(Network(), SITE) as client:
        assert client.client_id == "skillcore"
