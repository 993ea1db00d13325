"""Verification: asks the sources, and knows accounts and requirements.

It owns the sessions with the sources' MCP servers and the source accounts of people. Tasks are not here: `work` asks for a
verdict and draws the consequences.
"""

from skillcore.runtime.rooms import Room
from skillcore.verification import services
from skillcore.verification.routes import ROUTES

__all__ = ["ROOM"]

ROOM = Room(name="verification", routes=ROUTES, services={"worker": (services.sources, services.retention)})
