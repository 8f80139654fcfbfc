"""What the rest of the team does to a player's game: who is missing today, and what he did when it
was so before.

A team-mate counts with the probability that he plays, and with what he is worth: his minutes, the
shots and turnovers he uses, the points his attempts are worth. What is vacated is measured against
the team-mates each of the player's own past games had, so that an absence his averages have seen
is not counted twice. The kernel averages the player's past games with the team, the more a game was
like today in who played, the more.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WINDOW = timedelta(days=365)
"""how far back a team's games count"""
LAST_SEASON = 0.4
"""weight of a game of another season"""
SOON, LATE, TEAM = 5.0, 20.0, 8.0
"""half-lives in games of the team: of what a player's own games have seen, and of the team's"""
OWN_ROLE_CHANGED = 0.12
"""weight of a game he started when he does not start today, or the other way round"""
UNPUBLISHED_STARTERS = 0.4
"""weight of a game whose starters are not known"""
FALLBACK = {"minutes": 8.0, "points": 3.0, "use": 3.2, "slot": 3.0}
"""what a player is worth, and where he plays, whose state is not known"""
ALIKE = 0.9
"""difference of slots at which two players are alike by exp(-1/2)"""


class Kernel(NamedTuple):
    """How a game's weight falls with its distance from today's."""

    distance: float
    """minutes of difference in who played at which it is 1/e"""
    halflife: float
    """games of the team"""
    starters: float
    """exponent of each change among the others who start"""
    prior: float
    """games at the player's own averages that are mixed in"""


KERNELS = {"similar": Kernel(30, 15, 0.15, 0.6), "recent": Kernel(70, 2.5, 0.1, 0.4)}
WORTH = ("minutes", "points", "use")
_STATE = (*WORTH, "slot")
CONTEXT = (
    "others_minutes", "others_points", "others_use", "alike_minutes", "minutes_share",
    "better_team_mates", "better_alike",
    "vacated_alike_5", "vacated_alike_20",
    "vacated_minutes_5", "vacated_minutes_20", "vacated_use_5", "vacated_use_20",
    "vacated_points_20", "team_vacated_points", "opponent_vacated_points",
    "similar_minutes", "similar_points", "similar_use", "similar_games",
    "similar_minutes_gain", "similar_points_gain",
    "recent_minutes", "recent_points", "recent_games",
)  # fmt: skip
OF_STARTERS = (
    "start_change", "usual_starters", "other_starters_minutes", "other_starters_points",
    "alike_starters_minutes", "bench_minutes", "alike_bench_minutes", "better_on_bench",
    "minutes_in_role", "points_in_role",
)  # fmt: skip
"""known with the starters only"""


def context(roster: "pd.DataFrame", lines: "pd.DataFrame") -> "pd.DataFrame":
    """The context of each roster row: ``roster`` with the columns ``CONTEXT`` and ``OF_STARTERS``.

    ``roster`` has one row per roster player, game and information set: ``game_id``, ``game_date``,
    ``season``, ``team``, ``opponent``, ``player_id``, ``information_set``, ``plays``, ``starts``,
    what he is worth (``WORTH``), his ``slot``, ``starter_ewm_5``, and his ``minutes_`` and
    ``points_`` ``starting`` and ``from_bench``. ``lines`` has one row per player and past game he
    played: ``team``, ``game_date``, ``game_id``, ``season``, ``player_id``, ``starter`` (1, 0 or
    NULL), what he did (``did_minutes``, ``did_points``, ``did_use``) and what he was before it
    (``WORTH``, ``slot``). What lies outside the ``WINDOW`` before a game's date is not looked at.
    """
    import numpy as np
    import pandas as pd

    order = ["game_date", "game_id", "player_id", "information_set"]
    roster = roster.sort_values(order, kind="stable").reset_index(drop=True)
    found = {name: np.full(len(roster), np.nan) for name in (*CONTEXT, *OF_STARTERS)}
    of_team = dict(tuple(lines.groupby("team")))
    for team, rows in roster.groupby("team", sort=True):
        past = _Past(of_team.get(team, lines.iloc[:0]), rows)
        for _, game in rows.groupby("game_id", sort=False):
            today = past.before(game)
            for _, one in game.groupby("information_set", sort=False):
                for name, values in today.of(one):
                    found[name][one.index] = values
    told = roster.assign(**found)
    opponents = told.groupby(["game_id", "team", "information_set"], as_index=False)[
        "team_vacated_points"
    ].first()
    opponents = opponents.rename(
        columns={"team": "opponent", "team_vacated_points": "opponent_vacated_points"}
    )
    told = told.drop(columns="opponent_vacated_points").merge(
        opponents, on=["game_id", "opponent", "information_set"], how="left"
    )
    return pd.DataFrame(told)


class _Past:
    """The games a team played, as matrices of games and players."""

    def __init__(self, lines: "pd.DataFrame", roster: "pd.DataFrame") -> None:
        import numpy as np
        import pandas as pd

        games = lines.drop_duplicates("game_id").sort_values(["game_date", "game_id"])
        self.dates = pd.to_datetime(games["game_date"]).to_numpy()
        self.seasons = games["season"].to_numpy(dtype=object)
        self.players = pd.Index(np.union1d(lines["player_id"], roster["player_id"]))
        row = pd.Index(games["game_id"]).get_indexer(lines["game_id"])
        column = self.players.get_indexer(lines["player_id"])
        shape = (len(games), len(self.players))
        self.played = np.zeros(shape)
        self.played[row, column] = 1.0
        self.did = {name: np.zeros(shape) for name in WORTH}
        for name in WORTH:
            self.did[name][row, column] = lines[f"did_{name}"]
        worth = {name: np.full(shape, np.nan) for name in _STATE}
        for name in _STATE:
            worth[name][row, column] = lines[name]
        # Of a player who left: what he was worth at his last game with the team.
        self.worth = {name: pd.DataFrame(of).ffill().to_numpy() for name, of in worth.items()}
        self.started = np.zeros(shape)
        self.started[row, column] = lines["starter"].astype(float)
        published = ~np.isnan(self.started).any(axis=1)
        self.started[~published] = np.nan

    def before(self, game: "pd.DataFrame") -> "_Today":
        """What counts for a game's date."""
        import numpy as np
        import pandas as pd

        day = pd.Timestamp(game["game_date"].iloc[0])
        last = int(np.searchsorted(self.dates, day.to_datetime64(), "left"))
        first = int(np.searchsorted(self.dates, (day - WINDOW).to_datetime64(), "left"))
        return _Today(self, game, slice(first, last))


class _Today:
    """A team before one of its games; the same for every information set."""

    def __init__(self, past: _Past, game: "pd.DataFrame", window: slice) -> None:
        import numpy as np

        mine = game.drop_duplicates("player_id")
        place = past.players.get_indexer(mine["player_id"])
        # No more players than those who count: the sums are then the same to the bit whatever else
        # is at hand.
        counts = past.played[window].max(axis=0, initial=0.0) > 0
        counts[place] = True
        self.place = (np.cumsum(counts) - 1)[place]
        self.own = np.arange(len(mine))
        self.started_share = np.nan_to_num(mine["starter_ewm_5"].to_numpy(dtype=float))
        self.window = window.stop - window.start
        self.worth = {}
        for name in _STATE:
            known = past.worth[name][window.stop - 1][counts] if self.window else np.nan
            worth = np.where(np.isnan(known), FALLBACK[name], known) * np.ones(counts.sum())
            worth[self.place] = mine[name].fillna(FALLBACK[name])
            self.worth[name] = worth
        self.mine = {name: worth[self.place] for name, worth in self.worth.items()}
        apart = self.mine["slot"][:, None] - self.worth["slot"][None, :]
        self.alike = np.exp(-0.5 * (apart / ALIKE) ** 2)
        self.alike[self.own, self.place] = 0.0
        self.played = np.ascontiguousarray(past.played[window][:, counts])
        self.did = {name: of[window][:, place] for name, of in past.did.items()}
        self.started = np.ascontiguousarray(past.started[window][:, counts])
        self.his = self.played[:, self.place]
        age = np.arange(self.window)[::-1]
        same = past.seasons[window] == mine["season"].iloc[0]
        self.decay = {
            halflife: 0.5 ** (age / halflife) * np.where(same, 1.0, LAST_SEASON)
            for halflife in (SOON, LATE, TEAM, *(kernel.halflife for kernel in KERNELS.values()))
        }
        self.beside = {halflife: self._beside(halflife) for halflife in (SOON, LATE)}
        total = self.decay[TEAM].sum()
        self.usual = self.decay[TEAM] @ self.played / total if self.window else 0.0

    def _beside(self, halflife: float) -> "np.ndarray":
        """The share of each player's own games each team-mate played in; NULL without any."""
        import numpy as np

        weights = self.decay[halflife][:, None] * self.his
        total = weights.sum(axis=0)[:, None]
        with np.errstate(invalid="ignore"):
            shares: np.ndarray = (weights.T @ self.played) / np.where(total > 0, total, np.nan)
        return shares

    def of(self, rows: "pd.DataFrame") -> Iterator[tuple[str, Any]]:
        """The columns of the rows of one information set."""
        import numpy as np

        plays = np.zeros(len(self.worth["minutes"]))
        plays[self.place] = rows["plays"]
        own = plays[self.place]
        for name in WORTH:
            yield f"others_{name}", plays @ self.worth[name] - own * self.mine[name]
        minutes = self.mine["minutes"]
        others = plays @ self.worth["minutes"] - own * minutes
        yield "minutes_share", 240 * minutes / np.maximum(others + minutes, 60)
        yield "alike_minutes", self.alike @ (plays * self.worth["minutes"])
        better = self.worth["minutes"][None, :] > minutes[:, None]
        yield "better_team_mates", better @ plays
        yield "better_alike", (better * self.alike) @ plays
        for halflife, measures in ((SOON, ("minutes", "use")), (LATE, WORTH)):
            missing = self.beside[halflife] - plays[None, :]
            missing[self.own, self.place] = 0.0
            for name in measures:
                yield f"vacated_{name}_{halflife:.0f}", missing @ self.worth[name]
            alike = (missing * self.alike) @ self.worth["minutes"]
            yield f"vacated_alike_{halflife:.0f}", alike
        yield "team_vacated_points", float((self.usual - plays) @ self.worth["points"])
        known = rows["information_set"].iloc[0] == InformationSet.LINEUP
        starts = np.zeros(len(plays))
        if known:
            starts[self.place] = rows["starts"].astype(float)
            yield from self._of_starters(rows, plays, starts)
        yield from self._of_kernels(plays, starts if known else None)

    def _of_starters(
        self, rows: "pd.DataFrame", plays: "np.ndarray", starts: "np.ndarray"
    ) -> Iterator[tuple[str, Any]]:
        import numpy as np

        own, minutes = starts[self.place], self.mine["minutes"]
        yield "start_change", own - self.started_share
        yield "usual_starters", float(own @ self.started_share)
        for name in ("minutes", "points"):
            yield f"other_starters_{name}", starts @ self.worth[name] - own * self.mine[name]
        bench = (1 - starts) * plays
        yield "alike_starters_minutes", self.alike @ (starts * self.worth["minutes"])
        yield "alike_bench_minutes", self.alike @ (bench * self.worth["minutes"])
        yield "bench_minutes", bench @ self.worth["minutes"] - bench[self.place] * minutes
        yield "better_on_bench", (self.worth["minutes"][None, :] > minutes[:, None]) @ bench
        for name in ("minutes", "points"):
            in_role = np.where(own > 0, rows[f"{name}_starting"], rows[f"{name}_from_bench"])
            yield f"{name}_in_role", in_role.astype(float)

    def _of_kernels(
        self, plays: "np.ndarray", starts: "np.ndarray | None"
    ) -> Iterator[tuple[str, Any]]:
        import numpy as np

        own, minutes = plays[self.place], self.mine["minutes"]
        apart = np.abs(self.played - plays[None, :]) @ self.worth["minutes"]
        distance = np.maximum(apart[:, None] - np.abs(1 - own)[None, :] * minutes[None, :], 0)
        for kind, kernel in KERNELS.items():
            alone = self.decay[kernel.halflife][:, None] * self.his
            weights = alone * np.exp(-distance / kernel.distance)
            if starts is not None:
                weights = weights * self._like_starters(starts, kernel.starters)
            total = weights.sum(axis=0)
            yield f"{kind}_games", total
            measures = WORTH if kind == "similar" else ("minutes", "points")
            for name in measures:
                prior = kernel.prior * self.mine[name]
                near = ((weights * self.did[name]).sum(axis=0) + prior) / (total + kernel.prior)
                yield f"{kind}_{name}", near
                if kind == "similar" and name != "use":
                    all_games = (alone * self.did[name]).sum(axis=0) + prior
                    usual = all_games / (alone.sum(axis=0) + kernel.prior)
                    yield f"{kind}_{name}_gain", near - usual

    def _like_starters(self, starts: "np.ndarray", exponent: float) -> "np.ndarray":
        """A factor of the weight of each game and player, by who started it."""
        import numpy as np

        changed = np.abs(self.started - starts[None, :])
        own = changed[:, self.place]
        others = changed.sum(axis=1)[:, None] - own
        factor: np.ndarray = np.exp(-exponent * others) * np.where(own > 0, OWN_ROLE_CHANGED, 1.0)
        return np.where(np.isnan(factor), UNPUBLISHED_STARTERS, factor)
