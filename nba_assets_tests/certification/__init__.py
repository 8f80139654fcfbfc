"""The tests of ``certification``."""
