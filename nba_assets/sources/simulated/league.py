"""The ``simulated`` source: an invented league, complete and free of faults, the same every time.

For trying the product without data and for tests that need to know what is true. The league itself
is in ``simulated_calendar``, ``simulated_players``, ``simulated_games`` and ``simulated_season``;
here is its publication: what is known at a moment, and a cache of finished seasons.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.errors import SettingsError, SourceUnavailable
from nba_assets.seasons import EASTERN, eastern_date, season_year
from nba_assets.sources.source import RAW_TABLES, Coverage, Delivery, games_listed

if TYPE_CHECKING:
    import pyarrow as pa

GAME_DURATION = timedelta(hours=2, minutes=30)
"""after tip-off, until a game is FINAL and its box score is published"""
INACTIVE_LIST_HOUR = 9
"""US Eastern hour of the game date at which the inactive list and the lines are published"""
LINEUP_BEFORE_TIPOFF = timedelta(minutes=30)
"""how long before tip-off the starters are announced"""
_MODULES = "*.py"
_ROWS_A_GROUP = 2048


class SimulatedLeague:
    """A league that follows from ``seed`` and ``first_season`` alone.

    A season is the same whatever the number of seasons and whichever dates are read. Finished
    seasons are kept as Parquet files under ``cache_dir``, in a folder named by seed, first season
    and a digest of the simulation's code; several processes may share it.

    ``seasons`` None means up to the season of ``now``, which is an aware moment or a function
    returning one (default: the current time). It decides what is published, never what happens:
    a game is SCHEDULED before its tip-off, IN_PROGRESS without rows for ``GAME_DURATION``, then
    FINAL. A postponed game appears as scheduled until noon of its first date.
    """

    def __init__(
        self,
        seed: int,
        first_season: int,
        seasons: int | None,
        cache_dir: Path | str,
        now: datetime | Callable[[], datetime] | None = None,
    ) -> None:
        if seed < 0 or (seasons is not None and seasons < 1):
            raise SettingsError(
                f"a simulated league needs a seed of at least 0 and at least one season, "
                f"not seed {seed} and {seasons} seasons"
            )
        self._seed = seed
        self._first_season = first_season
        self._seasons = seasons
        self._folder = Path(cache_dir) / f"simulated-{seed}-{first_season}-{_code_digest()}"
        self._clock = now

    @property
    def name(self) -> str:
        """Short name, recorded with every row."""
        return "simulated"

    @property
    def identity(self) -> str:
        """Another seed, or another first season, is another league."""
        return f"simulated league, seed {self._seed}, from {self._first_season}"

    def covers(self, year: int) -> Coverage:
        """A season's schedule is whole from the start."""
        first = date(year, 10, 1)
        last = date(year + 1, 9, 30)
        return Coverage(last, games_listed(self.read("schedule", first, last).rows))

    def seasons(self) -> range:
        """Start years of the published seasons."""
        if self._seasons is not None:
            return range(self._first_season, self._first_season + self._seasons)
        return range(self._first_season, season_year(eastern_date(self._now())) + 1)

    def read(self, table: str, first: date, last: date) -> Delivery:
        """Rows of a raw table with ``first <= game_date <= last``, as published now.

        Raises:
            ValueError: the table is not one of ``RAW_TABLES``, or ``now`` has no time zone.

        """
        import pyarrow as pa

        from nba_assets.contracts.arrow import arrow_schema
        from nba_assets.sources.simulated.season import CONTRACTS

        if table not in RAW_TABLES:
            raise ValueError(f"{table!r} is not a raw table; there are {', '.join(RAW_TABLES)}")
        now = self._now()
        published = self.seasons()
        parts = [
            self._published(table, year, first, last, now)
            for year in range(season_year(first), season_year(last) + 1)
            if year in published
        ]
        return Delivery(pa.concat_tables([arrow_schema(CONTRACTS[table]).empty_table(), *parts]))

    def _now(self) -> datetime:
        now = self._clock() if callable(self._clock) else self._clock
        if now is None:
            return datetime.now(UTC)
        if now.tzinfo is None:
            raise ValueError(
                f"now is {now.isoformat()} without a time zone; no tip-off compares to it"
            )
        return now

    def _published(
        self, table: str, year: int, first: date, last: date, now: datetime
    ) -> "pa.Table":
        """What is known at ``now`` of a season's table between two dates."""
        import pyarrow.compute as pc

        if table in ("player_availability", "player_points_lines"):
            local = now.astimezone(EASTERN)
            known_until = local.date() - timedelta(days=local.hour < INACTIVE_LIST_HOUR)
            return self._stored(table, year, first, min(last, known_until))
        schedule = _as_of(self._stored("schedule", year, first, last), now)
        if table == "schedule":
            return schedule
        rows = self._stored(table, year, first, last)
        if table == "starting_lineups":
            soon = pc.less_equal(schedule["tipoff_at"], now + LINEUP_BEFORE_TIPOFF)
            listed = pc.and_not(soon, pc.equal(schedule["status"], "POSTPONED"))
            announced = schedule.filter(listed)["game_id"]
            return rows.filter(pc.is_in(rows["game_id"], value_set=announced))
        final = schedule.filter(pc.field("status") == "FINAL")["game_id"]
        return rows.filter(pc.is_in(rows["game_id"], value_set=final))

    def _stored(self, table: str, year: int, first: date, last: date) -> "pa.Table":
        """Rows of a finished season, simulated and stored first where they are not yet."""
        file = self._folder / f"{table}_{year}.parquet"
        with suppress(OSError, ValueError):
            return _load(table, file, first, last)
        # Missing, truncated or damaged: what cannot be read as it was stored is made again.
        self._store_season(year)
        return _load(table, file, first, last)

    def _store_season(self, year: int) -> None:
        from nba_assets.sources.simulated.season import simulate_season

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for table, rows in simulate_season(self._seed, self._first_season, year).items():
                _store(rows, self._folder / f"{table}_{year}.parquet")
        except OSError as error:
            raise SourceUnavailable(
                f"the simulated season {year} cannot be stored in {self._folder}: {error}; "
                "make the folder writable or choose another"
            ) from error


def _as_of(schedule: "pa.Table", now: datetime) -> "pa.Table":
    """A finished season's schedule as it was published at a moment."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moment = pa.scalar(now, pa.timestamp("us", tz="UTC"))
    # Until a postponement is known the game stands on its first date, and only there.
    unknown = pc.fill_null(pc.greater(schedule["postponed_at"], moment), fill_value=False)
    moved_away = pc.equal(schedule["status"], "POSTPONED")
    published = pc.or_(moved_away, pc.invert(unknown))
    postponed = pc.and_not(moved_away, unknown).filter(published)
    schedule = schedule.filter(published)
    started = pc.less_equal(schedule["tipoff_at"], moment)
    ended_before = pa.scalar(now - GAME_DURATION, moment.type)
    final = pc.and_not(pc.less_equal(schedule["tipoff_at"], ended_before), postponed)
    status = pc.if_else(
        postponed,
        "POSTPONED",
        pc.if_else(final, "FINAL", pc.if_else(started, "IN_PROGRESS", "SCHEDULED")),
    )
    as_of = {
        "status": status,
        "home_points": pc.if_else(final, schedule["home_points"], None),
        "away_points": pc.if_else(final, schedule["away_points"], None),
    }
    for column, values in as_of.items():
        position = schedule.schema.get_field_index(column)
        schedule = schedule.set_column(position, schedule.schema.field(position), values)
    return schedule.drop_columns(["postponed_at"])


def _load(table: str, file: Path, first: date, last: date) -> "pa.Table":
    """The rows of a stored season between two dates, both included.

    Raises:
        OSError: the file is missing or damaged.
        ValueError: the file is no Parquet file, or not of the columns the contract has today.

    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from nba_assets.sources.simulated.season import stored_schema

    # Not read_table: it imports pandas, which takes longer than the reading.
    with pq.ParquetFile(file, page_checksum_verification=True) as stored:
        if stored.schema_arrow != stored_schema(table):
            raise ValueError(f"{file} was stored under another contract")
        rows = stored.read()
    day = rows["game_date"]
    return rows.filter(pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last)))


def _store(rows: "pa.Table", file: Path) -> None:
    """Write a file that other processes see whole or not at all."""
    import pyarrow.parquet as pq

    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-")
    os.close(handle)
    temporary = Path(name)
    try:
        pq.write_table(rows, temporary, row_group_size=_ROWS_A_GROUP, write_page_checksum=True)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


@cache
def _code_digest() -> str:
    """Digest of the simulation's own source, so that a change of it never meets older files."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.glob(_MODULES)):
        digest.update(module.read_bytes())
    return digest.hexdigest()[:16]
