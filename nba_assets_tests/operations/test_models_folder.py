"""What is removed of the models folder is named by no version, and was of no use for long."""

import os
import time
from datetime import timedelta
from pathlib import Path

from nba_assets.operations.models_folder import unused
from nba_assets_tests.cli.invoke import run
from nba_assets_tests.tiny_league import LAST, Sandbox

WEEK = timedelta(days=7)
MODELS = ("player_points_model", "player_points_predictions")


def _unused(sandbox: Sandbox, keep: timedelta = WEEK) -> set[Path]:
    with sandbox.warehouse.reading() as engine:
        return set(unused(engine, sandbox.folder / "models", keep))


def _age(sandbox: Sandbox, days: int) -> list[Path]:
    """All files of the folder, last used so many days ago."""
    files = sorted((sandbox.folder / "models").iterdir())
    then = time.time() - 86_400 * days
    for file in files:
        os.utime(file, (then, then))
    return files


def test_models_stay_while_a_version_names_them(predicted: Sandbox) -> None:
    files = _age(predicted, 30)
    named = {row["artifact"] for row in predicted.query("SELECT artifact FROM player_points_model")}
    found = _unused(predicted)
    assert {file for file in files if file.name.partition(".")[0] in named}
    assert found == {file for file in files if file.name.partition(".")[0] not in named}
    assert _unused(predicted, timedelta(days=60)) == set()


def test_what_is_used_stays_and_what_is_in_work_too(predicted: Sandbox) -> None:
    _age(predicted, 30)
    with predicted.warehouse.writing() as engine:  # as if it had been computed by other code
        engine.transaction(
            [f"UPDATE ledger.attempts SET code_version = 'x' WHERE game_date = DATE '{LAST}'"]
        )
    before = _unused(predicted)
    for name in ("expected_roster", "expected_minutes", *MODELS):
        predicted.build(name, LAST)
    after = _unused(predicted)
    assert after < before, "the fits and proofs of the date were of use"
    _age(predicted, 0)
    assert _unused(predicted, timedelta(0)) == set()


def test_a_vacuum_removes_them_and_everything_is_as_it_was(predicted: Sandbox) -> None:
    _age(predicted, 30)
    rows = predicted.query("SELECT * FROM player_points_predictions")
    unneeded = _unused(predicted)
    said = run(predicted, "vacuum", "--keep", "7").stdout
    assert f"Would be removed: {len(unneeded)} files of models and fits" in said
    assert _unused(predicted) == unneeded
    said = run(predicted, "vacuum", "--keep", "7", "--now").stdout
    assert f"Removed: {len(unneeded)} files of models and fits" in said
    assert _unused(predicted) == set()
    assert (
        "Every file of the models folder is of use"
        in run(predicted, "vacuum", "--keep", "7").stdout
    )
    predicted.build("expected_roster", LAST)
    for name in MODELS:
        predicted.build(name, LAST)
    assert predicted.query("SELECT * FROM player_points_predictions") == rows
