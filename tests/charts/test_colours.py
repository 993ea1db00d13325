"""Colours stand out from what they lie on, by the formula of WCAG 2, in light and in dark surroundings."""

import itertools
import re

import pytest

from skillcore.charts import stylesheet
from skillcore.charts.palette import DARK, LIGHT
from tests.charts.examples import PLACE

SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour):
    """Return the relative luminance of WCAG 2."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """Return the contrast ratio of WCAG 2."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@SCHEMES
@pytest.mark.parametrize("text", ["ink", "muted"])
@pytest.mark.parametrize("ground", ["surface", "track"])
def test_text_stands_out(scheme, text, ground):
    assert contrast(getattr(scheme, text), getattr(scheme, ground)) >= 4.5


@SCHEMES
def test_marks_stand_out(scheme):
    marks = [*scheme.series, *scheme.levels, scheme.done, scheme.current, scheme.edge, scheme.muted]
    assert {mark: contrast(mark, scheme.surface) for mark in marks if contrast(mark, scheme.surface) < 3} == {}


@SCHEMES
def test_what_fills_a_track_stands_out_from_it(scheme):
    filling = [scheme.series[0], *scheme.levels]
    assert {mark: contrast(mark, scheme.track) for mark in filling if contrast(mark, scheme.track) < 3} == {}


@SCHEMES
def test_levels_go_one_way(scheme):
    shades = [luminance(colour) for colour in (scheme.track, *scheme.levels)]
    assert shades in (sorted(shades), sorted(shades, reverse=True))
    assert all(contrast(one, other) > 1.25 for one, other in itertools.pairwise(scheme.levels))


def test_every_colour_of_a_picture_is_of_the_palette():
    known = set()
    for scheme in (LIGHT, DARK):
        known |= {scheme.surface, scheme.ink, scheme.muted, scheme.edge, scheme.grid, scheme.track, scheme.done}
        known.add(scheme.current)
        known |= {*scheme.series, *scheme.levels}
    used = set(re.findall(r"#[0-9a-f]{3,8}\b", stylesheet()))
    for file in PLACE.glob("*.svg"):
        used |= set(re.findall(r"#[0-9a-f]{3,8}\b", file.read_text(encoding="utf-8")))
    assert used == known


@SCHEMES
def test_every_series_has_a_shape_of_its_own(scheme):
    assert len(set(scheme.series)) == 6
