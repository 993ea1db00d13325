"""Work: projects and mentorship, tasks with the job that verifies them, spaces and goals, reviews of each other's work.

It owns those tables. What a source says, and whose account it is, is `verification`'s; what follows for skills and levels is
derived by the ledger from the events recorded here.
"""
