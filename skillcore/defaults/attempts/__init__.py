"""The attempt model as it is applied: what is remembered of a learner, the coefficients, and the formula. Pure."""
