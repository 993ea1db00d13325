"""Patterns in what a person did, each reported only if chance alone would hardly have made it.

`histories` puts records into the units that are tested; `timing`, `performance` and `progression` hold the tests; `findings`
corrects for their number and puts them into words; `reading` does it for a person. All but the last is pure.
"""
