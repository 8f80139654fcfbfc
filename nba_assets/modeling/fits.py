"""What was fitted before: what the same rows and the same code gave is kept as a file."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from threading import get_ident


def refit_date(day: date) -> date:
    """The first of its month: what is fitted for a date has seen what lies before that."""
    return day.replace(day=1)


@dataclass(frozen=True)
class Fits:
    """The fits of one table.

    A file is named by what it was fitted on and by its content, so that a damaged one is none. One
    without content says that there were too few rows for a fit.
    """

    folder: Path
    table: str
    mark: Callable[[date, date], str]
    """of the rows from one date up to, not including, another, and of the code that uses them"""
    reaches_back: timedelta
    """how far before its date a fit is made from"""
    recipe: Sequence[object]
    """what else a fit follows from"""

    def get(self, kind: str, as_of: date, fit: Callable[[], bytes]) -> bytes:
        """The stored form of a kind as of a date, made by ``fit`` if it was not kept."""
        content = self._kept(kind, as_of)
        if content is None:
            content = fit()
            name = f"{self._name(kind, as_of)}.{_digest(content)}.fit"
            write_atomically(self.folder / name, content)
        return content

    def has(self, kind: str, as_of: date) -> bool:
        """Whether ``get`` will need no fit."""
        return self._kept(kind, as_of) is not None

    def _name(self, kind: str, as_of: date) -> str:
        import numpy as np
        import xgboost as xgb

        mark = self.mark(as_of - self.reaches_back, as_of)
        made_from = json.dumps([mark, *self.recipe, xgb.__version__, np.__version__])
        return f"{as_of}-{self.table}-{kind}-{_digest(made_from.encode())}"

    def _kept(self, kind: str, as_of: date) -> bytes | None:
        for file in sorted(self.folder.glob(f"{self._name(kind, as_of)}.*.fit")):
            content = file.read_bytes()
            if _digest(content) == file.suffixes[0].removeprefix("."):
                used(file)
                return content
        return None


def used(file: Path) -> None:
    """Note that a file is of use: what has not been for long may be removed."""
    with suppress(OSError):  # of a folder that may only be read nothing is removed either
        os.utime(file)


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file of a folder that may not be there yet; nobody sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Two threads may have the same data, and so the same file, of two information sets.
    draft = file.with_name(f".{file.name}.{os.getpid()}.{get_ident()}")
    draft.write_bytes(content)
    draft.replace(file)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
