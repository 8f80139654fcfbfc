"""A player's form, rates and role after each game he played, from all his games up to it.

Seasons are not told apart but by the columns that say so: a player is not new in October. E_h is
the mean with weights halved every h games of the player, the newest first.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

REGULATION = 48.0
"""minutes of a game without overtime"""
COMMON_MARGIN, WIDEST_MARGIN = 11.0, 35.0
"""points; at the common margin minutes are as they are"""
MINUTES_BY_ROLE = (10.0, 16.0, 22.0, 28.0, 33.0)
"""bounds of the roles below, in minutes of E_10"""
MINUTES_PER_POINT_OF_MARGIN = (-0.046, 0.003, 0.017, -0.086, -0.219, -0.247)
"""by role: what a decided game costs starters; fitted on the games of 2021-22"""
SHOT_PRIORS = {"two": (80.0, 0.535), "three": (200.0, 0.352), "free_throw": (40.0, 0.765)}
"""attempts at the league's share that a player's own are mixed with"""
SHOT_HALFLIVES = {"two": 60, "three": 80, "free_throw": 80}
NUMBERS = (
    "minutes", "pts", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "reb", "ast", "stl",
    "blk", "tov", "pf", "plus_minus", "starter", "team_minutes", "margin",
)  # fmt: skip
"""the columns that are counted with"""
MEANS = {
    2: ("points", "typical_minutes", "expected_points", "margin"),
    5: ("points", "typical_minutes", "expected_points", "typical_points", "fga", "starter"),
    10: ("points", "typical_minutes", "expected_points", "typical_points"),
    20: (
        "points", "typical_minutes", "expected_points", "fga", "fta", "fg3a", "ftm", "starter",
        "reb", "oreb", "ast", "stl", "blk", "tov", "pf", "plus_minus",
    ),
}  # fmt: skip
"""by half-life in games"""
RATES = {"points": (15,), "expected_points": (8, 20, 60), "used": (15, 60)}
"""by what is measured a minute, half-lives in games"""
RATE_PRIOR_MINUTES, RATE_PRIOR = 40.0, 0.42
"""minutes at the league's rate per minute that a player's own are mixed with"""


def after_each_game(played: "pd.DataFrame") -> "pd.DataFrame":
    """The state of a player after a game: one row per row of ``played``, by player and date.

    ``played`` has one row per player-game with minutes > 0: ``player_id``, ``game_date``,
    ``game_id``, ``season`` and ``NUMBERS``, of which the last two are his team's. What an old
    season did not publish is NULL, and left out of the means. The columns are ``player_id``,
    ``history_through`` and those of the table ``player_state``.
    """
    import numpy as np
    import pandas as pd

    games = played.sort_values(["player_id", "game_date", "game_id"], kind="stable").reset_index(
        drop=True
    )
    games[list(NUMBERS)] = games[list(NUMBERS)].astype(float)
    player = games["player_id"]
    regulation = games["minutes"] * REGULATION / (games["team_minutes"] / 5)
    values = pd.DataFrame(
        {
            "points": games["pts"],
            "minutes": regulation,
            "fga": games["fga"],
            "fta": games["fta"],
            "fg3a": games["fg3a"],
            "starter": games["starter"],
            **{name: games[name] for name in ("ftm", "reb", "oreb", "ast", "stl", "blk", "tov")},
            "pf": games["pf"],
            "plus_minus": games["plus_minus"],
            "margin": games["margin"].abs(),
        }
    )
    values["typical_minutes"] = _without_margin(
        regulation, values["margin"], _mean(regulation, player, 10)
    )
    two = games["fga"] - games["fg3a"]
    shares = {
        "two": _share(games["fgm"] - games["fg3m"], two, player, "two"),
        "three": _share(games["fg3m"], games["fg3a"], player, "three"),
        "free_throw": _share(games["ftm"], games["fta"], player, "free_throw"),
    }
    values["expected_points"] = (
        2 * shares["two"] * two
        + 3 * shares["three"] * games["fg3a"]
        + shares["free_throw"] * games["fta"]
    )
    values["typical_points"] = (
        values["expected_points"] * values["typical_minutes"] / regulation.clip(lower=1)
    )
    values["used"] = games["fga"] + 0.44 * games["fta"] + games["tov"]
    means = {
        f"{name}_ewm_{halflife}": mean
        for halflife, names in MEANS.items()
        for name, mean in _means(values[list(names)], player, halflife).items()
    }
    starts = games["starter"] == 1
    by_role = pd.DataFrame(
        {
            f"{name}_{role}": values[name].where(mask)
            for role, mask in (("starting", starts), ("from_bench", games["starter"] == 0))
            for name in ("minutes", "points")
        }
    )
    of_player = values.groupby(player, sort=False)
    last_ten = of_player.rolling(10, min_periods=1)
    in_season = [player, games["season"]]
    return pd.DataFrame(
        {
            "player_id": player,
            "history_through": games["game_date"],
            "games_ever": of_player.cumcount() + 1,
            **means,
            **_means(by_role, player, 8).to_dict("series"),
            "points_ewm_5_season": values["points"]
            .groupby(in_season, sort=False)
            .transform(lambda points: points.ewm(halflife=5).mean()),
            **{f"{kind}_share": share for kind, share in shares.items()},
            **{
                f"{name}_per_minute_{h}": _rate(values[name], games["minutes"], player, h)
                for name, halflives in RATES.items()
                for h in halflives
            },
            "points_median_10": _aligned(last_ten["points"].median()),
            "points_std_20": _aligned(of_player["points"].rolling(20, min_periods=3).std()),
            "minutes_std_10": _aligned(of_player["minutes"].rolling(10, min_periods=3).std()),
            "minutes_last": regulation,
            "points_last": games["pts"],
            "started_last": games["starter"],
        }
    ).replace([np.inf, -np.inf], np.nan)


def before(states: "pd.DataFrame", wanted: "pd.DataFrame") -> "pd.DataFrame":
    """Of each row of ``wanted``, the player's state after his last game before its date.

    ``wanted`` has ``player_id`` and ``game_date``; rows of players without an earlier game are left
    out. The other columns of ``wanted`` stay.
    """
    import pandas as pd

    left = wanted.assign(at=pd.to_datetime(wanted["game_date"])).sort_values("at", kind="stable")
    right = states.assign(at=pd.to_datetime(states["history_through"])).sort_values(
        "at", kind="stable"
    )
    found = pd.merge_asof(left, right, on="at", by="player_id", allow_exact_matches=False)
    return found[found["history_through"].notna()].drop(columns="at").reset_index(drop=True)


def _means(values: "pd.DataFrame", player: "pd.Series", halflife: float) -> "pd.DataFrame":
    """E_h of each column, what is NULL left out; aligned with ``values``."""
    smoothed = values.groupby(player, sort=False).ewm(halflife=halflife, ignore_na=True).mean()
    return smoothed.reset_index(level=0, drop=True).sort_index()


def _mean(values: "pd.Series", player: "pd.Series", halflife: float) -> "pd.Series":
    """E_h of one column."""
    return _means(values.to_frame("value"), player, halflife)["value"]


def _aligned(grouped: "pd.Series") -> "pd.Series":
    """The result of a window by player, in the order of the rows it was taken from."""
    return grouped.reset_index(level=0, drop=True).sort_index()


def _sum(values: "pd.Series", player: "pd.Series", halflife: float) -> "pd.Series":
    """The sum with weights halved every so many games, the newest 1."""
    number = values.groupby(player, sort=False).cumcount() + 1
    decay = 0.5 ** (1 / halflife)
    return _mean(values, player, halflife) * (1 - decay**number) / (1 - decay)


def _share(
    made: "pd.Series", attempted: "pd.Series", player: "pd.Series", kind: str
) -> "pd.Series":
    """The share of shots of a kind a player makes, mixed with the league's."""
    attempts, league = SHOT_PRIORS[kind]
    halflife = SHOT_HALFLIVES[kind]
    return (_sum(made, player, halflife) + attempts * league) / (
        _sum(attempted, player, halflife) + attempts
    )


def _rate(
    total: "pd.Series", minutes: "pd.Series", player: "pd.Series", halflife: float
) -> "pd.Series":
    """Something per minute, mixed with the league's rate."""
    return (_sum(total, player, halflife) + RATE_PRIOR_MINUTES * RATE_PRIOR) / (
        _sum(minutes, player, halflife) + RATE_PRIOR_MINUTES
    )


def _without_margin(
    minutes: "pd.Series", margin: "pd.Series", role_minutes: "pd.Series"
) -> "np.ndarray":
    """The minutes of a game had its margin been the common one.

    The role is that of the minutes known with this game; a season's blowouts move it little.
    """
    import numpy as np

    slope = np.array(MINUTES_PER_POINT_OF_MARGIN)[np.digitize(role_minutes, MINUTES_BY_ROLE)]
    beyond = margin.clip(upper=WIDEST_MARGIN).fillna(COMMON_MARGIN) - COMMON_MARGIN
    typical: np.ndarray = np.clip((minutes - slope * beyond).to_numpy(), 0.5, REGULATION)
    return typical
