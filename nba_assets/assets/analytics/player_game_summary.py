"""``player_game_summary``: players of a game with the rates that need their team's totals."""

from nba_assets.assets.raw.player_box_scores import PLAYER_STATUSES
from nba_assets.contracts.box_score import (
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    PLAYER_ID,
    PLAYER_NAME,
    TEAM,
    count_columns,
    identities,
)
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    Column,
    Contract,
    Figure,
    Records,
    RowRule,
    SetRule,
    Severity,
)
from nba_assets.contracts.dated_table import DatedTable, FromSQL, Highlights, Read


def _coverage(name: str, threshold: str, severity: Severity) -> SetRule:
    return SetRule(
        name,
        "SELECT game_date, game_id, CONCAT('usage_rate on ', "
        "CAST(COUNTIF(usage_rate IS NOT NULL) AS STRING), ' of ', CAST(COUNT(*) AS STRING), "
        "' rows with minutes > 0') AS detail FROM staged WHERE minutes > 0 "
        f"GROUP BY game_date, game_id HAVING COUNTIF(usage_rate IS NOT NULL) < @{threshold} "
        "* COUNT(*)",
        check="usage_rate_coverage",
        severity=severity,
    )


PLAYER_GAME_SUMMARY = Contract(
    table="player_game_summary",
    group="analytics",
    description=(
        "One row per player and game, those who did not play included and flagged, with shooting "
        "efficiency and usage_rate."
    ),
    grain=("game_id", "player_id"),
    columns=(
        GAME_ID,
        GAME_DATE,
        Column("season", "STRING", "Season label", lineage=("team_offense_game_summary.season",)),
        Column(
            "season_type",
            "STRING",
            "Season type",
            lineage=("team_offense_game_summary.season_type",),
        ),
        TEAM,
        OPPONENT,
        IS_HOME,
        PLAYER_ID,
        PLAYER_NAME,
        Column(
            "status",
            "STRING",
            "PLAYED, DID_NOT_PLAY or INACTIVE",
            values=PLAYER_STATUSES,
            lineage=("player_box_scores.status",),
        ),
        Column(
            "played",
            "BOOL",
            "Whether the player entered the game",
            lineage=("player_box_scores.status",),
        ),
        Column(
            "starter",
            "BOOL",
            "Whether the player started",
            nullable=True,
            lineage=("player_box_scores.starter",),
        ),
        Column(
            "position",
            "STRING",
            "Starting position",
            nullable=True,
            lineage=("player_box_scores.position",),
        ),
        Column(
            "minutes",
            "FLOAT64",
            "Minutes played",
            nullable=True,
            low=0,
            high=90,
            lineage=("player_box_scores.minutes",),
        ),
        *count_columns(high=110, nullable=True, origin="player_box_scores"),
        Column(
            "plus_minus",
            "INT64",
            "Score while on court",
            nullable=True,
            low=-80,
            high=80,
            lineage=("player_box_scores.plus_minus",),
        ),
        Column(
            "ts_pct",
            "FLOAT64",
            "True shooting: PTS / (2 · (FGA + 0.44 · FTA)); NULL without an attempt",
            nullable=True,
            low=0,
            high=4,
            lineage=tuple(f"player_box_scores.{c}" for c in ("pts", "fga", "fta")),
        ),
        Column(
            "efg_pct",
            "FLOAT64",
            "Effective field goals: (FGM + 0.5 · 3PM) / FGA; NULL without an attempt",
            nullable=True,
            low=0,
            high=1.5,
            lineage=tuple(f"player_box_scores.{c}" for c in ("fgm", "fg3m", "fga")),
        ),
        Column(
            "usage_rate",
            "FLOAT64",
            "Share of the team's possessions used while on court, percent: 100 · (FGA + 0.44 · FTA "
            "+ TOV) · (team minutes / 5) / (minutes · (team FGA + 0.44 · team FTA + team TOV)). "
            "NULL only without minutes; 0 is a value; over 100 is real for seconds of play",
            nullable=True,
            low=0,
            high=50_000,
            lineage=(
                *(f"player_box_scores.{c}" for c in ("fga", "fta", "tov", "minutes")),
                *(f"team_offense_game_summary.{c}" for c in ("fga", "fta", "tov", "minutes")),
            ),
        ),
        Column(
            "won",
            "BOOL",
            "Whether the player's team won",
            lineage=("team_offense_game_summary.won",),
        ),
    ),
    thresholds=(("usage_rate_coverage", 0.90), ("usage_rate_coverage_warning", 0.97)),
    records=Records(
        "SELECT g.game_date, g.game_id, COALESCE(MAX(p.found), 0) AS expected, "
        "COALESCE(MAX(s.found), 0) AS actual FROM required_games AS g "
        "LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM player_box_scores "
        "GROUP BY game_date, game_id) AS p ON p.game_date = g.game_date AND p.game_id = g.game_id "
        "LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged "
        "GROUP BY game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id "
        "GROUP BY g.game_date, g.game_id",
        reads=("player_box_scores",),
    ),
    rules=(
        RowRule(
            "statistics_iff_played",
            "IF(played, minutes IS NOT NULL AND pts IS NOT NULL, "
            "minutes IS NULL AND pts IS NULL AND usage_rate IS NULL)",
        ),
        RowRule("usage_rate_needs_minutes", "usage_rate IS NULL OR minutes > 0"),
        *identities("played"),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "usage_sums_to_team",
            """
            SELECT s.game_date, s.game_id, CONCAT(s.team,
              ': usage_rate weighted by minutes averages ', COALESCE(CAST(ROUND(s.weighted,
                2) AS STRING), 'NULL'), ', must be ', COALESCE(CAST(ROUND(s.due, 2) AS STRING),
                  'NULL')) AS detail
            FROM (
              SELECT p.game_date, p.game_id, p.team, SAFE_DIVIDE(SUM(p.usage_rate * p.minutes),
                MAX(t.minutes)) AS weighted, SAFE_DIVIDE(20 * SUM(IF(p.minutes > 0,
                  p.fga + 0.44 * p.fta + p.tov, 0)), MAX(t.fga + 0.44 * t.fta + t.tov)) AS due
              FROM staged AS p
              JOIN team_offense_game_summary AS t ON t.game_date = p.game_date
                AND t.game_id = p.game_id AND t.team = p.team
              WHERE p.played
              GROUP BY p.game_date, p.game_id, p.team
            ) AS s
            WHERE COALESCE(ABS(s.weighted - s.due) > 0.001 OR ABS(s.weighted - 20) > 1, TRUE)
            """,
            check="reconciliation",
            reads=("team_offense_game_summary",),
        ),
        _coverage("usage_rate_coverage", "usage_rate_coverage", Severity.ERROR),
        _coverage("usage_rate_coverage_warning", "usage_rate_coverage_warning", Severity.WARN),
    ),
    figures=(
        Figure("players_with_minutes", "COUNTIF(minutes > 0)", "usage_rate_coverage"),
        Figure(
            "coverage",
            "ROUND(100 * SAFE_DIVIDE(COUNTIF(usage_rate IS NOT NULL), COUNTIF(minutes > 0)), 2)",
            "usage_rate_coverage",
        ),
    ),
)


TABLE = DatedTable(
    contract=PLAYER_GAME_SUMMARY,
    produce=FromSQL.beside(__file__),
    reads=(Read("schedule"), Read("player_box_scores"), Read("team_offense_game_summary")),
    highlights=Highlights(
        "most points",
        ("player_name", "team", "opponent", "pts", "minutes", "usage_rate"),
        "pts DESC, player_id",
        where="played",
    ),
)
