"""Every fault of ``FAULTS``, injected on one date in the middle of a range.

The faulty date is red under the rule that names it, the other dates are complete, readers see
nothing of what was not certified, and running again with the healthy source repairs it. Faults that
are no faults pass, with the right values.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from nba_assets.assets.graph import dated_tables
from nba_assets.certification.ledger import Attempt, Status
from nba_assets.certification.publish import Publisher
from nba_assets.engines.engine import Warehouse
from nba_assets.errors import SourceUnavailable
from nba_assets.rehearsal.faults import FAULTS, Fault, FaultySource, GameOnTwoDates
from nba_assets.seasons import game_dates
from nba_assets.sources.source import Source
from nba_assets_tests.memory_warehouse import MemoryWarehouse
from nba_assets_tests.tiny_league import TinyLeague

COMPLETE, EMPTY_OK, PENDING, HELD, QUARANTINED, FAILED = (
    Status.COMPLETE,
    Status.EMPTY_OK,
    Status.PENDING,
    Status.HELD,
    Status.QUARANTINED,
    Status.FAILED,
)
FIRST, LAST = date(2025, 10, 17), date(2025, 10, 22)
BAD = date(2025, 10, 19)
"""three games; one is played the day after"""
NEXT = date(2025, 10, 20)
SCHEDULE, PLAYERS, TEAMS = "schedule", "player_box_scores", "team_box_scores"
OFFENSE, SUMMARY = "team_offense_game_summary", "player_game_summary"
TABLES = (SCHEDULE, PLAYERS, TEAMS, OFFENSE, SUMMARY)
GRAPH = dated_tables(Path("models"))
LEAGUE = TinyLeague()
ORIGIN = ("source", "source_rows")
"""columns that tell which table the figures were taken from"""

Row = dict[str, Any]
Rows = Mapping[str, Sequence[Row]]


class Red(NamedTuple):
    """A table and date that are not certified, and the check and rule that say why."""

    table: str
    status: Status
    check: str
    rule: str
    day: date = BAD


def _missing(table: str) -> Red:
    return Red(table, HELD, "row_counts", "missing in 00225")


def _waits(table: str, *inputs: str, day: date = BAD) -> tuple[Red, ...]:
    return tuple(Red(table, HELD, "row_counts", f"waits for {name} {day}", day) for name in inputs)


PLAYERS_MISSING = (_missing(PLAYERS), *_waits(SUMMARY, PLAYERS))
BOTH_MISSING = (*PLAYERS_MISSING, _missing(TEAMS), *_waits(OFFENSE, TEAMS, PLAYERS))
SCHEDULE_UNKNOWN = tuple(
    red for table in (PLAYERS, TEAMS, OFFENSE, SUMMARY) for red in _waits(table, SCHEDULE)
)
NOT_PLAYED = tuple(
    Red(table, PENDING, "row_counts", "the schedule says SCHEDULED") for table in TABLES[1:]
)
STILL_RUNNING = tuple(
    Red(table, PENDING, "row_counts", "the schedule says IN_PROGRESS") for table in TABLES[1:]
)


def _players(rule: str, check: str = "contract") -> tuple[Red, ...]:
    """Players rejected; the team table does not need them."""
    return (Red(PLAYERS, QUARANTINED, check, rule), *_waits(SUMMARY, PLAYERS))


def _teams(rule: str, check: str = "reconciliation") -> tuple[Red, ...]:
    """Team rows rejected; the summaries are built from the players of those games."""
    return (Red(TEAMS, QUARANTINED, check, rule),)


def _both(rule: str, check: str = "contract") -> tuple[Red, ...]:
    return (*_players(rule, check), *_teams(rule, check), *_waits(OFFENSE, TEAMS, PLAYERS))


def _source(error: str) -> tuple[Red, ...]:
    failed = (Red(table, FAILED, "row_counts", error) for table in (SCHEDULE, PLAYERS, TEAMS))
    waiting = (red for table in (OFFENSE, SUMMARY) for red in _waits(table, SCHEDULE))
    return (*failed, *waiting)


CAUGHT: Mapping[str, tuple[Red, ...]] = {
    "missing_games": BOTH_MISSING,
    "only_teams": (_missing(TEAMS),),
    "empty_answer": BOTH_MISSING,
    "source_down": _source("SourceUnavailable"),
    "source_retired": _source("BadInput"),
    "stale_answer": NOT_PLAYED,
    "late_game": STILL_RUNNING,
    "duplicate_row": _both("grain_unique"),
    "repeated_game": _both("grain_unique"),
    "minutes_lost": _players("statistics_iff_played"),
    "absent_as_zero": _players("statistics_iff_played"),
    "partial_team_row": (*_teams("team_minutes"), *_teams("points_match_schedule")),
    "partial_team_row_beside": (*_teams("grain_unique", "contract"), *_teams("team_minutes")),
    "filed_under_next_date": (
        *BOTH_MISSING,
        Red(PLAYERS, QUARANTINED, "row_counts", "unscheduled", NEXT),
        Red(TEAMS, QUARANTINED, "row_counts", "unscheduled", NEXT),
    ),
    "rows_of_another_date": _both("grain_unique"),
    "game_on_two_dates": (
        Red(SCHEDULE, QUARANTINED, "contract", "scheduled_once", BAD),
        Red(SCHEDULE, QUARANTINED, "contract", "scheduled_once", LAST),
        *SCHEDULE_UNKNOWN,
        *(red for table in TABLES[1:] for red in _waits(table, SCHEDULE, day=LAST)),
    ),
    "postponed_still_final": (
        Red(SCHEDULE, QUARANTINED, "contract", "final_has_score"),
        *SCHEDULE_UNKNOWN,
    ),
    "exhibition_game": (
        Red(SCHEDULE, QUARANTINED, "contract", "home_team_known"),
        Red(SCHEDULE, QUARANTINED, "contract", "season_type_known"),
        *SCHEDULE_UNKNOWN,
    ),
    "opponents_swapped": _both("teams_match_schedule", "reconciliation"),
    "home_away_reversed": _both("teams_match_schedule", "reconciliation"),
    "value_out_of_range": _players("pts_within_bounds"),
    "turnovers_missing": _players("statistics_iff_played"),
    "zero_denominator": _teams("points_match_schedule"),
    "unknown_team": (
        Red(SCHEDULE, QUARANTINED, "contract", "home_team_known"),
        *SCHEDULE_UNKNOWN,
    ),
    "refused_row": _both("refused"),
    "players_of_team_missing": PLAYERS_MISSING,
    "player_missing": _players("team_minutes", "reconciliation"),
}
"""By fault, what is red and which check and rule say so."""

PASS = ("stat_correction", "assist_moved", "seconds_of_play", "usage_of_zero")


def inject(name: str) -> Fault:
    """The fault, about the bad date."""
    if name == "game_on_two_dates":
        return GameOnTwoDates(dates=[BAD], days=(LAST - BAD).days)
    # Rows of another date are those of the day before the date they come with.
    return FAULTS[name](dates=[NEXT if name == "rows_of_another_date" else BAD])


def build(warehouse: Warehouse, source: Source) -> dict[tuple[str, date], Attempt]:
    publisher = Publisher(warehouse, GRAPH, source, "a run")
    return {
        (name, attempt.game_date): attempt
        for name in TABLES
        for attempt in publisher.build(name, list(game_dates(FIRST, LAST)))
    }


def visible(warehouse: Warehouse) -> Rows:
    """Every row a reader sees, in order."""
    with warehouse.reading() as engine:
        return {
            name: engine.query(
                f"SELECT * FROM {name} ORDER BY {', '.join(GRAPH[name].contract.grain)}"
            ).to_pylist()
            for name in TABLES
        }


def on(day: date, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["game_date"] == day]


def figures(rows: Sequence[Row]) -> list[Row]:
    return [{name: row[name] for name in row if name not in ORIGIN} for row in rows]


def quarantined(warehouse: Warehouse) -> dict[tuple[str, date], list[str]]:
    """Reasons of the quarantined rows, by table and date."""
    reasons: dict[tuple[str, date], list[str]] = {}
    with warehouse.reading() as engine:
        rows = engine.query("SELECT table_name, game_date, reason FROM ledger.quarantine")
    for row in rows.to_pylist():
        reasons.setdefault((row["table_name"], row["game_date"]), []).append(row["reason"])
    return reasons


@pytest.fixture
def warehouse() -> Warehouse:
    """An empty warehouse."""
    return MemoryWarehouse(table.contract for table in GRAPH.values())


@pytest.fixture(scope="module")
def healthy() -> Rows:
    """What readers see of the range when nothing is wrong."""
    warehouse = MemoryWarehouse(table.contract for table in GRAPH.values())
    assert {a.status for a in build(warehouse, LEAGUE).values()} == {COMPLETE, EMPTY_OK}
    return visible(warehouse)


def test_every_fault_is_here() -> None:
    assert sorted((*CAUGHT, *PASS)) == sorted(FAULTS)


@pytest.mark.parametrize("name", CAUGHT)
def test_a_fault_is_caught_and_repaired(name: str, warehouse: Warehouse, healthy: Rows) -> None:
    expected = CAUGHT[name]
    attempts = build(warehouse, FaultySource(LEAGUE, [inject(name)]))

    red = {(table, day): attempt.status for (table, day), attempt in attempts.items()
           if not attempt.status.certified}  # fmt: skip
    assert red == {(e.table, e.day): e.status for e in expected}
    for table, status, check, rule, day in expected:
        failed = {c.name: c.violations for c in attempts[table, day].checks if not c.passed}
        said = (*failed[check], attempts[table, day].message)
        assert any(rule in text for text in said), (table, status, failed)

    seen = visible(warehouse)
    for table, day in attempts:
        if (table, day) in red:
            assert on(day, seen[table]) == []
        elif (table, day) != (SCHEDULE, BAD):
            assert figures(on(day, seen[table])) == figures(on(day, healthy[table]))
    kept = quarantined(warehouse)
    assert set(kept) == {key for key, status in red.items() if status is QUARANTINED}
    assert all(reasons for reasons in kept.values())

    again = build(warehouse, LEAGUE)
    assert {attempt.status for attempt in again.values()} == {COMPLETE, EMPTY_OK}
    assert visible(warehouse) == healthy


@pytest.mark.parametrize("name", PASS)
def test_what_is_no_fault_passes(name: str, warehouse: Warehouse, healthy: Rows) -> None:
    attempts = build(warehouse, FaultySource(LEAGUE, [inject(name)]))
    assert {attempt.status for attempt in attempts.values()} == {COMPLETE, EMPTY_OK}
    assert not quarantined(warehouse)

    seen = visible(warehouse)
    changed = {
        table: [
            (old, new)
            for old, new in zip(healthy[table], rows, strict=True)
            if old != new
        ]
        for table, rows in seen.items()
    }  # fmt: skip
    assert {new["game_date"] for pairs in changed.values() for _, new in pairs} == {BAD}
    players = changed[SUMMARY]
    if name == "stat_correction":
        scorers = [(old, new) for old, new in players if new["pts"] == old["pts"] + 2]
        winners = [new for old, new in changed[OFFENSE] if new["pts"] == old["pts"] + 2]
        assert len(scorers) == len(winners) == 3
        assert all(new["won"] and new["fgm"] == old["fgm"] + 1 for old, new in scorers)
        assert len(changed[SCHEDULE]) == 3
    elif name == "assist_moved":
        assert sorted(new["ast"] - old["ast"] for old, new in players) == [-1] * 3 + [1] * 3
        assert not changed[OFFENSE]
    elif name == "seconds_of_play":
        seconds = [new for _, new in players if new["minutes"] < 0.1]
        assert len(seconds) == 3
        assert all(new["usage_rate"] > 100 for new in seconds)
    else:
        idle = [new for _, new in players if new["usage_rate"] == 0]
        assert len(idle) == 3
        assert all(new["minutes"] > 0 for new in idle)


def test_a_source_that_is_down_altogether_fails_every_date_and_loses_nothing(
    warehouse: Warehouse, healthy: Rows
) -> None:
    build(warehouse, LEAGUE)
    league = LEAGUE.copy()
    league.errors = {name: SourceUnavailable("no answer") for name in (PLAYERS, TEAMS)}
    attempts = build(warehouse, league)
    assert {attempts[TEAMS, day].status for day in game_dates(FIRST, LAST)} == {FAILED}
    assert {a.status for a in attempts.values()} == {FAILED, COMPLETE, EMPTY_OK}
    assert visible(warehouse) == healthy
