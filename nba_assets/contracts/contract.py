"""The vocabulary contracts are written in: columns, rules, and the contract of a table."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

ColumnType = Literal["STRING", "INT64", "FLOAT64", "BOOL", "DATE", "TIMESTAMP"]


class Severity(StrEnum):
    """What a violation does to its game."""

    ERROR = "ERROR"
    """rejects it"""
    HOLD = "HOLD"
    """makes it wait for something that is missing; nothing was rejected"""
    WARN = "WARN"
    """is reported, no more"""


class Unit(StrEnum):
    """What a table is certified by: the single games of a date, or the date as a whole."""

    GAME = "game"
    DATE = "date"


class Due(StrEnum):
    """Which games of the schedule a table must cover."""

    SCHEDULED = "scheduled"
    """every game not postponed, also before it is played"""
    COMPLETED = "completed"
    """every game that is final"""


@dataclass(frozen=True)
class Column:
    """One column: its type in GoogleSQL, its meaning, and the values it may take.

    ``low`` and ``high`` bound the value, both included; ``values`` lists all it may be. NULL is
    allowed only where ``nullable`` says so.
    """

    name: str
    type: ColumnType
    description: str
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    lineage: tuple[str, ...] = ()
    """the columns it is computed from, as "table.column\""""


@dataclass(frozen=True)
class RowRule:
    """A GoogleSQL predicate every row must satisfy; NULL counts as violated.

    ``check`` is the asset check that reports it.
    """

    name: str
    predicate: str
    check: str = "contract"
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class SetRule:
    """A GoogleSQL query for what is wrong across rows.

    It returns one row per violation: ``game_date DATE``, ``game_id STRING`` (NULL where the date as
    a whole is meant) and ``detail STRING``. It may read ``staged`` (the rows under audit),
    ``stored`` (the rows of the dates as they passed an earlier audit), ``delivered`` (all a source
    delivered, of a schedule the whole season), ``due_games`` (the games of the schedule the date
    must cover, without waived and held ones),
    ``elsewhere`` (certified rows of the same table and season on other dates), ``holes`` (team,
    game_date and reason of uncertified games in the windows read), what the table itself reads, and
    the tables in ``reads``, of which it sees certified rows of the audited dates only. ``@name``
    stands for a threshold of the settings.
    """

    name: str
    query: str
    check: str
    reads: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Figure:
    """A GoogleSQL aggregate over the staged rows of a date, recorded with ``check`` and plotted."""

    name: str
    expression: str
    check: str = "contract"


@dataclass(frozen=True)
class Records:
    """How complete a date is: a GoogleSQL query for ``game_date, game_id, expected, actual``.

    What is expected comes from the schedule (``required_games``: all it says must be covered, held
    and pending ones included) or from another table in ``reads``, never from ``staged`` itself. A
    game with fewer than expected is missing; ``game_id`` is NULL in tables certified by date.
    """

    query: str
    reads: tuple[str, ...] = ()

    @classmethod
    def as_many_as(cls, table: str, condition: str = "TRUE") -> "Records":
        """As many rows of a game as an input has that meet a condition."""
        return cls(
            "SELECT g.game_date, g.game_id, COALESCE(MAX(f.found), 0) AS expected, "
            "COALESCE(MAX(s.found), 0) AS actual FROM required_games AS g "
            f"LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM {table} "
            f"WHERE {condition} GROUP BY game_date, game_id) AS f "
            "ON f.game_date = g.game_date AND f.game_id = g.game_id "
            "LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged GROUP BY "
            "game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id "
            "GROUP BY g.game_date, g.game_id",
            reads=(table,),
        )


TEAMS_MATCH_SCHEDULE = SetRule(
    "teams_match_schedule",
    "SELECT s.game_date, s.game_id, CONCAT(CAST(COUNT(*) AS STRING), ' rows, such as ', "
    "MIN(CONCAT(s.team, IF(s.is_home, ' home to ', ' away to '), s.opponent)), "
    "', while the schedule has ', MIN(g.away_team), ' @ ', MIN(g.home_team)) AS detail "
    "FROM staged AS s JOIN due_games AS g "
    "ON g.game_date = s.game_date AND g.game_id = s.game_id "
    "WHERE NOT COALESCE(s.team = IF(s.is_home, g.home_team, g.away_team) "
    "AND s.opponent = IF(s.is_home, g.away_team, g.home_team), FALSE) "
    "GROUP BY s.game_date, s.game_id",
    check="reconciliation",
)
"""Team, opponent and home side of a row are those of the schedule."""

TWO_TEAMS = Records(
    "SELECT d.game_date, d.game_id, 2 AS expected, COUNT(DISTINCT s.team) AS actual "
    "FROM required_games AS d LEFT JOIN staged AS s "
    "ON s.game_date = d.game_date AND s.game_id = d.game_id GROUP BY d.game_date, d.game_id"
)
"""Two team rows a game: 2 × the completed games of the schedule."""


@dataclass(frozen=True)
class Contract:
    """What a table must be. Raising ``version`` makes every date certified under an older one
    uncertified, without touching its rows.
    """

    table: str
    group: str
    description: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[RowRule | SetRule, ...] = ()
    records: Records | None = None
    """None: nothing independent says how many rows there must be"""
    version: int = 1
    unit: Unit = Unit.GAME
    due: Due = Due.COMPLETED
    warmup: bool = False
    """whether the first days of a season have no rows by design"""
    keeps_rows: bool = False
    """whether rows and values that once passed must not vanish: so of what a source delivers"""
    empty_games: bool = False
    """whether a game may have no rows"""
    kept_as_told: bool = False
    """whether what was published of a game before its tip-off is kept for ever beside what the
    table says now
    """
    thresholds: tuple[tuple[str, float], ...] = ()
    """the limits that rules name as ``@name``; a deployment's settings replace the values"""
    figures: tuple[Figure, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns in stored order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            KeyError: the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.table} has no column {name}")

    @cached_property
    def blocking_thresholds(self) -> dict[str, float]:
        """The limits a date can fail by: the higher, the stricter."""
        blocking = " ".join(
            rule.query
            for rule in self.rules
            if isinstance(rule, SetRule) and rule.severity is not Severity.WARN
        )
        return {
            name: value for name, value in self.thresholds if re.search(rf"@{name}\b", blocking)
        }

    @property
    def checks(self) -> tuple[str, ...]:
        """Names of the asset checks of the table, in the order they are reported."""
        own = (rule.check for rule in self.rules)
        kept = ("nothing_vanishes",) if self.keeps_rows else ()
        return tuple(dict.fromkeys(("row_counts", "contract", *own, *kept)))
