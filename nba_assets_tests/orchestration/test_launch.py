"""Launching in this process: what is run where, and what ended a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from nba_assets.deployment import Deployment
from nba_assets.operations.plan import Run
from nba_assets.orchestration.launch import instance_here, is_seen_in_ui, launcher
from nba_assets.settings import Settings
from nba_assets_tests.tiny_league import OPENER, SEASON_START, Sandbox

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Attempt

TABLES = ("schedule", "team_box_scores")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory without an instance."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def _deployment(sandbox: Sandbox) -> Deployment:
    settings = Settings(data_dir=sandbox.folder, first_date=SEASON_START)
    return Deployment(settings, sandbox.tables, sandbox.league, sandbox.warehouse)


def test_a_run_builds_its_tables_and_dates_and_tells_them_as_they_are_built(
    empty: Sandbox,
) -> None:
    told: list[list[Attempt]] = []
    with launcher(_deployment(empty), lambda attempts: told.append(list(attempts))) as made:
        launched = made.run(Run(SEASON_START, OPENER, TABLES))

    assert launched.crash is None
    assert [attempts[0].table_name for attempts in told] == list(TABLES)
    assert {a.run_id for attempts in told for a in attempts} == {launched.run_id}
    assert set(empty.attempts("schedule")) == {a.game_date for a in told[0]}
    assert not empty.attempts("player_box_scores")


def test_held_dates_are_no_crash_and_what_raises_is(
    empty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.league.drop("team_box_scores", empty.league.games(OPENER)[0])
    with launcher(_deployment(empty), lambda _: None) as made:
        assert made.run(Run(OPENER, OPENER, TABLES)).crash is None

    def fails(_: object) -> None:
        raise RuntimeError("the disk is full")

    with launcher(_deployment(empty), fails) as made:
        assert made.run(Run(OPENER, OPENER, TABLES)).crash == "RuntimeError: the disk is full"


def test_runs_are_seen_where_there_is_an_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_seen_in_ui()
    with instance_here() as passing:
        home = Path(passing.root_directory)
    assert not home.exists(), "it goes with the command"
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert is_seen_in_ui()
    (tmp_path / "dagster.yaml").unlink()
    monkeypatch.setenv("DAGSTER_HOME", f"{tmp_path}")
    assert is_seen_in_ui()
    with instance_here() as kept:
        assert isinstance(kept, dg.DagsterInstance)
        assert Path(kept.root_directory) == tmp_path
