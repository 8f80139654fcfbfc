"""Tests of the modeling package."""
