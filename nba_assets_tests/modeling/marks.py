"""What stands for the ledger where a model is tested on rows alone."""

import hashlib
from collections.abc import Callable
from datetime import date

import pandas as pd


def mark_of(rows: pd.DataFrame) -> Callable[[date, date], str]:
    """The mark of the rows from one date up to another, whatever their order."""

    def mark(first: date, before: date) -> str:
        mine = rows[(rows["game_date"] >= first) & (rows["game_date"] < before)]
        hashes = pd.util.hash_pandas_object(mine.astype(str), index=False).sort_values()
        return hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest()

    return mark
