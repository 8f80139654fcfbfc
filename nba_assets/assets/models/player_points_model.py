"""``player_points_model``: the model in force on a date, trained on earlier games."""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.precompute.player_features import FEATURES
from nba_assets.assets.precompute.player_state import STATE
from nba_assets.contracts.box_score import GAME_DATE
from nba_assets.contracts.contract import (
    Column,
    Contract,
    Due,
    Figure,
    Records,
    RowRule,
    Severity,
    Unit,
)
from nba_assets.contracts.dated_table import Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling import points_model

if TYPE_CHECKING:
    import pyarrow as pa


PLAYER_POINTS_MODEL = Contract(
    table="player_points_model",
    group="models",
    description=(
        "One row per game date: the model in force on it, refitted every Monday on certified games "
        "before that Monday. The model itself is a file in XGBoost's own format."
    ),
    grain=("game_date",),
    unit=Unit.DATE,
    due=Due.SCHEDULED,
    columns=(
        GAME_DATE,
        Column("model_id", "STRING", "Monday it was trained as of, and digest of what it saw"),
        Column("trained_from", "DATE", "First game date seen"),
        Column("trained_through", "DATE", "Last game date seen, before the Monday"),
        Column("training_rows", "INT64", "Player-games seen", low=1),
        Column("training_digest", "STRING", "Digest of the rows, parameters and version"),
        Column("validation_rows", "INT64", "Player-games of the last 28 days seen", low=1),
        Column(
            "validation_mae",
            "FLOAT64",
            "Mean absolute error there, points, of the model fitted without them",
            low=0,
            high=30,
        ),
        Column(
            "validation_mae_rules_core",
            "FLOAT64",
            "The rules core's error on the same rows",
            low=0,
            high=30,
        ),
        Column("rounds", "INT64", "Boosting rounds, chosen on the validation rows", low=1),
        Column("interval", "STRING", "JSON: residual quantiles 10, 25, 75 and 90 %, scaled"),
        Column("features", "STRING", "JSON: names of the features, in order"),
        Column("artifact", "STRING", "File name in the models folder"),
        Column("artifact_digest", "STRING", "SHA-256 of the file"),
        Column("xgboost_version", "STRING", "Version that trained it"),
    ),
    records=Records(
        "SELECT d.game_date, CAST(NULL AS STRING) AS game_id, 1 AS expected, "
        "COUNT(DISTINCT s.model_id) AS actual FROM (SELECT DISTINCT game_date FROM due_games) AS d "
        "LEFT JOIN staged AS s ON s.game_date = d.game_date GROUP BY d.game_date"
    ),
    rules=(
        RowRule("strictly_before", "trained_through < game_date", check="point_in_time"),
        RowRule(
            "too_good",
            "validation_mae >= 0.85 * validation_mae_rules_core",
            check="plausible_error",
        ),
        RowRule(
            "beats_rules_core",
            "validation_mae < validation_mae_rules_core",
            check="plausible_error",
            severity=Severity.WARN,
        ),
    ),
    figures=(
        Figure("validation_mae", "MAX(validation_mae)", "plausible_error"),
        Figure("validation_mae_rules_core", "MAX(validation_mae_rules_core)", "plausible_error"),
        Figure("training_rows", "MAX(training_rows)", "contract"),
    ),
)


_OF_GAME = tuple(column.name for column in FEATURES)
_OF_PLAYER = tuple(column.name for column in STATE)
_NAMES = (*_OF_GAME, *_OF_PLAYER)

_TRAINING = f"""
SELECT f.game_date, f.game_id, f.player_id, s.pts,
  {", ".join(f"f.{name}" for name in _OF_GAME)},
  {", ".join(f"p.{name}" for name in _OF_PLAYER)}
FROM player_features_before AS f
JOIN player_state_before AS p
  ON p.game_date = f.game_date AND p.game_id = f.game_id AND p.player_id = f.player_id
JOIN player_game_summary_before AS s
  ON s.game_date = f.game_date AND s.game_id = f.game_id AND s.player_id = f.player_id
WHERE s.played
"""


def table(models_dir: Path) -> DatedTable:
    """The dated table, its model files in ``models_dir``."""

    def compute(inputs: "Mapping[str, pa.Table]", _: Sequence[date]) -> Computed:
        import pyarrow as pa

        from nba_assets.contracts.arrow import arrow_schema

        history = inputs["training"].to_pandas()
        game_dates = set(inputs["game_dates"]["game_date"].to_pylist())
        mondays = sorted({points_model.refit_date(day) for day in game_dates})
        # Side by side with one thread each: boosting small data on many threads mostly waits.
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            fits = pool.map(
                lambda monday: points_model.fit(history, monday, _NAMES, models_dir), mondays
            )
            fitted = dict(zip(mondays, fits, strict=True))
        rows = [
            {
                "game_date": day,
                **model.__dict__,
                "interval": json.dumps(model.interval),
                "features": json.dumps(model.features),
            }
            for day in sorted(game_dates)
            if (model := fitted[points_model.refit_date(day)])
        ]
        warmup = frozenset(
            day for day in game_dates if fitted[points_model.refit_date(day)] is None
        )
        return Computed(pa.Table.from_pylist(rows, arrow_schema(PLAYER_POINTS_MODEL)), warmup)

    return DatedTable(
        contract=PLAYER_POINTS_MODEL,
        produce=FromPython(
            {"training": _TRAINING, "game_dates": "SELECT DISTINCT game_date FROM due_games"},
            compute,
            version=json.dumps(dict(points_model.PARAMETERS)),
            lost=lambda stored: _lost(stored, models_dir),
        ),
        reads=(
            Read("schedule"),
            Read("player_features", Scope.TRAINING),
            Read("player_state", Scope.TRAINING),
            Read("player_game_summary", Scope.TRAINING),
        ),
    )


def _lost(stored: "pa.Table", models_dir: Path) -> dict[date, str]:
    """The dates whose model file is gone: it is trained again, to the same bit, when they run."""
    rows = stored.select(["game_date", "artifact"]).to_pylist()
    gone = {name for name in {r["artifact"] for r in rows} if not (models_dir / name).exists()}
    return {
        row["game_date"]: f"its model file {models_dir / row['artifact']} is gone"
        for row in rows
        if row["artifact"] in gone
    }
