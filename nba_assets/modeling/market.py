"""What bookmakers' lines add to a prediction, and how probable it is to have more points.

The line is the best single predictor there is: who makes it reads the news. Beside it a prediction
is moved towards it by a weight that would have erred least so far.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from nba_assets.modeling.points_model import NEIGHBOURS, moved, refit_date

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LEARNED_ON = timedelta(days=400)
"""how far back of a Monday the weight and the chances are learned from"""
MINIMUM_LINES = 600
"""player-games with a line; with fewer the weight is ``UNLEARNED``"""
UNLEARNED = 0.5
STEPS = 20
"""of the weights that are tried, from 0 to 1"""
CHANCES_OF = 24_000
"""the last player-games the chances are learned from"""


def beside_lines(past: "pd.DataFrame", wanted: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of ``wanted`` with ``line_weight``, ``predicted_beside_line`` and ``over``.

    Both have one row per player-game: ``game_date``, ``game_id``, ``player_id``,
    ``predicted_points`` and ``line``, which may be NULL in ``past``; that has ``pts`` as well.
    Everything is learned anew every Monday from the days before it. ``over`` is the probability of
    more points than the line, NaN where fewer than ``NEIGHBOURS`` player-games are known.
    """
    import pandas as pd

    order = ["game_date", "game_id", "player_id"]
    past = past.sort_values(order, kind="stable")
    wanted = wanted.sort_values(order, kind="stable").reset_index(drop=True)
    monday = wanted["game_date"].map(refit_date)
    parts = []
    for as_of in sorted(set(monday)):
        days = past["game_date"]
        seen = past[(days < as_of) & (days >= as_of - LEARNED_ON)]
        mine = wanted[monday == as_of]
        weight = line_weight(seen[seen["line"].notna()])
        predicted = mine["predicted_points"] + weight * (mine["line"] - mine["predicted_points"])
        parts.append(
            mine.assign(
                line_weight=weight,
                predicted_beside_line=predicted,
                over=chance_of_more(seen.tail(CHANCES_OF), predicted, mine["line"]),
            )
        )
    return pd.concat(parts, ignore_index=True)


def line_weight(past: "pd.DataFrame") -> float:
    """The weight of the line, 0 to 1, with which past predictions had erred least."""
    import numpy as np

    if len(past) < MINIMUM_LINES:
        return UNLEARNED
    points, predicted, line = (
        past[name].to_numpy(dtype=float) for name in ("pts", "predicted_points", "line")
    )
    weights = np.linspace(0, 1, STEPS + 1)
    errors = [np.abs(points - predicted - w * (line - predicted)).mean() for w in weights]
    return float(weights[int(np.argmin(errors))])


def chance_of_more(past: "pd.DataFrame", predicted: "pd.Series", line: "pd.Series") -> "np.ndarray":
    """How probable more points than the line are, by the player-games of the nearest predictions.

    Their points are moved by the difference of the predictions. Shape (rows,).
    """
    import numpy as np

    if len(past) < NEIGHBOURS:
        return np.full(len(predicted), np.nan)
    order = np.argsort(past["predicted_points"].to_numpy(dtype=float), kind="stable")
    made = past["predicted_points"].to_numpy(dtype=float)[order]
    points = past["pts"].to_numpy(dtype=float)[order]
    asked, over = predicted.to_numpy(dtype=float), line.to_numpy(dtype=float)
    first = np.clip(np.searchsorted(made, asked) - NEIGHBOURS // 2, 0, len(made) - NEIGHBOURS)
    near = first[:, None] + np.arange(NEIGHBOURS)
    as_asked = moved(points[near], asked[:, None] - made[near])
    chance: np.ndarray = (as_asked > over[:, None]).mean(axis=1)
    return chance
