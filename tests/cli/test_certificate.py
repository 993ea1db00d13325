"""HTTPS by certificate files: served, with nothing older than TLS 1.2, and looked at by the doctor."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from skillcore.cli.diagnosis import network
from skillcore.runtime.http import Certificate, CertificateUnusable, check
from skillcore.runtime.settings import ServerSection, Settings
from tests.services import serving, started, until

Make = Callable[..., ServerSection]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a certificate of this machine's loopback that is its own authority."""

    def made(name: str = "own", *, begins: int = -1, lasts: int = 90, password: bytes = b"") -> ServerSection:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        begin = datetime.now(UTC) + timedelta(days=begins)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=lasts))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
        files[1].chmod(0o600)
        return ServerSection(tls_certificate_file=str(files[0]), tls_key_file=str(files[1]))

    return made


def variables(server: ServerSection) -> dict[str, str]:
    return {
        "SKILLCORE__SERVER__TLS_CERTIFICATE_FILE": server.tls_certificate_file,
        "SKILLCORE__SERVER__TLS_KEY_FILE": server.tls_key_file,
    }


def said(server: ServerSection) -> list[tuple[str, str]]:
    return [(one.status, one.found) for one in network.certificate(Settings(server=server))]


@pytest.mark.timeout(200)
def test_https_is_served(make: Make, tmp_path: Path) -> None:
    server = make()
    trusting = ssl.create_default_context(cafile=server.tls_certificate_file)
    with serving(tmp_path / "here", variables=variables(server)) as served:
        assert served.address.startswith("https://127.0.0.1:")
        port = int(served.address.rpartition(":")[2])
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=20)
        connection.request("GET", "/api/health/live")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
        assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        connection.close()
        found = {}
        for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=server.tls_certificate_file)
            context.set_ciphers("DEFAULT@SECLEVEL=0")  # else OpenSSL itself would not try what is too old
            with pytest.warns(DeprecationWarning, match="TLSv1_1") if version < ssl.TLSVersion.TLSv1_2 else no_warning():
                context.minimum_version = context.maximum_version = version
            with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
                try:
                    with context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
                        found[version.name] = wrapped.selected_alpn_protocol() or "http/1.1"
                except (ssl.SSLError, ConnectionError):
                    found[version.name] = "refused"
        assert found == {"TLSv1_1": "refused", "TLSv1_2": "http/1.1", "TLSv1_3": "http/1.1"}
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(4096).startswith(b"HTTP/")  # neither served nor sent on to where it would be
        listening = Settings(
            server=ServerSection(port=port, tls_certificate_file=server.tls_certificate_file, tls_key_file=server.tls_key_file)
        )
        assert [one.status for one in network.port(listening)] == ["ok"]


class no_warning:  # noqa: N801 - a context manager reads as a verb
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


@pytest.mark.timeout(100)
def test_a_key_of_another_certificate_stops_the_start(make: Make, tmp_path: Path) -> None:
    mixed = ServerSection(tls_certificate_file=make("one").tls_certificate_file, tls_key_file=make("two").tls_key_file)
    with started(tmp_path / "here", "--port", "0", variables=variables(mixed)) as served:
        until(lambda: served.process.poll() is not None)
        assert served.process.returncode == 1
        assert "one.pem and " in served.said
        assert "are not a certificate and its key" in served.said
    assert said(mixed)[0][0] == "fail"


@pytest.mark.parametrize(
    ("begins", "lasts", "status", "words"),
    [
        (-1, 90, "ok", "is good until"),
        (-1, 10, "warn", "expires on"),
        (-10, 5, "fail", "expired on"),
        (1, 90, "fail", "is good from"),
    ],
)
def test_the_doctor_says_how_long_it_is_good(make: Make, begins: int, lasts: int, status: str, words: str) -> None:
    ((found, text),) = said(make(begins=begins, lasts=lasts))
    assert found == status
    assert words in text


def test_without_a_certificate_nothing_is_said() -> None:
    assert said(ServerSection()) == []


@pytest.mark.parametrize("what", ["missing", "nonsense", "encrypted", "unreadable key"])
def test_what_tls_cannot_be_served_with(make: Make, tmp_path: Path, what: str) -> None:
    server = make(password=b"secret") if what == "encrypted" else make()
    used = Certificate.of(server)
    assert used is not None
    if what == "missing":
        used.key.unlink()
    if what == "nonsense":
        used.file.write_text("no certificate")
    if what == "unreadable key":
        used = Certificate(used.file, tmp_path)
    with pytest.raises(CertificateUnusable):
        check(used)


def test_other_machines_reach_tls_without_a_warning(make: Make) -> None:
    server = make()
    everywhere = ServerSection(
        host="0.0.0.0", tls_certificate_file=server.tls_certificate_file, tls_key_file=server.tls_key_file
    )
    assert [one.status for one in network.bind(Settings(server=everywhere))] == ["ok"]
    assert [one.status for one in network.bind(Settings(server=ServerSection(host="0.0.0.0")))] == ["warn"]
