"""Connections to addresses that somebody gave: what may be dialled, what is dialled, and what is read of the answer."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from skillcore.plugin import MCPServer, ServerSettings, Tool, Unavailable
from skillcore.runtime.mcp import ServerSession
from skillcore.runtime.outbound import AnswerTooLarge, Network, _certificates, is_public
from skillcore.runtime.settings import ResilienceSettings

HERE = Network(["127.0.0.0/8"])
SMALL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LOCATION = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/inside\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def answering(answer: bytes | Callable[[int], bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve one answer to everybody; gives the port, and what was asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        port = writer.get_extra_info("sockname")[1]
        writer.write(answer(port) if callable(answer) else answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], asked


@pytest.mark.parametrize(
    ("address", "public"),
    [
        # The special-purpose registries of IANA for IPv4 and IPv6, and what hides an IPv4 address inside.
        ("8.8.8.8", True),
        ("93.184.216.34", True),
        ("2606:4700:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("2002:808:808::1", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.0.0.192", False),
        ("192.88.99.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("239.255.255.250", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::7f00:1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b:1::808:808", False),
        ("2001:db8::1", False),
        ("2001:0:a9fe:a9fe::1", False),
        ("2002:a9fe:a9fe::1", False),
        ("fc00::1", False),
        ("fd00:ec2::254", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("3fff::1", False),
        ("4000::1", False),
    ],
)
def test_what_the_internet_routes_is_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public
    assert Network().permits(address) is public


def test_networks_that_are_allowed_are_let_in_in_each_notation() -> None:
    network = Network(["10.0.0.0/8", "fd00::/8"])
    assert network.permits("10.1.2.3")
    assert network.permits("::ffff:10.1.2.3")
    assert network.permits("fd00::1")
    assert not network.permits("11.1.2.3.4")
    assert not network.permits("192.168.1.1")
    assert not network.permits("::ffff:192.168.1.1")


@pytest.mark.parametrize("text", ["10.0.0/8", "300.0.0.0/8", "::::/8", "everywhere"])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"outbound\.allow: .* is no network"):
        Network([text])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"])
async def test_no_notation_leads_to_this_machine(host: str) -> None:
    async with answering(SMALL) as (port, asked):
        async with Network().client(limit=100, seconds=5) as client:
            with pytest.raises(httpx2.ConnectError, match=r"not public.*outbound\.allow|no address"):
                await client.get(f"http://{host}:{port}/")
        assert not asked


async def test_what_is_allowed_answers() -> None:
    async with answering(SMALL) as (port, asked), HERE.client(limit=100, seconds=5, headers={"x-own": "1"}) as client:
        assert (await client.get(f"http://localhost:{port}/a?b")).text == "hi"
    assert asked[0].startswith(b"GET /a?b HTTP/1.1\r\nHost: localhost:%d\r\n" % port)
    assert b"x-own: 1" in asked[0]


async def test_a_name_that_leads_inside_too_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers for a name may give an address that passes, and beside it one that does not."""

    async def both(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (to, port)) for to in ("127.0.0.1", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    async with answering(SMALL) as (port, asked):
        async with HERE.client(limit=100, seconds=5) as client:
            with pytest.raises(httpx2.ConnectError, match=r"both\.test leads to 10\.0\.0\.1"):
                await client.get(f"http://both.test:{port}/")
        assert not asked


async def test_a_name_is_looked_up_once_and_its_address_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[str] = []

    async def once(host: str, port: int, **_: Any) -> list[Any]:
        looked_up.append(host)
        address = "127.0.0.1" if len(looked_up) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with answering(SMALL) as (port, _), HERE.client(limit=100, seconds=5) as client:
        monkeypatch.setattr("skillcore.runtime.outbound._addresses", resolving(once))
        assert (await client.get(f"http://rebinding.test:{port}/")).text == "hi"
    assert looked_up == ["rebinding.test"]


def resolving(lookup: Callable[..., Any]) -> Callable[[str, int], Any]:
    async def addresses(host: str, port: int) -> list[str]:
        return [found[4][0] for found in await lookup(host, port)]

    return addresses


async def test_redirects_are_answers() -> None:
    async with answering(lambda port: LOCATION % port) as (port, asked), HERE.client(limit=100, seconds=5) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 302
    assert len(asked) == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 200\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nc8\r\n", b"\r\n"])
async def test_no_more_is_read_than_an_answer_may_have(framing: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\n" + framing + b"x" * 200 + b"\r\n0\r\n\r\n"
    async with answering(answer) as (port, _), HERE.client(limit=100, seconds=5) as client:
        with pytest.raises(AnswerTooLarge, match="100 bytes"):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b"\0" * 50_000_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    async with answering(answer) as (port, asked), HERE.client(limit=100_000, seconds=5) as client:
        with pytest.raises(httpx2.RemoteProtocolError, match="compressed"):
            await client.get(f"http://127.0.0.1:{port}/")
    assert b"accept-encoding: identity" in asked[0].lower()


async def test_nothing_of_the_environment_is_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(SMALL) as (proxy, through), answering(SMALL) as (port, asked):
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        async with HERE.client(limit=100, seconds=5) as client:
            await client.get(f"http://127.0.0.1:{port}/")
    assert asked
    assert not through


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async with answering(b""):
        silent = socket.create_server(("127.0.0.1", 0))
        with silent:
            async with HERE.client(limit=100, seconds=0.2) as client:
                with pytest.raises(httpx2.TimeoutException):
                    await client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")


async def test_a_name_for_which_nobody_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any, **__: Any) -> list[Any]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    async with HERE.client(limit=100, seconds=0.2) as client:
        with pytest.raises(httpx2.ConnectTimeout, match=r"silent\.test did not answer in time"):
            await asyncio.wait_for(client.get("http://silent.test/"), 10)


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ssl.SSLContext]]:
    """Make servers' certificates by an authority that this machine trusts for the duration of the test."""
    authority = Authority("an authority that is trusted")
    trusted = tmp_path / "authority.pem"
    trusted.write_bytes(authority.certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))  # what OpenSSL itself calls the file
    _certificates.cache_clear()

    def made(name: str = "127.0.0.1", *, by: Authority = authority, ends: int = 1) -> ssl.SSLContext:
        file = tmp_path / f"{uuid4().hex}.pem"
        file.write_bytes(by.signed(name, ends))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    yield made
    _certificates.cache_clear()


class Authority:
    """Signs certificates of servers."""

    def __init__(self, name: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        own = self._beginning(self.name, self.key, 1).add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        self.certificate = own.sign(self.key, hashes.SHA256())

    def signed(self, address: str, ends: int) -> bytes:
        """Return a server's certificate with its key, as a PEM; it ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address)])
        named = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        certificate = self._beginning(subject, key, ends).add_extension(named, False).sign(self.key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(pem) + private

    def _beginning(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, ends: int) -> x509.CertificateBuilder:
        moment = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(moment - timedelta(days=9))
            .not_valid_after(moment + timedelta(days=ends))
        )


async def over_tls(context: ssl.SSLContext) -> bytes:
    """Send a secret to a server by TLS, and return what the server got to see of it."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(SMALL)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        async with HERE.client(limit=100, seconds=5, headers={"Authorization": "Bearer secret"}) as client:
            try:
                await client.get(f"https://127.0.0.1:{port}/")
            except httpx2.ConnectError as error:
                assert not asked
                return str(error).encode()
    return asked[0]


async def test_who_shows_no_certificate_of_its_own_gets_nothing(certified: Callable[..., ssl.SSLContext]) -> None:
    assert b"Bearer secret" in await over_tls(certified())
    assert b"unable to get local issuer" in await over_tls(certified(by=Authority("another one")))
    assert b"IP address mismatch" in await over_tls(certified("127.0.0.2"))
    assert b"expired" in await over_tls(certified(ends=-1))


async def test_nothing_is_said_in_a_tls_that_is_too_old(certified: Callable[..., ssl.SSLContext]) -> None:
    """RFC 8996 has done away with TLS 1.0 and 1.1."""
    context = certified()
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # so that it is not the server that refuses
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert b"Bearer" not in await over_tls(context)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    assert b"Bearer secret" in await over_tls(context)


async def test_a_remote_mcp_server_inside_must_be_allowed() -> None:
    """A plugin's default address could lead to whatever listens here."""
    async with answering(SMALL) as (port, asked):
        server = MCPServer(tools=(Tool("say", ()),), settings=ServerSettings(url=f"http://127.0.0.1:{port}/mcp"))
        async with ServerSession("inside", server, ResilienceSettings(connect_timeout=5), Network()) as session:
            with pytest.raises(Unavailable, match=r"not public.*outbound\.allow"):
                await session.call("say", {})
        assert not asked
