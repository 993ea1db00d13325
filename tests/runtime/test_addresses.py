"""Our own address, and origins as browsers write them."""

from __future__ import annotations

from skillcore.runtime.addresses import origin_of, own_url
from skillcore.runtime.settings import ServerSection


def test_links_lead_to_the_public_address() -> None:
    assert own_url(ServerSection(public_url="https://skills.example.org/")) == "https://skills.example.org"
    assert own_url(ServerSection(host="0.0.0.0", port=9000)) == "http://127.0.0.1:9000"
    assert own_url(ServerSection(host="::", tls_certificate_file="c", tls_key_file="k", port=443)) == "https://[::1]"


def test_origins_are_written_as_browsers_write_them() -> None:
    assert origin_of("HTTPS://Skills.Example.org:443/there") == "https://skills.example.org"
    assert origin_of("http://[::1]:8000/") == "http://[::1]:8000"
