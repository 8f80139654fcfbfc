"""The model of player points: training as of a date, stored form, predictions with intervals."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.errors import BadInput
from nba_assets.modeling import random_features
from nba_assets.modeling.baselines import rules_core
from nba_assets.modeling.configuration import Configuration
from nba_assets.modeling.fits import used, write_atomically
from nba_assets.modeling.information import InformationSet
from nba_assets.modeling.random_features import Loss, Regressions

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost as xgb

MINIMUM_ROWS = 3_000
"""player-games a model needs; with fewer the date is warm-up"""
PROVEN_ROWS, PROVEN_SHARE = 12_000, 0.25
"""the last rows before a month that a probe leaves out, to see how far off it is there: so many,
or this share where that is less
"""
QUANTILES = (0.10, 0.25, 0.75, 0.90)
GRID_STEP, GRID_END = 0.25, 45.0
"""predictions the intervals are made for, points"""
NEIGHBOURS = 1_200
"""of the rows left out, those with the nearest predictions"""
SMOOTHED = 5
"""points of the grid an interval's bound is the median of"""
SAID = 200
"""characters of what XGBoost says against a parameter"""
BOOSTERS: Mapping[str, str | None] = {"alone": None, "from_shots": "shots_20"}
"""what a prediction is the mean of, with the regressions, and the feature each starts from"""
ROUNDS = 260
REGRESSIONS = 3
PARAMETERS: Mapping[str, Any] = {
    "objective": "reg:absoluteerror",
    "tree_method": "hist",
    "max_depth": 5,
    "eta": 0.05,
    "subsample": 0.6,
    "colsample_bytree": 0.3,
    "min_child_weight": 150,
    "lambda": 30.0,
    "max_bin": 64,
    "seed": 11,
    "nthread": 1,
    "verbosity": 0,
}


@dataclass(frozen=True)
class Fitted:
    """What is known of a stored model; one row of ``player_points_model``."""

    model_id: str
    information_set: InformationSet
    trained_from: date
    trained_through: date
    training_rows: int
    training_digest: str
    validation_rows: int
    validation_mae: float
    validation_mae_rules_core: float
    validation_mae_hindsight: float
    intervals: tuple[tuple[int, ...], ...]
    """points at ``QUANTILES``, by prediction on the grid"""
    features: tuple[str, ...]
    artifact: str
    artifact_digest: str
    xgboost_version: str


def refit_date(day: date) -> date:
    """The Monday a date's model is trained as of: it sees earlier dates only.

    A fixed calendar makes the model of a date independent of which dates were run before.
    """
    return day - timedelta(days=day.weekday())


def proof_date(day: date) -> date:
    """The first of the month of a date's model: its probe and intervals are as of that."""
    return refit_date(day).replace(day=1)


@dataclass(frozen=True)
class Model:
    """What predicts: each booster and each regression counts the same."""

    boosters: "Sequence[xgb.Booster]"
    """those of ``BOOSTERS``, trees: steps"""
    regressions: Regressions
    """on random features: smooth"""
    features: tuple[str, ...]

    def mean(
        self, of_boosters: "Sequence[np.ndarray]", of_regressions: "np.ndarray"
    ) -> "np.ndarray":
        """Of what the boosters say each and the regressions in the mean."""
        import numpy as np

        weights = [1] * len(of_boosters) + [len(self.regressions)]
        told: np.ndarray = np.average([*of_boosters, of_regressions], axis=0, weights=weights)
        return told


@dataclass(frozen=True)
class Recipe:
    """What a model is made of, beside its date."""

    known: InformationSet
    configuration: Configuration
    mark: Callable[[date, date], str]
    """of the rows from one date up to, not including, another, and of the code that uses them"""

    @property
    def features(self) -> tuple[str, ...]:
        """What the model sees, in order."""
        return self.configuration.features[self.known]

    def digest(self, as_of: date) -> str:
        """Of what a model as of a date is trained on and how."""
        import numpy as np
        import xgboost as xgb

        seen = self.mark(as_of - self.configuration.trained_on, as_of)
        by = self.configuration.text
        versions = [xgb.__version__, np.__version__]
        made_from = [str(as_of), self.known, seen, dict(BOOSTERS), by, *versions]
        return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Proof:
    """What a probe, trained without the last days before a month, was worth on them."""

    rows: int
    mae: float
    mae_rules_core: float
    mae_hindsight: float
    """of the points per minute so far times the minutes played: nobody can know those before"""
    intervals: tuple[tuple[int, ...], ...]
    digest: str


def prove(history: "pd.DataFrame | None", as_of: date, what: Recipe, folder: Path) -> Proof | None:
    """Train a probe on ``history`` without the last days before ``as_of``; judge it on them.

    ``history`` as in ``fit``, with ``minutes`` and ``points_per_minute_60``. None with fewer than
    ``MINIMUM_ROWS``. What the same data gave is kept in ``folder`` and not worked out twice.
    """
    is_kept, proof = _kept_proof(as_of, what, folder)
    if is_kept:
        return proof
    if history is None:
        raise ValueError(f"no history was read, and no proof of {what.known} {as_of} is kept")
    rows = trained_on(history, as_of, what.configuration)
    if len(rows) >= MINIMUM_ROWS:
        proof = _proven(rows, what, what.digest(as_of))
    content = json.dumps(asdict(proof) if proof else None).encode()
    write_atomically(folder / _proof_file(as_of, what), content)
    return proof


def _proven(rows: "pd.DataFrame", what: Recipe, digest: str) -> Proof:
    import numpy as np

    last = min(PROVEN_ROWS, int(len(rows) * PROVEN_SHARE))
    left_out = rows["game_date"] > rows["game_date"].iloc[-last - 1]
    seen = rows[left_out]
    predicted = median(trained(rows[~left_out], what.known, what.configuration), seen)
    actual = seen["pts"].to_numpy(dtype=float)
    hindsight = (seen["points_per_minute_60"] * seen["minutes"]).to_numpy(dtype=float)
    core = rules_core(seen).to_numpy(dtype=float)
    mae, mae_rules_core, mae_hindsight = (
        float(np.abs(actual - told).mean()) for told in (predicted, core, hindsight)
    )
    return Proof(
        len(seen), mae, mae_rules_core, mae_hindsight, _intervals(predicted, actual), digest
    )


def _proof_file(as_of: date, what: Recipe) -> str:
    return f"{as_of}-{what.known}-proof-{what.digest(as_of)}.json"


def _kept_proof(as_of: date, what: Recipe, folder: Path) -> tuple[bool, Proof | None]:
    """Whether it was worked out before, readably, and the proof if there were enough rows."""
    try:
        file = folder / _proof_file(as_of, what)
        stored = file.read_text(encoding="utf-8")
        used(file)
        if (values := json.loads(stored)) is None:
            return True, None
        values["intervals"] = tuple(tuple(row) for row in values["intervals"])
        return True, Proof(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return False, None


def moved(points: "np.ndarray", by: "np.ndarray") -> "np.ndarray":
    """What players had, as if as much more had been predicted of them; 0 stays 0.

    Who does not score has hardly played: that is as common a point more or less of prediction away.
    """
    import numpy as np

    nearest: np.ndarray = np.where(points == 0, 0, np.maximum(points + np.round(by), 0))
    return nearest


def is_kept(day: date, what: Recipe, folder: Path) -> bool:
    """Whether the model of a date needs nothing read, because it is kept, or cannot be."""
    monday = refit_date(day)
    known, proof = _kept_proof(proof_date(day), what, folder)
    if known and proof is None:
        known, proof = _kept_proof(monday, what, folder)
    return known and (proof is None or _kept_model(monday, what, proof, folder) is not None)


def _intervals(predicted: "np.ndarray", actual: "np.ndarray") -> tuple[tuple[int, ...], ...]:
    """Bounds of the 80 % and the 50 % interval for each prediction of the grid.

    Points are integers, many of them 0: of the neighbours' points, moved by the difference of the
    predictions, the lower bound is the largest integer with no more below it than asked for, and
    the upper one that with which they hold as nearly as often as asked.
    """
    import numpy as np

    order = np.argsort(predicted, kind="stable")
    predicted, actual = predicted[order], actual[order]
    count = min(NEIGHBOURS, len(predicted))
    grid = np.arange(0, GRID_END, GRID_STEP)
    bounds = np.zeros((len(grid), len(QUANTILES)))
    for row, centre in enumerate(grid):
        place = int(np.searchsorted(predicted, centre))
        first = max(0, min(place - count // 2, len(predicted) - count))
        near = slice(first, first + count)
        points = moved(actual[near], centre - predicted[near]).astype(int)
        below = np.concatenate([[0], np.cumsum(np.bincount(points, minlength=90)) / count])
        for lower, upper in ((0, 3), (1, 2)):
            tail, share = QUANTILES[lower], QUANTILES[upper] - QUANTILES[lower]
            low = int(np.searchsorted(below, tail, side="right")) - 1
            held = below[low + 1 :] - below[low]
            bounds[row, [lower, upper]] = low, low + int(np.argmin(np.abs(held - share)))
    half = SMOOTHED // 2
    padded = np.pad(bounds, ((half, half), (0, 0)), mode="edge")
    windows = np.stack([padded[i : i + len(grid)] for i in range(SMOOTHED)])
    smooth = np.median(windows, axis=0).astype(int)
    # With few neighbours the inner interval can reach beyond the outer one.
    smooth[:, 0] = np.minimum(smooth[:, 0], smooth[:, 1])
    smooth[:, 3] = np.maximum(smooth[:, 3], smooth[:, 2])
    return tuple(tuple(int(bound) for bound in row) for row in smooth)


def fit(
    history: "pd.DataFrame | None", as_of: date, what: Recipe, proof: Proof, folder: Path
) -> Fitted:
    """Train on the rows of ``history`` before ``as_of`` and store the model in ``folder``.

    ``history`` has one row per player-game played, of one information set: ``game_date``,
    ``game_id``, ``player_id``, the features, ``pts``; the days before ``as_of`` that ``what`` says
    count. A model of the same data and configuration is not trained twice.
    """
    import xgboost as xgb

    if stored := _kept_model(as_of, what, proof, folder):
        return stored
    if history is None:
        raise ValueError(f"no history was read, and no model of {what.known} {as_of} is kept")
    rows = trained_on(history, as_of, what.configuration)
    model_id = _model_id(as_of, what, proof)
    model = trained(rows, what.known, what.configuration)
    fitted = Fitted(
        model_id=model_id,
        information_set=what.known,
        trained_from=rows["game_date"].min(),
        trained_through=rows["game_date"].max(),
        training_rows=len(rows),
        training_digest=what.digest(as_of),
        validation_rows=proof.rows,
        validation_mae=proof.mae,
        validation_mae_rules_core=proof.mae_rules_core,
        validation_mae_hindsight=proof.mae_hindsight,
        intervals=proof.intervals,
        features=tuple(what.features),
        artifact=model_id,
        artifact_digest="",
        xgboost_version=xgb.__version__,
    )
    return _write(model, fitted, folder)


def trained_on(
    history: "pd.DataFrame", as_of: date, configuration: Configuration
) -> "pd.DataFrame":
    """The rows of ``history`` a model as of a date is trained on, in the one order that counts."""
    days = history["game_date"]
    rows = history[(days < as_of) & (days >= as_of - configuration.trained_on)]
    return rows.sort_values(["game_date", "game_id", "player_id"], kind="stable")


def _model_id(as_of: date, what: Recipe, proof: Proof) -> str:
    digest = hashlib.sha256((what.digest(as_of) + proof.digest).encode()).hexdigest()
    return f"{as_of}-{what.known}-{digest[:16]}"


def _kept_model(as_of: date, what: Recipe, proof: Proof, folder: Path) -> Fitted | None:
    """The model, if it was trained before and its files are what was stored."""
    stored = _read(folder / f"{_model_id(as_of, what, proof)}.json")
    return stored if stored and _is_whole(stored, folder) else None


def files(artifact: str) -> list[str]:
    """The names of a model's files: one a booster, and one for the regressions."""
    return [*(f"{artifact}.{name}.ubj" for name in BOOSTERS), f"{artifact}.regressions.npz"]


def load(fitted: Mapping[str, Any], folder: Path) -> Model:
    """The model a row of ``player_points_model`` describes.

    Raises:
        BadInput: a stored file is missing or is not the one that was certified.
    """
    import xgboost as xgb

    stored = [folder / name for name in files(str(fitted["artifact"]))]
    if missing := [file for file in stored if not file.exists()]:
        raise BadInput(
            f"model {fitted['model_id']} is certified but its file {missing[0]} is missing; "
            "`nba-assets repair` trains it again"
        )
    contents = [file.read_bytes() for file in stored]
    if _digest_of(contents) != fitted["artifact_digest"]:
        raise BadInput(
            f"{stored[0]} and what is beside it are not the files that were certified as model "
            f"{fitted['model_id']}; delete them, then `nba-assets repair` trains it again"
        )
    features = tuple(fitted["features"])
    boosters = []
    for content in contents[:-1]:
        booster = xgb.Booster()
        booster.load_model(bytearray(content))
        boosters.append(booster)
    regressions = Regressions.read(contents[-1])
    seen = [tuple(booster.feature_names or ()) for booster in boosters]
    if set(seen) != {features} or len(regressions.centre) != len(features):
        raise BadInput(f"{stored[0]} has other features than model {fitted['model_id']} was given")
    return Model(boosters, regressions, features)


def predict(
    model: Model, rows: "pd.DataFrame", intervals: Sequence[Sequence[int]]
) -> "tuple[np.ndarray, np.ndarray]":
    """Expected median of points, shape (rows,), and integers at ``QUANTILES``, shape (rows, 4).

    The integers never cross the rounded median.
    """
    import numpy as np

    middle = median(model, rows)
    bounds = np.asarray(intervals)
    place = np.clip(np.round(middle / GRID_STEP).astype(int), 0, len(bounds) - 1)
    # Beyond the grid an interval moves with its prediction.
    beyond = np.round(np.maximum(middle - place * GRID_STEP, 0))[:, None].astype(int)
    quantiles = bounds[place] + beyond
    point = np.round(middle)[:, None].astype(int)
    below = QUANTILES.index(0.25) + 1
    quantiles[:, :below] = np.minimum(quantiles[:, :below], point)
    quantiles[:, below:] = np.maximum(quantiles[:, below:], point)
    return middle, quantiles


def contributions(model: Model, rows: "pd.DataFrame") -> "np.ndarray":
    """What each feature, and last the base, adds to the median: shape (rows, n + 1).

    The mean of the boosters' SHAP values and what ``Regressions.contributions`` says; the sums are
    what ``predict`` gives where that is not below 0. What a booster starts from is of the feature
    it is, so that the base is the same for all rows.
    """
    found = []
    for booster, start in zip(model.boosters, BOOSTERS.values(), strict=True):
        matrix = _matrix(rows, model.features, start)
        shares = booster.predict(matrix, pred_contribs=True).astype(float)
        if start and start in model.features:
            margin = rows[start].to_numpy(dtype="float32").astype(float)
            shares[:, model.features.index(start)] += margin
            shares[:, -1] -= margin
        found.append(shares)
    return model.mean(found, model.regressions.contributions(_values(rows, model.features)))


def trained(rows: "pd.DataFrame", known: InformationSet, configuration: Configuration) -> Model:
    """The model of some rows."""
    import xgboost as xgb

    parameters, features = configuration.parameters, configuration.features[known]
    boosters = [
        xgb.train(
            {**parameters, "seed": parameters.get("seed", 0) + number},
            _matrix(rows, features, start),
            configuration.rounds,
        )
        for number, start in enumerate(BOOSTERS.values())
    ]
    regressions = random_features.fit(
        _values(rows, features), rows["pts"], Loss.ABSOLUTE, configuration.regressions
    )
    return Model(boosters, regressions, tuple(features))


def median(model: Model, rows: "pd.DataFrame") -> "np.ndarray":
    """The mean of what the members predict, not below 0."""
    import numpy as np

    of_boosters = [
        booster.predict(_matrix(rows, model.features, start)).astype(float)
        for booster, start in zip(model.boosters, BOOSTERS.values(), strict=True)
    ]
    of_regressions = model.regressions.predict(_values(rows, model.features))
    told: np.ndarray = np.clip(model.mean(of_boosters, of_regressions), 0, None)
    return told


def refuse_unfit(configuration: Configuration) -> None:
    """Raise unless XGBoost takes the parameters.

    Raises:
        BadInput: it does not, with what it says.
    """
    import numpy as np
    import xgboost as xgb

    points = xgb.DMatrix(np.arange(16.0).reshape(8, 2), label=np.arange(8.0))
    try:
        xgb.train(dict(configuration.parameters), points, 1)
    except (xgb.core.XGBoostError, ValueError, TypeError) as error:
        # "[12:00:00] /a/source/file.cc:99: what is wrong", then a trace of the stack.
        said = re.sub(r"^\[[\d:]+\] \S+: ", "", str(error)).partition("Stack trace")[0]
        raise BadInput(
            f"configuration {configuration.digest} cannot be fitted, XGBoost says: "
            f"{' '.join(said.split())[:SAID]}"
        ) from error


def walk_forward(
    history: "pd.DataFrame", first: date, known: InformationSet, configuration: Configuration
) -> "pd.Series":
    """What the models of a set would have predicted of its rows from ``first`` on.

    ``history`` as in ``fit``. Every row is predicted by the model of its Monday, which is not
    kept. Aligned with those rows; those of weeks with too little history are left out.
    """
    import pandas as pd

    wanted = history[history["game_date"] >= first]
    monday = wanted["game_date"].map(refit_date)

    def of_week(as_of: date) -> "pd.Series":
        rows, mine = trained_on(history, as_of, configuration), wanted[monday == as_of]
        if len(rows) < MINIMUM_ROWS:
            return pd.Series(dtype=float)
        return pd.Series(median(trained(rows, known, configuration), mine), mine.index)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        weeks = list(pool.map(of_week, sorted(set(monday))))
    return pd.concat([pd.Series(dtype=float), *weeks])


def _values(rows: "pd.DataFrame", features: Sequence[str]) -> "pd.DataFrame":
    return rows[list(features)].astype("float32")


def _matrix(rows: "pd.DataFrame", features: Sequence[str], start: str | None) -> "xgb.DMatrix":
    import xgboost as xgb

    label = rows["pts"].astype("float32") if "pts" in rows else None
    matrix = xgb.DMatrix(_values(rows, features), label=label, feature_names=list(features))
    if start:
        matrix.set_base_margin(rows[start].astype("float32"))
    return matrix


def _write(model: Model, fitted: Fitted, folder: Path) -> Fitted:
    from dataclasses import replace

    contents = [bytes(booster.save_raw("ubj")) for booster in model.boosters]
    contents.append(model.regressions.content())
    fitted = replace(fitted, artifact_digest=_digest_of(contents))
    for name, content in zip(files(fitted.artifact), contents, strict=True):
        write_atomically(folder / name, content)
    described = json.dumps(asdict(fitted), default=str, indent=1).encode()
    write_atomically(folder / f"{fitted.model_id}.json", described)
    return fitted


def _digest_of(contents: Sequence[bytes]) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()


def _is_whole(fitted: Fitted, folder: Path) -> bool:
    """Whether the files of a model are there and the ones that were stored."""
    stored = [folder / name for name in files(fitted.artifact)]
    if not all(file.is_file() for file in stored):
        return False
    return _digest_of([file.read_bytes() for file in stored]) == fitted.artifact_digest


def _read(described: Path) -> Fitted | None:
    """What is known of a model that was trained before; None if that is nothing readable."""
    try:
        values = json.loads(described.read_text(encoding="utf-8"))
        for name in ("trained_from", "trained_through"):
            values[name] = date.fromisoformat(values[name])
        values["information_set"] = InformationSet(values["information_set"])
        values["intervals"] = tuple(tuple(row) for row in values["intervals"])
        values["features"] = tuple(values["features"])
        return Fitted(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None
