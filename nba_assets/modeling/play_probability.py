"""How probable it is that a player of a team's roster plays a game, by what is known of it.

Fitted anew every month on the roster rows of the 500 days before it, one model an information set.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.modeling.fits import Fits, refit_date
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xgboost as xgb

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
KINDS = ("everyone", "listed", "bench")
"""who a model is fitted on: every row; those who could play, of games with a list; of those the
ones who do not start
"""
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


def fits(folder: Path, mark: Callable[[date, date], str]) -> Fits:
    """Where the models are kept; ``mark`` as in ``Fits``."""
    return Fits(folder, "expected_roster", mark, TRAINED_ON, (PARAMETERS, ROUNDS, SIGNALS))


def by_information(
    history: "pd.DataFrame | None", wanted: "pd.DataFrame", kept: Fits
) -> "pd.DataFrame":
    """The rows of ``wanted`` once for every information set their game has, with ``plays``.

    Both have one row per roster player and game: ``game_date``, ``game_id``, ``player_id``,
    ``SIGNALS``, ``list_known`` and ``lineup_known`` of the game, ``listed_inactive``, ``starts``,
    and ``starts_for_other``, for the opponent, to whom he was traded since he was last seen;
    ``history`` also ``played``; it may be None where ``has_all``. The columns added are
    ``information_set`` and ``plays``, 0 to 1; what a set does not know of ``listed_inactive`` and
    ``starts`` is NULL in it.
    """
    import pandas as pd

    order = ["game_date", "game_id", "player_id"]
    if history is not None:
        history = history.sort_values(order, kind="stable")
    wanted = wanted.sort_values(order, kind="stable").reset_index(drop=True)
    month = wanted["game_date"].map(refit_date)
    parts = []
    for as_of in sorted(set(month)):
        mine = wanted[month == as_of]
        boosters = {
            kind: _booster(kept.get(kind, as_of, partial(_fit, history, as_of, kind)))
            for kind in KINDS
        }
        parts += [_with(mine, boosters, known) for known in InformationSet]
    return pd.concat(parts, ignore_index=True)


def has_all(days: Iterable[date], kept: Fits) -> bool:
    """Whether the probabilities of some dates need no fit."""
    months = {refit_date(day) for day in days}
    return all(kept.has(kind, as_of) for as_of in months for kind in KINDS)


def _with(
    rows: "pd.DataFrame", boosters: "Mapping[str, xgb.Booster | None]", known: InformationSet
) -> "pd.DataFrame":
    """The rows of the games of which so much is known."""
    if known is InformationSet.MORNING:
        told = rows.assign(listed_inactive=None, starts=None)
        plays = _probability(boosters["everyone"], rows)
    elif known is InformationSet.AVAILABILITY:
        rows = rows[rows["list_known"]]
        told = rows.assign(starts=None)
        plays = _probability(boosters["listed"], rows)
        plays[rows["listed_inactive"].to_numpy(dtype=bool)] = 0.0
    else:
        rows = rows[rows["lineup_known"]]
        told = rows.assign(listed_inactive=rows["listed_inactive"].where(rows["list_known"], None))
        plays = _probability(boosters["bench"], rows)
        unlisted = ~rows["list_known"].to_numpy(dtype=bool)
        plays[unlisted] = _probability(boosters["everyone"], rows[unlisted])
        plays[rows["listed_inactive"].to_numpy(dtype=bool)] = 0.0
        plays[rows["starts"].to_numpy(dtype=bool)] = 1.0
        plays[rows["starts_for_other"].to_numpy(dtype=bool)] = 0.0
    return told.assign(information_set=str(known), plays=plays)


def _fit(history: "pd.DataFrame | None", as_of: date, kind: str) -> bytes:
    """A model of the rows of a kind before a date; nothing if there are too few."""
    import xgboost as xgb

    if history is None:
        raise ValueError(f"no history was read, and no fit of {kind} as of {as_of} is kept")
    seen = history[(history["game_date"] < as_of) & (history["game_date"] >= as_of - TRAINED_ON)]
    if kind != "everyone":
        seen = seen[seen["list_known"].astype(bool) & ~seen["listed_inactive"].astype(bool)]
    if kind == "bench":
        seen = seen[seen["lineup_known"].astype(bool) & ~seen["starts"].astype(bool)]
    if len(seen) < MINIMUM_ROWS:
        return b""
    train = xgb.DMatrix(seen[list(SIGNALS)].astype("float32"), seen["played"].astype("float32"))
    return bytes(xgb.train(dict(PARAMETERS), train, ROUNDS).save_raw("ubj"))


def _booster(content: bytes) -> "xgb.Booster | None":
    import xgboost as xgb

    if not content:
        return None
    booster = xgb.Booster()
    booster.load_model(bytearray(content))
    return booster


def _probability(booster: "xgb.Booster | None", rows: "pd.DataFrame") -> "np.ndarray":
    """The probability of each of the rows."""
    import xgboost as xgb

    missed = rows["team_games_missed"].astype(float).fillna(len(PRIOR))
    prior: np.ndarray = missed.map(lambda games: PRIOR.get(int(games), PRIOR_AFTER)).to_numpy(float)
    if booster is None or rows.empty:
        return prior
    values = xgb.DMatrix(rows[list(SIGNALS)].astype("float32"))
    found: np.ndarray = booster.predict(values).astype(float)
    return found
