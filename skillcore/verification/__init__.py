"""Verification: asks the sources, and knows accounts and requirements.

It owns the sessions with the sources' MCP servers and the source accounts of people. Tasks are not here: `work` asks for a
verdict and draws the consequences.
"""
