"""What If-None-Match says, as RFC 9110 has it: lists, weak tags and any body at all."""

import pytest
from litestar.datastructures import Headers

from skillcore.runtime.freshness import is_held, tag_of


def test_equal_bodies_have_equal_tags():
    assert tag_of(b"one") == tag_of(b"one") != tag_of(b"two")
    assert tag_of(b"") == '"e3b0c44298fc1c149afbf4c8996fb924"'  # the SHA-256 of nothing, which is well known


@pytest.mark.parametrize(
    ("lines", "held"),
    [
        ([], False),
        (['"a"'], True),
        (['W/"a"'], True),
        (['"b", "a"'], True),
        (['"b"', '"a"'], True),
        ([" * "], True),
        (['"*"'], False),
        (['"b"'], False),
        (["a"], False),
        (['"b, "a'], False),
        (['"xa"'], False),
    ],
)
def test_a_tag_is_looked_for_among_those_that_are_named(lines, held):
    headers = Headers([(b"if-none-match", line.encode()) for line in lines])
    assert is_held(headers, '"a"') is held
