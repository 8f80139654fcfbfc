"""The tests of ``sources``."""
