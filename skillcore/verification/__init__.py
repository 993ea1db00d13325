"""Verification: asks the sources, and knows accounts and requirements.

It owns the sessions with the sources' MCP servers, the source accounts of people, the import of their past work, and the
reading of their public profiles. Tasks are not here: `work` asks for a verdict and draws the consequences.
"""
