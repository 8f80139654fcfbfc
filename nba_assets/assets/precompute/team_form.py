"""``team_form``: what was known of each scheduled team before its game."""

from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, IS_HOME, OPPONENT, TEAM
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    TWO_TEAMS,
    Column,
    Contract,
    Due,
    Figure,
    RowRule,
    SetRule,
    Severity,
)
from nba_assets.contracts.dated_table import DatedTable, FromSQL, Read, Scope


def _rating(name: str, meaning: str) -> Column:
    return Column(
        name,
        "FLOAT64",
        meaning,
        nullable=True,
        low=40,
        high=220,
        lineage=("team_offense_game_summary.offensive_rating",),
    )


def _pace(name: str, meaning: str) -> Column:
    return Column(
        name,
        "FLOAT64",
        meaning,
        nullable=True,
        low=50,
        high=160,
        lineage=("team_offense_game_summary.pace",),
    )


TEAM_FORM = Contract(
    table="team_form",
    group="precompute",
    description=(
        "One row per team and scheduled game, also before it is played: the team's form, defence, "
        "pace and rest from the season's earlier dates."
    ),
    grain=("game_id", "team"),
    due=Due.SCHEDULED,
    warmup=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        Column("season", "STRING", "Season label", lineage=("schedule.season",)),
        Column("season_type", "STRING", "Season type", lineage=("schedule.season_type",)),
        TEAM,
        OPPONENT,
        IS_HOME,
        Column(
            "games_in_window",
            "INT64",
            "Certified games of the team earlier in the season",
            low=0,
            high=120,
        ),
        Column(
            "games_scheduled",
            "INT64",
            "Games of the team earlier in the season on the schedule",
            low=0,
            high=120,
        ),
        Column(
            "window_completeness",
            "FLOAT64",
            "Certified share of those games; below 1 only where an operator waived a game",
            nullable=True,
            low=0,
            high=1,
        ),
        Column("history_through", "DATE", "Date of the latest game used", nullable=True),
        _rating("offensive_rating_season", "Points per 100 possessions, season to date"),
        _rating("offensive_rating_10", "Points per 100 possessions, last 10 games"),
        _rating("defensive_rating_season", "Opponents' points per 100 possessions, season to date"),
        _rating("defensive_rating_10", "Opponents' points per 100 possessions, last 10 games"),
        _pace("pace_season", "Possessions per 48 minutes, season to date"),
        _pace("pace_10", "Possessions per 48 minutes, last 10 games"),
        Column(
            "win_share",
            "FLOAT64",
            "Share of games won, season to date",
            nullable=True,
            low=0,
            high=1,
            lineage=("team_offense_game_summary.won",),
        ),
        Column(
            "rest_days",
            "INT64",
            "Days since the team's last scheduled game; 1 is back to back",
            nullable=True,
            low=1,
            high=300,
            lineage=("schedule.game_date",),
        ),
        Column(
            "back_to_back",
            "BOOL",
            "Whether the team played the day before",
            nullable=True,
            lineage=("schedule.game_date",),
        ),
        Column(
            "games_last_7_days",
            "INT64",
            "Games of the team in the seven days before",
            low=0,
            high=7,
            lineage=("schedule.game_date",),
        ),
    ),
    records=TWO_TEAMS,
    rules=(
        RowRule(
            "strictly_before",
            "history_through IS NULL OR history_through < game_date",
            check="point_in_time",
        ),
        RowRule("window_known", "games_in_window > 0", check="features"),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "constant",
            """
            SELECT game_date, CAST(NULL AS STRING) AS game_id,
              'every team has the same defensive rating' AS detail
            FROM staged
            GROUP BY game_date
            HAVING COUNT(*) >= 4 AND COUNT(DISTINCT ROUND(defensive_rating_season, 9)) = 1
            """,
            check="features",
        ),
        RowRule(
            "window_complete", "window_completeness = 1", check="features", severity=Severity.WARN
        ),
    ),
    figures=(Figure("window_completeness", "ROUND(AVG(window_completeness), 4)", "features"),),
)


TABLE = DatedTable(
    contract=TEAM_FORM,
    produce=FromSQL.beside(__file__),
    reads=(
        Read("schedule"),
        Read("schedule", Scope.WINDOW),
        Read("team_offense_game_summary", Scope.WINDOW),
    ),
)
