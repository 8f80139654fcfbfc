"""The ledger: records come back as they were written."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import get_args

import pytest

from nba_assets.contracts.contract import ColumnType
from nba_assets.warehouse import ledger
from nba_assets.warehouse.ddl import LEDGER
from nba_assets.warehouse.ledger import ATTEMPT_COLUMNS, Attempt, Check, Status, Waiver
from nba_assets_tests.tiny_league import SLATES, Deployment

DAY = SLATES[2]
ATTEMPT = Attempt(
    table_name="team_box_scores",
    game_date=DAY,
    attempt=3,
    status=Status.HELD,
    stored_attempt=1,
    stored_status=Status.COMPLETE,
    expected_records=16,
    actual_records=2,
    completeness=12.5,
    stored_rows=16,
    digest="abc",
    checks=(Check("row_counts", passed=False, figures={"rows": 2}, violations=("it's \n “2”",)),),
    upstream={"schedule": "def"},
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

    assert list(row) == [name for name, _ in ATTEMPT_COLUMNS]
    assert json.loads(row["checks"])[0]["violations"] == ["it's \n “2”"]
    types = {kind.split()[0] for columns in LEDGER.values() for _, kind in columns}
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


def test_a_record_comes_back_as_it_was_published(empty: Deployment) -> None:
    published = empty.build("schedule", SLATES[0], DAY)

    for attempt in published:
        assert empty.history("schedule", attempt.game_date) == [attempt]
    assert list(empty.attempts("schedule").values()) == published or set(
        empty.attempts("schedule")
    ) == {attempt.game_date for attempt in published}


def test_the_latest_attempt_stands_for_a_date_and_history_keeps_all(empty: Deployment) -> None:
    runs = [empty.build("schedule", DAY)[0] for _ in range(3)]

    assert empty.history("schedule", DAY) == runs
    assert [attempt.attempt for attempt in runs] == [1, 2, 3]
    assert empty.attempts("schedule") == {DAY: runs[-1]}


def test_a_range_and_tables_are_asked_for_exactly(whole_season: Deployment) -> None:
    with whole_season.warehouse.reading() as engine:
        found = ledger.latest(engine, ("schedule", "team_form"), SLATES[0], SLATES[1])
        games = ledger.games(engine, ("team_box_scores",), SLATES[0], SLATES[0])

    assert {table for table, _ in found} == {"schedule", "team_form"}
    assert {day for _, day in found} == {date(2025, 10, n) for n in (3, 4, 5)}
    assert {(game.table_name, game.game_date) for game in games} == {("team_box_scores", SLATES[0])}
    assert {game.game_id for game in games} == set(whole_season.league.games(SLATES[0]))
    for game in games:
        assert (game.home_team, game.away_team) == whole_season.league.teams(game.game_id)


@pytest.mark.parametrize("reason", ["never played", "it's lost; DROP TABLE x", "two\nlines — “é”"])
def test_a_waiver_is_recorded_listed_and_revocable(empty: Deployment, reason: str) -> None:
    waived_at = datetime(2026, 1, 4, 5, 6, 7, 89, tzinfo=UTC)
    waiver = Waiver("team_box_scores", "0022500001", reason, "O'Neal", waived_at)
    other = replace(waiver, table_name="player_box_scores")
    with empty.warehouse.writing() as engine:
        ledger.waive(engine, waiver)
        ledger.waive(engine, other)
        assert ledger.waivers(engine) == [waiver, other] or ledger.waivers(engine) == [
            other,
            waiver,
        ]
        ledger.revoke(engine, waiver.table_name, waiver.game_id, waived_at)
        assert ledger.waivers(engine) == [other]
        ever = ledger.waivers(engine, active=False)

    assert sorted(ever, key=lambda w: w.table_name) == [
        other,
        replace(waiver, revoked_at=waived_at),
    ]
