"""Tests of the op that builds the dated tables, and of what it tells Dagster."""
