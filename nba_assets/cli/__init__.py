"""The command ``nba-assets``: what it does, how it looks, and how it launches runs."""
