"""The tests of ``orchestration``."""
