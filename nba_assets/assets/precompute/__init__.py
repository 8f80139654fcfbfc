"""Features: what was known before a game."""
