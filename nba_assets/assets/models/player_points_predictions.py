"""``player_points_predictions``: points of every expected player, before the games."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.precompute.player_state import STATE
from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
)
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records, RowRule
from nba_assets.contracts.dated_table import Computed, DatedTable, FromPython, Read
from nba_assets.modeling import points_model
from nba_assets.modeling.baselines import rules_core

if TYPE_CHECKING:
    import pyarrow as pa


def _points(name: str, meaning: str, *lineage: str) -> Column:
    return Column(name, "FLOAT64", meaning, low=0, high=110, lineage=tuple(lineage))


_FEATURES = "player_features"

PLAYER_POINTS_PREDICTIONS = Contract(
    table="player_points_predictions",
    group="models",
    description=(
        "One row per expected player and game who is not on the inactive list, made with what was "
        "known before the game: the model's median and quantiles, and the baselines beside it."
    ),
    grain=("game_id", "player_id"),
    due=Due.SCHEDULED,
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        OPPONENT,
        PLAYER_ID,
        PLAYER_NAME,
        Column(
            "model_id", "STRING", "Model that made it", lineage=("player_points_model.model_id",)
        ),
        Column(
            "minutes_avg_10",
            "FLOAT64",
            "Minutes, last 10 games played; tells the regulars",
            low=0,
            high=90,
            lineage=(f"{_FEATURES}.minutes_avg_10",),
        ),
        _points("predicted_points", "Median of the model"),
        _points("points_q10", "10 % quantile"),
        _points("points_q25", "25 % quantile"),
        _points("points_q75", "75 % quantile"),
        _points("points_q90", "90 % quantile"),
        _points("season_average", "Baseline", f"{_FEATURES}.points_avg_season"),
        _points("last_10_average", "Baseline", f"{_FEATURES}.points_avg_10"),
        _points(
            "rules_core",
            "Baseline: 0.35 · last 5 + 0.40 · last 10 + 0.25 · season",
            *(f"{_FEATURES}.points_avg_{window}" for window in ("5", "10", "season")),
        ),
    ),
    records=Records.as_many_as("player_features", "NOT listed_inactive"),
    rules=(
        RowRule(
            "quantiles_ordered",
            "points_q10 <= points_q25 AND points_q25 <= predicted_points "
            "AND predicted_points <= points_q75 AND points_q75 <= points_q90",
        ),
    ),
    figures=(Figure("predictions", "COUNT(*)", "row_counts"),),
)


def table(models_dir: Path) -> DatedTable:
    """The dated table, reading model files from ``models_dir``."""

    def compute(inputs: "Mapping[str, pa.Table]", _: Sequence[date]) -> Computed:
        import pandas as pd
        import pyarrow as pa

        from nba_assets.contracts.arrow import arrow_schema

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
                    f"SELECT f.*, {', '.join(f'p.{column.name}' for column in STATE)} "
                    "FROM player_features AS f JOIN due_games AS g "
                    "ON g.game_date = f.game_date AND g.game_id = f.game_id "
                    "JOIN player_state AS p ON p.game_date = f.game_date "
                    "AND p.game_id = f.game_id AND p.player_id = f.player_id "
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
        reads=(
            Read("schedule"),
            Read("player_features"),
            Read("player_state"),
            Read("player_points_model"),
        ),
    )
