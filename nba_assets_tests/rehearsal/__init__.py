"""The tests of ``rehearsal``."""
