"""Build shim for tools that expect it; everything is declared in pyproject.toml."""

from setuptools import setup

setup()
