"""The checks of `skillcore.testing.FormulaSuite`, by what they are about."""
