"""The tests of ``engines``."""
