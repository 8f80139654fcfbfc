"""The model of player points: training as of a date, stored form, predictions with intervals."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.errors import BadInput
from nba_assets.modeling.baselines import rules_core

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost as xgb

MINIMUM_ROWS = 3_000
"""player-games a model needs; with fewer the date is warm-up"""
VALIDATION_DAYS = 28
VALIDATION_SHARE = 0.25
"""the most of the rows that may be held out, where 28 days are more"""
QUANTILES = (0.10, 0.25, 0.75, 0.90)
MAXIMUM_ROUNDS = 250
PARAMETERS: Mapping[str, Any] = {
    "objective": "reg:absoluteerror",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.12,
    "subsample": 0.6,
    "colsample_bytree": 0.6,
    "min_child_weight": 20,
    "lambda": 2.0,
    "max_bin": 64,
    "seed": 7,
    "nthread": 1,
    "verbosity": 0,
}


@dataclass(frozen=True)
class Fitted:
    """What is known of a stored model; one row of ``player_points_model``."""

    model_id: str
    trained_from: date
    trained_through: date
    training_rows: int
    training_digest: str
    validation_rows: int
    validation_mae: float
    validation_mae_rules_core: float
    rounds: int
    interval: tuple[float, ...]
    """residual quantiles in units of the predicted scale, at ``QUANTILES``"""
    features: tuple[str, ...]
    artifact: str
    artifact_digest: str
    xgboost_version: str


def refit_date(day: date) -> date:
    """The Monday a date's model is trained as of: it sees earlier dates only.

    A fixed calendar makes the model of a date independent of which dates were run before.
    """
    return day - timedelta(days=day.weekday())


def fit(
    history: "pd.DataFrame", as_of: date, features: Sequence[str], folder: Path
) -> Fitted | None:
    """Train on the rows of ``history`` before ``as_of`` and store the model in ``folder``.

    ``history`` has one row per player-game played: ``game_date``, the features, ``pts``. The number
    of rounds is chosen on the last 28 days, the stored model is refitted on all rows. Returns None
    with fewer than ``MINIMUM_ROWS``. A model of the same data and parameters is not trained twice.

    Raises:
        BadInput: a row of ``history`` lies outside what was asked for.
    """
    import numpy as np
    import pandas as pd
    import xgboost as xgb

    rows = history[history["game_date"] < as_of]
    if len(rows) < MINIMUM_ROWS:
        return None
    content = pd.util.hash_pandas_object(rows[["game_date", *features, "pts"]], index=False)
    recipe = json.dumps([dict(PARAMETERS), list(features), xgb.__version__], sort_keys=True)
    digest = hashlib.sha256(
        np.sort(content.to_numpy()).tobytes() + recipe.encode() + str(as_of).encode()
    ).hexdigest()[:16]
    model_id = f"{as_of}-{digest}"
    described = folder / f"{model_id}.json"
    if (known := _read(described)) and _is_whole(known, folder):
        return known

    rows = rows.sort_values(["game_date", "game_id", "player_id"], kind="stable")
    newest = rows["game_date"].max()
    since = max(
        newest - timedelta(days=VALIDATION_DAYS),
        rows["game_date"].iloc[int(len(rows) * (1 - VALIDATION_SHARE))],
    )
    recent = rows["game_date"] > since
    train = _matrix(rows[~recent], features)
    valid = _matrix(rows[recent], features)
    probe = xgb.train(
        dict(PARAMETERS),
        train,
        MAXIMUM_ROUNDS,
        evals=[(valid, "validation")],
        early_stopping_rounds=20,
        verbose_eval=False,
    )
    rounds = probe.best_iteration + 1
    predicted = probe.predict(valid, iteration_range=(0, rounds))
    actual = rows.loc[recent, "pts"].to_numpy(dtype=float)
    residual = (actual - predicted) / _scale(predicted)
    booster = xgb.train(dict(PARAMETERS), _matrix(rows, features), rounds)
    fitted = Fitted(
        model_id=model_id,
        trained_from=rows["game_date"].min(),
        trained_through=newest,
        training_rows=len(rows),
        training_digest=digest,
        validation_rows=int(recent.sum()),
        validation_mae=float(np.abs(actual - predicted).mean()),
        validation_mae_rules_core=float(
            np.abs(actual - rules_core(rows[recent]).to_numpy(dtype=float)).mean()
        ),
        rounds=rounds,
        interval=tuple(float(q) for q in np.quantile(residual, QUANTILES)),
        features=tuple(features),
        artifact=f"{model_id}.ubj",
        artifact_digest="",
        xgboost_version=xgb.__version__,
    )
    return _write(booster, fitted, folder)


def load(fitted: Mapping[str, Any], folder: Path) -> "xgb.Booster":
    """The booster a row of ``player_points_model`` describes.

    Raises:
        BadInput: the stored file is missing or is not the one that was certified.
    """
    import xgboost as xgb

    file = folder / str(fitted["artifact"])
    if not file.exists():
        raise BadInput(
            f"model {fitted['model_id']} is certified but its file {file} is missing; "
            "`nba-assets repair` trains it again"
        )
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != fitted["artifact_digest"]:
        raise BadInput(
            f"{file} is not the file that was certified as model {fitted['model_id']}; delete it, "
            "then `nba-assets repair` trains it again"
        )
    booster = xgb.Booster()
    booster.load_model(bytearray(content))
    if tuple(booster.feature_names or ()) != tuple(fitted["features"]):
        raise BadInput(f"{file} has other features than model {fitted['model_id']} was given")
    return booster


def predict(
    booster: "xgb.Booster", features: "pd.DataFrame", interval: Sequence[float]
) -> "tuple[np.ndarray, np.ndarray]":
    """Median points, shape (rows,), and their quantiles at ``QUANTILES``, shape (rows, 4).

    Quantiles never cross the median nor fall below zero.
    """
    import numpy as np

    names = list(booster.feature_names or ())
    median = np.clip(booster.predict(_matrix(features, names)).astype(float), 0, None)
    quantiles = median[:, None] + np.asarray(interval)[None, :] * _scale(median)[:, None]
    below, above = QUANTILES.index(0.25) + 1, QUANTILES.index(0.75)
    quantiles[:, :below] = np.minimum(quantiles[:, :below], median[:, None])
    quantiles[:, above:] = np.maximum(quantiles[:, above:], median[:, None])
    return median, np.clip(quantiles, 0, None)


def _scale(predicted: "np.ndarray") -> "np.ndarray":
    """Spread of points grows with their square root."""
    import numpy as np

    scale: np.ndarray = 1.0 + np.sqrt(np.clip(predicted, 0, None))
    return scale


def _matrix(rows: "pd.DataFrame", features: Sequence[str]) -> "xgb.DMatrix":
    import xgboost as xgb

    values = rows[list(features)].astype("float32")
    label = rows["pts"].astype("float32") if "pts" in rows else None
    return xgb.DMatrix(values, label=label, feature_names=list(features))


def _write(booster: "xgb.Booster", fitted: Fitted, folder: Path) -> Fitted:
    from dataclasses import replace

    folder.mkdir(parents=True, exist_ok=True)
    content = bytes(booster.save_raw("ubj"))
    fitted = replace(fitted, artifact_digest=hashlib.sha256(content).hexdigest())
    _write_atomically(folder / fitted.artifact, content)
    described = json.dumps(asdict(fitted), default=str, indent=1).encode()
    _write_atomically(folder / f"{fitted.model_id}.json", described)
    return fitted


def _write_atomically(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(file)


def _is_whole(fitted: Fitted, folder: Path) -> bool:
    """Whether the file of a model is there and the one that was stored."""
    file = folder / fitted.artifact
    if not file.is_file():
        return False
    return hashlib.sha256(file.read_bytes()).hexdigest() == fitted.artifact_digest


def _read(described: Path) -> Fitted | None:
    """What is known of a model that was trained before; None if that is nothing readable."""
    try:
        values = json.loads(described.read_text(encoding="utf-8"))
        for name in ("trained_from", "trained_through"):
            values[name] = date.fromisoformat(values[name])
        for name in ("interval", "features"):
            values[name] = tuple(values[name])
        return Fitted(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None
