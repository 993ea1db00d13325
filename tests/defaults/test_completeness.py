"""Whatever the defaults offer stands under a suite."""

import pytest

from skillcore.plugin.manager import Plugins
from tests.defaults import test_attempt, test_level, test_modules, test_progress, test_rules, test_skill_progress, test_spaces

OFFERED = Plugins.load(allow=("defaults",))
FORMULAS = [test_attempt, test_level, test_modules, test_progress, test_skill_progress, test_spaces]


@pytest.mark.parametrize(
    ("offered", "modules", "attribute"),
    [
        (OFFERED.rules, [test_rules], "rule"),
        (
            OFFERED.formulas.values(),
            [test_attempt, test_level, test_modules, test_progress, test_skill_progress, test_spaces],
            "formula",
        ),
    ],
)
def test_each_object_has_a_suite(offered, modules, attribute):
    suites = {name: suite for module in modules for name, suite in vars(module).items() if name.startswith("Test")}
    tried = {type(getattr(suite, attribute)) for suite in suites.values()}
    assert tried == {type(one) for one in offered}
