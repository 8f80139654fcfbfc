"""The ``files`` source: a folder with one Parquet or CSV file a season and kind.

The folder's schema is documented in ``docs/reference/files-source.md``. Every value is understood
exactly or its row is refused; a file that cannot be understood as a whole is ``BadInput``.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES, STATISTICS
from nba_assets.assets.raw.player_points_lines import PLAYER_POINTS_LINES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.starting_lineups import STARTING_LINEUPS
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.teams import TEAMS
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.seasons import eastern_date, season_label, season_year
from nba_assets.sources.files.kinds import (
    EXTENSIONS,
    FILES_OF,
    LINES_FILE,
    NAME,
    NOT_PLAYED_FILE,
    PLAYER_FILE,
    PLAYER_POSTSEASON_FILE,
    REFERENCE,
)
from nba_assets.sources.files.rows import (
    Batch,
    SeasonFile,
    bad_file,
    groups,
    parse,
    together,
    unavailable,
)
from nba_assets.sources.source import RAW_TABLES, Coverage, Delivery, Refused, games_listed

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

# A season of player rows takes about 6 MB; a range is read table by table, season by season.
_SEASONS_KEPT = 8

GAMES_A_TEAM = 82
"""of a whole regular season"""


_CONTRACTS = {
    contract.table: contract
    for contract in (
        SCHEDULE,
        PLAYER_BOX_SCORES,
        TEAM_BOX_SCORES,
        PLAYER_AVAILABILITY,
        STARTING_LINEUPS,
        PLAYER_POINTS_LINES,
    )
}


@dataclass(frozen=True)
class FilesSource:
    """A folder of season files; what is published is decided by its ``schedule_{season}`` files."""

    folder: Path

    @property
    def name(self) -> str:
        """``files``."""
        return NAME

    @property
    def identity(self) -> str:
        """Another folder is another publication."""
        return f"files in {self.folder.resolve()}"

    def covers(self, year: int) -> Coverage:
        """A season is known to its end once every team has its 82 games, before that to its last.

        Raises:
            SourceUnavailable: the file cannot be opened now, or is gone.
            BadInput: it cannot be understood as a whole.
        """
        schedule = self._schedule(year).rows
        listed = games_listed(schedule)
        regular: dict[str, set[str]] = defaultdict(set)
        for game_id, home, away, kind in zip(
            *(
                schedule[n].to_pylist()
                for n in ("game_id", "home_team", "away_team", "season_type")
            ),
            strict=True,
        ):
            if kind == "Regular Season":
                regular[home].add(game_id)
                regular[away].add(game_id)
        if len(regular) == len(TEAMS) and all(len(g) >= GAMES_A_TEAM for g in regular.values()):
            return Coverage(date(year + 1, 9, 30), listed)
        games = len(set[str]().union(*regular.values()))
        of = len(TEAMS) * GAMES_A_TEAM // 2
        return Coverage(
            max(listed, default=date(year, 9, 30)),
            listed,
            f"{self.name} lists {games:,} of {of:,} regular-season games",
        )

    def _schedule(self, year: int) -> Delivery:
        return _read_schedule(self._schedule_file(year), year)

    def _schedule_file(self, year: int) -> SeasonFile:
        files = self._files("schedule", year)
        if not files:
            raise SourceUnavailable(
                f"schedule: the file of {season_label(year)} vanished from {self.folder} while "
                "it was read, so it is being written. Run again when that is done"
            )
        return files[0]

    def seasons(self) -> Sequence[int]:
        """Start years of the seasons with a schedule file, ascending.

        Raises:
            BadInput: there is no such folder, or no schedule file in it.
            SourceUnavailable: the folder cannot be listed now.
        """
        try:
            names = [path.name for path in self.folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BadInput(
                f"schedule: the files source has no folder {self.folder}. "
                "Set NBA_ASSETS_FILES_DIR to the folder with the season files"
            ) from error
        except OSError as error:
            raise unavailable("schedule", self.folder, error) from error
        years = sorted(
            {
                int(found[1])
                for name in names
                if (found := re.fullmatch(r"schedule_([0-9]{4})-[0-9]{2}\.(parquet|csv)", name))
                and found[0].startswith(f"schedule_{season_label(int(found[1]))}.")
            }
        )
        if not years:
            raise BadInput(
                f"schedule: {self.folder} has no file such as schedule_2024-25.parquet or .csv, so "
                f"no season is known. Deliver it there; {REFERENCE} has the names"
            )
        return years

    def read(self, table: str, first: date, last: date) -> Delivery:
        """Rows of one of ``RAW_TABLES`` with ``first <= game_date <= last``.

        Only the files of the seasons in that range are read, and a season only once per process
        until one of its files changes.

        Raises:
            SourceUnavailable: a file cannot be opened now, or changed while it was read.
            BadInput: a file cannot be understood as a whole; the message names it.
        """
        import pyarrow as pa

        if table not in RAW_TABLES:
            raise ValueError(f"{table!r} is not one of {', '.join(RAW_TABLES)}")
        rows = [arrow_schema(_CONTRACTS[table]).empty_table()]
        refused: list[Refused] = []
        for year in self.seasons():
            if not season_year(first) <= year <= season_year(last):
                continue
            if table == "schedule":
                season = self._schedule(year)
            else:
                schedule_file = self._schedule_file(year)
                season = _read_box(table, self._files(table, year), schedule_file, year)
            rows.append(_between(season.rows, first, last))
            refused += (row for row in season.refused if first <= row.game_date <= last)
        return Delivery(pa.concat_tables(rows), tuple(refused))

    def _files(self, table: str, year: int) -> tuple[SeasonFile, ...]:
        """The files of a table and season that are there."""
        files = []
        for kind in FILES_OF[table]:
            found = []
            for ending in (end + extension for end in kind.endings for extension in EXTENSIONS):
                path = self.folder / f"{kind.stem}_{season_label(year)}{ending}"
                try:
                    stat = path.stat()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise unavailable(table, path, error) from error
                found.append(SeasonFile(kind.stem, path, stat.st_mtime_ns, stat.st_size))
            if len(found) > 1:
                raise BadInput(
                    f"{table}: {self.folder} has both {' and '.join(f.path.name for f in found)}, "
                    "and which one is meant cannot be known. Remove one of them"
                )
            files += found
        return tuple(files)


def _between(rows: "pa.Table", first: date, last: date) -> "pa.Table":
    import pyarrow.compute as pc

    day = rows["game_date"]
    return rows.filter(pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last)))


def _settle_copies(batch: Batch, grain: Sequence[str]) -> list[int]:
    """Refuse every row whose grain is not its own: which copy is right cannot be known.

    Returns the positions of the one exception. Publications carry a few players who dressed as both
    played and did-not-play: a box row of nothing but zeros gives way to the did-not-play row, which
    gives way to a box row that shows any play. Nobody on the inactive list can have played.
    """
    import numpy as np

    copied = [group for group in groups(batch.rows, grain) if len(group) > 1]
    if not copied:
        return []
    gives_way = []
    every_row = iter(batch.rows.take(np.concatenate(copied)).to_pylist())
    for group in copied:
        positions = group.tolist()
        rows = list(islice(every_row, len(positions)))
        # Files of players who played come first in FILES_OF.
        statuses = [row.get("status") for row in rows]
        troubled = any(position in batch.troubles for position in positions)
        if not troubled and _is_empty_play(rows[0]) and statuses[1:] in _NOT_PLAYED:
            gives_way.append(positions[0])
            continue
        if not troubled and statuses == ["PLAYED", "DID_NOT_PLAY"]:
            gives_way.append(positions[1])
            continue
        places = [batch.place(row) for row in rows]
        for row in rows:
            del row["file"], row["row"]
        alike = "identical" if all(row == rows[0] for row in rows) else "contradicting"
        for number, position in enumerate(positions):
            batch.refuse(
                position,
                f"one of {len(rows)} {alike} rows with the same {' and '.join(grain)}, expected "
                f"one; another is {places[number - 1]}",
            )
    return gives_way


_NOT_PLAYED = (["DID_NOT_PLAY"], ["INACTIVE"])


def _is_empty_play(row: Mapping[str, object]) -> bool:
    """Whether a row says that a player played, for 0 minutes, and did nothing."""
    return (
        row.get("status") == "PLAYED"
        and row["minutes"] == 0
        and not any(row[name] for name in STATISTICS)
    )


@lru_cache(maxsize=_SEASONS_KEPT)
def _read_schedule(file: SeasonFile, year: int) -> Delivery:
    """The schedule of a season."""
    import numpy as np
    import pyarrow as pa

    batch = parse("schedule", file)
    days = batch.rows["game_date"].to_pylist()
    for position, day in enumerate(days):
        if season_year(day) != year:
            raise bad_file(
                "schedule",
                file.path,
                f"row {batch.rows['row'][position].as_py() + 1}: game date {day} is not in the "
                f"season {season_label(year)}",
                "Correct the date, or the name of the file",
            )
    for position, tipoff in enumerate(batch.rows["tipoff_at"].to_pylist()):
        if tipoff is not None and eastern_date(tipoff) != days[position]:
            # Neither date's list of games is known now: one may lack the game, one may not have it.
            batch.holds[position] = (days[position], eastern_date(tipoff))
            batch.refuse(
                position,
                f"column game_date: {days[position]}, expected {eastern_date(tipoff)}, the US "
                f"Eastern date of its tip-off {tipoff.isoformat()}",
            )
    if batch.rows["status"].null_count == len(batch.rows):
        status = batch.rows.column_names.index("status")
        final = pa.array(["FINAL"] * len(batch.rows), pa.string())
        batch.rows = batch.rows.set_column(status, "status", final)
    _settle_copies(batch, SCHEDULE.grain)
    labels = pa.array([season_label(year)] * len(batch.rows), pa.string())
    batch.rows = batch.rows.append_column("season", labels)
    return batch.delivery(SCHEDULE, np.ones(len(batch.rows), dtype=bool))


@dataclass(frozen=True)
class _Scheduled:
    """A game of the schedule, on one of its dates."""

    game_date: date
    teams: tuple[str, str]
    postponed: bool


def _scheduled_games(schedule: Delivery) -> dict[str, list[_Scheduled]]:
    """The scheduled dates of each game id, the one it is played on last."""
    names = ("game_id", "game_date", "home_team", "away_team", "status")
    games: dict[str, list[_Scheduled]] = defaultdict(list)
    for game_id, day, home, away, status in zip(
        *(schedule.rows[name].to_pylist() for name in names), strict=True
    ):
        games[game_id].append(_Scheduled(day, (home, away), status == "POSTPONED"))
    for dates in games.values():
        dates.sort(key=lambda game: (not game.postponed, game.game_date))
    return games


@lru_cache(maxsize=_SEASONS_KEPT)
def _read_box(
    table: str, files: tuple[SeasonFile, ...], schedule_file: SeasonFile, year: int
) -> Delivery:
    """The rows of a season of one of the tables that are about games of the schedule."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    contract = _CONTRACTS[table]
    schedule = _read_schedule(schedule_file, year)
    games = _scheduled_games(schedule)
    _warn_of_missing_files(table, files, schedule_file, schedule)
    batches = []
    for file in files:
        batch = parse(table, file)
        _refuse_wrong_dates(table, file, year, batch, games)
        if file.stem == NOT_PLAYED_FILE.stem:
            _add_opponents(batch, schedule_file, games)
        elif file.stem in (PLAYER_FILE.stem, PLAYER_POSTSEASON_FILE.stem):
            _add_played(batch)
        elif file.stem == LINES_FILE.stem:
            _number_offers(batch)
        batches.append(batch)
    if not batches:
        return Delivery(arrow_schema(contract).empty_table())

    batch = together(batches)
    keep = np.ones(len(batch.rows), dtype=bool)
    keep[_settle_copies(batch, contract.grain)] = False
    if table == "player_availability":
        keep &= pc.is_in(batch.rows["status"], pa.array(["INACTIVE"])).to_numpy()
    if table == "starting_lineups":
        starts = batch.rows["starter"].cast(pa.bool_())
        keep &= pc.fill_null(starts, fill_value=False).to_numpy()
    return batch.delivery(contract, keep)


def _warn_of_missing_files(
    table: str, files: Sequence[SeasonFile], schedule_file: SeasonFile, schedule: Delivery
) -> None:
    """Say which absent files the completed games of the season belong in.

    That is no error here: the audit finds the games missing, and this tells their operator why.
    """
    import pyarrow.compute as pc

    completed = schedule.rows.filter(pc.equal(schedule.rows["status"], "FINAL"))
    types = set(completed["season_type"].to_pylist())
    season = schedule_file.path.stem.removeprefix("schedule_")
    for kind in FILES_OF[table]:
        expected = types & set(kind.season_types) and not kind.optional
        if expected and kind.stem not in {file.stem for file in files}:
            logger.warning(
                "%s: there is no %s_%s.parquet or .csv in %s, while %s has completed games it "
                "belongs to; they get no rows from it. Deliver the file if it should exist",
                table,
                kind.stem,
                season,
                schedule_file.path.parent,
                schedule_file.path.name,
            )


def _refuse_wrong_dates(
    table: str, file: SeasonFile, year: int, batch: Batch, games: Mapping[str, Sequence[_Scheduled]]
) -> None:
    """Refuse rows dated on a day the schedule does not have their game on.

    They hold the game back on its scheduled date, where its rows are missed.
    """
    days, ids = batch.rows["game_date"], batch.rows["game_id"]
    for group in groups(batch.rows, ("game_date",)):
        day = days[group[0].item()].as_py()
        if season_year(day) == year:
            continue
        for position in group.tolist():
            if ids[position].as_py() not in games:
                raise bad_file(
                    table,
                    file.path,
                    f"row {batch.rows['row'][position].as_py() + 1}: game {ids[position]} of {day} "
                    f"is neither in the season {season_label(year)} nor on its schedule",
                    "Correct the date, or the name of the file",
                )
    for group in groups(batch.rows, ("game_id", "game_date")):
        position = group[0].item()
        day, game_id = days[position].as_py(), ids[position].as_py()
        dates = [game.game_date for game in games.get(game_id, ())]
        if dates and day not in dates:
            for position in group.tolist():
                batch.holds[position] = (dates[-1],)
                batch.refuse(
                    position,
                    f"column game_date: {day}, expected {dates[-1]}, the date of game {game_id} "
                    "on the schedule",
                )


def _add_played(batch: Batch) -> None:
    """Say that the players of a box score played, and take the exact minutes where published."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.rows
    published = [rows[name].cast(pa.float64()) for name in ("minutes_exact", "minutes")]
    minutes = pc.coalesce(*published)
    rows = rows.set_column(rows.column_names.index("minutes"), "minutes", minutes)
    batch.rows = rows.append_column("status", pa.array(["PLAYED"] * len(rows), pa.string()))


def _number_offers(batch: Batch) -> None:
    """Number a bookmaker's lines on a player, the lowest first."""
    import numpy as np
    import pyarrow as pa

    lines = batch.rows["line"].to_numpy()
    offers = np.ones(len(batch.rows), dtype=np.int64)
    for group in groups(batch.rows, ("game_id", "player_id", "bookmaker")):
        offers[group] = np.unique(lines[group], return_inverse=True)[1] + 1
    batch.rows = batch.rows.append_column("offer", pa.array(offers))


def _add_opponents(
    batch: Batch, schedule_file: SeasonFile, games: Mapping[str, Sequence[_Scheduled]]
) -> None:
    """Add the opponent the schedule names; refuse rows of games or teams it does not have."""
    import pyarrow as pa

    rows = batch.rows
    ids, teams = rows["game_id"], rows["team"]
    opponents: list[str | None] = [None] * len(rows)
    for group in groups(rows, ("game_id", "team")):
        game_id, team = ids[group[0].item()].as_py(), teams[group[0].item()].as_py()
        scheduled = games[game_id][-1].teams if game_id in games else ()
        others = [other for other in scheduled if other != team]
        for position in group.tolist():
            if len(others) == 1:
                opponents[position] = others[0]
            else:
                batch.refuse(
                    position,
                    f"column team_abbr: {team} in game {game_id}, expected a team of a game in "
                    f"{schedule_file.path.name}, which "
                    + (f"has {' and '.join(scheduled)}" if scheduled else "lacks the game"),
                )
    batch.rows = rows.append_column("opponent", pa.array(opponents, pa.string()))
