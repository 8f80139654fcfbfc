"""The tests of ``sources.simulated``."""
