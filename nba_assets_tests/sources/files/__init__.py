"""The tests of ``sources.files``."""
