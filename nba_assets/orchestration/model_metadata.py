"""What Dagster shows of the model with a date: what moves its predictions, why, and how it errs."""

from collections.abc import Callable, Mapping
from datetime import date
from itertools import islice
from typing import Any

from nba_assets.certification.certified import certified_tables
from nba_assets.deployment import Deployment
from nba_assets.engines.engine import Engine
from nba_assets.errors import BadInput
from nba_assets.modeling.information import InformationSet
from nba_assets.operations.explanation import PREDICTIONS, explanations, importance
from nba_assets.operations.model_report import tenths
from nba_assets.operations.report import EVALUATION, prediction_errors
from nba_assets.orchestration.chain import as_table
from nba_assets.seasons import season_label, season_start, season_year

SHOWN = 15
"""features, of all that move a prediction"""


def model_metadata(deployment: Deployment, table: str, day: date) -> dict[str, Any]:
    """The metadata of a certified date of a table of the model; none of other tables.

    Of ``player_points_predictions`` the points each feature moves the predictions of the date by,
    and why its highest is what it is; of ``player_points_evaluation`` errors and calibration of the
    season up to the date. A model's file that cannot be read is told in their place.
    """
    show = _SHOWN.get(table)
    if show is None:
        return {}
    with deployment.reading() as engine:
        return show(engine, deployment, day) if engine else {}


def _of_predictions(engine: Engine, deployment: Deployment, day: date) -> dict[str, Any]:
    tables, models = deployment.tables, deployment.models_dir
    highest = engine.query(
        f"SELECT information_set, player_id FROM {PREDICTIONS} WHERE TRUE QUALIFY ROW_NUMBER() "
        "OVER (PARTITION BY information_set ORDER BY predicted_points DESC, player_id) = 1",
        certified_tables(tables, (PREDICTIONS,), day, day),
    ).to_pylist()
    if not highest:
        return {}
    # Of the last set there is: who is most expected of in the morning may be out by then.
    order = list(InformationSet)
    player = max(highest, key=lambda row: order.index(row["information_set"]))["player_id"]
    try:
        moved = importance(engine, tables, models, day, day)
        why = explanations(engine, tables, models, day, str(player))[-1]
    except BadInput as error:
        return {"not explained": str(error)}
    latest = list(moved.values())[-1]
    told = [{"feature": "of nobody in particular", "value": "", "points": why.base}]
    told += [
        {"feature": one.feature, "value": _number(one.value), "points": one.points}
        for one in why.shares[:SHOWN]
    ]
    rest = sum(one.points for one in why.shares[SHOWN:])
    told.append({"feature": "others", "value": "", "points": rest})
    title = f"why {why.predicted_points:.1f} of {why.player_name}, known by {why.information_set}"
    return {
        "points a feature moves predictions by": as_table(
            {"feature": name} | {known.value: of.get(name) for known, of in moved.items()}
            for name in islice(latest, SHOWN)
        ),
        title: as_table(told),
    }


def _of_evaluation(engine: Engine, deployment: Deployment, day: date) -> dict[str, Any]:
    season = (season_start(day), day)
    label = season_label(season_year(day))
    errors: dict[tuple[str, str], dict[str, Any]] = {}
    for one in prediction_errors(engine, deployment.tables, season, tuple(InformationSet)):
        row = errors.setdefault(
            (one.information_set, one.population),
            {
                "known by": one.information_set,
                "population": one.population,
                "player-games": one.player_games,
            },
        )
        row[one.predictor] = one.mae
        if one.within_80 is not None:
            row["inside 80 %"] = one.within_80
    by_set = tenths(engine, deployment.tables, season)
    calibration = [
        {
            "known by": known.value,
            "tenth": number,
            "player-games": tenth.n,
            "predicted": tenth.mean_prediction,
            "median had": tenth.median_points,
            "inside 80 %": tenth.covered_80,
            "inside 50 %": tenth.covered_50,
        }
        for known, of in by_set.items()
        for number, tenth in enumerate(of, start=1)
    ]
    found = {
        f"mean absolute error, {label}": list(errors.values()),
        f"calibration, {label}": calibration,
    }
    return {name: as_table(rows) for name, rows in found.items() if rows}


_SHOWN: Mapping[str, Callable[[Engine, Deployment, date], dict[str, Any]]] = {
    PREDICTIONS: _of_predictions,
    EVALUATION: _of_evaluation,
}


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
