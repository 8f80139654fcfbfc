"""The tests of ``operations``."""
