"""HTTPS by certificate files: served, with nothing older than TLS 1.2, and looked at by the doctor."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from skillcore.cli.diagnosis import network
from skillcore.runtime.http import Certificate, CertificateUnusable, check, serve
from skillcore.runtime.settings import ServerSection, Settings
from tests.cli.conftest import Commands
from tests.services import serving, started, until

Make = Callable[..., ServerSection]
VERSIONS = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
ANYTHING = "ALL:@SECLEVEL=0"
"""Else OpenSSL itself would not try what is too old."""


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
        clients = {version: speaking(version, server) for version in VERSIONS}
        found = {version.name: spoken(client, port) for version, client in clients.items()}
        too_old = "SSLV3_ALERT_HANDSHAKE_FAILURE"  # which is the word of a server that has nothing in common with a client
        assert found == {"TLSv1": too_old, "TLSv1_1": too_old, "TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}
        with lenient(server) as lax:  # and those clients do speak what was refused
            assert [spoken(clients[version], lax) for version in VERSIONS[:2]] == ["TLSv1", "TLSv1.1"]
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(b"GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert not plain.recv(4096).startswith(b"HTTP/")  # neither served nor sent on to where it would be
        listening = Settings(
            server=ServerSection(port=port, tls_certificate_file=server.tls_certificate_file, tls_key_file=server.tls_key_file)
        )
        assert [one.status for one in network.port(listening)] == ["ok"]


def speaking(version: ssl.TLSVersion, server: ServerSection) -> ssl.SSLContext:
    """Return a client that speaks one version, however old."""
    client = ssl.create_default_context(cafile=server.tls_certificate_file)
    client.set_ciphers(ANYTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = version
    return client


def spoken(client: ssl.SSLContext, port: int) -> str | None:
    """Return the version that a server agrees on with a client, or why there is none."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        try:
            with client.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped:
                return wrapped.version()
        except ssl.SSLError as error:
            return error.reason


@contextmanager
def lenient(server: ServerSection) -> Iterator[int]:
    """Serve two connections with what OpenSSL speaks, however old; yields the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ANYTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(server.tls_certificate_file, server.tls_key_file)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listening.accept()
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    wrapped.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join(timeout=20)


@pytest.mark.timeout(100)
def test_a_key_of_another_certificate_stops_the_start(make: Make, tmp_path: Path) -> None:
    mixed = ServerSection(tls_certificate_file=make("one").tls_certificate_file, tls_key_file=make("two").tls_key_file)
    with started(tmp_path / "here", "--port", "0", variables=variables(mixed)) as served:
        until(lambda: served.process.poll() is not None)
        assert served.process.returncode == 1
        assert "one.pem and " in served.said
        assert "are not a certificate and its key" in served.said
    assert said(mixed)[0][0] == "fail"


async def test_nothing_is_served_with_a_key_of_another_certificate(make: Make) -> None:
    """Nor where nobody looked before, as `skillcore api` does not."""
    mixed = Certificate(Path(make("one").tls_certificate_file), Path(make("two").tls_key_file))

    async def nobody(*_: object) -> None:
        raise AssertionError("a request was answered")

    with pytest.raises(CertificateUnusable, match="not a certificate and its key"):
        async with asyncio.timeout(20):
            await serve(nobody, host="127.0.0.1", port=0, grace=1, stop=asyncio.Event(), certificate=mixed)


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


def test_the_doctor_looks_at_the_certificate_and_its_key(
    make: Make, command: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make(begins=-10, lasts=5)
    Path(server.tls_key_file).chmod(0o604)
    for name, value in {**variables(server), "SKILLCORE__SERVER__PORT": "0", "SKILLCORE__PLUGINS__ALLOW": "[]"}.items():
        monkeypatch.setenv(name, value)
    done = command("doctor", "--json")
    found = {one["check"]: one["found"] for one in done.json["checks"] if one["status"] == "fail"}
    assert done.code == 1
    assert "own.pem expired on" in found["certificate"]
    assert f"server.tls_key_file {server.tls_key_file} is open to everybody (mode 604)" in found["secrets"]


def test_nobody_is_asked_for_the_password_of_a_key(make: Make, tmp_path: Path) -> None:
    """OpenSSL would ask at the terminal, and whoever starts a service there would see it hang."""
    server = make(password=b"secret")
    look = (
        "import sys; from pathlib import Path; from skillcore.runtime.http import Certificate, check;"
        " check(Certificate(Path(sys.argv[1]), Path(sys.argv[2])))"
    )
    at_a_terminal = "import pty, sys; pty.spawn(sys.argv[1:])"
    files = server.tls_certificate_file, server.tls_key_file
    asked = [sys.executable, "-c", at_a_terminal, sys.executable, "-c", look, *files]
    with subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        # Whoever asks gets an answer, so that it ends; without a question the line is left over.
        said, _ = process.communicate("secret\n", timeout=60)
    assert "CertificateUnusable" in said
    assert "pass phrase" not in said.lower()


@pytest.mark.parametrize("what", ["missing", "no certificate", "nonsense", "encrypted", "unreadable key"])
def test_what_tls_cannot_be_served_with(make: Make, tmp_path: Path, what: str) -> None:
    server = make(password=b"secret") if what == "encrypted" else make()
    used = Certificate.of(server)
    assert used is not None
    if what == "missing":
        used.key.unlink()
    if what == "no certificate":
        used.file.unlink()
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
