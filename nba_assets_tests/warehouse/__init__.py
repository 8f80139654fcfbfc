"""Tests of the package, in its layout."""
