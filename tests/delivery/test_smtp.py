"""Handing mails to a real server: with and without TLS and credentials, and through its faults."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from skillcore.delivery.mail import Letter
from skillcore.delivery.smtp import NotNow, Refused, hand_over, written
from skillcore.runtime.settings import MailSettings
from tests.mail_server import PASSWORD, SENDER, USER, authority, mail_server, mail_settings

ID = UUID("0193c0de-0000-7000-8000-000000000001")
AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def letter(
    to: str = "Ada@example.org", subject: str = "A subject", text: str = "One line.\nAnother, with ä.\n.\n"
) -> EmailMessage:
    return written(Letter(to, subject, text), sender=SENDER, id_=ID, at=AT)


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
@pytest.mark.parametrize("user", ["", USER])
async def test_a_mail_arrives(security: str, user: str) -> None:
    async with mail_server(security, user=user) as server:
        more = {"user": user, "password": PASSWORD} if user else {}
        settings = mail_settings(server, security=security, ca_file="" if security == "none" else str(authority()), **more)
        await hand_over(settings, letter())
        (taken,) = server.taken
    assert (taken.sender, taken.recipients) == ("no-reply@school.example", ["Ada@example.org"])
    assert taken.encrypted is (security != "none")
    assert taken.text == "One line.\nAnother, with ä.\n.\n"
    heads = {name: str(value) for name, value in taken.message.items()}
    assert heads.pop("MIME-Version") == "1.0"
    assert heads == {
        "From": SENDER,
        "To": "Ada@example.org",
        "Subject": "A subject",
        "Date": "Sat, 21 Nov 2026 12:30:00 +0000",
        "Message-ID": f"<{ID}@school.example>",
        "Auto-Submitted": "auto-generated",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "quoted-printable",
    }


async def test_a_server_that_offers_no_tls_gets_nothing() -> None:
    async with mail_server("none") as server:
        with pytest.raises(NotNow):
            await hand_over(mail_settings(server, security="starttls"), letter())
        assert server.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_nobody_vouches_for_gets_nothing(security: str) -> None:
    async with mail_server(security) as server:
        with pytest.raises(NotNow, match="could not be reached"):
            await hand_over(mail_settings(server, security=security), letter())
        assert server.taken == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_host_gets_nothing(security: str) -> None:
    other = authority("elsewhere.example")
    async with mail_server(security, certificate=other) as server:
        with pytest.raises(NotNow, match="could not be reached"):
            await hand_over(mail_settings(server, security=security, ca_file=str(other)), letter())
        assert server.taken == []


async def test_wrong_credentials_can_be_mended() -> None:
    async with mail_server("starttls", user=USER) as server:
        wrong = mail_settings(server, security="starttls", ca_file=str(authority()), user=USER, password="wrong")
        with pytest.raises(NotNow, match="535"):
            await hand_over(wrong, letter())
        assert server.taken == []


@pytest.mark.parametrize(
    ("stage", "answer", "kind", "said"),
    [
        ("RCPT", "550 5.1.1 <ada@example.org>: nobody of this name", Refused, "the server answered 550 5.1.1 to the recipient"),
        ("RCPT", "450 4.2.0 <ada@example.org>: come again", NotNow, "the server answered 450 4.2.0 to the recipient"),
        ("RCPT", "421 busy", NotNow, "the server answered 421 to the recipient"),
        ("DATA", "554 5.7.1 ada@example.org dislikes this", Refused, "the server answered 554 5.7.1 to the text"),
        ("DATA", "451 4.3.0 not now", NotNow, "the server answered 451 4.3.0 to the text"),
        ("MAIL", "550 5.7.1 you may not send as no-reply@school.example", NotNow, "the server answered 550 5.7.1"),
        ("MAIL", "421 4.3.2 closing", NotNow, "the server answered 421 4.3.2"),
    ],
)
async def test_what_the_server_answers(stage: str, answer: str, kind: type[Exception], said: str) -> None:
    async with mail_server() as server:
        server.at[stage] = answer
        with pytest.raises(kind) as caught:
            await hand_over(mail_settings(server), letter("ada@example.org"))
    assert str(caught.value) == said
    assert "@" not in said


async def test_a_server_that_says_nothing_is_left() -> None:
    async with mail_server() as server:
        server.silent = True
        with pytest.raises(NotNow, match="did not answer in time"):
            await hand_over(mail_settings(server, timeout=0.2), letter())
        assert server.asked.is_set()


async def test_a_server_that_is_not_there() -> None:
    async with mail_server() as server:
        settings = mail_settings(server)
    with pytest.raises(NotNow, match="could not be reached"):
        await hand_over(settings, letter())


async def test_unicode_addresses_go_to_servers_that_know_them() -> None:
    async with mail_server() as server:
        await hand_over(mail_settings(server), letter("rené@bücher.example"))
        (taken,) = server.taken
    assert taken.to == "rené@xn--bcher-kva.example"
    assert "To: rené@xn--bcher-kva.example".encode() in taken.raw


async def test_a_unicode_address_is_refused_by_a_server_that_does_not() -> None:
    async with mail_server(utf8=False) as server:
        with pytest.raises(Refused):
            await hand_over(mail_settings(server), letter("rené@example.org"))
        await hand_over(mail_settings(server), letter("rene@bücher.example"))
        assert [taken.to for taken in server.taken] == ["rene@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("ada@example.org", "A subject\r\nBcc: mallory@example.org"),
        ("ada@example.org", "A subject\nBcc: mallory@example.org"),
        ("ada@example.org", "A subject\x85Bcc: mallory@example.org"),
        ("ada@example.org", "A subject\u2028Bcc: mallory@example.org"),
        ("ada@example.org", "A subject\x00"),
        ("ada@example.org\r\nBcc: mallory@example.org", "A subject"),
        ("ada@example.org, mallory@example.org", "A subject"),
        ("ada@example.org>\r\nRCPT TO:<mallory@example.org", "A subject"),
        ("", "A subject"),
    ],
)
def test_nobody_writes_a_header(to: str, subject: str) -> None:
    with pytest.raises(Refused):
        letter(to, subject)


@pytest.mark.parametrize("line", [".", "..", "\r\n.\r\nMAIL FROM:<mallory@example.org>\r\n", "\n.\r\n", "\r.\r", "From x"])
async def test_a_text_stays_a_text(line: str) -> None:
    text = f"before\n{line}\nafter\n"
    async with mail_server() as server:
        await hand_over(mail_settings(server), letter(text=text))
        (taken,) = server.taken
    assert taken.recipients == ["Ada@example.org"]
    assert " ".join(taken.text.split()) == " ".join(text.split())


def test_long_and_foreign_subjects_are_folded_and_read_again() -> None:
    subject = "Prüfung der Adresse: " + "日本語 " * 30
    message = message_from_bytes(letter(subject=subject).as_bytes(), policy=default)
    assert str(message["Subject"]).split() == subject.split()
    assert max(len(line) for line in letter(subject=subject).as_bytes().splitlines()) <= 998


def test_settings_show_no_password() -> None:
    settings = MailSettings(host="mail.example", user=USER, password=PASSWORD)
    assert PASSWORD not in repr(settings)


def test_the_certificates_are_checked_with_what_the_machine_trusts() -> None:
    context = ssl.create_default_context()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
