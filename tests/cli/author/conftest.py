"""What lies here is another author's work: its tests run where it is installed, by ``tests/cli/test_fourth_site.py``."""

collect_ignore = ["dojo", "site"]
