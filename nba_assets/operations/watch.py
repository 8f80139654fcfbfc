"""What a source has that the warehouse does not: the dates to run, as a watcher sees them."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from nba_assets.certification import ledger
from nba_assets.contracts.dated_table import SCHEDULE
from nba_assets.engines.engine import Engine
from nba_assets.operations.plan import spans
from nba_assets.seasons import season_year
from nba_assets.sources.source import RAW_TABLES, Source

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Watched:
    """A date as the source has it now."""

    day: date
    statuses: frozenset[str]
    """of its games that are not postponed; none where it lists none"""
    fingerprint: str
    """of every row the source has of it: another one where anything differs"""

    @property
    def is_over(self) -> bool:
        """Whether all its games are final; so is a date without games."""
        return self.statuses <= {"FINAL"}

    @property
    def is_to_come(self) -> bool:
        """Whether no game of it has begun, and one will."""
        return self.statuses == {"SCHEDULED"}


@dataclass(frozen=True)
class Block:
    """Consecutive partition dates to run for the same tables."""

    first: date
    last: date
    tables: tuple[str, ...]
    fingerprint: str
    """of all its dates"""


def watched(source: Source, dates: Sequence[date]) -> list[Watched]:
    """The dates, ascending, of seasons whose schedule is published, as the source has them now.

    A date after what its schedule covers is left out: what it must hold is unknown.

    Raises:
        SourceError: the source cannot be read.
    """
    published = set(source.seasons())
    found = []
    for year, season in groupby(dates, season_year):
        days = list(season)
        if year not in published:
            continue
        through = source.covers(year).through
        delivered = {name: source.read(name, days[0], days[-1]).rows for name in RAW_TABLES}
        found += [_watched(delivered, day) for day in days if day <= through]
    return found


def _watched(delivered: "Mapping[str, pa.Table]", day: date) -> Watched:
    import pyarrow.compute as pc

    content = hashlib.sha256()
    statuses: set[str] = set()
    for name, rows in delivered.items():
        of_day = rows.filter(pc.equal(rows["game_date"], day)).to_pylist()
        content.update(repr([name, *sorted(map(repr, of_day))]).encode())
        if name == SCHEDULE:
            statuses = {str(game["status"]) for game in of_day} - {"POSTPONED"}
    return Watched(day, frozenset(statuses), content.hexdigest()[:16])


def never_run(engine: Engine | None, before: Sequence[date]) -> list[date]:
    """The dates nobody ever ran, of those that the windows of later ones need."""
    if engine is None or not before:
        return list(before)
    latest = ledger.latest(engine, (SCHEDULE,), before[0], before[-1], checks=False)
    return [day for day in before if (SCHEDULE, day) not in latest]


def to_run(
    engine: Engine | None,
    tables: Collection[str],
    before_tipoff: Collection[str],
    found: Sequence[Watched],
    requested: Mapping[date, str],
) -> list[Block]:
    """What is due: dates that are over and not certified in all tables, and, of those to come, what
    can be certified before the games.

    A date with a game in play waits until all are final. ``requested`` are the fingerprints that
    were asked for already: what came out as it did then is not asked for again until the source has
    something else. ``engine`` is None where there is no warehouse yet.
    """
    certified = _certified(engine, tables, found)
    due: dict[tuple[str, ...], dict[date, str]] = {}
    for one in found:
        wanted = tables if one.is_over else before_tipoff if one.is_to_come else ()
        is_new = requested.get(one.day) != one.fingerprint
        complete = all((name, one.day) in certified for name in wanted)
        # Before the games lists change, and what was certified from an earlier one is run again.
        if wanted and is_new and (one.is_to_come or not complete):
            due.setdefault(tuple(wanted), {})[one.day] = one.fingerprint
    return [block for wanted, days in due.items() for block in _blocks(wanted, days)]


def _blocks(tables: tuple[str, ...], days: Mapping[date, str]) -> Iterator[Block]:
    for first, last in spans(days):
        prints = "".join(days[day] for day in sorted(days) if first <= day <= last)
        yield Block(first, last, tables, hashlib.sha256(prints.encode()).hexdigest()[:16])


def _certified(
    engine: Engine | None, tables: Collection[str], found: Sequence[Watched]
) -> set[tuple[str, date]]:
    if engine is None or not found:
        return set()
    latest = ledger.latest(engine, tables, found[0].day, found[-1].day, checks=False)
    return {key for key, attempt in latest.items() if attempt.status.certified}
