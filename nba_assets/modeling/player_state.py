"""A player's form, rates and role after each game he played, from all his games up to it.

Seasons are not told apart but by the columns that say so: a player is not new in October. E_h is
the mean with weights halved every h games of the player, the newest first.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

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
RATES = {"points": (15, 60), "expected_points": (8, 20, 60), "used": (15, 60)}
"""by what is measured a minute, half-lives in games"""
RATE_PRIOR_MINUTES, RATE_PRIOR = 40.0, 0.42
"""minutes at the league's rate per minute that a player's own are mixed with"""
SLOTS: "Mapping[str, float]" = {
    "PG": 1.0, "G": 1.5, "SG": 2.0, "G-F": 2.5, "F-G": 2.5, "SF": 3.0, "F": 3.5, "PF": 4.0,
    "F-C": 4.5, "C-F": 4.5, "C": 5.0,
}  # fmt: skip
"""where a position lies between a point guard and a centre"""
SLOT_STARTS = 5
"""starts with which a player's slots count half of what his box scores look like"""
SLOT_OF_RATES = {
    "reb": 8.334, "oreb": -1.477, "ast": -9.055, "blk": 8.362, "stl": -5.121, "fg3a": -2.329,
    "pf": 1.906,
}  # fmt: skip
SLOT_WITHOUT, SLOT_BOUNDS = 2.574, (0.8, 5.2)
"""the slot a player looks like: this and, by what he does a minute, the rates times the above;
fitted on the starters of 2021-22
"""
SEEN_AS = ("PLAYED", "DID_NOT_PLAY", "INACTIVE")
"""how a player can be on a team's list, as 1, 2 and 3"""
LONGEST_ROW = 10
"""games played one after the other are counted no further"""


def after_each_game(played: "pd.DataFrame") -> "pd.DataFrame":
    """The state of a player after a game: one row per row of ``played``, by player and date.

    ``played`` has one row per player-game with minutes > 0: ``player_id``, ``game_date``,
    ``game_id``, ``season``, ``team``, ``position`` and ``NUMBERS``, of which the last two are his
    team's. What an old season did not publish is NULL, and left out of the means. The columns are
    ``player_id``, ``history_through``, ``team_last`` and those of the table ``player_state`` that
    are not ``presence``.
    """
    import numpy as np
    import pandas as pd

    games = played.sort_values(["player_id", "game_date", "game_id"], kind="stable").reset_index(
        drop=True
    )
    games[list(NUMBERS)] = games[list(NUMBERS)].astype(float)
    player = games["player_id"]
    regulation = regulation_minutes(games)
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
    values["typical_minutes"] = typical_minutes(
        regulation, values["margin"], _mean(regulation, player, 10)
    )
    two = games["fga"] - games["fg3a"]
    shares = {
        "two": _share(games["fgm"] - games["fg3m"], two, player, "two"),
        "three": _share(games["fg3m"], games["fg3a"], player, "three"),
        "free_throw": _share(games["ftm"], games["fta"], player, "free_throw"),
    }
    values["expected_points"] = expected_points(games, shares)
    values["typical_points"] = (
        values["expected_points"] * values["typical_minutes"] / regulation.clip(lower=1)
    )
    values["used"] = used(games)
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
            "points_ewm_5_season": _means(values[["points"]], in_season, 5)["points"],
            **{f"{kind}_share": share for kind, share in shares.items()},
            **{
                f"{name}_per_minute_{h}": _rate(values[name], games["minutes"], player, h)
                for name, halflives in RATES.items()
                for h in halflives
            },
            "slot": _slot(games["position"], means, player),
            "points_median_10": _aligned(last_ten["points"].median()),
            "points_std_20": _aligned(of_player["points"].rolling(20, min_periods=3).std()),
            "minutes_std_10": _aligned(of_player["minutes"].rolling(10, min_periods=3).std()),
            "minutes_last": regulation,
            "points_last": games["pts"],
            "started_last": games["starter"],
            "team_last": games["team"],
        }
    ).replace([np.inf, -np.inf], np.nan)


def regulation_minutes(games: "pd.DataFrame") -> "pd.Series":
    """``minutes`` of a game without overtime, by the ``team_minutes`` of the game played."""
    return games["minutes"] * REGULATION / (games["team_minutes"] / 5)


def expected_points(
    games: "pd.DataFrame", shares: "Mapping[str, pd.Series] | pd.DataFrame"
) -> "pd.Series":
    """What the attempts of a game are worth at the shares made, by kind of shot."""
    return (
        2 * shares["two"] * (games["fga"] - games["fg3a"])
        + 3 * shares["three"] * games["fg3a"]
        + shares["free_throw"] * games["fta"]
    )


def used(games: "pd.DataFrame") -> "pd.Series":
    """Possessions a player ended: FGA + 0.44 FTA + TOV."""
    return games["fga"] + 0.44 * games["fta"] + games["tov"]


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


def presence(
    lines: "pd.DataFrame", team_games: "pd.DataFrame", wanted: "pd.DataFrame"
) -> "pd.DataFrame":
    """How regularly a player was with his team before a date: one row per row of ``wanted``.

    ``lines`` has one row per player-game, played or not: ``player_id``, ``game_date``, ``game_id``,
    ``team`` and ``status``; ``team_games`` one per team and game: ``team``, ``game_date``,
    ``game_id``; ``wanted`` has ``player_id``, ``game_date`` and ``team``. The columns are
    ``team_games_missed``, the team's games since he last played one, NULL if he never did;
    ``played_of_last_10`` and ``_3`` of its games; ``played_in_a_row``, to the last one he played;
    ``last_seen_as``, by number in ``SEEN_AS``.
    """
    import numpy as np
    import pandas as pd

    order = ["team", "game_date", "game_id"]
    games = team_games.sort_values(order, kind="stable").reset_index(drop=True)
    games["number"] = games.groupby("team", sort=False).cumcount()
    days = pd.to_datetime(games["game_date"])
    asked = pd.DataFrame({"team": wanted["team"], "at": pd.to_datetime(wanted["game_date"])})
    before = pd.merge_asof(
        asked.reset_index(names="row").sort_values("at", kind="stable"),
        games.assign(at=days)[["team", "at", "number"]].sort_values("at", kind="stable"),
        on="at",
        by="team",
        allow_exact_matches=False,
    ).set_index("row")["number"]
    number = (before.reindex(wanted.index) + 1).fillna(0).astype(int).to_numpy()

    played = lines[lines["status"] == SEEN_AS[0]].merge(
        games[["team", "game_id", "number"]], on=["team", "game_id"]
    )
    of_team, _ = pd.factorize(
        pd.concat([_with_team(played), _with_team(wanted)], ignore_index=True)
    )
    width = len(games) + 1
    keys = np.sort(of_team[: len(played)] * width + played["number"].to_numpy())
    mine = of_team[len(played) :] * width

    def until(last: "np.ndarray") -> "np.ndarray":
        found: np.ndarray = np.searchsorted(keys, mine + np.maximum(last, 0))
        return found

    end, start = until(number), until(np.zeros_like(number))
    ever = end > start
    latest = np.where(ever, keys[np.maximum(end - 1, 0)] - mine, 0) if len(keys) else number
    in_a_row = _run_lengths(keys)
    seen = lines.assign(
        at=pd.to_datetime(lines["game_date"]),
        last_seen_as=lines["status"].map({name: n for n, name in enumerate(SEEN_AS, start=1)}),
    ).sort_values(["at", "last_seen_as"], ascending=[True, False], kind="stable")
    last_seen = pd.merge_asof(
        asked.assign(player_id=wanted["player_id"])
        .reset_index(names="row")
        .sort_values("at", kind="stable"),
        seen[["player_id", "at", "last_seen_as"]],
        on="at",
        by="player_id",
        allow_exact_matches=False,
    ).set_index("row")["last_seen_as"]
    return pd.DataFrame(
        {
            "team_games_missed": pd.Series(number - latest - 1, wanted.index, "Int64").where(ever),
            "played_of_last_10": end - until(number - 10),
            "played_of_last_3": end - until(number - 3),
            "played_in_a_row": np.where(ever, in_a_row[np.maximum(end - 1, 0)], 0)
            if len(keys)
            else 0,
            "last_seen_as": last_seen.reindex(wanted.index).astype("Int64"),
        },
        index=wanted.index,
    )


def _with_team(rows: "pd.DataFrame") -> "pd.Series":
    """A player with a team."""
    return rows["team"] + " " + rows["player_id"].astype(str)


def _run_lengths(numbers: "np.ndarray") -> "np.ndarray":
    """By place of sorted numbers, how many follow one another without a gap up to it."""
    import numpy as np

    places = np.arange(len(numbers))
    breaks = np.concatenate([[True], np.diff(numbers) != 1])[: len(numbers)]
    since = np.maximum.accumulate(np.where(breaks, places, 0)) if len(numbers) else places
    lengths: np.ndarray = np.minimum(places - since + 1, LONGEST_ROW)
    return lengths


def _means(
    values: "pd.DataFrame", by: "pd.Series | list[pd.Series]", halflife: float
) -> "pd.DataFrame":
    """E_h of each column by player, or player and season, what is NULL left out; aligned."""
    smoothed = values.groupby(by, sort=False).ewm(halflife=halflife, ignore_na=True).mean()
    return smoothed.droplevel(list(range(smoothed.index.nlevels - 1))).sort_index()


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


def _slot(
    position: "pd.Series", means: "Mapping[str, pd.Series]", player: "pd.Series"
) -> "pd.Series":
    """Where a player plays: 1 a point guard to 5 a centre."""
    started_at = position.map(SLOTS).astype(float)
    slots = _mean(started_at, player, 10)
    starts = started_at.notna().groupby(player, sort=False).cumsum()
    weight = (starts / (starts + SLOT_STARTS)).where(slots.notna(), 0)
    minutes = means["typical_minutes_ewm_20"].clip(lower=4)
    looks = SLOT_WITHOUT + sum(
        times * (means[f"{name}_ewm_20"] / minutes).fillna(0)
        for name, times in SLOT_OF_RATES.items()
    )
    return weight * slots.fillna(0) + (1 - weight) * looks.clip(*SLOT_BOUNDS)


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


def typical_minutes(
    minutes: "pd.Series", margin: "pd.Series", role_minutes: "pd.Series"
) -> "np.ndarray":
    """The minutes of a game had its margin been the common one.

    ``role_minutes`` tell the role; a season's blowouts move it little.
    """
    import numpy as np

    slope = np.array(MINUTES_PER_POINT_OF_MARGIN)[np.digitize(role_minutes, MINUTES_BY_ROLE)]
    beyond = margin.clip(upper=WIDEST_MARGIN).fillna(COMMON_MARGIN) - COMMON_MARGIN
    typical: np.ndarray = np.clip((minutes - slope * beyond).to_numpy(), 0.5, REGULATION)
    return typical
