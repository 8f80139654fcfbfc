"""How many minutes a player is expected to play if he plays, and what they are worth.

Fitted anew every month on the games of the 560 days before it, for each information set: the mean
of boosted trees and of regressions. What is expected of the team-mates shares the 240 minutes, and
the points the team is to score.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.modeling import random_features
from nba_assets.modeling.fits import Fits, refit_date
from nba_assets.modeling.information import InformationSet
from nba_assets.modeling.lineup_context import CONTEXT, OF_STARTERS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

OF_FEATURES = (
    "games_played", "minutes_avg_10", "minutes_avg_season", "days_since_played",
    "team_rest_days", "team_games_last_7_days", "is_home", "is_playoffs",
)  # fmt: skip
OF_STATE = (
    "typical_minutes_ewm_2", "typical_minutes_ewm_5", "typical_minutes_ewm_10",
    "typical_minutes_ewm_20", "starter_ewm_5", "starter_ewm_20", "minutes_last", "minutes_std_10",
    "minutes_starting", "minutes_from_bench", "started_last", "games_ever", "points_ewm_10",
    "points_per_minute_15", "points_per_minute_60", "used_per_minute_15", "plus_minus_ewm_20",
    "pf_ewm_20", "margin_ewm_2", "changed_team", "team_games_missed", "played_of_last_10",
    "played_of_last_3", "played_in_a_row", "slot",
)  # fmt: skip
MEMORY = ("beyond_1", "beyond_4", "beyond_12", "beyond_size")
"""how his last games ran against the kernel's minutes: means with half-lives of 1.5, 4 and 12
games, and of the size with 10
"""
_HALFLIVES = (1.5, 4.0, 12.0, 10.0)
MEMORY_GAMES, MEMORY_DAYS = 30, 240
"""how far back it goes"""
_OF_POINTS = ("similar_points", "similar_points_gain", "similar_use", "recent_points")
SIGNALS = (
    *OF_FEATURES, *OF_STATE, "expected_margin", "plays", "starts",
    *(name for name in CONTEXT if name not in _OF_POINTS),
    *OF_STARTERS, *MEMORY,
)  # fmt: skip
"""the columns it is fitted on"""
RATES = {
    "points_15": "points_per_minute_15",
    "points_60": "points_per_minute_60",
    "shots_8": "expected_points_per_minute_8",
    "shots_20": "expected_points_per_minute_20",
    "shots_60": "expected_points_per_minute_60",
}
"""the points of the expected minutes, by the rate they are made at"""
MINIMUM_ROWS = 3_000
"""with fewer, the kernel's minutes are expected"""
TRAINED_ON = timedelta(days=560)
LEAST, MOST = 0.5, 44.0
TEAM_MINUTES, TEAM_POINTS, SCALED = (200.0, 300.0), (80.0, 150.0), (0.8, 1.2)
"""what the team's sums, and the scaling to the points it is expected to score, are clipped to"""
ROUNDS = 100
PARAMETERS: Mapping[str, Any] = {
    "objective": "reg:squarederror",
    "tree_method": "hist",
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "min_child_weight": 20,
    "lambda": 15.0,
    "max_bin": 64,
    "seed": 1,
    "nthread": 1,
    "verbosity": 0,
}
REGRESSIONS = 3
_KEY = ["player_id", "information_set"]


def fits(folder: Path, mark: Callable[[date, date], str]) -> Fits:
    """Where the models are kept; ``mark`` as in ``Fits``."""
    reaches_back = TRAINED_ON + timedelta(days=MEMORY_DAYS)
    recipe = (PARAMETERS, ROUNDS, REGRESSIONS, SIGNALS)
    return Fits(folder, "expected_minutes", mark, reaches_back, recipe)


def expected(
    history: "pd.DataFrame | None",
    memory: "pd.DataFrame",
    wanted: "pd.DataFrame",
    kept: Fits,
    workers: int,
) -> "pd.DataFrame":
    """The rows of ``wanted`` with what is expected of their minutes.

    Both have one row per roster player, game and information set: ``game_date``, ``game_id``,
    ``team``, ``player_id``, ``information_set``, ``SIGNALS`` but ``MEMORY``, ``RATES``,
    ``used_per_minute_60`` and ``expected_points``; ``history`` those who played only, with the
    ``minutes`` of regulation they did. It may be None where ``has_all``. ``memory`` is the part of
    it ``MEMORY`` is made of: the columns up to ``information_set``, ``minutes`` and
    ``similar_minutes``, of ``MEMORY_DAYS`` before what is wanted. The columns added are ``MEMORY``,
    ``expected_minutes`` and those of ``of_team``. ``workers`` models are fitted at a time.
    """
    import numpy as np
    import pandas as pd

    order = ["game_date", "game_id", "player_id", "information_set"]
    wanted = wanted.sort_values(order, kind="stable").reset_index(drop=True)
    wanted = wanted.join(_memory(memory.sort_values(order, kind="stable"), wanted))
    if history is not None:
        history = history.sort_values(order, kind="stable").reset_index(drop=True)
        history = history.join(_memory(history, history))
    month = wanted["game_date"].map(refit_date)

    def of_month(key: tuple[date, InformationSet]) -> "pd.Series":
        as_of, known = key
        fitted = kept.get(known, as_of, partial(_fit, history, as_of, known))
        mine = wanted[(month == as_of) & (wanted["information_set"] == known)]
        return pd.Series(_predicted(fitted, mine), mine.index, dtype=float)

    keys = [(as_of, known) for as_of in sorted(set(month)) for known in InformationSet]
    with ThreadPoolExecutor(workers) as pool:
        minutes = pd.concat(list(pool.map(of_month, keys)))
    wanted["expected_minutes"] = np.clip(minutes.reindex(wanted.index), LEAST, MOST)
    return wanted.join(of_team(wanted))


def has_all(days: Iterable[date], kept: Fits) -> bool:
    """Whether the minutes of some dates need no fit."""
    months = {refit_date(day) for day in days}
    return all(kept.has(known, as_of) for as_of in months for known in InformationSet)


def _fit(history: "pd.DataFrame | None", as_of: date, known: InformationSet) -> bytes:
    """What the rows of a set before a date give; nothing if there are too few."""
    import numpy as np
    import xgboost as xgb

    if history is None:
        raise ValueError(f"no history was read, and no fit of {known} as of {as_of} is kept")
    days = history["game_date"]
    seen = history[
        (history["information_set"] == known) & (days < as_of) & (days >= as_of - TRAINED_ON)
    ]
    if len(seen) < MINIMUM_ROWS:
        return b""
    values, minutes = seen[list(SIGNALS)].astype("float32"), seen["minutes"].astype("float32")
    booster = xgb.train(dict(PARAMETERS), xgb.DMatrix(values, minutes), ROUNDS)
    squared = random_features.Loss.SQUARED
    regressions = random_features.fit(values, minutes, squared, REGRESSIONS)
    file = io.BytesIO()
    np.savez(
        file,
        booster=np.frombuffer(booster.save_raw("ubj"), "uint8"),
        regressions=np.frombuffer(regressions.content(), "uint8"),
    )
    return file.getvalue()


def _predicted(fitted: bytes, rows: "pd.DataFrame") -> "np.ndarray":
    import numpy as np
    import xgboost as xgb

    if not fitted or rows.empty:
        kernel: np.ndarray = rows["similar_minutes"].to_numpy(dtype=float)
        return kernel
    with np.load(io.BytesIO(fitted), allow_pickle=False) as both:
        booster = xgb.Booster()
        booster.load_model(bytearray(both["booster"].tobytes()))
        regressions = random_features.Regressions.read(both["regressions"].tobytes())
    values = rows[list(SIGNALS)].astype("float32")
    steps = booster.predict(xgb.DMatrix(values)).astype(float)
    found: np.ndarray = (steps + regressions.predict(values)) / 2
    return found


def of_team(rows: "pd.DataFrame") -> "pd.DataFrame":
    """What the expected minutes are worth: one row per row of ``rows``, with its index.

    ``team_minutes`` is the sum over the roster, each as probably as he plays, the player himself
    for certain; ``minutes_of_240`` his minutes as a share of it; ``use_share`` his share of what
    the team uses; the points of ``RATES``; ``team_points`` the sum of ``shots_60``, and
    ``points_of_team`` his part of the points the team is expected to score.
    """
    import pandas as pd

    by_team = [rows["game_id"], rows["team"], rows["information_set"]]

    def with_him(worth: "pd.Series") -> "pd.Series":
        likely = rows["plays"] * worth
        return likely.groupby(by_team).transform("sum") - likely + worth

    minutes = rows["expected_minutes"]
    team_minutes = with_him(minutes)
    use = minutes * rows["used_per_minute_60"]
    worth = {name: minutes * rows[rate] for name, rate in RATES.items()}
    team_points = with_him(worth["shots_60"])
    return pd.DataFrame(
        {
            "team_minutes": team_minutes,
            "minutes_of_240": minutes * 240 / team_minutes.clip(*TEAM_MINUTES),
            "use_share": use / with_him(use).clip(lower=30),
            **worth,
            "team_points": team_points,
            "points_of_team": worth["shots_60"]
            * (rows["expected_points"] / team_points.clip(*TEAM_POINTS)).clip(*SCALED),
        }
    )


def _memory(history: "pd.DataFrame", rows: "pd.DataFrame") -> "pd.DataFrame":
    """How the player's last games before each row ran against the kernel's minutes."""
    import numpy as np
    import pandas as pd

    both = pd.concat([history[_KEY], rows[_KEY]], ignore_index=True)
    who = both.groupby(_KEY, sort=False).ngroup().to_numpy()
    day = pd.to_datetime(pd.concat([history["game_date"], rows["game_date"]], ignore_index=True))
    key = who * 1_000_000 + day.to_numpy().astype("datetime64[D]").astype(int)
    past, asked = key[: len(history)], key[len(history) :]
    order = np.argsort(past, kind="stable")
    past = past[order]
    beyond = (history["minutes"] - history["similar_minutes"]).to_numpy(dtype=float)[order]
    end = np.searchsorted(past, asked)
    measured = (beyond, beyond, beyond, np.abs(beyond))
    sums = np.zeros((len(MEMORY), len(rows)))
    weights = np.zeros((len(MEMORY), len(rows)))
    for lag in range(1, min(MEMORY_GAMES, len(past)) + 1):
        place = np.maximum(end - lag, 0)
        counts = (end >= lag) & (asked - past[place] <= MEMORY_DAYS)
        for number, (halflife, values) in enumerate(zip(_HALFLIVES, measured, strict=True)):
            weight = np.where(counts, 0.5 ** (lag / halflife), 0.0)
            sums[number] += weight * values[place]
            weights[number] += weight
    with np.errstate(invalid="ignore"):
        means = sums / np.where(weights > 0, weights, np.nan)
    return pd.DataFrame(dict(zip(MEMORY, means, strict=True)), index=rows.index)
