"""What the certified data and the ledger say about a deployment, for people and gates to read."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from nba_assets.certification import ledger
from nba_assets.certification.certified import certified_tables
from nba_assets.certification.decide import LATE
from nba_assets.certification.ledger import Status
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.engine import Engine
from nba_assets.engines.googlesql import quoted
from nba_assets.operations.plan import Need, Reason, Standing, span, spans
from nba_assets.seasons import season_year
from nba_assets.sources.source import RAW_TABLES

EVALUATION = "player_points_evaluation"
STATES = (*(status.value for status in Status), "MISSING", "STALE", "DAMAGED")
"""What a date of a table can be: its status, never attempted, certified but out of date, or stored
otherwise than the ledger says. A date that will be held once it runs again is HELD already.
"""


def state(standing: Standing, table: str, day: date) -> str:
    """What a date of a table is, one of ``STATES``."""
    need = standing.needs.get((table, day))
    if need and need.reason in (Reason.MISSING, Reason.DAMAGED):
        return need.reason.name
    status = standing.statuses[table, day]
    if need and status.certified:
        return "HELD" if need.causes else "STALE"
    return status.value


def tally(standing: Standing) -> dict[tuple[str, int], Counter[str]]:
    """By table and season year, how many dates are in which state."""
    years = {day: season_year(day) for day in standing.dates}
    counts: dict[tuple[str, int], Counter[str]] = {
        (name, year): Counter()
        for name in standing.tables
        for year in dict.fromkeys(years.values())
    }
    for (name, day), status in standing.statuses.items():
        if day in years and (name, day) not in standing.needs:
            counts[name, years[day]][status.value] += 1
    for name, day in standing.needs:
        counts[name, years[day]][state(standing, name, day)] += 1
    return counts


def total_by_state(standing: Standing) -> Counter[str]:
    """How many dates of all tables are in which state."""
    total = Counter[str](status.value for status in standing.statuses.values())
    for key in standing.needs:
        if key in standing.statuses:
            total[standing.statuses[key].value] -= 1
        total[state(standing, *key)] += 1
    return total


VANISHING_RULES = ("nothing_vanishes", "still_listed", "score_still_published")
"""The rules that find something gone that once passed; an operator may accept what they find."""


def late_games(engine: Engine) -> set[str]:
    """The games that are waived and were delivered since."""
    found = ledger.latest(engine, RAW_TABLES, date.min, date.max, checks=False)
    late = {c.game_id for one in found.values() for c in one.causes if c.rule == LATE}
    return {w.game_id for w in ledger.rulings(engine).waivers if w.game_id in late}


@dataclass(frozen=True)
class Gap:
    """Unbroken dates of a table that are not certified, or no longer true, for the same reason."""

    table_name: str
    first: date
    last: date
    dates: int
    state: str
    detail: str
    waits: bool
    """whether it waits for something upstream, so that there is nothing to mend here"""


def told(need: Need) -> str:
    """What is worth telling of a need: of one that waits only that, its cause is listed itself."""
    return "waits for what is held upstream" if need.waits else need.detail


def gaps(standing: Standing) -> list[Gap]:
    """All that is not complete, causes before what waits for them, in the order of the graph."""
    alike: dict[tuple[bool, str, str, str], list[date]] = defaultdict(list)
    for (name, day), need in standing.needs.items():
        what = state(standing, name, day)
        alike[need.waits, name, what, told(need)].append(day)
    position = {name: number for number, name in enumerate(standing.tables)}
    found = [
        Gap(
            name,
            first,
            last,
            sum(first <= day <= last for day in days),
            what,
            detail.removeprefix(f"{what}: "),
            waits,
        )
        for (waits, name, what, detail), days in alike.items()
        for first, last in spans(days)
    ]
    return sorted(found, key=lambda gap: (gap.waits, position[gap.table_name], gap.first))


def named_gaps(standing: Standing, shown: int = 5) -> str:
    """The first causes of what is not complete, in a line; empty where all of it is."""
    found = gaps(standing)
    causes = [gap for gap in found if not gap.waits] or found
    lines = [
        f"{gap.table_name} {span(gap.first, gap.last)} {gap.state}: {gap.detail}"
        for gap in causes[:shown]
    ]
    if len(causes) > shown:
        lines.append(f"and {len(causes) - shown} more")
    return "; ".join([*lines, "`nba-assets status` lists them all"]) if lines else ""


@dataclass(frozen=True)
class Coverage:
    """Rows with minutes > 0 of a season, and how many of them carry a usage_rate."""

    season_year: int
    rows: int
    with_usage_rate: int

    @property
    def share(self) -> float:
        """Share of the rows that carry one."""
        return self.with_usage_rate / self.rows


def coverage(
    engine: Engine, tables: Mapping[str, DatedTable], dates: Sequence[date]
) -> list[Coverage]:
    """usage_rate coverage of the certified ``player_game_summary``, by season."""
    rows = engine.query(
        f"SELECT {_SEASON_YEAR} AS season_year, COUNT(*) AS found, "
        "COUNTIF(usage_rate IS NOT NULL) AS with_usage_rate FROM player_game_summary "
        f"WHERE minutes > 0 GROUP BY {_SEASON_YEAR} ORDER BY season_year",
        certified_tables(tables, ("player_game_summary",), dates[0], dates[-1]),
    )
    return [
        Coverage(row["season_year"], row["found"], row["with_usage_rate"])
        for row in rows.to_pylist()
    ]


@dataclass(frozen=True)
class PredictionError:
    """The error of one predictor over the player-games of a season."""

    season_year: int
    information_set: str
    population: str
    predictor: str
    player_games: int
    mae: float
    bias: float
    within_80: float | None
    """share inside the 10–90 % interval; None for baselines"""


def prediction_errors(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    known_by: Sequence[str] = ("morning",),
) -> list[PredictionError]:
    """The errors in the certified ``player_points_evaluation``, weighted by player-games.

    By default of what was known in the morning, which every game has. None of a graph without the
    table.
    """
    if EVALUATION not in tables:
        return []
    rows = engine.query(
        f"SELECT {_SEASON_YEAR} AS season_year, information_set, population, predictor, "
        "SUM(player_games) AS player_games, "
        "SAFE_DIVIDE(SUM(absolute_error_sum), SUM(player_games)) AS mae, "
        "SAFE_DIVIDE(SUM(bias * player_games), SUM(player_games)) AS bias, "
        "SAFE_DIVIDE(SUM(within_80), SUM(player_games)) AS within_80 "
        f"FROM {EVALUATION} "
        f"WHERE information_set IN ({', '.join(map(quoted, known_by))}) "
        f"GROUP BY {_SEASON_YEAR}, information_set, population, predictor "
        "ORDER BY season_year, information_set, population, mae",
        certified_tables(tables, (EVALUATION,), dates[0], dates[-1]),
    )
    return [
        PredictionError(**row | {"player_games": int(row["player_games"])})
        for row in rows.to_pylist()
    ]


@dataclass(frozen=True)
class WeeklyError:
    """The error of one predictor over all player-games of a week."""

    week: date
    """its Monday"""
    predictor: str
    player_games: int
    mae: float


def weekly_errors(
    engine: Engine, tables: Mapping[str, DatedTable], dates: Sequence[date], at_least: int = 100
) -> list[WeeklyError]:
    """The errors in the certified ``player_points_evaluation`` by week, of all who played.

    As of the morning, and only of weeks with so many player-games, since the error of a few is
    mostly chance. None of a graph without the table.
    """
    if EVALUATION not in tables:
        return []
    rows = engine.query(
        "SELECT game_date, predictor, SUM(player_games) AS player_games, "
        f"SUM(absolute_error_sum) AS error FROM {EVALUATION} "
        "WHERE information_set = 'morning' AND population = 'all' "
        "GROUP BY game_date, predictor ORDER BY game_date, predictor",
        certified_tables(tables, (EVALUATION,), dates[0], dates[-1]),
    )
    sums: dict[tuple[date, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for row in rows.to_pylist():
        monday = row["game_date"] - timedelta(days=row["game_date"].weekday())
        total = sums[monday, row["predictor"]]
        total[0] += int(row["player_games"])
        total[1] += float(row["error"])
    return [
        WeeklyError(week, predictor, int(number), error / number)
        for (week, predictor), (number, error) in sums.items()
        if number >= at_least
    ]


@dataclass(frozen=True)
class Rejected:
    """What one attempt at a date rejected for one reason."""

    table_name: str
    game_date: date
    publication: int
    game_id: str | None
    reason: str
    rows: int


def rejected(engine: Engine, standing: Standing, *, closed: bool = False) -> list[Rejected]:
    """What is in quarantine, latest date first: that of the latest attempts, where not certified.

    With ``closed`` also what earlier attempts rejected, and what has been mended since.
    """
    if not standing.dates:
        return []
    first, last = standing.dates[0], standing.dates[-1]
    columns = "table_name, game_date, publication"
    latest = ledger.latest_records(standing.tables, first, last, f"{columns}, validation_passed")
    names = ", ".join(quoted(name) for name in standing.tables)
    rows = engine.query(
        f"SELECT q.* FROM (SELECT {columns}, game_id, reason, COUNT(*) AS found "
        f"FROM ledger.quarantine WHERE table_name IN ({names}) "
        f"AND game_date BETWEEN DATE '{first}' AND DATE '{last}' "
        f"GROUP BY {columns}, game_id, reason) AS q "
        f"LEFT JOIN ({latest}) AS l ON l.table_name = q.table_name "
        "AND l.game_date = q.game_date AND l.publication = q.publication "
        "AND NOT l.validation_passed "
        + ("" if closed else "WHERE l.publication IS NOT NULL ")
        + "ORDER BY q.game_date DESC, q.table_name, q.publication DESC, q.game_id"
    )
    return [
        Rejected(
            row["table_name"],
            row["game_date"],
            row["publication"],
            row["game_id"],
            row["reason"],
            row["found"],
        )
        for row in rows.to_pylist()
    ]


def rejected_rows(
    engine: Engine, table: str, day: date, game_id: str | None = None
) -> list[tuple[int, str | None, str, dict[str, Any]]]:
    """Publication, game, reason and content of the rows rejected of a date, latest first."""
    game = f"AND game_id = {quoted(game_id)}" if game_id else ""
    rows = engine.query(
        "SELECT publication, game_id, reason, content FROM ledger.quarantine "
        f"WHERE table_name = {quoted(table)} AND game_date = DATE '{day}' {game} "
        "ORDER BY publication DESC, game_id, reason, content"
    )
    return [
        (row["publication"], row["game_id"], row["reason"], json.loads(row["content"]))
        for row in rows.to_pylist()
    ]


_SEASON_YEAR = "EXTRACT(YEAR FROM DATE_SUB(game_date, INTERVAL 9 MONTH))"
