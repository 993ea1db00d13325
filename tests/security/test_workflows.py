"""The workflows of new plugins hold nothing that zizmor knows to be dangerous, and zizmor would tell."""

from tests.security.workflows import look, workflows

PINNED = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"


def test_every_kind_of_plugin_has_a_workflow_without_dangers():
    found = workflows()
    assert {path.partition("/")[0] for path in found} == {"source", "rule", "formula", "achievement"}
    outcome = look(found)
    assert outcome.returncode == 0, outcome.stdout


def test_a_danger_is_found():
    (path, text), *_ = workflows().items()
    assert PINNED in text
    for danger in (
        text.replace(PINNED, "actions/checkout@v4"),
        text.replace("persist-credentials: false", "fetch-depth: 1"),
        text.replace("permissions: {}\n", "").replace("    permissions:\n      contents: read\n", ""),
        text.replace("- run: pytest", "- run: echo ${{ github.event.pull_request.title }}"),
        "name: [",
    ):
        assert danger != text
        assert look({path: danger}).returncode != 0, danger
