"""How probable it is that a player of a team's roster plays a game, by what is known of it.

Fitted anew every month on the roster rows of the 500 days before it, one model an information set.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SIGNALS = (
    "typical_minutes_ewm_5",
    "typical_minutes_ewm_20",
    "minutes_last",
    "starter_ewm_5",
    "games_played",
    "days_since_played",
    "changed_team",
    "team_games_missed",
    "played_of_last_10",
    "played_of_last_3",
    "played_in_a_row",
    "last_seen_as",
    "team_rest_days",
    "team_games_last_7_days",
    "is_home",
    "expected_margin",
)
"""the columns it is fitted on"""
MINIMUM_ROWS = 3_000
"""with fewer, ``PRIOR`` is taken"""
TRAINED_ON = timedelta(days=500)
PRIOR = {0: 0.93, 1: 0.4, 2: 0.4}
"""by games of the team missed; more, or none ever played, is ``PRIOR_AFTER``"""
PRIOR_AFTER = 0.15
ROUNDS = 60
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 4,
    "eta": 0.15,
    "subsample": 0.7,
    "colsample_bytree": 0.7,
    "min_child_weight": 10,
    "max_bin": 64,
    "seed": 3,
    "nthread": 1,
    "verbosity": 0,
}


def refit_date(day: date) -> date:
    """The first of its month: what is fitted for a date has seen what lies before that."""
    return day.replace(day=1)


def by_information(history: "pd.DataFrame", wanted: "pd.DataFrame") -> "pd.DataFrame":
    """The rows of ``wanted`` once for every information set their game has, with ``plays``.

    Both have one row per roster player and game: ``game_date``, ``game_id``, ``player_id``,
    ``SIGNALS``, ``list_known`` and ``lineup_known`` of the game, ``listed_inactive``, ``starts``;
    ``history`` also ``played``. The columns added are ``information_set`` and ``plays``, 0 to 1;
    what a set does not know of ``listed_inactive`` and ``starts`` is NULL in it.
    """
    import pandas as pd

    order = ["game_date", "game_id", "player_id"]
    history = history.sort_values(order, kind="stable")
    wanted = wanted.sort_values(order, kind="stable").reset_index(drop=True)
    month = wanted["game_date"].map(refit_date)
    parts = []
    for as_of in sorted(set(month)):
        mine = wanted[month == as_of]
        seen = history[
            (history["game_date"] < as_of) & (history["game_date"] >= as_of - TRAINED_ON)
        ]
        parts += [_with(mine, seen, known) for known in InformationSet]
    return pd.concat(parts, ignore_index=True)


def _with(rows: "pd.DataFrame", seen: "pd.DataFrame", known: InformationSet) -> "pd.DataFrame":
    """The rows of the games of which so much is known."""
    if known is InformationSet.MORNING:
        told = rows.assign(listed_inactive=None, starts=None)
        plays = _fitted(seen, rows)
    elif known is InformationSet.AVAILABILITY:
        rows = rows[rows["list_known"]]
        told = rows.assign(starts=None)
        plays = _fitted(_listed(seen), rows)
        plays[rows["listed_inactive"].to_numpy(dtype=bool)] = 0.0
    else:
        rows = rows[rows["lineup_known"]]
        told = rows.assign(listed_inactive=rows["listed_inactive"].where(rows["list_known"], None))
        bench = seen["lineup_known"] & ~seen["starts"].astype(bool)
        plays = _fitted(_listed(seen[bench]), rows)
        unlisted = ~rows["list_known"].to_numpy(dtype=bool)
        plays[unlisted] = _fitted(seen, rows[unlisted])
        plays[rows["listed_inactive"].to_numpy(dtype=bool)] = 0.0
        plays[rows["starts"].to_numpy(dtype=bool)] = 1.0
    return told.assign(information_set=str(known), plays=plays)


def _listed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Those who could play, of games with a list."""
    return rows[rows["list_known"].astype(bool) & ~rows["listed_inactive"].astype(bool)]


def _fitted(seen: "pd.DataFrame", rows: "pd.DataFrame") -> "np.ndarray":
    """The probability of each of the rows, by a model of what was seen."""
    import xgboost as xgb

    missed = rows["team_games_missed"].astype(float).fillna(len(PRIOR))
    prior: np.ndarray = missed.map(lambda games: PRIOR.get(int(games), PRIOR_AFTER)).to_numpy(float)
    if len(seen) < MINIMUM_ROWS or rows.empty:
        return prior
    names = list(SIGNALS)
    train = xgb.DMatrix(seen[names].astype("float32"), seen["played"].astype("float32"))
    booster = xgb.train(dict(PARAMETERS), train, ROUNDS)
    found: np.ndarray = booster.predict(xgb.DMatrix(rows[names].astype("float32"))).astype(float)
    return found
