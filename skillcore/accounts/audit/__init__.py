"""The audit: security-relevant acts, by whom and about whom, in one hash-chained table that only grows.

Whoever does such an act notes it, with what stands here. How entries are written is the business of `noting` and `lane`, what
is digested of them that of `chain`.
"""

from skillcore.accounts.audit.noting import BY_COMMAND, ROUTE, Act, note, note_apart, note_read

__all__ = ["BY_COMMAND", "ROUTE", "Act", "note", "note_apart", "note_read"]
