"""``lineup_context``: what the rest of the team does to each expected player's game."""

from typing import TYPE_CHECKING

from nba_assets.assets.precompute.expected_roster import INFORMATION_SET
from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records, RowRule
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling import lineup_context, player_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

_WORTH = {"minutes": "minutes", "points": "points his attempts are worth", "use": "use"}
_KERNELS = {"similar": "like today's in who played", "recent": "of late, a little like today's"}


def _column(name: str, meaning: str, low: float = 0, high: float = 600) -> Column:
    lineage = ("expected_roster.plays", "player_game_summary.minutes")
    return Column(name, "FLOAT64", meaning, nullable=True, low=low, high=high, lineage=lineage)


def _meaning(name: str) -> Column:
    """A column of the context in words."""
    first, _, rest = name.partition("_")
    measure = rest.split("_")[0]
    if first == "others":
        return _column(name, f"Expected {_WORTH[measure]} of his team-mates")
    if first == "vacated":
        games = rest.split("_")[1]
        told = (
            f"Expected {_WORTH[measure]} of team-mates missing today and not in his own past games"
        )
        return _column(name, f"{told}; weights halved every {games} games of the team", -600)
    if rest.endswith("gain"):
        told = f"The same minus his average {_WORTH[measure]} in all his games with the team"
        return _column(name, told, -100, 100)
    if rest == "games":
        return _column(name, f"Weight of his games with the team {_KERNELS[first]}")
    return _column(name, f"His {_WORTH[measure]} in games with the team {_KERNELS[first]}")


_TOLD = {
    column.name: column
    for column in (
        _column("alike_minutes", "Expected minutes of his team-mates, the more who play where he "
                "plays"),
        _column("better_alike", "Those expected with more minutes than he, the more who play where "
                "he plays"),
        _column("vacated_alike_5", "As vacated_minutes_5, the more of who plays where he plays",
                -600),
        _column("vacated_alike_20", "As vacated_minutes_20, the more of who plays where he plays",
                -600),
        _column("alike_starters_minutes", "Minutes of the other starters who play where he plays"),
        _column("alike_bench_minutes", "Expected minutes of those of the bench who do"),
        _column("minutes_share", "His share of the minutes the team is expected to have, of 240"),
        _column("better_team_mates", "Expected team-mates with more minutes than he"),
        _column("team_vacated_points", "Points of those missing today, against the team's last "
                "games", -600),
        _column("opponent_vacated_points", "The same of the opponent", -600),
        _column("start_change", "1 if he starts, minus his share of starts so far", -1, 1),
        _column("usual_starters", "Shares of starts so far, summed over today's starters", 0, 5),
        _column("other_starters_minutes", "Minutes of the other starters"),
        _column("other_starters_points", "Points of the other starters"),
        _column("bench_minutes", "Expected minutes of those who do not start, without him"),
        _column("better_on_bench", "Those of them expected with more minutes than he"),
        _column("minutes_in_role", "His minutes in games he started, or did not, as today"),
        _column("points_in_role", "His points in games he started, or did not, as today"),
    )
}  # fmt: skip
CONTEXT = tuple(
    _TOLD.get(name) or _meaning(name)
    for name in (*lineup_context.CONTEXT, *lineup_context.OF_STARTERS)
)
"""What the model sees of the team-mates of the day, in the order of the table."""

LINEUP_CONTEXT = Contract(
    table="lineup_context",
    group="precompute",
    description=(
        "One row per expected player, game and information set: who is expected beside him, what "
        "those missing leave to him that his averages have not seen, and what he did in the "
        "team's games of a year that were like it. What needs the starters is NULL without them."
    ),
    grain=("game_id", "player_id", "information_set"),
    due=Due.SCHEDULED,
    columns=(GAME_ID, GAME_DATE, PLAYER_ID, INFORMATION_SET, *CONTEXT),
    records=Records.as_many_as("expected_roster"),
    rules=(
        RowRule(
            "knows_no_more_than_its_set",
            "information_set = 'lineup' OR "
            + " AND ".join(f"{name} IS NULL" for name in lineup_context.OF_STARTERS),
            check="point_in_time",
        ),
    ),
    figures=(Figure("similar_games", "ROUND(AVG(similar_games), 2)", "contract"),),
)

_ROSTER = """
SELECT x.game_id, x.game_date, f.season, x.team, f.opponent, x.player_id, x.information_set,
  x.plays, x.starts, p.typical_minutes_ewm_10 AS minutes, p.expected_points_ewm_20 AS points,
  p.used_per_minute_15 * p.typical_minutes_ewm_10 AS `use`, p.slot, p.starter_ewm_5,
  p.minutes_starting, p.minutes_from_bench, p.points_starting, p.points_from_bench
FROM expected_roster AS x
JOIN due_games AS g ON g.game_date = x.game_date AND g.game_id = x.game_id
JOIN player_features AS f
  ON f.game_date = x.game_date AND f.game_id = x.game_id AND f.player_id = x.player_id
JOIN player_state AS p
  ON p.game_date = x.game_date AND p.game_id = x.game_id AND p.player_id = x.player_id
"""
_LINES = """
SELECT s.team, s.game_date, s.game_id, s.season, s.player_id,
  IF(s.starter IS NULL, NULL, IF(s.starter, 1.0, 0.0)) AS starter,
  s.minutes, s.fga, s.fg3a, s.fta, s.tov, COALESCE(t.minutes, 240.0) AS team_minutes, t.margin,
  p.two_share, p.three_share, p.free_throw_share, p.typical_minutes_ewm_10,
  p.expected_points_ewm_20, p.used_per_minute_15, p.slot
FROM player_game_summary_before AS s
JOIN (
  SELECT home_team AS team FROM due_games UNION DISTINCT SELECT away_team FROM due_games
) AS g ON g.team = s.team
LEFT JOIN team_offense_game_summary_before AS t
  ON t.game_date = s.game_date AND t.game_id = s.game_id AND t.team = s.team
LEFT JOIN player_state_before AS p
  ON p.game_date = s.game_date AND p.game_id = s.game_id AND p.player_id = s.player_id
WHERE s.played
  AND s.game_date >= DATE_SUB((SELECT MIN(game_date) FROM due_games), INTERVAL 365 DAY)
"""


def _compute(inputs: "Mapping[str, pa.Table]", _: Build) -> Computed:
    roster = inputs["roster"].to_pandas()
    if roster.empty:
        return Computed(rows_of(LINEUP_CONTEXT, roster))
    rows = lineup_context.context(roster, _done(inputs["lines"].to_pandas()))
    return Computed(rows_of(LINEUP_CONTEXT, rows))


def _done(lines: "pd.DataFrame") -> "pd.DataFrame":
    """The lines with what the players did, and what they were worth before."""
    minutes = player_state.regulation_minutes(lines)
    shares = {
        kind: lines[f"{kind}_share"].fillna(league)
        for kind, (_, league) in player_state.SHOT_PRIORS.items()
    }
    role = lines["typical_minutes_ewm_10"].fillna(minutes)
    return lines.assign(
        did_minutes=player_state.typical_minutes(minutes, lines["margin"].abs(), role),
        did_points=player_state.expected_points(lines, shares),
        did_use=player_state.used(lines),
        minutes=lines["typical_minutes_ewm_10"],
        points=lines["expected_points_ewm_20"],
        use=lines["used_per_minute_15"] * lines["typical_minutes_ewm_10"],
    )


TABLE = DatedTable(
    contract=LINEUP_CONTEXT,
    produce=FromPython({"roster": _ROSTER, "lines": _LINES}, _compute, version="1"),
    reads=(
        Read("schedule"),
        Read("expected_roster"),
        Read("player_features"),
        Read("player_state"),
        Read("player_state", Scope.CAREER),
        Read("player_game_summary", Scope.CAREER),
        Read("team_offense_game_summary", Scope.CAREER),
    ),
)
