"""Accounts: people, platforms, their keys, and who may do what.

It owns people with what they sign in by and their sessions, platforms with their members and keys, mentors, the limits on how
often who may call, and the audit; the notation by which people are named everywhere, and the vocabulary in which routes say
who may use them. What people achieve is not here, nor are their accounts at other places.
"""
