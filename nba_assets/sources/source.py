"""The interface of a source, and the conversion of what it read into contract-shaped tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


RAW_TABLES = (
    "schedule",
    "player_box_scores",
    "team_box_scores",
    "player_availability",
    "starting_lineups",
    "player_points_lines",
)


@dataclass(frozen=True)
class Refused:
    """A delivered row that cannot be understood.

    It holds its game back (or, without one, its date) and is kept in quarantine; the other rows of
    the delivery stand. A row that two dates are in doubt for is refused under each.
    """

    game_date: date
    game_id: str | None
    detail: str
    """what is wrong with it and where it lies, such as the file and the row"""
    row: str
    """the row as delivered, as JSON"""
    teams: tuple[str, str] | None = None
    """home and away team of its game, where they can be understood"""


@dataclass(frozen=True)
class Coverage:
    """How much of a season a source's schedule covers."""

    through: date
    """the last date whose games are known; what is after it is unknown, not empty"""
    games: Mapping[date, frozenset[str]]
    """the ids of the games listed on each date, postponed ones left out"""
    note: str = ""
    """why it is known no further"""


@dataclass(frozen=True)
class Delivery:
    """What a source has for a table and a range of dates."""

    rows: "pa.Table"
    """exactly the contract's columns, in order and typed (``arrow_schema``)"""
    refused: tuple[Refused, ...] = ()


def games_listed(schedule: "pa.Table") -> dict[date, frozenset[str]]:
    """The ids of the games a schedule has on each date, postponed ones left out."""
    listed: dict[date, set[str]] = defaultdict(set)
    names = ("game_date", "game_id", "status")
    for day, game_id, status in zip(*(schedule[n].to_pylist() for n in names), strict=True):
        if status != "POSTPONED":
            listed[day].add(game_id)
    return {day: frozenset(games) for day, games in listed.items()}


class Source(Protocol):
    """A publication of schedules and box scores.

    A source delivers what it has and refuses what it cannot understand; whether that is complete is
    judged against the schedule by the audit, never by the source.
    """

    @property
    def name(self) -> str:
        """Short name, recorded with every row and ledger record."""
        ...

    @property
    def identity(self) -> str:
        """What tells this publication from every other: a warehouse is filled from one only."""
        ...

    def seasons(self) -> Sequence[int]:
        """Start years of the seasons whose schedule is published.

        A date of any other season has no known schedule: it is unknown, not empty.

        Raises:
            SourceUnavailable, BadInput: as ``read``.
        """
        ...

    def covers(self, year: int) -> Coverage:
        """How much of a published season its schedule covers.

        Raises:
            SourceUnavailable, BadInput: as ``read``.
        """
        ...

    def read(self, table: str, first: date, last: date) -> Delivery:
        """Rows of one of ``RAW_TABLES`` with ``first <= game_date <= last``.

        Raises:
            SourceUnavailable: waiting may help.
            BadInput: the publication as a whole cannot be understood (a column is missing, a file
                is empty); nothing of it can be used.
        """
        ...
