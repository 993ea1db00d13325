"""Insight: scores in use. Levels, explanations down to the facts, positions on paths, patterns, predictions, coding profiles.

It owns no table: everything here is read from the ledger. What is recorded of it, such as that a level changed, goes through
a subscription.
"""
