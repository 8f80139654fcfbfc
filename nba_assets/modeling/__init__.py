"""Splits, baselines, training and intervals. Pure: no engine, no orchestration."""
