"""How good predictions of points were: errors on the same rows, with what chance makes of them.

Nothing here reads a table; what rows are judged is the caller's to say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

DRAWS = 2_000
"""of the bootstrap"""
SEED = 7
FEWEST_DATES = 5
"""with games, below which no interval is told: resamples of one date are all that date"""
HALFLIFE = 5
"""games, of the exponentially weighted baseline"""
PRIOR_MINUTES, PRIOR_RATE = 40.0, 0.42
"""what a player's points per minute are shrunk to, until he has played enough"""


@dataclass(frozen=True)
class Interval:
    """A central 90 % interval of a bootstrap over days."""

    low: float
    high: float


@dataclass(frozen=True)
class Score:
    """The error of one predictor on some rows."""

    predictor: str
    n: int
    mae: float
    """mean absolute error, points"""
    mae_rounded: float
    """of the prediction rounded to an integer, which is what points are"""
    bias: float
    """mean of predicted minus actual, points"""
    against: Mapping[str, Interval]
    """by other predictor: this one's mean absolute error minus that one's, on the same rows; none
    of rows of fewer than ``FEWEST_DATES``
    """


@dataclass(frozen=True)
class Decile:
    """A tenth of the predictions, by size, and how often the intervals held."""

    mean_prediction: float
    median_points: float
    """that were had"""
    n: int
    covered_80: float
    covered_50: float


@dataclass(frozen=True)
class Chance:
    """A fifth of the player-games with a line, by the chance of more points than it."""

    said: float
    """mean probability of more"""
    n: int
    happened: float
    """share with more"""


def scores(rows: "pd.DataFrame", predictors: Sequence[str]) -> list[Score]:
    """The error of each predictor, a column of its name, on the same ``rows``.

    ``rows`` has one row per player-game: ``game_date``, ``pts``. Empty for no rows.

    Raises:
        ValueError: a prediction is missing; rows that one predictor lacks are no rows for any.
    """
    import numpy as np

    if rows.empty:
        return []
    if missing := [name for name in predictors if rows[name].isna().any()]:
        raise ValueError(f"predictions of {', '.join(missing)} are missing on some rows")
    actual = rows["pts"].to_numpy(dtype=float)
    errors = {name: rows[name].to_numpy(dtype=float) - actual for name in predictors}
    absolute = {name: np.abs(error) for name, error in errors.items()}
    resampled = _Days(rows["game_date"])
    enough = rows["game_date"].nunique() >= FEWEST_DATES
    return [
        Score(
            name,
            len(rows),
            float(absolute[name].mean()),
            float(np.abs(np.round(rows[name].to_numpy(dtype=float)) - actual).mean()),
            float(errors[name].mean()),
            {
                other: resampled.interval(absolute[name] - absolute[other])
                for other in predictors
                if other != name and enough
            },
        )
        for name in predictors
    ]


class _Days:
    """Resamples of days: games of one day have referees, travel and news in common."""

    def __init__(self, game_dates: "pd.Series") -> None:
        import numpy as np
        import pandas as pd

        self._day, days = pd.factorize(game_dates, sort=True)
        count = len(days)
        draws = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), DRAWS)
        self._draws = draws.astype(float)
        self._rows = self._draws @ np.bincount(self._day, minlength=count)

    def interval(self, values: "np.ndarray") -> Interval:
        """Of the mean of the values."""
        import numpy as np

        sums = np.bincount(self._day, weights=values, minlength=self._draws.shape[1])
        low, high = np.quantile(self._draws @ sums / self._rows, [0.05, 0.95])
        return Interval(float(low), float(high))


def deciles(rows: "pd.DataFrame", predictor: str) -> list[Decile]:
    """How often points were inside the intervals, by tenth of the predictions.

    ``rows`` has the predictor's column, ``pts``, and ``points_q10``, ``q25``, ``q75``, ``q90``.
    """
    import numpy as np

    order = np.argsort(rows[predictor].to_numpy(dtype=float), kind="stable")
    return [
        Decile(
            float(tenth[predictor].mean()),
            float(tenth["pts"].median()),
            len(tenth),
            *covered(tenth),
        )
        for tenth in (rows.iloc[part] for part in np.array_split(order, 10))
        if len(tenth)
    ]


def chances(rows: "pd.DataFrame") -> list[Chance]:
    """What was said of more points than the line, and what happened, by fifth of what was said.

    ``rows`` has ``over``, ``line`` and ``pts``; where nothing was said a row does not count.
    """
    import numpy as np

    rows = rows[rows["over"].notna()]
    order = np.argsort(rows["over"].to_numpy(dtype=float), kind="stable")
    more = (rows["pts"] > rows["line"]).to_numpy()
    said = rows["over"].to_numpy(dtype=float)
    return [
        Chance(float(said[fifth].mean()), len(fifth), float(more[fifth].mean()))
        for fifth in np.array_split(order, 5)
        if len(fifth)
    ]


def covered(rows: "pd.DataFrame") -> tuple[float, float]:
    """The shares of rows inside the 80 % and the 50 % interval, 0 to 1."""
    points = rows["pts"]
    return (
        float(points.between(rows["points_q10"], rows["points_q90"]).mean()),
        float(points.between(rows["points_q25"], rows["points_q75"]).mean()),
    )


def from_history(played: "pd.DataFrame") -> "pd.DataFrame":
    """Baselines that need each player's games of the season before: one row per row of ``played``.

    ``played`` has one row per player-game with minutes: ``season``, ``player_id``, ``game_date``,
    ``game_id``, ``pts``, ``minutes``. The columns are ``game_id``, ``player_id``, ``ewma_5`` (mean
    of points, weights halved every 5 games) and ``hindsight_minutes``: points per minute so far
    times the minutes he was to play, which nobody knows before; no prediction should beat it by
    much. Both are NULL in the first game of a season.
    """
    ordered = played.sort_values(["season", "player_id", "game_date", "game_id"], kind="stable")
    of_player = ordered.groupby(["season", "player_id"], sort=False)
    smoothed = of_player["pts"].transform(lambda pts: pts.ewm(halflife=HALFLIFE).mean().shift())
    points = of_player["pts"].cumsum() - ordered["pts"]
    minutes = of_player["minutes"].cumsum() - ordered["minutes"]
    rate = (points + PRIOR_MINUTES * PRIOR_RATE) / (minutes + PRIOR_MINUTES)
    first = of_player.cumcount() == 0
    return ordered[["game_id", "player_id"]].assign(
        ewma_5=smoothed, hindsight_minutes=(rate * ordered["minutes"]).mask(first)
    )
