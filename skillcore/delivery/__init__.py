"""Delivery: brings mails to people's mail servers.

It owns the outbox. A mail is written into it in the transaction that has a reason for the mail, and a job hands it over once
that has committed. What stands in mails is the business of those who send them.
"""
