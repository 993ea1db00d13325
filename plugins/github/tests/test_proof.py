"""Proof by signing in at GitHub: what is declared, and from which settings."""

import msgspec
import pytest

from skillcore.plugin import OAuthClient, OAuthProof
from skillcore_github import skillcore_plugin, skillcore_verification_sources

SETTINGS = skillcore_plugin().settings


def source(**settings):
    (made,) = skillcore_verification_sources(msgspec.convert(settings, SETTINGS))
    return made


def test_without_a_client_the_proof_is_there_to_see_and_has_no_client():
    """The engine offers none without a client's id; what is declared says that people could sign in."""
    (proof,) = source().proofs
    assert proof.client == OAuthClient()


def test_people_sign_in_at_github_and_are_known_by_their_number():
    """Addresses and fields as GitHub documents them for OAuth apps and for ``GET /user``."""
    (proof,) = source(oauth={"client_id": "Iv1.abc", "client_secret_file": "/run/secrets/github"}).proofs
    assert proof == OAuthProof(
        client=OAuthClient(client_id="Iv1.abc", client_secret_file="/run/secrets/github"),
        authorize_url="https://github.com/login/oauth/authorize",
        token_url="https://github.com/login/oauth/access_token",
        user_url="https://api.github.com/user",
        id_field="id",
        handle_field="login",
        scopes=(),
        revoke_url="https://api.github.com/applications/Iv1.abc/token",
        revoke_method="DELETE",
    )


def test_github_enterprise_has_addresses_of_its_own():
    (proof,) = source(
        oauth={"client_id": "x"}, site="https://github.example.com", api="https://github.example.com/api/v3"
    ).proofs
    assert (proof.authorize_url, proof.user_url) == (
        "https://github.example.com/login/oauth/authorize",
        "https://github.example.com/api/v3/user",
    )
    assert proof.token_url == "https://github.example.com/login/oauth/access_token"
    assert proof.revoke_url == "https://github.example.com/api/v3/applications/x/token"


@pytest.mark.parametrize(
    "address", ["", "github.com", "ftp://github.com", "https://github.com/", "https://a b", "https://a?b", "https://a\n"]
)
@pytest.mark.parametrize("key", ["site", "api"])
def test_an_address_is_one_without_a_slash_at_its_end(key, address):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({key: address}, SETTINGS)


def test_the_secret_is_not_shown():
    assert "s3cret" not in repr(source(oauth={"client_id": "x", "client_secret": "s3cret"}).proofs)
