"""The source as it is now, date by date, beside what is certified of it: a read, never a record."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nba_assets.certification.compare import differing
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable
from nba_assets.engines.engine import Engine
from nba_assets.errors import SourceError, SourceUnavailable, WarehouseError
from nba_assets.operations.plan import spans
from nba_assets.seasons import EASTERN, game_dates, season_year
from nba_assets.sources.source import RAW_TABLES, Delivery, Source

if TYPE_CHECKING:
    import pyarrow as pa

IN_PLAY = "IN_PROGRESS"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Watched:
    """A date as the source has it now."""

    day: date
    statuses: frozenset[str]
    """of its games that are not postponed; none where it lists none"""
    expected_by: datetime
    """when all of it should be there"""
    fingerprint: str
    """of every row the source has of it, but for games in play: another one where any differs"""
    differing: frozenset[str] = frozenset()
    """the raw tables of which not exactly these rows are certified"""

    @property
    def is_over(self) -> bool:
        """Whether all its games are final; so is a date without games."""
        return self.statuses <= {"FINAL"}

    @property
    def is_to_come(self) -> bool:
        """Whether no game of it has begun, and one will."""
        return self.statuses == {"SCHEDULED"}


@dataclass(frozen=True)
class Reading:
    """What a source delivered for unbroken dates of a season."""

    days: Sequence[date]
    delivered: Mapping[str, Delivery]
    """by raw table"""
    unreadable: Mapping[str, Mapping[date, str]]
    """by raw table the dates of which nothing can be read, and why"""


def read(source: Source, tables: Mapping[str, DatedTable], dates: Sequence[date]) -> list[Reading]:
    """What the source has of dates, ascending, of seasons whose schedule is published.

    A date after what its schedule covers is left out: what it must hold is unknown.

    Raises:
        SourceUnavailable: the source as a whole cannot be read now.
    """
    published = set(source.seasons())
    readings = []
    for year, season in groupby(dates, season_year):
        if year not in published:
            continue
        through = source.covers(year).through
        for first, last in spans(day for day in season if day <= through):
            days = list(game_dates(first, last))
            found = {name: _of_table(source, tables[name], days) for name in RAW_TABLES}
            delivered = {name: delivery for name, (delivery, _) in found.items()}
            readings.append(Reading(days, delivered, {n: bad for n, (_, bad) in found.items()}))
    return readings


def _of_table(
    source: Source, table: DatedTable, days: Sequence[date]
) -> tuple[Delivery, dict[date, str]]:
    """What can be read, and the dates that cannot; those are for a build to record."""
    import pyarrow as pa

    try:
        return source.read(table.name, days[0], days[-1]), {}
    except SourceError as error:
        if isinstance(error, SourceUnavailable) and error.dates is None:
            raise
        if len(days) == 1:
            return Delivery(arrow_schema(table.contract).empty_table()), {days[0]: str(error)}
    parts = [_of_table(source, table, [day]) for day in days]
    return (
        Delivery(
            pa.concat_tables([part.rows for part, _ in parts]),
            tuple(row for part, _ in parts for row in part.refused),
        ),
        {day: why for _, unreadable in parts for day, why in unreadable.items()},
    )


def watched(
    engine: Engine | None,
    tables: Mapping[str, DatedTable],
    readings: Sequence[Reading],
    expected_after: timedelta,
) -> list[Watched]:
    """The dates read, compared with what is certified; ``engine`` is None without a warehouse."""
    found = []
    for reading in readings:
        differ = {name: _differing(engine, tables, name, reading) for name in RAW_TABLES}
        rows = {name: _by_day(one.rows) for name, one in reading.delivered.items()}
        for day in reading.days:
            schedule = rows[SCHEDULE].get(day, [])
            found.append(
                Watched(
                    day,
                    frozenset(str(game["status"]) for game in schedule) - {"POSTPONED"},
                    _last_tipoff(day, schedule) + expected_after,
                    _fingerprint(reading, rows, day),
                    frozenset(name for name, days in differ.items() if day in days),
                )
            )
    return found


def _differing(
    engine: Engine | None, tables: Mapping[str, DatedTable], name: str, reading: Reading
) -> set[date]:
    unreadable = set(reading.unreadable[name])
    days = [day for day in reading.days if day not in unreadable]
    if engine is None or not days:
        return unreadable
    delivery = reading.delivered[name]
    try:
        return unreadable.union(differing(engine, tables, name, days, delivery))
    except WarehouseError:
        if len(days) == 1:
            return unreadable.union(days)  # no comparing it; a build says what is wrong with it
    return unreadable.union(
        *(
            _differing(engine, tables, name, Reading([day], reading.delivered, {name: {}}))
            for day in days
        )
    )


def _by_day(rows: "pa.Table") -> dict[date, list[Row]]:
    found: dict[date, list[Row]] = defaultdict(list)
    for row in rows.to_pylist():
        found[row["game_date"]].append(row)
    return found


def _last_tipoff(day: date, schedule: Sequence[Row]) -> datetime:
    """Of a date's games that are to be played; the end of the date where none is known."""
    played = (game["tipoff_at"] for game in schedule if game["status"] != "POSTPONED")
    midnight = datetime.combine(day + timedelta(days=1), time(), EASTERN)
    return max((moment for moment in played if moment is not None), default=midnight)


def _fingerprint(reading: Reading, rows: Mapping[str, Mapping[date, list[Row]]], day: date) -> str:
    in_play = {g["game_id"] for g in rows[SCHEDULE].get(day, []) if g["status"] == IN_PLAY}
    content = hashlib.sha256()
    for name, of_table in rows.items():
        settled = [repr(row) for row in of_table.get(day, []) if row["game_id"] not in in_play] + [
            repr(row) for row in reading.delivered[name].refused if row.game_date == day
        ]
        content.update(repr([name, reading.unreadable[name].get(day), *sorted(settled)]).encode())
    return content.hexdigest()[:16]
