"""The conformance suite for scoring formulas."""

from __future__ import annotations

from skillcore.testing.formula_checks.folding import FoldingChecks
from skillcore.testing.formula_checks.parameters import ParameterChecks
from skillcore.testing.formula_checks.values import ValueChecks

__all__ = ["FormulaSuite"]


class FormulaSuite(FoldingChecks, ValueChecks, ParameterChecks):
    """The whole suite for a formula: one subclass, whose name begins with ``Test``, is all that an author adds.

    Example:
        class TestWorks(FormulaSuite):
            formula = Works()
            lowest = 0
            samples = (
                FormulaSample((event("evidence.accepted", {...}), event("evidence.accepted", {...})), 2.0),
            )

    The formula is tried with histories of all its kinds, as `skillcore.testing.histories` draws them, folded and read as the
    ledger does. No test needs a fixture.

    Attributes:
        formula: the object under test.
        samples: histories with the values that must come of them.
        lowest: the declared range: no value is lower.
        highest: no value is higher.
        at_first: the values that a person without any event may have.
        others: the formula with other parameters, such as other settings make it.
        event_kinds: kinds that no installed plugin offers.
        fields: strategies for fields of payloads, by name, where values of the right type are not enough.
        definitions: what `Reading.definition` may hold.
    """
