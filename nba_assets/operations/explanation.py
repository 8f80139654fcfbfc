"""Why a player's points were predicted as they were: what each feature adds, in points."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.certification.certified import certified_rows
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable, FromPython
from nba_assets.engines.engine import Engine
from nba_assets.modeling import points_model
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "player_points_predictions"


@dataclass(frozen=True)
class Share:
    """What a feature adds to a prediction (SHAP values of the boosters, their mean)."""

    feature: str
    value: float | None
    """what it is; None where it is not known"""
    points: float


@dataclass(frozen=True)
class Explanation:
    """A prediction as a sum of shares."""

    player_id: int
    player_name: str
    team: str
    opponent: str
    information_set: InformationSet
    model_id: str
    predicted_points: float
    """median, not rounded: ``base`` and all ``shares`` together, never below 0"""
    base: float
    """what is predicted of nobody in particular"""
    shares: Sequence[Share]
    """those that move it most first"""

    def record(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def explanations(
    engine: Engine, tables: Mapping[str, DatedTable], models_dir: Path, day: date, player: str
) -> list[Explanation]:
    """The certified predictions of a date for players of a name, or an id, by information set.

    Raises:
        BadInput: a model's file is not there, or is not the one that was certified.
    """
    table = tables[PREDICTIONS]
    if not isinstance(table.produce, FromPython):
        raise TypeError(f"{PREDICTIONS} is not computed from queries")
    read = {
        name: certified_rows(tables[name].contract, day, day) for name in table.upstream_tables()
    }
    relations = read | {"due_games": read[SCHEDULE]}
    rows, models = (
        engine.query(table.produce.queries[name], relations) for name in ("features", "models")
    )
    known = rows.to_pandas()
    named = known["player_name"].str.lower().str.contains(player.lower(), regex=False)
    wanted = known[named | (known["player_id"].astype(str) == player)]
    found = []
    for model in models.to_pylist():
        mine = wanted[wanted["information_set"] == model["information_set"]]
        if len(mine):
            model["features"] = json.loads(model["features"])
            found += _explained(mine, model, points_model.load(model, models_dir))
    order = list(InformationSet)
    return sorted(found, key=lambda one: (one.player_id, order.index(one.information_set)))


def _explained(
    rows: "pd.DataFrame", model: Mapping[str, Any], boosters: Sequence[Any]
) -> list[Explanation]:
    shares = points_model.contributions(boosters, rows)
    predicted = points_model.median(boosters, rows)
    names = model["features"]
    found = []
    for row, added, points in zip(rows.to_dict("records"), shares, predicted, strict=True):
        values = [None if row[n] is None or row[n] != row[n] else float(row[n]) for n in names]
        told = [
            Share(name, value, float(share))
            for name, value, share in zip(names, values, added[:-1], strict=True)
        ]
        told.sort(key=lambda share: -abs(share.points))
        identity = {n: row[n] for n in ("player_id", "player_name", "team", "opponent")}
        found.append(
            Explanation(
                **identity,
                information_set=InformationSet(model["information_set"]),
                model_id=model["model_id"],
                predicted_points=float(points),
                base=float(added[-1]),
                shares=told,
            )
        )
    return found
