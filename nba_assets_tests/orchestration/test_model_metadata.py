"""What Dagster shows of the model is what is certified of it, on the last date of a run."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nba_assets.definitions import build_defs
from nba_assets.modeling.information import InformationSet
from nba_assets.orchestration.model_metadata import model_metadata
from nba_assets_tests.cli.invoke import selected
from nba_assets_tests.orchestration.dagster_runs import open_instance, run
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox

PREDICTIONS, EVALUATION = "player_points_predictions", "player_points_evaluation"
BEFORE = SLATES[-2]
MOVED = "points a feature moves predictions by"


def _rows(table: Any) -> list[dict[str, Any]]:
    return [dict(record.data) for record in table.value.records]


def test_a_run_shows_what_moves_its_last_predictions_and_how_the_season_errs(
    predicted: Sandbox, tmp_path: Path
) -> None:
    deployment = selected(predicted)
    definitions = build_defs(
        deployment.settings,
        tables=deployment.tables,
        source=deployment.source,
        warehouse=deployment.warehouse,
    )
    with open_instance(tmp_path / "dagster") as instance:
        assert run(definitions, instance, (PREDICTIONS, EVALUATION), BEFORE, LAST).success
        told = {
            table: {
                date.fromisoformat(
                    record.partition_key or ""
                ): record.asset_materialization.metadata
                for record in instance.fetch_materializations(dg.AssetKey(table), 10).records
                if record.asset_materialization
            }
            for table in (PREDICTIONS, EVALUATION)
        }
    assert "of whom most is expected" in told[PREDICTIONS][BEFORE], "though nothing has changed"
    of_last = {table: of[LAST] for table, of in told.items()}
    (why,) = (name for name in of_last[PREDICTIONS] if name.startswith("why "))
    assert MOVED in of_last[PREDICTIONS]
    assert {name for name in of_last[EVALUATION] if name.endswith("2025-26")} == {
        "mean absolute error, 2025-26",
        "calibration, 2025-26",
    }
    for table, of in told.items():
        assert not {MOVED, why, "calibration, 2025-26"} & set(of[BEFORE]), table


def test_the_explanation_adds_up_and_the_errors_are_those_of_the_table(predicted: Sandbox) -> None:
    deployment = selected(predicted)
    shown = model_metadata(deployment, PREDICTIONS, LAST)
    (title,) = (name for name in shown if name.startswith("why "))
    (best,) = predicted.query(
        "SELECT player_name, predicted_points FROM player_points_predictions "
        f"WHERE game_date = DATE '{LAST}' AND information_set = 'lineup' "
        "ORDER BY predicted_points DESC, player_id LIMIT 1"
    )
    assert best["player_name"] in title
    shares = _rows(shown[title])
    assert shares[0]["feature"] == "of nobody in particular"
    told = float(title.split()[1])
    assert sum(row["points"] for row in shares) == pytest.approx(told, abs=0.06)
    moved = _rows(shown[MOVED])
    assert list(moved[0]) == ["feature", *InformationSet]
    assert [r["lineup"] for r in moved] == sorted((r["lineup"] for r in moved), reverse=True)

    shown = model_metadata(deployment, EVALUATION, LAST)
    errors = _rows(shown["mean absolute error, 2025-26"])
    assert {(row["known by"], row["population"]) for row in errors} >= {
        (known.value, "all") for known in InformationSet
    }
    (all_morning,) = (
        row for row in errors if (row["known by"], row["population"]) == ("morning", "all")
    )
    (expected,) = predicted.query(
        "SELECT SUM(absolute_error_sum) / SUM(player_games) AS mae, SUM(player_games) AS n "
        "FROM player_points_evaluation WHERE information_set = 'morning' AND population = 'all' "
        "AND predictor = 'xgboost'"
    )
    assert all_morning["xgboost"] == pytest.approx(expected["mae"], abs=1e-3)
    assert all_morning["player-games"] == expected["n"]
    tenths = [r for r in _rows(shown["calibration, 2025-26"]) if r["known by"] == "morning"]
    assert [row["tenth"] for row in tenths] == list(range(1, 11))
    assert sum(row["player-games"] for row in tenths) == expected["n"]


def test_up_to_a_date_nothing_later_is_shown(predicted: Sandbox) -> None:
    shown = model_metadata(selected(predicted), EVALUATION, BEFORE)
    rows = _rows(shown["calibration, 2025-26"])
    (found,) = predicted.query(
        "SELECT SUM(player_games) AS n FROM player_points_evaluation WHERE population = 'all' "
        f"AND predictor = 'xgboost' AND game_date <= DATE '{BEFORE}'"
    )
    assert sum(row["player-games"] for row in rows) == found["n"]


def test_a_lost_model_is_told_in_place_of_what_it_would_explain(predicted: Sandbox) -> None:
    for file in (predicted.folder / "models").glob(f"{LAST}-lineup-*"):
        file.unlink()
    shown = model_metadata(selected(predicted), PREDICTIONS, LAST)
    assert list(shown) == ["not explained"]
    assert "nba-assets repair" in shown["not explained"]


def test_other_tables_show_nothing_more(predicted: Sandbox) -> None:
    deployment = selected(predicted)
    assert model_metadata(deployment, "player_features", LAST) == {}
    assert model_metadata(deployment, PREDICTIONS, date(2024, 1, 1)) == {}
    assert model_metadata(deployment, EVALUATION, date(2024, 1, 1)) == {}
