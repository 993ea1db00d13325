"""For the tests of plugins: conformance suites, tools as the engine hands them out, servers that say what a test wants.

Needs the extra ``skillcore[testing]``. Fixtures: ``pytest_plugins = ["skillcore.testing.fixtures"]`` in ``conftest.py``.
"""

from skillcore.testing.achievements import AchievementSuite
from skillcore.testing.conformance import Nonconformance
from skillcore.testing.faults import HTML_PAGE, Drop, Fault, Hang, HTTPFault, ProtocolFault, Slow, ToolFault, huge
from skillcore.testing.formula_checks.frame import FormulaSample
from skillcore.testing.formulas import FormulaSuite
from skillcore.testing.kinds import event
from skillcore.testing.ledgers import Ledger, ledger
from skillcore.testing.mutations import accidents, damages
from skillcore.testing.recital import Recital
from skillcore.testing.responder import MCP_URL, MCPResponder
from skillcore.testing.rules import RuleSample, RuleSuite
from skillcore.testing.samples import MetChallenge, Sample
from skillcore.testing.scripted import ScriptedServer
from skillcore.testing.sources import SourceSuite
from skillcore.testing.strategies import events, histories, payloads
from skillcore.testing.tools import tools_for

__all__ = [
    "HTML_PAGE",
    "MCP_URL",
    "AchievementSuite",
    "Drop",
    "Fault",
    "FormulaSample",
    "FormulaSuite",
    "HTTPFault",
    "Hang",
    "Ledger",
    "MCPResponder",
    "MetChallenge",
    "Nonconformance",
    "ProtocolFault",
    "Recital",
    "RuleSample",
    "RuleSuite",
    "Sample",
    "ScriptedServer",
    "Slow",
    "SourceSuite",
    "ToolFault",
    "accidents",
    "damages",
    "event",
    "events",
    "histories",
    "huge",
    "ledger",
    "payloads",
    "tools_for",
]
