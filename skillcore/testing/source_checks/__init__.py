"""The parts of `skillcore.testing.SourceSuite`, one subject each."""
