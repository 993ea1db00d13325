"""What is made of pip-audit's answers. The first is one that it gave where it could reach nobody, and ended with 0."""

import json

import pytest

from tests.docs.documents import ROOT
from tests.security.vulnerabilities import here, judge, locked

UNREACHED = {
    "dependencies": [
        {"name": "aiosmtpd", "skip_reason": "Dependency not found on PyPI and could not be audited: aiosmtpd (1.4.6)"},
        {"name": "aiosmtplib", "skip_reason": "Dependency not found on PyPI and could not be audited: aiosmtplib (5.1.3)"},
    ],
    "fixes": [],
}
CLEAN = {
    "dependencies": [
        {"name": "aiosmtpd", "version": "1.4.6", "vulns": []},
        {"name": "AioSMTPlib", "version": "5.1.3", "vulns": []},
    ],
    "fixes": [],
}
VULNERABLE = {
    "dependencies": [
        {"name": "aiosmtpd", "version": "1.4.6", "vulns": []},
        {
            "name": "aiosmtplib",
            "version": "5.1.3",
            "vulns": [
                {"id": "PYSEC-2026-1", "fix_versions": ["5.1.4"], "aliases": ["CVE-2026-1"], "description": "…"},
                {"id": "PYSEC-2026-2", "fix_versions": [], "aliases": [], "description": "…"},
            ],
        },
    ],
    "fixes": [],
}
LOCK = "aiosmtpd==1.4.6 \\\n    --hash=sha256:5a81\naiosmtplib==5.1.3 \\\n    --hash=sha256:ac2b\n"
WANTED = {"aiosmtpd": {"1.4.6"}, "aiosmtplib": {"5.1.3"}}


def judged(answer: object) -> list[str]:
    return list(judge(locked(LOCK), [json.dumps(answer).encode()]))


def test_a_lock_file_is_read():
    assert locked(LOCK) == WANTED
    found = locked((ROOT / "requirements.lock").read_text("utf-8"))
    assert {"litestar", "cryptography", "pyjwt"} <= found.keys()
    assert len(found) > 100
    assert "colorama" not in here("colorama==0.4.6 ; sys_platform == 'nowhere' \\\n    --hash=sha256:1\n" + LOCK)
    assert here("cffi==2.1.1 ; sys_platform != 'nowhere' \\\n    --hash=sha256:1\n" + LOCK).keys() == {"cffi", *WANTED}


def test_all_looked_up_and_nothing_known_is_well():
    assert judged(CLEAN) == []


def test_what_could_not_be_looked_up_is_no_success():
    found = judged(UNREACHED)
    assert [line for line in found if line.startswith("aiosmtpd was not checked")]
    assert [line for line in found if line.startswith("aiosmtplib was not checked")]


def test_a_vulnerable_version_is_told_with_its_remedy():
    assert judged(VULNERABLE) == [
        "aiosmtplib 5.1.3: PYSEC-2026-1, mended in 5.1.4",
        "aiosmtplib 5.1.3: PYSEC-2026-2, not mended yet",
    ]


@pytest.mark.parametrize("missing", [0, 1])
def test_a_package_that_is_not_in_the_report_was_not_checked(missing):
    dependencies = [one for number, one in enumerate(CLEAN["dependencies"]) if number != missing]
    (line,) = judged({"dependencies": dependencies})
    assert "was not checked" in line


def test_another_version_was_not_checked():
    other = [{"name": "aiosmtpd", "version": "1.4.7", "vulns": []}, CLEAN["dependencies"][1]]
    assert judged({"dependencies": other}) == ["aiosmtpd was not checked"]


@pytest.mark.parametrize("answer", [b"", b"No known vulnerabilities found", b"{}"])
def test_no_report_is_no_success(answer):
    found = list(judge(WANTED, [answer]))
    assert found[0].startswith("pip-audit gave no report")
    assert len(found) == 3


def test_an_empty_lock_file_is_no_success():
    assert list(judge({}, [b'{"dependencies": []}'])) == ["the lock file names no package"]
