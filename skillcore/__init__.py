"""skillcore: checks work where it was done, keeps the evidence, and derives every score from it.

Rooms are folders, and imports between them go down only; ``docs/architecture.md`` has the picture. Plugin authors need
``skillcore.plugin`` and, for their tests, ``skillcore.testing``; nothing else is public.
"""

__version__ = "0.1.0"
