"""Timings of whole commands against stated rivals."""
