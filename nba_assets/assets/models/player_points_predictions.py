"""``player_points_predictions``: points of every expected player, before the games."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.models.player_points_model import READ, rows_with_features
from nba_assets.assets.precompute.expected_roster import INFORMATION_SET
from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
)
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records, RowRule
from nba_assets.contracts.dated_table import (
    Build,
    Computed,
    DatedTable,
    FromPython,
    Highlights,
    Read,
)
from nba_assets.modeling import points_model
from nba_assets.modeling.baselines import rules_core

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


def _points(name: str, meaning: str, *lineage: str) -> Column:
    return Column(name, "FLOAT64", meaning, low=0, high=110, lineage=tuple(lineage))


def _whole(name: str, meaning: str) -> Column:
    return Column(name, "INT64", meaning, low=0, high=110)


_FEATURES = "player_features"
INTEGERS = (
    _whole("points_median", "The median as points can be: an integer"),
    _whole("points_q10", "10 % of games are below it"),
    _whole("points_q25", "25 % of games are below it"),
    _whole("points_q75", "75 % of games are not above it"),
    _whole("points_q90", "90 % of games are not above it"),
)
"""the median and the bounds of the intervals"""
QUANTILES_ORDERED = RowRule(
    "quantiles_ordered",
    "points_q10 <= points_q25 AND points_q25 <= points_median "
    "AND points_median <= points_q75 AND points_q75 <= points_q90",
)

PLAYER_POINTS_PREDICTIONS = Contract(
    table="player_points_predictions",
    group="models",
    description=(
        "One row per expected player, game and information set, without those known not to play: "
        "the model's median and intervals by what was known at that moment before the game, and "
        "the baselines beside it. A game whose list or starters are not known has no rows of that "
        "set: the latest set it has is what is known of it."
    ),
    grain=("game_id", "player_id", "information_set"),
    version=2,
    due=Due.SCHEDULED,
    kept_as_told=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        OPPONENT,
        PLAYER_ID,
        PLAYER_NAME,
        INFORMATION_SET,
        Column(
            "model_id", "STRING", "Model that made it", lineage=("player_points_model.model_id",)
        ),
        Column(
            "expected_minutes",
            "FLOAT64",
            "Minutes he is expected to play; 20 and more make a regular",
            low=0,
            high=48,
            lineage=("expected_minutes.expected_minutes",),
        ),
        Column(
            "plays",
            "FLOAT64",
            "Probability that he plays; the prediction is for the case that he does",
            low=0,
            high=1,
            lineage=("expected_roster.plays",),
        ),
        _points("predicted_points", "Median of the model, not rounded"),
        *INTEGERS,
        _points("season_average", "Baseline", f"{_FEATURES}.points_avg_season"),
        _points("last_10_average", "Baseline", f"{_FEATURES}.points_avg_10"),
        _points(
            "rules_core",
            "Baseline: 0.35 · last 5 + 0.40 · last 10 + 0.25 · season",
            *(f"{_FEATURES}.points_avg_{window}" for window in ("5", "10", "season")),
        ),
    ),
    records=Records(
        """
        SELECT g.game_date, g.game_id, COALESCE(MAX(x.found), 0) AS expected,
          COALESCE(MAX(s.found), 0) AS actual
        FROM required_games AS g
        LEFT JOIN (
          SELECT r.game_date, r.game_id, COUNT(*) AS found
          FROM expected_roster AS r
          JOIN player_points_model AS m
            ON m.game_date = r.game_date AND m.information_set = r.information_set
          WHERE r.plays > 0
          GROUP BY r.game_date, r.game_id
        ) AS x ON x.game_date = g.game_date AND x.game_id = g.game_id
        LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged
          GROUP BY game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
        GROUP BY g.game_date, g.game_id
        """,
        reads=("expected_roster", "player_points_model"),
    ),
    rules=(QUANTILES_ORDERED,),
    figures=(Figure("predictions", "COUNT(*)", "row_counts"),),
)


def table(models_dir: Path) -> DatedTable:
    """The dated table, reading model files from ``models_dir``."""

    def compute(inputs: "Mapping[str, pa.Table]", _: Build) -> Computed:
        import pandas as pd

        features = inputs["features"].to_pandas()
        parts = []
        for row in inputs["models"].to_pylist():
            model = row | {name: json.loads(row[name]) for name in ("features", "intervals")}
            mine = features[
                features["game_date"].isin(row["game_dates"])
                & (features["information_set"] == row["information_set"])
            ]
            if mine.empty:
                continue
            stored = points_model.load(model, models_dir)
            median, quantiles = points_model.predict(stored, mine, model["intervals"])
            parts.append(
                mine.assign(
                    model_id=row["model_id"],
                    predicted_points=median,
                    points_median=median.round().astype(int),
                    points_q10=quantiles[:, 0],
                    points_q25=quantiles[:, 1],
                    points_q75=quantiles[:, 2],
                    points_q90=quantiles[:, 3],
                    season_average=mine["points_avg_season"],
                    last_10_average=mine["points_avg_10"],
                    rules_core=rules_core(mine),
                )
            )
        rows = pd.concat(parts, ignore_index=True) if parts else features.head(0)
        return Computed(rows_of(PLAYER_POINTS_PREDICTIONS, rows))

    return DatedTable(
        contract=PLAYER_POINTS_PREDICTIONS,
        produce=FromPython(
            {
                "features": rows_with_features(
                    "",
                    "f.player_name, f.opponent,",
                    "JOIN due_games AS g ON g.game_date = x.game_date AND g.game_id = x.game_id",
                )
                + "WHERE x.plays > 0",
                "models": (
                    "SELECT model_id, information_set, features, intervals, artifact, "
                    "artifact_digest, ARRAY_AGG(game_date) AS game_dates "
                    "FROM player_points_model GROUP BY model_id, information_set, features, "
                    "intervals, artifact, artifact_digest"
                ),
            },
            compute,
            version="1",
        ),
        reads=(
            Read("schedule"),
            *(Read(name) for name in READ),
            Read("player_points_model"),
        ),
        highlights=Highlights(
            "of whom most is expected",
            ("player_name", "team", "opponent", *(column.name for column in INTEGERS), "plays"),
            "predicted_points DESC, player_id",
            where="information_set = 'morning'",
        ),
    )
