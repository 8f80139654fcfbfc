"""``player_features``: what was known of each expected player before the game."""

from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
)
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    Column,
    ColumnType,
    Contract,
    Due,
    Figure,
    Records,
    RowRule,
    SetRule,
    Severity,
)
from nba_assets.contracts.dated_table import DatedTable, FromSQL, Read, Scope

_SUMMARY = "player_game_summary"
_TEAM = "team_form"


def _feature(
    name: str,
    meaning: str,
    *lineage: str,
    high: float,
    low: float = 0,
    nullable: bool = False,
    kind: ColumnType = "FLOAT64",
) -> Column:
    return Column(
        name, kind, meaning, nullable=nullable, low=low, high=high, lineage=tuple(lineage)
    )


FEATURES = (
    _feature("points_avg_5", "Points, last 5 games played", f"{_SUMMARY}.pts", high=110),
    _feature("points_avg_10", "Points, last 10 games played", f"{_SUMMARY}.pts", high=110),
    _feature("points_avg_season", "Points, season to date", f"{_SUMMARY}.pts", high=110),
    _feature("points_std_10", "Standard deviation of points, last 10 games played",
             f"{_SUMMARY}.pts", high=80, nullable=True),
    _feature("minutes_avg_5", "Minutes, last 5 games played", f"{_SUMMARY}.minutes", high=90),
    _feature("minutes_avg_10", "Minutes, last 10 games played", f"{_SUMMARY}.minutes", high=90),
    _feature("minutes_avg_season", "Minutes, season to date", f"{_SUMMARY}.minutes", high=90),
    _feature("points_per_minute_10", "Points per minute, last 10 games played",
             f"{_SUMMARY}.pts", f"{_SUMMARY}.minutes", high=200, nullable=True),
    _feature("points_per_minute_season", "Points per minute, season to date",
             f"{_SUMMARY}.pts", f"{_SUMMARY}.minutes", high=200, nullable=True),
    _feature("usage_rate_avg_10", "usage_rate, last 10 games played", f"{_SUMMARY}.usage_rate",
             high=50_000, nullable=True),
    _feature("fga_avg_10", "Field goals attempted, last 10", f"{_SUMMARY}.fga", high=60),
    _feature("fg3a_avg_10", "Three-pointers attempted, last 10", f"{_SUMMARY}.fg3a", high=40),
    _feature("fta_avg_10", "Free throws attempted, last 10", f"{_SUMMARY}.fta", high=50),
    _feature("ast_avg_10", "Assists, last 10", f"{_SUMMARY}.ast", high=40),
    _feature("reb_avg_10", "Rebounds, last 10", f"{_SUMMARY}.reb", high=50),
    _feature("starter_share_10", "Share of the last 10 games started; NULL where unpublished",
             f"{_SUMMARY}.starter", high=1, nullable=True),
    _feature("points_trend", "Points, last 5 minus season", f"{_SUMMARY}.pts", low=-80, high=80),
    _feature("minutes_trend", "Minutes, last 5 minus season", f"{_SUMMARY}.minutes",
             low=-60, high=60),
    _feature("days_since_played", "Days since the player last played", f"{_SUMMARY}.game_date",
             low=1, high=300, kind="INT64"),
    _feature("team_rest_days", "Days since the team's last game", f"{_TEAM}.rest_days",
             low=1, high=300, kind="INT64", nullable=True),
    Column("back_to_back", "BOOL", "Whether the team played the day before", nullable=True,
           lineage=(f"{_TEAM}.back_to_back",)),
    _feature("team_games_last_7_days", "Games of the team in the seven days before",
             f"{_TEAM}.games_last_7_days", high=7, kind="INT64"),
    _feature("rest_advantage", "Rest days minus the opponent's", f"{_TEAM}.rest_days",
             low=-300, high=300, kind="INT64", nullable=True),
    _feature("team_offensive_rating_10", "Team's points per 100 possessions, last 10",
             f"{_TEAM}.offensive_rating_10", low=40, high=220),
    _feature("team_pace_10", "Team's pace, last 10", f"{_TEAM}.pace_10", low=50, high=160),
    _feature("team_win_share", "Team's share of games won", f"{_TEAM}.win_share", high=1),
    _feature("opponent_defensive_rating_season", "Opponent's defensive rating, season to date",
             f"{_TEAM}.defensive_rating_season", low=40, high=220),
    _feature("opponent_defensive_rating_10", "Opponent's defensive rating, last 10",
             f"{_TEAM}.defensive_rating_10", low=40, high=220),
    _feature("opponent_pace_10", "Opponent's pace, last 10", f"{_TEAM}.pace_10",
             low=50, high=160),
    _feature("opponent_win_share", "Opponent's share of games won", f"{_TEAM}.win_share", high=1),
    Column("is_playoffs", "BOOL", "Whether the game is not of the regular season",
           lineage=(f"{_TEAM}.season_type",)),
)  # fmt: skip
"""What the model sees, each from dates strictly before the game's."""

_VARYING = ("points_avg_10", "minutes_avg_10", "points_per_minute_season", "fga_avg_10")

PLAYER_FEATURES = Contract(
    table="player_features",
    group="precompute",
    description=(
        "One row per expected player and game, also before it is played: form, minutes, team, "
        "opponent and rest from the season's earlier dates. A player is expected for the team of "
        "his latest earlier line of the season, played or not, if it is no older than 21 days and "
        "he has played this season."
    ),
    grain=("game_id", "player_id"),
    due=Due.SCHEDULED,
    warmup=True,
    version=2,
    columns=(
        GAME_ID,
        GAME_DATE,
        Column("season", "STRING", "Season label", lineage=("schedule.season",)),
        Column("season_type", "STRING", "Season type", lineage=("schedule.season_type",)),
        TEAM,
        OPPONENT,
        IS_HOME,
        PLAYER_ID,
        PLAYER_NAME,
        Column(
            "games_played",
            "INT64",
            "Games played earlier in the season",
            low=1,
            high=130,
            lineage=(f"{_SUMMARY}.played",),
        ),
        Column(
            "window_completeness",
            "FLOAT64",
            "Share of the team's earlier games the windows could see; below 1 only where an "
            "operator waived a game",
            low=0,
            high=1,
            lineage=(f"{_TEAM}.window_completeness",),
        ),
        Column(
            "history_through",
            "DATE",
            "Date of the latest game used",
            lineage=(f"{_SUMMARY}.game_date",),
        ),
        *FEATURES,
    ),
    records=Records(
        "SELECT g.game_date, g.game_id, 2 AS expected, COUNT(DISTINCT s.team) AS actual "
        "FROM required_games AS g LEFT JOIN (SELECT game_date, game_id, team FROM staged "
        "GROUP BY game_date, game_id, team HAVING COUNT(*) >= 8) AS s "
        "ON s.game_date = g.game_date AND s.game_id = g.game_id GROUP BY g.game_date, g.game_id"
    ),
    rules=(
        TEAMS_MATCH_SCHEDULE,
        RowRule("strictly_before", "history_through < game_date", check="point_in_time"),
        SetRule(
            "window_of_traded_player",
            """
            SELECT s.game_date, s.game_id, CONCAT(MIN(s.player_name), ' came from ', MIN(h.team),
              ', whose window has a hole: ', MIN(h.reason)) AS detail
            FROM staged AS s
            JOIN (
              SELECT player_id, season, team, MIN(game_date) AS first_seen
              FROM player_game_summary_before
              GROUP BY player_id, season, team
            ) AS then_at ON then_at.player_id = s.player_id AND then_at.season = s.season
              AND then_at.team <> s.team AND then_at.first_seen < s.game_date
            JOIN (
              SELECT player_id, season, team, MIN(game_date) AS first_seen
              FROM player_game_summary_before
              GROUP BY player_id, season, team
            ) AS now_at ON now_at.player_id = s.player_id AND now_at.season = s.season
              AND now_at.team = s.team
            JOIN holes AS h ON h.team = then_at.team AND h.game_date < now_at.first_seen
            GROUP BY s.game_date, s.game_id
            """,
            check="features",
            severity=Severity.HOLD,
        ),
        SetRule(
            "plausible_roster",
            """
            SELECT game_date, game_id, CONCAT(team, ' has ', CAST(COUNT(*) AS STRING),
              ' expected players; a team has 8 to 25') AS detail
            FROM staged
            GROUP BY game_date, game_id, team
            HAVING COUNT(*) > 25
            """,
            check="features",
        ),
        SetRule(
            "constant_or_defaulted",
            "SELECT game_date, CAST(NULL AS STRING) AS game_id, "
            "'a feature has one value for every player' AS detail FROM staged "
            "GROUP BY game_date HAVING COUNT(*) >= 16 AND ("
            + " OR ".join(f"COUNT(DISTINCT ROUND({name}, 9)) <= 1" for name in _VARYING)
            + ")",
            check="features",
        ),
    ),
    figures=(
        Figure("expected_players", "COUNT(*)", "features"),
        Figure("window_completeness", "ROUND(AVG(window_completeness), 4)", "features"),
        Figure(
            "days_since_history",
            "MIN(DATE_DIFF(game_date, history_through, DAY))",
            "point_in_time",
        ),
    ),
)


TABLE = DatedTable(
    contract=PLAYER_FEATURES,
    produce=FromSQL.beside(__file__),
    reads=(
        Read("schedule"),
        Read("team_form"),
        Read("player_game_summary", Scope.WINDOW),
    ),
)
