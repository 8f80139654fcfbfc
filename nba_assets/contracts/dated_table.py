"""A dated table: its contract, what it reads of which dates, and how its rows come to be."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.contracts.contract import Contract

if TYPE_CHECKING:
    import pyarrow as pa


SCHEDULE = "schedule"
"""The table that says which games there are: every other one reads it, and none can wait for it
game by game.
"""


class Scope(StrEnum):
    """Which rows of an input a date may see, and what an uncertified one means for it."""

    DATE = "date"
    """the same date's games; a game not certified there is held here"""
    EITHER = "either"
    """as DATE, but one certified input of several is enough"""
    OPTIONAL = "optional"
    """as DATE, where certified; never holds anything"""
    WINDOW = "window"
    """earlier dates of the season; a hole in a team's games holds the team's game"""
    CAREER = "career"
    """earlier dates of the season and the two before it, as far as certified"""
    TRAINING = "training"
    """as CAREER, for what stays as it was trained when an earlier date is corrected"""

    @property
    def same_date(self) -> bool:
        """Whether the input is read at the date itself."""
        return self in (Scope.DATE, Scope.EITHER, Scope.OPTIONAL)

    @property
    def spans_seasons(self) -> bool:
        """Whether earlier seasons are read as well."""
        return self in (Scope.CAREER, Scope.TRAINING)


@dataclass(frozen=True)
class Read:
    """A declared input."""

    table: str
    scope: Scope = Scope.DATE

    @property
    def relation(self) -> str:
        """The name transformations know it by."""
        return self.table if self.scope.same_date else f"{self.table}_before"


@dataclass(frozen=True)
class FromSource:
    """Rows come from the configured source."""


@dataclass(frozen=True)
class FromSQL:
    """Rows are the result of one GoogleSQL query over ``due_games`` and the declared inputs.

    An input is named by its table, or with ``_before`` where earlier dates are read, such as
    ``schedule_before``.
    """

    query: str

    @classmethod
    def beside(cls, module_file: str) -> "FromSQL":
        """The query in the ``.sql`` file next to a module and of its name.

        Raises:
            FileNotFoundError: there is none.
        """
        return cls(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Computed:
    """Rows of the contract, and the dates that have none because history is too short."""

    rows: "pa.Table"
    warmup: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Build:
    """What a computation is asked for."""

    dates: Sequence[date]
    mark: Callable[[date, date], str]
    """of the training inputs of a table from one date up to, not including, another, and of its
    code: with equal marks the inputs are equal, and so is what is made of them
    """
    configuration: Callable[[date], str]
    """what was promoted for a date last, or what the table began with"""


@dataclass(frozen=True)
class FromPython:
    """Rows are computed from the results of queries, outside the warehouse.

    ``compute`` receives the query results by name and what is asked for.
    """

    queries: Mapping[str, str]
    compute: "Callable[[Mapping[str, pa.Table], Build], Computed]"
    version: str
    """changed by hand when the computation changes its meaning"""
    configuration: str = ""
    """what it begins with, in the table's own words; the ledger knows what was promoted since"""
    spared: Callable[[Build], Collection[str]] = lambda _: ()
    """the queries a build needs no result of, because what it makes of them was kept"""
    lost: "Callable[[pa.Table], Mapping[date, str]] | None" = None
    """which of the stored rows' dates refer to something outside the warehouse that is gone"""


@dataclass(frozen=True)
class Highlights:
    """The rows of a date a person looks at first; Dagster shows them with the date."""

    title: str
    columns: tuple[str, ...]
    order_by: str
    """GoogleSQL, of the columns of the contract"""
    where: str = "TRUE"
    at_most: int = 10


@dataclass(frozen=True)
class DatedTable:
    """One daily-partitioned table of the graph."""

    contract: Contract
    produce: FromSource | FromSQL | FromPython
    reads: tuple[Read, ...] = ()
    highlights: Highlights | None = None

    @property
    def name(self) -> str:
        """Asset = table = file name."""
        return self.contract.table

    @cached_property
    def code_version(self) -> str:
        """Changes when the transformation does; a contract has a version of its own."""
        if isinstance(self.produce, FromSQL):
            text = self.produce.query
        elif isinstance(self.produce, FromPython):
            text = self.produce.version + "".join(self.produce.queries.values())
        else:
            text = "source"
        return hashlib.sha256(inspect.cleandoc(text).encode()).hexdigest()[:12]

    def upstream_tables(self) -> tuple[str, ...]:
        """The tables read, each once, in declared order."""
        return tuple(dict.fromkeys(read.table for read in self.reads))
