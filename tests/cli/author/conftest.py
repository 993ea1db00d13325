"""What lies here is another author's work: its tests run where it is installed, by ``tests/cli/test_author.py``."""

collect_ignore = ["dojo", "site"]
