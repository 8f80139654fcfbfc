"""Regressions on random features: smooth in what they are asked about, where trees make steps.

Every feature as it is, and the hyperbolic tangent of some random sums of them, make a linear model
of a function that is none (Rahimi and Recht, "Weighted sums of random kitchen sinks", 2008): its
fit has one solution, and no order of rows or start changes it. Several with other random sums are
averaged.
"""

import io
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

HIDDEN = 400
"""random sums a regression has"""
PENALTY = 300.0
"""on the squares of coefficients of features of deviation 1"""
FARTHEST = 5.0
"""deviations from the mean at which a feature is cut off"""
NEAR = 1.0
"""residuals below which the absolute error counts as a squared one"""
REWEIGHTED = 7
"""times the weights of the absolute error are found; twice as often gains nothing"""
DECIMALS = 4
"""of what is predicted"""


class Loss(StrEnum):
    """What a regression makes least: it predicts the mean, or the median."""

    SQUARED = "squared"
    ABSOLUTE = "absolute"


@dataclass(frozen=True)
class Regressions:
    """Some of them, of the same features; arrays of float32, ``n`` the number of features."""

    centre: "np.ndarray"
    """the features' means where they were fitted, shape (n,): what is NULL counts as that"""
    scale: "np.ndarray"
    """their deviations, shape (n,)"""
    sums: "np.ndarray"
    """shape (regressions, n, HIDDEN)"""
    offsets: "np.ndarray"
    """shape (regressions, HIDDEN)"""
    coefficients: "np.ndarray"
    """of the features, of the tangents, and the constant: shape (regressions, n + HIDDEN + 1)"""

    def __len__(self) -> int:
        return len(self.sums)

    def predict(self, rows: "pd.DataFrame") -> "np.ndarray":
        """Their mean, shape (rows,), of rows of exactly their features."""
        import numpy as np

        _on_one_thread()
        values = self._standardized(rows)
        told = np.zeros(len(rows))
        for *layer, coefficients in zip(self.sums, self.offsets, self.coefficients, strict=True):
            told += _expanded(values, *(of.astype(float) for of in layer)) @ coefficients
        # How many rows are multiplied at once moves the last bits; what is told of one may not.
        rounded: np.ndarray = np.round(told / max(len(self), 1), DECIMALS)
        return rounded

    def contributions(self, rows: "pd.DataFrame") -> "np.ndarray":
        """What each feature, and last the base, adds to what is predicted: shape (rows, n + 1).

        The base is predicted of the mean of every feature. What a feature adds is the integral of
        the slope in it on the straight way from there (Aumann-Shapley values): of a tangent that
        has a closed form, and all together are the prediction.
        """
        import numpy as np

        _on_one_thread()
        values = self._standardized(rows)
        count = values.shape[1]
        found = np.zeros((len(values), count + 1))
        for sums, offsets, coefficients in zip(
            self.sums.astype(float), self.offsets.astype(float), self.coefficients, strict=True
        ):
            linear, hidden, constant = np.split(coefficients.astype(float), [count, -1])
            start = np.tanh(offsets)
            way = values @ sums
            still = np.abs(way) < 1e-6  # noqa: PLR2004 - the limit of the quotient
            rise = (np.tanh(way + offsets) - start) / np.where(still, 1.0, way)
            slope = np.where(still, 1 - start**2, rise) * hidden
            found[:, :-1] += values * (linear + slope @ sums.T)
            found[:, -1] += start @ hidden + constant
        return found / max(len(self), 1)

    def content(self) -> bytes:
        """Their stored form; equal regressions, equal bytes."""
        import numpy as np

        file = io.BytesIO()
        np.savez(file, **asdict(self))
        return file.getvalue()

    @classmethod
    def read(cls, content: bytes) -> "Regressions":
        """Those of a content.

        Raises:
            ValueError, OSError, KeyError: it is none.
        """
        import numpy as np

        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return cls(**stored)

    def _standardized(self, rows: "pd.DataFrame") -> "np.ndarray":
        return _standardized(rows.to_numpy(dtype=float), self.centre, self.scale)


def fit(rows: "pd.DataFrame", target: "pd.Series", loss: Loss, count: int) -> Regressions:
    """``count`` regressions of ``target`` on all columns of ``rows``, numbers or NULL."""
    import numpy as np

    _on_one_thread()
    values, wanted = rows.to_numpy(dtype="float32"), target.to_numpy(dtype="float32")
    known = np.ma.masked_invalid(values.astype(float))
    centre = known.mean(axis=0).filled(0.0).astype("float32")
    deviation = known.std(axis=0).filled(0.0)
    scale = np.where(deviation > 0, deviation, 1.0).astype("float32")
    values = _standardized(values, centre, scale)
    draw = np.random.default_rng(count)
    size = (count, values.shape[1], HIDDEN)
    sums = (draw.normal(size=size) / np.sqrt(values.shape[1])).astype("float32")
    offsets = draw.normal(size=(count, HIDDEN)).astype("float32")
    solve = _least_squares if loss is Loss.SQUARED else _least_absolute
    coefficients = [
        solve(_expanded(values, *layer), wanted) for layer in zip(sums, offsets, strict=True)
    ]
    stacked = np.array(coefficients, "float32").reshape(count, values.shape[1] + HIDDEN + 1)
    return Regressions(centre, scale, sums, offsets, stacked)


def _standardized(values: "np.ndarray", centre: "np.ndarray", scale: "np.ndarray") -> "np.ndarray":
    import numpy as np

    told: np.ndarray = np.clip(np.nan_to_num((values - centre) / scale), -FARTHEST, FARTHEST)
    return told


def _expanded(values: "np.ndarray", sums: "np.ndarray", offsets: "np.ndarray") -> "np.ndarray":
    import numpy as np

    constant = np.ones((len(values), 1), "float32")
    return np.concatenate([values, np.tanh(values @ sums + offsets), constant], axis=1)


def _least_squares(
    x: "np.ndarray", y: "np.ndarray", weights: "np.ndarray | None" = None
) -> "np.ndarray":
    """Coefficients; the constant alone is not penalized."""
    import numpy as np

    if weights is not None:
        root = np.sqrt(weights)
        x, y = x * root[:, None], y * root
    penalty = np.full(x.shape[1], PENALTY)
    penalty[-1] = 0
    square = (x.T @ x).astype(float) + np.diag(penalty)
    solved: np.ndarray = np.linalg.solve(square, (x.T @ y).astype(float)).astype("float32")
    return solved


def _least_absolute(x: "np.ndarray", y: "np.ndarray") -> "np.ndarray":
    """By squares, reweighted until each row counts as its absolute error does."""
    import numpy as np

    coefficients = _least_squares(x, y)
    for _ in range(REWEIGHTED):
        weights = 1 / np.maximum(np.abs(y - x @ coefficients), NEAR)
        coefficients = _least_squares(x, y, weights)
    return coefficients


@lru_cache(maxsize=1)
def _on_one_thread() -> None:
    """Have this process multiply matrices on one thread.

    On several the order of sums, and so the last bit, depends on how many there are; fits run side
    by side anyway.
    """
    import numpy as np  # noqa: F401 - its library is there to be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
