"""Why a player's points were predicted as they were: what each feature adds, in points."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.certification.certified import certified_tables
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable, FromPython
from nba_assets.engines.engine import Engine
from nba_assets.modeling import points_model
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "player_points_predictions"


@dataclass(frozen=True)
class Share:
    """What a feature adds to a prediction (``points_model.contributions``)."""

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
    found = []
    for model, stored, rows in _predicted(engine, tables, models_dir, day, day):
        named = rows["player_name"].str.lower().str.contains(player.lower(), regex=False)
        mine = rows[named | (rows["player_id"].astype(str) == player)]
        if len(mine):
            found += _explained(mine, model, stored)
    order = list(InformationSet)
    return sorted(found, key=lambda one: (one.player_id, order.index(one.information_set)))


def importance(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    models_dir: Path,
    first: date,
    last: date,
) -> dict[InformationSet, dict[str, float]]:
    """By set, how many points each feature moves the certified predictions of some dates.

    The mean distance of what it adds from the mean of that, the greatest first.

    Raises:
        BadInput: as ``explanations``.
    """
    import pandas as pd

    added: dict[InformationSet, list[pd.DataFrame]] = defaultdict(list)
    for model, stored, rows in _predicted(engine, tables, models_dir, first, last):
        shares = points_model.contributions(stored, rows)[:, :-1]
        added[InformationSet(model["information_set"])].append(
            pd.DataFrame(shares, columns=model["features"])
        )
    of_set = {known: pd.concat(parts) for known, parts in added.items()}
    return {
        known: (of_set[known] - of_set[known].mean())
        .abs()
        .mean()
        .sort_values(ascending=False)
        .to_dict()
        for known in InformationSet
        if known in of_set
    }


def _predicted(
    engine: Engine, tables: Mapping[str, DatedTable], models_dir: Path, first: date, last: date
) -> "Iterator[tuple[Mapping[str, Any], points_model.Model, pd.DataFrame]]":
    """Each certified model of some dates, what is stored of it, and the rows it was asked about."""
    table = tables[PREDICTIONS]
    if not isinstance(table.produce, FromPython):
        raise TypeError(f"{PREDICTIONS} is not computed from queries")
    read = certified_tables(tables, table.upstream_tables(), first, last)
    relations = read | {"due_games": read[SCHEDULE]}
    found, models = (
        engine.query(table.produce.queries[name], relations) for name in ("features", "models")
    )
    rows = found.to_pandas()
    for model in models.to_pylist():
        model["features"] = json.loads(model["features"])
        asked = rows[
            rows["game_date"].isin(model["game_dates"])
            & (rows["information_set"] == model["information_set"])
        ]
        if len(asked):
            yield model, points_model.load(model, models_dir), asked


def _explained(
    rows: "pd.DataFrame", model: Mapping[str, Any], stored: points_model.Model
) -> list[Explanation]:
    shares = points_model.contributions(stored, rows)
    predicted = points_model.median(stored, rows)
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
