"""``player_points_predictions``: points of every expected player, before the games."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.contracts.player_points_predictions import PLAYER_POINTS_PREDICTIONS
from nba_assets.modeling import points_model
from nba_assets.modeling.baselines import rules_core
from nba_assets.warehouse.dated_table import Computed, DatedTable, FromPython, Read

if TYPE_CHECKING:
    import pyarrow as pa


def table(models_dir: Path) -> DatedTable:
    """The dated table, reading model files from ``models_dir``."""

    def compute(inputs: "Mapping[str, pa.Table]", _: Sequence[date]) -> Computed:
        import pandas as pd
        import pyarrow as pa

        from nba_assets.sources.source import arrow_schema

        features = inputs["features"].to_pandas()
        schema = arrow_schema(PLAYER_POINTS_PREDICTIONS)
        parts = []
        for row in inputs["models"].to_pylist():
            model = row | {name: json.loads(row[name]) for name in ("features", "interval")}
            mine = features[features["game_date"].isin(row["game_dates"])]
            if mine.empty:
                continue
            booster = points_model.load(model, models_dir)
            median, quantiles = points_model.predict(booster, mine, model["interval"])
            parts.append(
                mine.assign(
                    model_id=row["model_id"],
                    predicted_points=median,
                    points_q10=quantiles[:, 0],
                    points_q25=quantiles[:, 1],
                    points_q75=quantiles[:, 2],
                    points_q90=quantiles[:, 3],
                    season_average=mine["points_avg_season"],
                    last_10_average=mine["points_avg_10"],
                    rules_core=rules_core(mine),
                )[schema.names]
            )
        if not parts:
            return Computed(schema.empty_table())
        rows = pd.concat(parts, ignore_index=True)
        return Computed(pa.Table.from_pandas(rows, schema, preserve_index=False))

    return DatedTable(
        contract=PLAYER_POINTS_PREDICTIONS,
        produce=FromPython(
            {
                "features": (
                    "SELECT f.* FROM player_features AS f JOIN due_games AS g "
                    "ON g.game_date = f.game_date AND g.game_id = f.game_id "
                    "WHERE NOT f.listed_inactive"
                ),
                "models": (
                    "SELECT model_id, features, `interval`, artifact, artifact_digest, "
                    "ARRAY_AGG(game_date) AS game_dates FROM player_points_model "
                    "GROUP BY model_id, features, `interval`, artifact, artifact_digest"
                ),
            },
            compute,
            version="1",
        ),
        reads=(Read("schedule"), Read("player_features"), Read("player_points_model")),
    )
