"""The decoders against what was recorded: API answers of ``data/github`` and rows of ``upstream/observed.md``.

The npm server passes the API's JSON on; the official server's form of the same rows is made by `official`.
"""

import json

import pytest

from skillcore.plugin import NotFound, Refused, Unavailable
from skillcore_github.answers import npm_commits, npm_pulls, official_commits, official_pulls
from skillcore_github.failures import failures_of

# Counted in the recordings by hand: rows, and the accounts that they name.
RECORDED = [
    ("commits.PyGithub.2012", 30, {"jacquev6"}),
    ("commits.PyGithub.since-until.2013.1", 30, {"jacquev6"}),
    ("commits.PyGithub.since-until.2013.2", 17, {"jacquev6", "pgolm"}),
    ("commits.PyGithub.2026.1", 2, {"EnricoMi"}),
    ("commits.kohsuke_empty-commit", 1, {"kohsuke"}),
    ("commits.stapler_stapler.2020", 30, {"jglick", "daniel-beck", "jeffret-b", "oleg-nenashev"}),
]
COMMIT = {
    "sha": "a" * 40,
    "url": f"https://api.github.com/repos/Ann/Work/commits/{'a' * 40}",
    "html_url": f"https://github.com/Ann/Work/commit/{'a' * 40}",
    "commit": {"author": {"name": "ann", "email": "ann@example.invalid", "date": "2026-03-01T10:00:00Z"}},
    "author": {"login": "ann", "id": 7},
}
PULL = {
    "number": 3,
    "html_url": "https://github.com/Ann/Work/pull/3",
    "state": "closed",
    "user": {"login": "ann", "id": 7},
    "merged_at": "2026-03-01T10:00:00Z",
}


@pytest.fixture(scope="module")
def recorded(shared):
    def text(name):
        return (shared / "data" / "github" / f"{name}.body.json").read_text("utf-8")

    return text


def official(text):
    """Return recorded rows as the official server writes them: few fields, empty ones left out, times in UTC or with offset."""
    rows = []
    for row in json.loads(text):
        short = {key: row[key] for key in ("sha", "html_url", "commit", "number", "title", "state") if key in row}
        short |= {key: row[key] for key in ("merged_at", "closed_at", "created_at") if row.get(key)}
        for key in ("author", "user"):
            if row.get(key):
                short[key] = {"login": row[key]["login"], "id": row[key]["id"]}
        rows.append(short | ({"draft": False, "merged": False} if "number" in row else {}))
    return json.dumps(rows)


@pytest.mark.parametrize(("recording", "rows", "logins"), RECORDED)
def test_recorded_commits_decode_as_the_npm_server_passes_them_on(recorded, recording, rows, logins):
    commits = npm_commits(recorded(recording))
    assert (len(commits), {commit.author.login for commit in commits}) == (rows, logins)


@pytest.mark.parametrize(("recording", "rows", "logins"), [row for row in RECORDED if "2012" not in row[0]])
def test_recorded_commits_decode_in_the_official_form(recorded, recording, rows, logins):
    commits = official_commits(official(recorded(recording)))
    assert commits == npm_commits(recorded(recording))
    assert (len(commits), {commit.author.login for commit in commits}) == (rows, logins)


def test_a_recorded_commit_keeps_its_facts(recorded):
    """`commits.PyGithub.2026.1`, first row; the offset of `commits.PyGithub.2012` is kept, too."""
    commit = npm_commits(recorded("commits.PyGithub.2026.1"))[0]
    assert (commit.sha, commit.repository) == ("0791cc7b1a706ab5d7c607ddff35de4d486ba3e9", "pygithub/pygithub")
    assert (commit.author.id, commit.authored_at.isoformat()) == (44700269, "2023-08-28T18:27:45+00:00")
    assert npm_commits(recorded("commits.PyGithub.2012"))[0].authored_at.isoformat() == "2012-05-25T10:14:34-07:00"


@pytest.mark.parametrize("form", ["npm", "official"])
def test_recorded_pull_requests_decode(recorded, form):
    text = recorded("pulls.PyGithub.closed.2012")
    pulls = npm_pulls(text) if form == "npm" else official_pulls(official(text))
    facts = [(pull.number, pull.repository, pull.author.login, pull.merged_at.isoformat()) for pull in pulls]
    assert facts == [
        (39, "pygithub/pygithub", "jacquev6", "2012-05-29T18:07:54+00:00"),
        (32, "pygithub/pygithub", "jacquev6", "2012-05-27T11:03:53+00:00"),
        (31, "pygithub/pygithub", "jacquev6", "2012-05-27T10:29:07+00:00"),
    ]


@pytest.mark.parametrize("nobody", [None, {}])
def test_an_unknown_author_is_nobody(nobody):
    assert npm_commits(json.dumps([COMMIT | {"author": nobody}]))[0].author is None
    assert official_pulls(json.dumps([PULL | {"user": nobody}]))[0].author is None


def test_a_commit_listed_for_an_author_must_name_one():
    with pytest.raises(Unavailable, match="names nobody"):
        official_commits(json.dumps([COMMIT | {"author": {"login": ""}}]))


@pytest.mark.parametrize(
    "rows",
    [
        [COMMIT | {"sha": "b" * 40}],
        [COMMIT | {"url": "https://api.github.com/"}],
        [COMMIT, COMMIT | {"url": COMMIT["url"].replace("Work", "Play")}],
        [{key: COMMIT[key] for key in COMMIT if key != "author"}],
        [COMMIT | {"author": {"id": 7}}],
        "<html>",
        {"message": "Not Found"},
    ],
)
def test_commits_that_contradict_themselves_are_refused(rows):
    with pytest.raises(Exception, match=r".") as refusal:
        npm_commits(json.dumps(rows))
    assert not isinstance(refusal.value, NotFound)


@pytest.mark.parametrize("change", [{"state": "open"}, {"number": 4}, {"state": "merged"}])
def test_pull_requests_that_contradict_themselves_are_refused(change):
    with pytest.raises(Exception, match=r"3|4|state"):
        npm_pulls(json.dumps([PULL | change]))


def test_every_failure_observed_is_judged_by_its_words(observed):
    """`observed.md`, GitHub: each call that the npm server reported as failed."""
    rows = [row for row in observed if row["section"].startswith("GitHub") and row["JSON-RPC code"] == "-32603"]
    assert len(rows) > 15
    failure = failures_of("nobody/nothing")
    for row in rows:
        error = failure(row["first 200 characters"])
        if "nobody" in row["input"]:
            assert type(error) is NotFound, row
        elif "unknown token" in row["section"]:
            assert type(error) is Refused, row
        else:
            assert type(error) is Unavailable, row
            assert error.limited == (row["upstream"] in {"429", "403"}), row


@pytest.mark.parametrize(
    ("text", "kind", "limited"),
    [
        # Quoted in data/mcp/quotes.json, and in the forms that the official server gives GitHub's other statuses.
        ("failed to get file contents: GET https://api.github.com/repos/XXXX: 404 Not Found []", NotFound, None),
        ("missing required parameter: owner", Unavailable, False),
        ("failed to list commits: GET https://api.github.com/repos/a/b/commits: 401 Bad credentials []", Refused, None),
        (
            "failed to list commits: GET https://api.github.com/repos/a/b/commits: 409 Git Repository is empty. []",
            NotFound,
            None,
        ),
        (
            "failed to list commits: GET https://api.github.com/repos/a/b/commits: 403 API rate limit of 60 still exceeded "
            "until 2026-11-21 03:00:00 +0000 UTC, not making remote request. [rate reset in 9m]",
            Unavailable,
            True,
        ),
        (
            "failed to list commits: GET https://api.github.com/repos/a/b/commits: 403 Resource not accessible by personal "
            "access token []",
            Refused,
            None,
        ),
        ("failed to list commits: GET https://api.github.com/repos/a/b/commits: 502 Bad Gateway []", Unavailable, False),
        # data/github/error.403.abuse-retry-after.2018, as the npm server would word it.
        (
            "Permission Denied: You have triggered an abuse detection mechanism and have been temporarily blocked from "
            "content creation. Please retry your request again later.",
            Unavailable,
            True,
        ),
        ("Permission Denied: Resource not accessible by integration", Refused, None),
        ("Conflict: Git Repository is empty.", NotFound, None),
        # A page of a proxy in GitHub's place: no reason is given, so nothing is known of repository, right or token.
        ("Not Found: Resource not found: Resource", Unavailable, False),
        ("Permission Denied: Insufficient permissions", Unavailable, False),
        ("Authentication Failed: Authentication failed", Unavailable, False),
        ("failed to list commits: GET https://api.github.com/repos/a/b/commits: 404  []", Unavailable, False),
        ("failed to list commits: GET https://api.github.com/repos/a/b/commits: 403  []", Unavailable, False),
        ("failed to list commits: GET https://api.github.com/repos/a/b/commits: 429  []", Unavailable, True),
    ],
)
def test_failures_are_told_apart(text, kind, limited):
    error = failures_of("a/b")(text)
    assert type(error) is kind
    assert getattr(error, "limited", None) == limited
