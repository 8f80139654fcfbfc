"""``player_state``: form, rates and role of each expected player, from all his earlier games."""

from typing import TYPE_CHECKING

from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records, RowRule
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling import player_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_SUMMARY = "player_game_summary"
_TEAM = "team_offense_game_summary"
_MEASURES = {
    "points": ("Points", "pts"),
    "minutes": ("Minutes per 48 of regulation", "minutes"),
    "typical_minutes": (
        "Minutes per 48, as they would be in a game of the common margin",
        "minutes",
    ),
    "expected_points": ("Points his attempts are worth at his own shares made", "pts"),
    "typical_points": ("The same in a game of the common margin", "pts"),
    "margin": ("Margin of his team's games, either way", "margin"),
    "starter": ("Share of games started; NULL where unpublished", "starter"),
    "fga": ("Field goals attempted", "fga"),
    "fta": ("Free throws attempted", "fta"),
    "fg3a": ("Three-pointers attempted", "fg3a"),
    "ftm": ("Free throws made", "ftm"),
    "reb": ("Rebounds", "reb"),
    "oreb": ("Offensive rebounds", "oreb"),
    "ast": ("Assists", "ast"),
    "stl": ("Steals", "stl"),
    "blk": ("Blocks", "blk"),
    "tov": ("Turnovers", "tov"),
    "pf": ("Fouls", "pf"),
    "plus_minus": ("Plus-minus", "plus_minus"),
    "used": ("FGA + 0.44 FTA + TOV", "fga"),
}
"""what is measured, and the column it comes from"""
_MAYBE_UNPUBLISHED = ("starter", "oreb", "pf", "plus_minus", "margin")


def _column(name: str, meaning: str, origin: str, *, nullable: bool = False) -> Column:
    return Column(
        name,
        "FLOAT64",
        meaning,
        nullable=nullable,
        low=-120 if "plus_minus" in name else 0,
        high=300,
        lineage=(f"{_TEAM if origin == 'margin' else _SUMMARY}.{origin}",),
    )


def _count(name: str, meaning: str, high: int, *, nullable: bool = False) -> Column:
    return Column(
        name, "INT64", meaning, nullable=nullable, low=0, high=high,
        lineage=(f"{_SUMMARY}.status",),
    )  # fmt: skip


def _smoothed(name: str, halflife: int) -> Column:
    meaning, origin = _MEASURES[name]
    return _column(
        f"{name}_ewm_{halflife}",
        f"{meaning}; weights halved every {halflife} games played",
        origin,
        nullable=name in _MAYBE_UNPUBLISHED,
    )


STATE = (
    Column(
        "games_ever",
        "INT64",
        "Games played before, of the season and the two before it",
        low=1,
        high=400,
        lineage=(f"{_SUMMARY}.played",),
    ),
    *(_smoothed(name, h) for h, names in player_state.MEANS.items() for name in names),
    *(
        _column(
            f"{name}_{role}",
            f"{_MEASURES[name][0]} in games {told}; weights halved every 8 of them",
            _MEASURES[name][1],
            nullable=True,
        )
        for role, told in (("starting", "started"), ("from_bench", "not started"))
        for name in ("minutes", "points")
    ),
    _column("points_ewm_5_season", "Points, season only; weights halved every 5 games", "pts"),
    *(
        _column(
            f"{kind}_share",
            f"Share of {told} made over some {player_state.SHOT_HALFLIVES[kind]} games, mixed with "
            f"{player_state.SHOT_PRIORS[kind][0]:.0f} at the league's",
            "fgm",
        )
        for kind, told in (
            ("two", "two-pointers"),
            ("three", "three-pointers"),
            ("free_throw", "free throws"),
        )
    ),
    *(
        _column(
            f"{name}_per_minute_{halflife}",
            f"{_MEASURES[name][0]}, a minute; weights halved every {halflife} games, mixed with 40 "
            "minutes at the league's",
            _MEASURES[name][1],
        )
        for name, halflives in player_state.RATES.items()
        for halflife in halflives
    ),
    Column(
        "slot",
        "FLOAT64",
        "Where he plays, 1 a point guard to 5 a centre: the slots he started at, and the less of "
        "those there are, what his box scores look like",
        low=0.8,
        high=5.2,
        lineage=(f"{_SUMMARY}.position",),
    ),
    _column("points_median_10", "Median of points, last 10 games played", "pts"),
    _column("points_std_20", "Deviation of points, last 20 games played", "pts", nullable=True),
    _column("minutes_std_10", "Deviation of minutes, last 10 games", "minutes", nullable=True),
    _column("minutes_last", "Minutes per 48 of regulation, last game played", "minutes"),
    _column("points_last", "Points, last game played", "pts"),
    _column(
        "started_last", "Whether he started it; NULL where unpublished", "starter", nullable=True
    ),
    Column(
        "changed_team",
        "BOOL",
        "Whether he played it for another team",
        lineage=(f"{_SUMMARY}.team",),
    ),
    _count(
        "team_games_missed",
        "Games of the team since he last played one; NULL if never",
        400,
        nullable=True,
    ),
    _count("played_of_last_10", "Of the team's last 10 games, those he played", 10),
    _count("played_of_last_3", "Of the team's last 3 games, those he played", 3),
    _count(
        "played_in_a_row",
        "Games of the team he played one after the other, to his last; 10 is 10 or more",
        10,
    ),
    _count("last_seen_as", "His latest line: 1 played, 2 dressed without playing, 3 inactive", 3),
)
"""What the model sees of a player alone, each from dates strictly before the game's."""

PLAYER_STATE = Contract(
    table="player_state",
    group="precompute",
    description=(
        "One row per expected player and game, also before it is played: what he did in all his "
        "games of the season and the two before it, the newest weighing most. Playoffs count; what "
        "a decided game took from his minutes and luck from his shots is taken out where a column "
        "says so."
    ),
    grain=("game_id", "player_id"),
    version=2,
    due=Due.SCHEDULED,
    warmup=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        PLAYER_ID,
        Column(
            "history_through",
            "DATE",
            "Date of the last game used",
            lineage=(f"{_SUMMARY}.game_date",),
        ),
        *STATE,
    ),
    records=Records.as_many_as("player_features"),
    rules=(RowRule("strictly_before", "history_through < game_date", check="point_in_time"),),
    figures=(Figure("games_ever", "ROUND(AVG(games_ever), 1)", "contract"),),
)

_OTHERS = ("starter", "team_minutes", "margin")
_OF_HIM = ", ".join(f"s.{name}" for name in player_state.NUMBERS if name not in _OTHERS)
_LINES = f"""
SELECT s.player_id, s.game_date, s.game_id, s.season, s.team, s.status, s.position,
  {_OF_HIM},
  IF(s.starter IS NULL, NULL, IF(s.starter, 1.0, 0.0)) AS starter,
  COALESCE(t.minutes, 240.0) AS team_minutes, t.margin
FROM player_game_summary_before AS s
JOIN (SELECT DISTINCT player_id FROM player_features) AS p ON p.player_id = s.player_id
LEFT JOIN team_offense_game_summary_before AS t
  ON t.game_date = s.game_date AND t.game_id = s.game_id AND t.team = s.team
"""
_TEAM_GAMES = "SELECT DISTINCT team, game_date, game_id FROM player_game_summary_before"
_WANTED = """
SELECT f.game_id, f.game_date, f.player_id, f.team FROM player_features AS f
JOIN due_games AS g ON g.game_date = f.game_date AND g.game_id = f.game_id
"""


def _compute(inputs: "Mapping[str, pa.Table]", _: Build) -> Computed:
    wanted = inputs["wanted"].to_pandas()
    if wanted.empty:
        return Computed(rows_of(PLAYER_STATE, wanted))
    lines = inputs["lines"].to_pandas()
    states = player_state.after_each_game(lines[lines["status"] == "PLAYED"])
    rows = player_state.before(states, wanted)
    rows = rows.join(player_state.presence(lines, inputs["team_games"].to_pandas(), rows))
    rows["changed_team"] = rows["team_last"] != rows["team"]
    return Computed(rows_of(PLAYER_STATE, rows))


TABLE = DatedTable(
    contract=PLAYER_STATE,
    produce=FromPython(
        {"lines": _LINES, "team_games": _TEAM_GAMES, "wanted": _WANTED}, _compute, version="2"
    ),
    reads=(
        Read("schedule"),
        Read("player_features"),
        Read("player_game_summary", Scope.CAREER),
        Read("team_offense_game_summary", Scope.CAREER),
    ),
)
