"""What holds secrets can be written anywhere: they do not show."""

from __future__ import annotations

import msgspec
import pytest

from skillcore.accounts.login import Credentials
from skillcore.accounts.memberships import InvitationCode
from skillcore.accounts.mentors import Acceptance
from skillcore.accounts.second_factor import Code, FullProof
from skillcore.plugin import ServerSettings
from skillcore.privacy.requests import Confirmation
from skillcore.runtime.settings import MailSettings, OIDCProviderSettings


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        (Credentials, {"email": "ada@example.org", "password": "CANARY", "code": "CANARY", "device_token": "CANARY"}),
        (InvitationCode, {"code": "CANARY"}),
        (Acceptance, {"code": "CANARY"}),
        (Code, {"code": "CANARY"}),
        (FullProof, {"password": "CANARY", "code": "CANARY"}),
        (Confirmation, {"password": "CANARY", "code": "CANARY"}),
        (MailSettings, {"password": "CANARY"}),
        (OIDCProviderSettings, {"issuer": "https://id.example.org", "client_id": "skillcore", "client_secret": "CANARY"}),
        (
            ServerSettings,
            {"url": "https://ada:CANARY@mcp.example.org/", "headers": {"X-Key": "CANARY"}, "env": {"A": "CANARY"}},
        ),
    ],
)
def test_secrets_do_not_show(shape: type[msgspec.Struct], given: dict[str, object]) -> None:
    shown = repr(msgspec.convert(given, shape))
    assert "CANARY" not in shown
    assert shown.startswith(f"{shape.__name__}(")


def test_what_is_no_secret_shows() -> None:
    assert "email='ada@example.org'" in repr(Credentials(email="ada@example.org", password="x"))
    assert repr(MailSettings(password_file="/run/secrets/mail")).count("/run/secrets/mail") == 1
