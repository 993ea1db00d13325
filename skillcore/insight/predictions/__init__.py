"""What is to be expected: when work will be done, where a score is going, what it takes. Pure; times come in as arguments."""
