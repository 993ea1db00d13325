"""The whole suite over a source that keeps to the contract, as an author has it."""

from tests.testing.gym import GymSuite


class TestConformance(GymSuite):
    pass
