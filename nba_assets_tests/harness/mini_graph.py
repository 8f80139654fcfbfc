"""A graph with every kind of edge and nothing else, small enough to build a thousand times.

    schedule ─┬─ box ───────────┬─ summary ── form ──┬─ forecast
              ├─ second_box ────┘   (either)  (window│
              └─ absences ─────────────────── optional)
                                    summary, form ── trained (training) ── forecast

Two rows a game in every table but ``absences``; ``trained`` costs nothing to train.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from nba_assets.assets.raw import schedule
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    PLAYER_ID,
    SOURCE,
    TEAM,
)
from nba_assets.contracts.contract import (
    TWO_TEAMS,
    Column,
    Contract,
    Due,
    Records,
    SetRule,
    Unit,
)
from nba_assets.contracts.dated_table import (
    Build,
    Computed,
    DatedTable,
    FromPython,
    FromSource,
    FromSQL,
    Read,
    Scope,
)
from nba_assets.sources.source import Coverage, Delivery, Refused, games_listed

SEASON = 2025
DATES = tuple(date(2025, 10, 1) + timedelta(days=number) for number in range(6))
EMPTY_DATE = DATES[2]
TEAMS = ("BOS", "CHI", "DEN", "LAL")
ENOUGH = 6
"""rows a model is trained on at least"""
TOO_MANY = 60
"""points no row may have more of"""

Row = dict[str, Any]

_POINTS = Column("pts", "INT64", "Points", low=0, high=TOO_MANY)


def _box(name: str) -> DatedTable:
    contract = Contract(
        table=name,
        group="raw",
        description="Points of a team, and an extra that may be unpublished.",
        grain=("game_id", "team"),
        columns=(
            GAME_ID, GAME_DATE, TEAM, OPPONENT, IS_HOME, _POINTS,
            Column("extra", "INT64", "May be unpublished", nullable=True, low=0, high=9),
            SOURCE,
        ),
        keeps_rows=True,
        records=TWO_TEAMS,
    )  # fmt: skip
    return DatedTable(contract, FromSource(), (Read("schedule"),))


ABSENCES = DatedTable(
    Contract(
        table="absences",
        group="raw",
        description="Who is out; a game may have none.",
        grain=("game_id", "player_id"),
        columns=(GAME_ID, GAME_DATE, TEAM, PLAYER_ID, SOURCE),
        keeps_rows=True,
        empty_games=True,
        due=Due.SCHEDULED,
    ),
    FromSource(),
    (Read("schedule"),),
)
SUMMARY = DatedTable(
    Contract(
        table="summary",
        group="analytics",
        description="Points of a team from one box score or the other.",
        grain=("game_id", "team"),
        columns=(
            GAME_ID,
            GAME_DATE,
            TEAM,
            _POINTS,
            Column("origin", "STRING", "Which", values=("box", "second_box")),
        ),
        records=TWO_TEAMS,
        thresholds=(("scoring", 0.0),),
        rules=(
            SetRule(
                "enough_scored",
                "SELECT game_date, game_id, CONCAT('a team has ', CAST(MIN(pts) AS STRING)) AS "
                "detail FROM staged GROUP BY game_date, game_id HAVING MIN(pts) < @scoring * 100",
                check="contract",
            ),
        ),
    ),
    FromSQL(
        "SELECT g.game_id, g.game_date, b.team, b.pts, 'box' AS origin FROM due_games AS g "
        "JOIN box AS b ON b.game_date = g.game_date AND b.game_id = g.game_id UNION ALL "
        "SELECT g.game_id, g.game_date, s.team, s.pts, 'second_box' AS origin FROM due_games AS g "
        "JOIN second_box AS s ON s.game_date = g.game_date AND s.game_id = g.game_id "
        "LEFT JOIN (SELECT DISTINCT game_date, game_id FROM box) AS b "
        "ON b.game_date = g.game_date AND b.game_id = g.game_id WHERE b.game_id IS NULL"
    ),
    (Read("schedule"), Read("box", Scope.EITHER), Read("second_box", Scope.EITHER)),
)
FORM = DatedTable(
    Contract(
        table="form",
        group="precompute",
        description="A team's points so far, and who is out.",
        grain=("game_id", "team"),
        columns=(
            GAME_ID,
            GAME_DATE,
            TEAM,
            Column("games", "INT64", "Earlier games", low=0),
            Column("points", "INT64", "Points in them", low=0),
            Column("out", "INT64", "Absent players", low=0),
        ),
        records=TWO_TEAMS,
        due=Due.SCHEDULED,
    ),
    FromSQL(
        "SELECT t.game_id, t.game_date, t.team, "
        "(SELECT COUNT(*) FROM summary_before AS s WHERE s.team = t.team "
        "AND s.game_date < t.game_date) AS games, "
        "(SELECT COALESCE(SUM(s.pts), 0) FROM summary_before AS s WHERE s.team = t.team "
        "AND s.game_date < t.game_date) AS points, "
        "(SELECT COUNT(*) FROM absences AS a WHERE a.game_id = t.game_id "
        "AND a.game_date = t.game_date AND a.team = t.team) AS `out` FROM ("
        "SELECT game_id, game_date, home_team AS team FROM due_games UNION ALL "
        "SELECT game_id, game_date, away_team AS team FROM due_games) AS t"
    ),
    (
        Read("schedule"),
        Read("absences", Scope.OPTIONAL),
        Read("schedule", Scope.WINDOW),
        Read("summary", Scope.WINDOW),
    ),
)


def _train(inputs: Mapping[str, pa.Table], _: Build) -> Computed:
    history = inputs["history"].to_pylist()
    days = sorted(set(inputs["game_dates"]["game_date"].to_pylist()))
    rows, warmup = [], set()
    for day in days:
        seen = [row["pts"] for row in history if row["game_date"] < day]
        if len(seen) < ENOUGH:
            warmup.add(day)
        else:
            rows.append({"game_date": day, "seen": len(seen), "points": sum(seen)})
    return Computed(pa.Table.from_pylist(rows, arrow_schema(TRAINED_CONTRACT)), frozenset(warmup))


TRAINED_CONTRACT = Contract(
    table="trained",
    group="models",
    description="What was seen before the date.",
    grain=("game_date",),
    unit=Unit.DATE,
    due=Due.SCHEDULED,
    columns=(
        GAME_DATE,
        Column("seen", "INT64", "Rows trained on", low=1),
        Column("points", "INT64", "Points in them", low=0),
    ),
    records=Records(
        "SELECT d.game_date, CAST(NULL AS STRING) AS game_id, 1 AS expected, "
        "COUNT(DISTINCT s.seen) AS actual FROM (SELECT DISTINCT game_date FROM due_games) AS d "
        "LEFT JOIN staged AS s ON s.game_date = d.game_date GROUP BY d.game_date"
    ),
)
TRAINED = DatedTable(
    TRAINED_CONTRACT,
    FromPython(
        {
            "history": "SELECT s.game_date, s.pts FROM summary_before AS s JOIN form_before AS f "
            "ON f.game_date = s.game_date AND f.game_id = s.game_id AND f.team = s.team",
            "game_dates": "SELECT DISTINCT game_date FROM due_games",
        },
        _train,
        version="1",
    ),
    (Read("schedule"), Read("form", Scope.TRAINING), Read("summary", Scope.TRAINING)),
)
FORECAST = DatedTable(
    Contract(
        table="forecast",
        group="models",
        description="What a team will score.",
        grain=("game_id", "team"),
        columns=(
            GAME_ID,
            GAME_DATE,
            TEAM,
            Column("points", "INT64", "In sum", low=0),
            Column("seen", "INT64", "Rows the model saw", low=1),
        ),
        records=TWO_TEAMS,
        due=Due.SCHEDULED,
    ),
    FromSQL(
        "SELECT g.game_id, g.game_date, f.team, f.points, t.seen FROM due_games AS g "
        "JOIN form AS f ON f.game_date = g.game_date AND f.game_id = g.game_id "
        "JOIN trained AS t ON t.game_date = g.game_date"
    ),
    (Read("schedule"), Read("form"), Read("trained")),
)


def graph(*, version: int = 1, scoring: float = 0.0) -> dict[str, DatedTable]:
    """The tables in the order they are built; ``summary`` may be judged by more."""
    judged = replace(SUMMARY.contract, version=version, thresholds=(("scoring", scoring),))
    tables = (
        schedule.TABLE,
        _box("box"),
        _box("second_box"),
        ABSENCES,
        replace(SUMMARY, contract=judged),
        FORM,
        TRAINED,
        FORECAST,
    )
    return {table.name: table for table in tables}


RAW = ("schedule", "box", "second_box", "absences")
DERIVED = ("summary", "form", "trained", "forecast")
_CONTRACTS = {name: table.contract for name, table in graph().items() if name in RAW}


class MiniLeague:
    """Two games on five of six dates, as a source in memory; a test changes ``tables``."""

    name = identity = "mini league"

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in RAW}
        self.through = date(SEASON + 1, 9, 30)
        number = 0
        for turn, day in enumerate(DATES):
            if day == EMPTY_DATE:
                continue
            others = [*TEAMS[1 + turn % 3 :], *TEAMS[1 : 1 + turn % 3]]
            for home, away in ((TEAMS[0], others[0]), (others[1], others[2])):
                number += 1
                self.add(f"00225{number:05d}", day, home, away, 20 + number)

    def add(self, game_id: str, day: date, home: str, away: str, points: int) -> None:
        """A final game with everything it has."""
        scores = {home: points + 7, away: points}
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
                "tipoff_at": datetime(day.year, day.month, day.day, 23, tzinfo=UTC),
                "home_points": scores[home],
                "away_points": scores[away],
                "source": self.name,
            }
        )
        for team, opponent in ((home, away), (away, home)):
            identity = {"game_id": game_id, "game_date": day, "team": team, "source": self.name}
            side = {"opponent": opponent, "is_home": team == home, "pts": scores[team], "extra": 3}
            for table in ("box", "second_box"):
                self.tables[table].append(identity | side)
            self.tables["absences"].append(identity | {"player_id": 1 + TEAMS.index(team)})

    def seasons(self) -> Sequence[int]:
        """See ``Source``."""
        return (SEASON,)

    def covers(self, year: int) -> Coverage:
        """See ``Source``."""
        return Coverage(self.through, games_listed(self._table("schedule")), "so far")

    def read(self, table: str, first: date, last: date) -> Delivery:
        """See ``Source``."""
        rows = [row for row in self.tables[table] if first <= row["game_date"] <= last]
        refused: tuple[Refused, ...] = ()
        return Delivery(pa.Table.from_pylist(rows, arrow_schema(_CONTRACTS[table])), refused)

    def _table(self, name: str) -> pa.Table:
        return pa.Table.from_pylist(self.tables[name], arrow_schema(_CONTRACTS[name]))
