"""A league that never was, to the last rebound."""
