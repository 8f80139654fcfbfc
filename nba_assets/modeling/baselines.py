"""Predictors without a model, computed from the features of a player-game."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RULES_CORE = {"points_avg_5": 0.35, "points_avg_10": 0.40, "points_avg_season": 0.25}
"""Weights of the core of the predecessor's rules."""


def rules_core(features: "pd.DataFrame") -> "pd.Series":
    """0.35 · last 5 + 0.40 · last 10 + 0.25 · season average, in points; shape (rows,)."""
    return sum(features[name] * weight for name, weight in RULES_CORE.items())


RIDGE_FEATURES = (
    "points_avg_5", "points_avg_10", "points_avg_season", "minutes_avg_5", "minutes_avg_10",
    "minutes_avg_season", "points_per_minute_10", "points_per_minute_season", "usage_rate_avg_10",
    "fga_avg_10", "fg3a_avg_10", "fta_avg_10", "starter_share_10", "team_pace_10",
    "opponent_pace_10", "opponent_defensive_rating_season",
)  # fmt: skip
RIDGE_PENALTY = 10.0
"""on coefficients of features of deviation 1"""


def ridge(history: "pd.DataFrame", wanted: "pd.DataFrame") -> "pd.Series":
    """Points by ridge regression on averages, fitted before each month of ``wanted``.

    Both have one row per player-game: ``game_date`` and ``RIDGE_FEATURES``, ``history`` those
    played, with ``pts``. What is NULL counts as the mean. NaN in months without earlier rows; never
    below 0; aligned with ``wanted``.
    """
    import numpy as np
    import pandas as pd

    predicted = pd.Series(np.nan, wanted.index)
    month = wanted["game_date"].map(lambda day: day.replace(day=1))
    for as_of in sorted(set(month)):
        seen = history[history["game_date"] < as_of]
        if seen.empty:
            continue
        values = seen[list(RIDGE_FEATURES)].astype(float)
        x, y = _scaled(seen, values), seen["pts"].to_numpy(dtype=float)
        penalty = RIDGE_PENALTY * np.eye(x.shape[1])
        weights = np.linalg.solve(x.T @ x + penalty, x.T @ (y - y.mean()))
        mine = wanted[month == as_of]
        predicted[mine.index] = np.clip(y.mean() + _scaled(mine, values) @ weights, 0, None)
    return predicted


def _scaled(rows: "pd.DataFrame", seen: "pd.DataFrame") -> "np.ndarray":
    """The features of rows with the mean and deviation they have in what was seen."""
    values = rows[list(RIDGE_FEATURES)].astype(float)
    scaled: np.ndarray = (
        ((values - seen.mean()) / seen.std(ddof=0).replace(0, 1.0)).fillna(0.0).to_numpy()
    )
    return scaled
