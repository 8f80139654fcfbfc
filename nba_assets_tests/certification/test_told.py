"""What was told before tip-off is kept, whatever becomes of the data it was made of."""

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_assets.certification import backup, transaction, vacuum
from nba_assets.operations.evaluation import evaluate
from nba_assets_tests.conftest import fit_small
from nba_assets_tests.tiny_league import BEFORE_TIPOFF, LAST, SEASON_START, SLATES, Sandbox

DAY = SLATES[8]
BEFORE = SLATES[7]
TIPOFF = datetime(DAY.year, DAY.month, DAY.day, 23, 30, tzinfo=UTC)
PREDICTIONS = "player_points_predictions"
TOLD = f"{PREDICTIONS}_as_told"


class Clock:
    """What time it is when something is published."""

    moment = TIPOFF

    def now(self, _: Any) -> datetime:
        """The moment."""
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of publications."""
    clock = Clock()
    monkeypatch.setattr(transaction, "datetime", clock)
    return clock


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A date that was predicted an hour before its games, and everything before it."""
    sandbox, clock = Sandbox(tmp_path_factory.mktemp("evening")), Clock()
    clock.moment = TIPOFF - timedelta(hours=1)
    with pytest.MonkeyPatch.context() as patch:
        fit_small(patch)
        patch.setattr(transaction, "datetime", clock)
        sandbox.build_all(SEASON_START, DAY - timedelta(days=1))
        sandbox.build_all(DAY, DAY, BEFORE_TIPOFF)
    return sandbox


@pytest.fixture
def told(evening: Sandbox, clock: Clock, small_models: None, tmp_path: Path) -> Sandbox:
    """A copy of ``evening`` of this test alone."""
    shutil.copytree(evening.folder, tmp_path / "data")
    return Sandbox(tmp_path / "data", runs=evening.runs)


def _rows(sandbox: Sandbox, table: str, day: date = DAY) -> list[dict[str, Any]]:
    rows = sandbox.query(
        f"SELECT * FROM {table} WHERE game_date = DATE '{day}' "
        "ORDER BY game_id, player_id, information_set"
    )
    for row in rows:
        row.pop("told_at", None)
    return rows


def _correct(sandbox: Sandbox) -> None:
    """Another box score of the slate before, which every prediction of the day reads."""
    for game in sandbox.league.games(BEFORE):
        for line in sandbox.league.rows("player_box_scores", game, status="PLAYED"):
            sandbox.league.correct(game, line["player_id"])
    sandbox.build_all(BEFORE, DAY)


def test_what_was_told_stays_when_what_is_known_changes(told: Sandbox, clock: Clock) -> None:
    said = _rows(told, PREDICTIONS)
    assert said == _rows(told, TOLD)
    assert {row["information_set"] for row in said} == {"morning", "availability", "lineup"}

    clock.moment = TIPOFF + timedelta(hours=12)
    _correct(told)

    assert _rows(told, PREDICTIONS) != said
    assert _rows(told, TOLD) == said


def test_before_tipoff_the_last_word_counts(told: Sandbox, clock: Clock) -> None:
    said = _rows(told, PREDICTIONS)
    clock.moment = TIPOFF - timedelta(minutes=1)
    _correct(told)
    now = _rows(told, PREDICTIONS)
    assert now != said
    assert _rows(told, TOLD) == now


def test_what_is_built_when_games_are_over_was_told_to_nobody(told: Sandbox, clock: Clock) -> None:
    clock.moment = TIPOFF + timedelta(hours=12)
    told.build_all(DAY, LAST)
    assert _rows(told, PREDICTIONS, SLATES[9])
    moved = _rows(told, TOLD, SLATES[9])
    assert moved == _rows(told, PREDICTIONS, SLATES[9]), "its games are still to come"
    clock.moment = TIPOFF + timedelta(days=30)
    empty = told.query(f"SELECT * FROM {TOLD} WHERE game_date < DATE '{DAY}'")
    assert {row["game_date"] for row in empty} == set()
    kept = told.query(f"SELECT MIN(game_date) AS first FROM told.{PREDICTIONS}")
    assert kept == [{"first": DAY}], "nor does it take room"


def test_a_game_that_began_earlier_than_it_was_listed_was_told_of_too_late(
    told: Sandbox, clock: Clock
) -> None:
    early, *others = told.league.games(DAY)
    told.league.patch("schedule", early, {"tipoff_at": TIPOFF - timedelta(hours=2)})
    told.build("schedule", DAY)
    assert {row["game_id"] for row in _rows(told, TOLD)} == set(others)


def test_neither_a_vacuum_nor_a_move_loses_it(told: Sandbox, clock: Clock, tmp_path: Path) -> None:
    said = _rows(told, TOLD)
    clock.moment = TIPOFF + timedelta(hours=12)
    _correct(told)
    contracts = [table.contract for table in told.tables.values()]
    with told.warehouse.writing() as engine:
        vacuum.remove(engine, vacuum.dead(engine, contracts, timedelta(0)))
        backup.export(engine, contracts, tmp_path / "export", told.folder / "models")
    assert _rows(told, TOLD) == said
    again = Sandbox(tmp_path / "again")
    again.publisher()
    with again.warehouse.writing() as engine:
        backup.bring_in(engine, contracts, tmp_path / "export", again.folder / "models")
    assert _rows(again, TOLD) == said


def test_what_was_told_can_be_judged(told: Sandbox, clock: Clock) -> None:
    clock.moment = TIPOFF + timedelta(hours=12)
    _correct(told)
    with told.warehouse.writing() as engine:
        engine.transaction(
            [f"UPDATE told.{PREDICTIONS} SET predicted_points = predicted_points + 1 WHERE TRUE"]
        )
        now = evaluate(engine, told.tables, DAY, DAY)
        then = evaluate(engine, told.tables, DAY, DAY, as_told=True)
        earlier = evaluate(engine, told.tables, BEFORE, BEFORE, as_told=True)
    model_now, model_then = (found.evidence[0].scores[0] for found in (now, then))
    assert model_now.n == model_then.n > 0
    assert model_then.bias == pytest.approx(model_now.bias + 1, abs=0.2)
    assert earlier.evidence == []
    assert earlier.without_prediction > 0
