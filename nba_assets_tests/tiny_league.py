"""A league small enough to rebuild in every test: six teams, three weeks, every identity holds.

The fakes of the suite are here, at the outermost edge: ``TinyLeague`` is a source whose rows a test
changes, ``Sandbox`` a real warehouse filled from it by a real publisher.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from nba_assets.assets.graph import dated_tables
from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES, STATISTICS
from nba_assets.assets.raw.player_points_lines import PLAYER_POINTS_LINES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.starting_lineups import STARTING_LINEUPS
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt, Game
from nba_assets.certification.publish import Publisher
from nba_assets.certification.schema import prepare
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import COUNTS
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.duckdb_file import DuckDBFile
from nba_assets.engines.engine import Warehouse
from nba_assets.seasons import game_dates
from nba_assets.sources.source import Coverage, Delivery, Refused, games_listed
from nba_assets_tests.memory_warehouse import MemoryWarehouse

TEAMS = ("BOS", "CHI", "DEN", "LAL", "MIA", "NYK")
SEASON = 2025
SEASON_START = date(2025, 10, 1)
"""The first partition of the season; two dates without games follow."""
OPENER = date(2025, 10, 3)
FIRST_FEATURES = date(2025, 10, 7)
"""The first date with games after the warm-up."""
LAST = date(2025, 10, 23)
SLATES = tuple(OPENER + timedelta(days=2 * number) for number in range(11))
"""The dates with three games each, every team in one."""
ONE_GAME = date(2025, 10, 20)
"""A date with a single game, between two slates."""
OVERTIME_GAME = "0022500005"
ROSTER = 12
PLAYING = 10

RAW = {
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
_MINUTES = (35.5, 33.0, 30.25, 28.0, 26.0, 24.0, 20.0, 17.25, 15.0, 11.0)
BEFORE_TIPOFF = (
    "schedule",
    "player_availability",
    "starting_lineups",
    "player_points_lines",
    "team_form",
    "team_ratings",
    "player_features",
    "player_state",
    "expected_roster",
    "lineup_context",
    "expected_minutes",
    "player_points_model",
    "player_points_predictions",
    "player_points_market",
)
"""What can be certified before a date's games are played."""
_BOX_SCORES = ("player_box_scores", "team_box_scores")

Row = dict[str, Any]


def player_ids(team: str) -> tuple[int, ...]:
    """The twelve players a team starts the season with."""
    first = 100 * (TEAMS.index(team) + 1)
    return tuple(range(first, first + ROSTER))


class TinyLeague:
    """A source in memory. ``tables`` holds its rows; a test changes them, mostly by game.

    ``trades`` moves players: player id to the date from which he plays for another team.
    """

    name = "tiny_league"
    identity = "tiny league"
    through = date(SEASON + 1, 9, 30)
    """the last date its schedule covers"""

    def __init__(self, trades: Mapping[int, tuple[date, str]] | None = None) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in RAW}
        self.refused: dict[str, list[Refused]] = {name: [] for name in RAW}
        """rows the source could not understand, by table"""
        self.errors: dict[str, Exception] = {}
        """what reading a table raises"""
        self._trades = trades or {}
        for number, (day, home, away) in enumerate(_fixtures(), start=1):
            self._play(f"{2:03d}{SEASON % 100:02d}{number:05d}", day, home, away)

    def seasons(self) -> Sequence[int]:
        """See ``Source``."""
        return (SEASON,)

    def covers(self, year: int) -> Coverage:
        """See ``Source``."""
        rows = self.read("schedule", date(year, 10, 1), date(year + 1, 9, 30)).rows
        return Coverage(self.through, games_listed(rows), "the tiny league lists its games so far")

    def read(self, table: str, first: date, last: date) -> Delivery:
        """See ``Source``. A game that has not begun has no box score."""
        if table in self.errors:
            raise self.errors[table]
        unplayed = {
            (row["game_id"], row["game_date"])
            for row in self.tables["schedule"]
            if table in _BOX_SCORES and row["status"] in ("SCHEDULED", "POSTPONED")
        }
        rows = [
            row
            for row in self.tables[table]
            if first <= row["game_date"] <= last
            and (row["game_id"], row["game_date"]) not in unplayed
        ]
        return Delivery(
            pa.Table.from_pylist(rows, arrow_schema(RAW[table])),
            tuple(r for r in self.refused[table] if first <= r.game_date <= last),
        )

    def copy(self) -> "TinyLeague":
        """A league with the same rows, to be changed on its own."""
        return deepcopy(self)

    def games(self, day: date) -> list[str]:
        """The ids of a date's games, in order."""
        return sorted(r["game_id"] for r in self.tables["schedule"] if r["game_date"] == day)

    def game(self, day: date, team: str) -> str:
        """The id of a team's game of a date."""
        return next(game for game in self.games(day) if team in self.teams(game))

    def teams(self, game_id: str) -> tuple[str, str]:
        """Home and away team of a game."""
        row = self.rows("schedule", game_id)[0]
        return row["home_team"], row["away_team"]

    def rows(self, table: str, game_id: str, **where: object) -> list[Row]:
        """The rows of a game, those with the given values; they are the league's own.

        Raises:
            LookupError: there is none.
        """
        found = [
            row
            for row in self.tables[table]
            if row["game_id"] == game_id and all(row[name] == v for name, v in where.items())
        ]
        if not found:
            raise LookupError(f"{table} has no row of {game_id} with {where}")
        return found

    def patch(self, table: str, game_id: str, values: Mapping[str, Any], **where: object) -> None:
        """Overwrite values in the rows of a game."""
        for row in self.rows(table, game_id, **where):
            row.update(values)

    def drop(self, table: str, game_id: str, **where: object) -> None:
        """Take the rows of a game away."""
        gone = {id(row) for row in self.rows(table, game_id, **where)}
        self.tables[table] = [row for row in self.tables[table] if id(row) not in gone]

    def repeat(self, table: str, game_id: str, **where: object) -> None:
        """Deliver the rows of a game once more."""
        self.tables[table] += [dict(row) for row in self.rows(table, game_id, **where)]

    def set_status(self, game_id: str, status: str) -> None:
        """Make a game SCHEDULED, IN_PROGRESS or POSTPONED: it has no final score then.

        A game in progress delivers the box score as it stands; the others deliver none.
        """
        scores = {} if status == "FINAL" else {"home_points": None, "away_points": None}
        self.patch("schedule", game_id, {"status": status, **scores})

    def correct(self, game_id: str, player_id: int) -> None:
        """A stat correction: one more assist for a player and his team."""
        player = self.rows("player_box_scores", game_id, player_id=player_id)[0]
        player["ast"] += 1
        self.rows("team_box_scores", game_id, team=player["team"])[0]["ast"] += 1

    def _roster(self, team: str, day: date) -> list[int]:
        everyone = [(player, start) for start in TEAMS for player in player_ids(start)]
        return [
            player
            for player, start in everyone
            if team == (self._trades[player][1] if self._traded(player, day) else start)
        ]

    def _traded(self, player: int, day: date) -> bool:
        return player in self._trades and day >= self._trades[player][0]

    def _play(self, game_id: str, day: date, home: str, away: str) -> None:
        lines = {
            team: self._lines(game_id, day, team, opponent)
            for team, opponent in ((home, away), (away, home))
        }
        totals = {team: _totals(rows) for team, rows in lines.items()}
        if totals[home]["pts"] == totals[away]["pts"]:
            for row in (lines[home][0], totals[home]):
                row.update({name: row[name] + 1 for name in ("ftm", "fta", "pts")})
        self.tables["schedule"].append(
            {
                "game_id": game_id,
                "game_date": day,
                "season": "2025-26",
                "season_type": "Regular Season",
                "status": "FINAL",
                "home_team": home,
                "away_team": away,
                "neutral_site": False,
                "tipoff_at": datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC),
                "home_points": totals[home]["pts"],
                "away_points": totals[away]["pts"],
                "source": self.name,
            }
        )
        for team, opponent in ((home, away), (away, home)):
            side = {
                "game_id": game_id,
                "game_date": day,
                "team": team,
                "opponent": opponent,
                "is_home": team == home,
                "source": self.name,
            }
            self.tables["team_box_scores"].append(side | totals[team])
            for line in lines[team]:
                self.tables["player_box_scores"].append(side | line)
                if line["status"] == "INACTIVE":
                    listed = {name: (side | line)[name] for name in _LISTED}
                    self.tables["player_availability"].append(listed | {"reason": "rest"})
                if line["status"] == "PLAYED" and line["player_id"] % 2 == 0:
                    self.tables["player_points_lines"] += _points_lines(side | line)
                if line["starter"]:
                    announced = {n: (side | line)[n] for n in STARTING_LINEUPS.column_names}
                    self.tables["starting_lineups"].append(announced)

    def _lines(self, game_id: str, day: date, team: str, opponent: str) -> list[Row]:
        roster = self._roster(team, day)
        turn = int(game_id) % len(roster)
        lines = []
        for place, player in enumerate(roster[turn:] + roster[:turn]):
            identity = {"player_id": player, "player_name": f"Player {player}"}
            if place < PLAYING:
                lines.append(identity | _played(game_id, player, place))
            else:
                status = "DID_NOT_PLAY" if place == PLAYING else "INACTIVE"
                missing = dict.fromkeys((*STATISTICS, "position"))
                lines.append(identity | {"status": status, "starter": False} | missing)
        return lines


_LISTED = tuple(name for name in PLAYER_AVAILABILITY.column_names if name != "reason")


def _fixtures() -> Iterable[tuple[date, str, str]]:
    """Date, home and away team of every game: a round robin on the slates, and the one game."""
    fixed, *others = TEAMS
    games = []
    for number, day in enumerate(SLATES):
        turn = number % len(others)
        ring = [fixed, *others[turn:], *others[:turn]]
        pairs = list(zip(ring[:3], reversed(ring[3:]), strict=True))
        games += [(day, *(pair if number % 2 else pair[::-1])) for pair in pairs]
    games.append((ONE_GAME, "BOS", "MIA"))
    return sorted(games)


def _number(key: str, low: int, high: int) -> int:
    """A number from ``low`` to ``high`` that depends on the key alone."""
    digest = hashlib.sha256(key.encode()).digest()
    return low + int.from_bytes(digest[:4]) % (high - low + 1)


def _played(game_id: str, player: int, place: int) -> Row:
    def number(name: str, low: int, high: int) -> int:
        return _number(f"{game_id} {player} {name}", low, high)

    minutes = _MINUTES[place] + (5 if game_id == OVERTIME_GAME and place < 5 else 0)
    most = int(minutes)
    fg2m, fg3m, ftm = number("2", 1, most // 6), number("3", 0, most // 9), number("ft", 0, 5)
    fg2a = fg2m + number("2 missed", 1, 4)
    fg3a = fg3m + number("3 missed", 0, 4)
    oreb, dreb = number("oreb", 0, 2), number("dreb", 0, 7)
    return {
        "status": "PLAYED",
        "starter": place < 5,
        "position": "GGFFC"[place] if place < 5 else None,
        "minutes": minutes,
        "fgm": fg2m + fg3m,
        "fga": fg2a + fg3a,
        "fg3m": fg3m,
        "fg3a": fg3a,
        "ftm": ftm,
        "fta": ftm + number("ft missed", 0, 2),
        "oreb": oreb,
        "dreb": dreb,
        "reb": oreb + dreb,
        "ast": number("ast", 0, 8),
        "stl": number("stl", 0, 2),
        "blk": number("blk", 0, 2),
        "tov": number("tov", 0, 3),
        "pf": number("pf", 0, 5),
        "pts": 2 * fg2m + 3 * fg3m + ftm,
        "plus_minus": number("plus_minus", -12, 12),
    }


def _points_lines(line: Row) -> list[Row]:
    """Two bookmakers' lines, near the points he had."""
    named = {n: line[n] for n in PLAYER_POINTS_LINES.column_names if n in line}
    offered = line["pts"] + _number(f"{line['game_id']} {line['player_id']} line", -4, 4)
    return [
        named
        | {"bookmaker": bookmaker, "offer": 1, "line": max(offered + away, 0.5)}
        | {"over_price": -110.0, "under_price": -110.0}
        for bookmaker, away in (("even", 0.5), ("high", 1.5))
    ]


def _totals(lines: Sequence[Row]) -> Row:
    played = [line for line in lines if line["status"] == "PLAYED"]
    totals = {name: sum(line[name] for line in played) for name in ("minutes", *COUNTS)}
    return totals | {"tov_with_team": totals["tov"] + 1}


def graph(models: Path, up_to: str | None = None) -> dict[str, DatedTable]:
    """The tables of the graph in order, no more than to one of them where a test needs no more."""
    tables = dated_tables(models)
    names = list(tables)
    return {name: tables[name] for name in names[: names.index(up_to) + 1 if up_to else None]}


@dataclass
class Sandbox:
    """A warehouse in a folder, filled from a league."""

    folder: Path
    league: TinyLeague = field(default_factory=TinyLeague)
    runs: int = 0
    in_memory: MemoryWarehouse | None = None
    """in place of the file, where a test builds much"""
    up_to: str | None = None
    """the last table of the graph a test is about; all of it unless given"""

    @property
    def warehouse(self) -> DuckDBFile | MemoryWarehouse:
        """The warehouse; every call opens it anew, as another process would."""
        return self.in_memory or DuckDBFile(self.folder / "warehouse.duckdb", lock_timeout=30.0)

    @property
    def tables(self) -> dict[str, DatedTable]:
        """The tables of the graph, in the order they are built."""
        return graph(self.folder / "models", self.up_to)

    def publisher(
        self,
        *,
        warehouse: Warehouse | None = None,
        tables: Mapping[str, DatedTable] | None = None,
    ) -> Publisher:
        """A publisher with a run id of its own on the prepared warehouse."""
        warehouse, tables = warehouse or self.warehouse, tables or self.tables
        prepare(warehouse, (table.contract for table in tables.values()))
        self.runs += 1
        return Publisher(
            warehouse, tables, self.league, f"run-{self.runs}", first_date=SEASON_START
        )

    def build(self, table: str, first: date, last: date | None = None) -> list[Attempt]:
        """Build one table for a date, or for the dates ``first`` to ``last``."""
        return self.publisher().build(table, list(game_dates(first, last or first)))

    def build_all(
        self, first: date = SEASON_START, last: date = LAST, tables: Iterable[str] | None = None
    ) -> dict[str, list[Attempt]]:
        """Build the dates of the tables, all of the graph unless named, in the graph's order."""
        publisher = self.publisher()
        dates = list(game_dates(first, last))
        chosen = set(self.tables if tables is None else tables)
        return {name: publisher.build(name, dates) for name in self.tables if name in chosen}

    def query(self, sql: str) -> list[Row]:
        """Rows of a GoogleSQL query of the warehouse, as a reader sees it."""
        with self.warehouse.reading() as engine:
            rows: list[Row] = engine.query(sql).to_pylist()
        return rows

    def history(self, table: str, day: date) -> list[Attempt]:
        """Every attempt at a date, oldest first."""
        with self.warehouse.reading() as engine:
            return ledger.history(engine, table, day)

    def attempts(self, table: str) -> dict[date, Attempt]:
        """The latest attempt at each date."""
        with self.warehouse.reading() as engine:
            latest = ledger.latest(engine, (table,), date.min, date.max)
        return {day: attempt for (_, day), attempt in latest.items()}

    def attempt(self, table: str, day: date) -> Attempt:
        """The latest attempt at a date."""
        return self.history(table, day)[-1]

    def stored_attempt(self, attempt: Attempt) -> int:
        """The number of the attempt whose rows are stored after another one."""
        history = self.history(attempt.table_name, attempt.game_date)
        return next(a.attempt for a in history if a.publication == attempt.stored_publication)

    def verdicts(self, table: str, day: date) -> dict[str, Game]:
        """The current verdict on each game of a date, or on the date as a whole."""
        with self.warehouse.reading() as engine:
            return {game.game_id: game for game in ledger.verdicts(engine, (table,), day, day)}

    def waive(self, table: str, game_id: str, reason: str = "the arena burnt down") -> None:
        """Record a waiver of a game."""
        self._rule(ledger.Kind.WAIVE, table, game_id, reason)

    def revoke(self, table: str, game_id: str) -> None:
        """End the waiver of a game."""
        self._rule(ledger.Kind.REVOKE, table, game_id, "it was found")

    def accept(self, table: str, game_id: str, reason: str = "it was annulled") -> None:
        """Accept what the latest attempts found to be gone of a game."""
        for attempt in self.attempts(table).values():
            for cause in attempt.causes:
                if cause.game_id == game_id and cause.is_of(table, attempt.game_date):
                    finding = f"{cause.rule}: {cause.detail}"
                    self._rule(
                        ledger.Kind.ACCEPT, table, game_id, reason, attempt.game_date, finding
                    )

    def _rule(
        self,
        kind: ledger.Kind,
        table: str,
        game_id: str,
        reason: str,
        day: date | None = None,
        finding: str | None = None,
    ) -> None:
        ruling = ledger.Ruling(
            kind, table, game_id, reason, "operator", datetime.now(UTC), day, finding
        )
        with self.warehouse.writing() as engine:
            ledger.rule(engine, [ruling])
