"""The ledger: records come back as they were written."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from nba_assets.certification import ledger
from nba_assets.certification.ledger import (
    COLUMNS,
    Attempt,
    Cause,
    Check,
    Kind,
    Ruling,
    Rulings,
    Status,
    laxer,
)
from nba_assets.contracts.contract import ColumnType
from nba_assets_tests.tiny_league import SLATES, Sandbox

DAY = SLATES[2]
ATTEMPT = Attempt(
    table_name="team_box_scores",
    game_date=DAY,
    attempt=3,
    publication=12,
    status=Status.HELD,
    stored_publication=5,
    stored_status=Status.COMPLETE,
    verdicts_publication=12,
    expected_records=16,
    actual_records=2,
    completeness=12.5,
    stored_rows=16,
    digest="abc",
    certificate="def",
    checks=(Check("row_counts", passed=False, figures={"rows": 2}, violations=("it's \n “2”",)),),
    causes=(Cause("team_box_scores", DAY, "0022500001", "missing", "2 of 16"),),
    upstream={"schedule": "def"},
    thresholds={"usage_rate_coverage": 0.9},
    source=None,
    contract_version=1,
    code_version="0123456789ab",
    run_id="run",
    message="2 of 16",
    recorded_at=datetime(2026, 1, 4, 5, 0, tzinfo=UTC),
)


def test_only_four_statuses_certify() -> None:
    assert {status for status in Status if status.certified} == {
        Status.COMPLETE,
        Status.EMPTY_OK,
        Status.WARMUP,
        Status.WAIVED,
    }


def test_every_field_of_a_record_is_stored() -> None:
    row = ATTEMPT.as_row()

    assert list(row) == list(COLUMNS["attempts"])
    assert json.loads(row["checks"])[0]["violations"] == ["it's \n “2”"]
    types = {kind.split()[0] for columns in COLUMNS.values() for kind in columns.values()}
    assert types <= set(get_args(ColumnType))


def test_a_checkpoint_calls_two_of_sixteen_a_failure() -> None:
    assert ATTEMPT.checkpoint() == {
        "table": "team_box_scores",
        "date": "2025-10-07",
        "status": "failed",
        "state": "HELD",
        "expected_records": 16,
        "actual_records": 2,
        "completeness": 12.5,
        "validation_passed": False,
    }
    assert replace(ATTEMPT, status=Status.WAIVED).checkpoint()["status"] == "success"


def test_a_record_comes_back_as_it_was_published(empty: Sandbox) -> None:
    published = empty.build("schedule", SLATES[0], DAY)

    for attempt in published:
        assert empty.history("schedule", attempt.game_date) == [attempt]
    assert list(empty.attempts("schedule").values()) == published or set(
        empty.attempts("schedule")
    ) == {attempt.game_date for attempt in published}


def test_the_latest_attempt_stands_for_a_date_and_history_keeps_all(empty: Sandbox) -> None:
    runs = [empty.build("schedule", DAY)[0]]
    for status in ("SCHEDULED", "FINAL"):
        empty.league.patch(
            "schedule", empty.league.games(DAY)[0], {"neutral_site": status[0] == "S"}
        )
        runs += empty.build("schedule", DAY)

    assert empty.history("schedule", DAY) == runs
    assert [attempt.attempt for attempt in runs] == [1, 2, 3]
    assert [attempt.publication for attempt in runs] == sorted({a.publication for a in runs})
    assert empty.attempts("schedule") == {DAY: runs[-1]}


def test_looking_again_leaves_one_line(empty: Sandbox) -> None:
    first = empty.build("schedule", SLATES[0], DAY)

    again = [empty.build("schedule", SLATES[0], DAY) for _ in range(2)]

    assert again == [first, first]
    assert empty.query("SELECT COUNT(*) AS n FROM ledger.attempts") == [{"n": len(first)}]
    looks = empty.query("SELECT run_id, first_date, last_date, dates FROM ledger.looks")
    assert looks == [
        {"run_id": f"run-{n}", "first_date": SLATES[0], "last_date": DAY, "dates": len(first)}
        for n in (2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("version", "thresholds", "told"),
    [
        (2, {"usage_rate_coverage": 0.9}, ""),
        (2, {"usage_rate_coverage": 0.95}, ""),
        (2, {"usage_rate_coverage": 0.8}, "usage_rate_coverage at least 0.8, now 0.9"),
        (2, {}, "usage_rate_coverage at least None"),
        (1, {"usage_rate_coverage": 0.9}, "contract version 1, now 2"),
    ],
)
def test_only_less_than_is_demanded_now_is_too_lax(
    empty: Sandbox, version: int, thresholds: dict[str, float], told: str
) -> None:
    contract = replace(empty.tables["player_game_summary"].contract, version=2)

    why = laxer(contract, version, thresholds)

    assert bool(why) == bool(told)
    assert told in why


def test_a_range_and_tables_are_asked_for_exactly(whole_season: Sandbox) -> None:
    with whole_season.warehouse.reading() as engine:
        found = ledger.latest(engine, ("schedule", "team_form"), SLATES[0], SLATES[1])
        games = ledger.verdicts(engine, ("team_box_scores",), SLATES[0], SLATES[0])

    assert {table for table, _ in found} == {"schedule", "team_form"}
    assert {day for _, day in found} == {date(2025, 10, n) for n in (3, 4, 5)}
    assert {(game.table_name, game.game_date) for game in games} == {("team_box_scores", SLATES[0])}
    assert {game.game_id for game in games} == set(whole_season.league.games(SLATES[0]))
    for game in games:
        assert (game.home_team, game.away_team) == whole_season.league.teams(game.game_id)


@pytest.mark.parametrize("reason", ["never played", "it's lost; DROP TABLE x", "two\nlines — “é”"])
def test_a_waiver_is_recorded_listed_and_revocable(empty: Sandbox, reason: str) -> None:
    ruled_at = datetime(2026, 1, 4, 5, 6, 7, 89, tzinfo=UTC)
    waiver = Ruling(Kind.WAIVE, "team_box_scores", "0022500001", reason, "O'Neal", ruled_at)
    other = replace(waiver, table_name="player_box_scores")
    end = replace(waiver, kind=Kind.REVOKE)
    with empty.warehouse.writing() as engine:
        ledger.rule(engine, [waiver, other])
        first = ledger.rulings(engine)
        # Earlier by the clock, later by the ledger.
        ledger.rule(engine, [replace(end, ruled_at=datetime(2020, 1, 1, tzinfo=UTC))])
        second = ledger.rulings(engine)
        ledger.rule(engine, [waiver])
        third = ledger.rulings(engine)

    assert [replace(one, publication=0) for one in first.all] == [waiver, other]
    assert {one.table_name for one in first.waivers} == {"team_box_scores", "player_box_scores"}
    assert [one.table_name for one in second.waivers] == ["player_box_scores"]
    assert second.ended(first.waivers[0]) == second.all[-1]
    assert second.ended(first.waivers[1]) is None
    assert len(third.waivers) == 2
    assert third.ended(third.all[-1]) is None


def test_an_acceptance_is_for_one_finding_of_one_date() -> None:
    now = datetime(2026, 1, 4, tzinfo=UTC)
    accepted = Ruling(Kind.ACCEPT, "schedule", "g", "annulled", "me", now, DAY, "still_listed: x")

    assert Rulings((accepted,)).accepted("schedule") == {(DAY, "g", "still_listed: x")}
    assert Rulings((accepted,)).accepted("team_box_scores") == set()
    assert Rulings((accepted,)).waivers == []
