"""The tests of ``cli``."""
