"""Which proofs are offered, by what the settings say, and what the health check finds."""

import json

import msgspec
import pytest

from skillcore.plugin import ChallengeProof, OAuthClient, OIDCProof, Unavailable
from skillcore.testing import Recital, ToolFault
from skillcore_codeforces import Settings, skillcore_verification_sources


def source(**section):
    (made,) = skillcore_verification_sources(msgspec.convert(section, Settings))
    return made


def test_without_credentials_there_is_the_challenge_alone():
    assert source().proofs == (ChallengeProof(minutes=30),)
    assert source(challenge_minutes=10).proofs == (ChallengeProof(minutes=10),)


def test_with_credentials_signing_in_comes_first():
    """Names of the announcement in Codeforces' blog, entry 145566, and of its discovery document."""
    client = OAuthClient(client_id="us", client_secret_file="secret")
    signing_in, challenge = source(oauth={"client_id": "us", "client_secret_file": "secret"}).proofs
    assert signing_in == OIDCProof(
        client=client, issuer="https://codeforces.com", handle_claim="handle", scopes=("openid",), shared_secret=True
    )
    assert challenge == ChallengeProof(minutes=30)


def test_work_has_one_name_whichever_way_the_account_was_proved():
    """The challenge knows no other id than the handle, so neither may the token give one."""
    signing_in, _ = source(oauth={"client_id": "us", "client_secret": "hush"}).proofs
    assert signing_in.id_claim == ""


@pytest.mark.parametrize("section", [{"challenge_minutes": 0}, {"challenge_minutes": 1441}, {"oauth": {"id": "us"}}, {"x": 1}])
def test_settings_that_mean_nothing_are_refused(section):
    with pytest.raises(msgspec.ValidationError):
        source(**section)


async def test_health_is_one_question():
    well = Recital(lambda tool, arguments: json.dumps([{"handle": "tourist", "rating": 3301}]))
    assert await source().health_check(well) is None
    assert well.calls == [("get_user_info", {"handles": ["tourist"]})]
    with pytest.raises(Unavailable):
        await source().health_check(Recital(lambda *_: ToolFault("Error: API request failed")))


async def test_a_client_without_its_secret_is_a_mistake():
    tools = Recital(lambda tool, arguments: json.dumps([{"handle": "tourist"}]))
    for given, word in (({}, "no secret"), ({"client_secret": "hush"}, None), ({"client_secret_file": "f"}, None)):
        found = await source(oauth={"client_id": "us", **given}).health_check(tools)
        assert (found is None) == (word is None)
        assert word is None or word in found
        assert "hush" not in str(found)
