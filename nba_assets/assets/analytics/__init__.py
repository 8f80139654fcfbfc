"""Game summaries."""
