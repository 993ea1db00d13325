"""For the tests of plugins: a source's tools as the engine hands them out, and servers that say what a test wants.

Needs the extra ``skillcore[testing]``.
"""

from skillcore.testing.responder import MCP_URL, MCPResponder, ProtocolFault, ToolFault
from skillcore.testing.tools import tools_for

__all__ = ["MCP_URL", "MCPResponder", "ProtocolFault", "ToolFault", "tools_for"]
