"""Whatever the defaults offer stands under a suite."""

import pytest

from skillcore.plugin.manager import Plugins
from tests.defaults import test_level, test_rules

OFFERED = Plugins.load(allow=("defaults",))


@pytest.mark.parametrize(
    ("offered", "module", "attribute"),
    [(OFFERED.rules, test_rules, "rule"), (OFFERED.formulas.values(), test_level, "formula")],
)
def test_each_object_has_a_suite(offered, module, attribute):
    tried = {type(getattr(suite, attribute)) for name, suite in vars(module).items() if name.startswith("Test")}
    assert tried == {type(one) for one in offered}
