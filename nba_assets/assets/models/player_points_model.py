"""``player_points_model``: the model in force on a date, trained on earlier games."""

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.contracts.player_features import FEATURES
from nba_assets.contracts.player_points_model import PLAYER_POINTS_MODEL
from nba_assets.modeling import points_model
from nba_assets.warehouse.dated_table import Computed, DatedTable, FromPython, Read, Scope

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.warehouse.warehouse import Engine

_NAMES = tuple(column.name for column in FEATURES)

_TRAINING = f"""
SELECT f.game_date, f.game_id, f.player_id, s.pts, {", ".join(f"f.{name}" for name in _NAMES)}
FROM player_features_before AS f
JOIN player_game_summary_before AS s
  ON s.game_date = f.game_date AND s.game_id = f.game_id AND s.player_id = f.player_id
WHERE s.played
"""


def table(models_dir: Path) -> DatedTable:
    """The dated table, its model files in ``models_dir``."""

    def compute(inputs: "Mapping[str, pa.Table]", _: Sequence[date]) -> Computed:
        import pyarrow as pa

        from nba_assets.sources.source import arrow_schema

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
            lost=lambda engine: _lost(engine, models_dir),
        ),
        reads=(
            Read("schedule"),
            Read("player_features", Scope.TRAINING),
            Read("player_game_summary", Scope.TRAINING),
        ),
    )


def _lost(engine: "Engine", models_dir: Path) -> dict[date, str]:
    """The dates whose model file is gone: it is trained again, to the same bit, when they run."""
    rows = engine.query("SELECT game_date, artifact FROM store.player_points_model").to_pylist()
    gone = {name for name in {r["artifact"] for r in rows} if not (models_dir / name).exists()}
    return {
        row["game_date"]: f"its model file {models_dir / row['artifact']} is gone"
        for row in rows
        if row["artifact"] in gone
    }
