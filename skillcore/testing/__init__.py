"""For the tests of plugins: conformance suites, tools as the engine hands them out, servers that say what a test wants.

Needs the extra ``skillcore[testing]``. Fixtures: ``pytest_plugins = ["skillcore.testing.fixtures"]`` in ``conftest.py``.
"""

from skillcore.testing.conformance import Nonconformance
from skillcore.testing.faults import HTML_PAGE, Drop, Fault, Hang, HTTPFault, ProtocolFault, Slow, ToolFault, huge
from skillcore.testing.mutations import accidents, damages
from skillcore.testing.recital import Recital
from skillcore.testing.responder import MCP_URL, MCPResponder
from skillcore.testing.samples import MetChallenge, Sample
from skillcore.testing.scripted import ScriptedServer
from skillcore.testing.sources import SourceSuite
from skillcore.testing.tools import tools_for

__all__ = [
    "HTML_PAGE",
    "MCP_URL",
    "Drop",
    "Fault",
    "HTTPFault",
    "Hang",
    "MCPResponder",
    "MetChallenge",
    "Nonconformance",
    "ProtocolFault",
    "Recital",
    "Sample",
    "ScriptedServer",
    "Slow",
    "SourceSuite",
    "ToolFault",
    "accidents",
    "damages",
    "huge",
    "tools_for",
]
