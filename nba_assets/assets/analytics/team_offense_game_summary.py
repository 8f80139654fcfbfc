"""``team_offense_game_summary``: from team box scores or, by game, from its players."""

from nba_assets.contracts.box_score import (
    COUNTS,
    GAME_DATE,
    GAME_ID,
    IS_HOME,
    OPPONENT,
    TEAM,
    count_columns,
    identities,
)
from nba_assets.contracts.contract import (
    TEAMS_MATCH_SCHEDULE,
    TWO_TEAMS,
    Column,
    Contract,
    Figure,
    RowRule,
    SetRule,
    Severity,
)
from nba_assets.contracts.dated_table import DatedTable, FromSQL, Read, Scope

_DENOMINATORS = ("pts", "fga", "fta", "tov")


def _players_sum_to_team(name: str, counts: tuple[str, ...], severity: Severity) -> SetRule:
    sums = ", ".join(f"SUM({c}) AS {c}" for c in counts)
    differ = " OR ".join(f"s.{c} <> p.{c}" for c in counts)
    shown = ", ', ', ".join(
        f"'{c} ', CAST(p.{c} AS STRING), ' of ', CAST(s.{c} AS STRING)" for c in counts[:4]
    )
    return SetRule(
        name,
        "SELECT s.game_date, s.game_id, CONCAT(s.team, ': players sum to ', "
        f"{shown}) AS detail FROM staged AS s JOIN ("
        f"SELECT game_date, game_id, team, {sums} FROM player_box_scores "
        "WHERE status = 'PLAYED' GROUP BY game_date, game_id, team) AS p "
        "ON p.game_date = s.game_date AND p.game_id = s.game_id AND p.team = s.team "
        f"WHERE {differ}",
        check="reconciliation",
        reads=("player_box_scores",),
        severity=severity,
    )


TEAM_OFFENSE_GAME_SUMMARY = Contract(
    table="team_offense_game_summary",
    group="analytics",
    description=(
        "One row per team and game: what the team produced, from the published team box score or, "
        "for a game without one, from the players of that game."
    ),
    grain=("game_id", "team"),
    version=2,
    columns=(
        GAME_ID,
        GAME_DATE,
        Column("season", "STRING", "Season label", lineage=("schedule.season",)),
        Column("season_type", "STRING", "Season type", lineage=("schedule.season_type",)),
        TEAM,
        OPPONENT,
        IS_HOME,
        Column(
            "minutes",
            "FLOAT64",
            "Player-minutes of the team: exactly 240 + 25 · overtime periods",
            low=240,
            high=480,
            lineage=("team_box_scores.minutes", "player_box_scores.minutes"),
        ),
        Column(
            "overtime_periods",
            "INT64",
            "(team minutes − 240) / 25",
            low=0,
            high=9,
            lineage=("team_box_scores.minutes", "player_box_scores.minutes"),
        ),
        *count_columns(high=250, nullable=False, origin="team_box_scores"),
        Column(
            "possessions",
            "FLOAT64",
            "FGA + 0.44 · FTA + TOV − OREB",
            low=40,
            high=220,
            lineage=tuple(f"team_box_scores.{c}" for c in ("fga", "fta", "tov", "oreb")),
        ),
        Column(
            "offensive_rating",
            "FLOAT64",
            "Points per 100 possessions",
            low=40,
            high=220,
            lineage=tuple(f"team_box_scores.{c}" for c in ("pts", "fga", "fta", "tov", "oreb")),
        ),
        Column(
            "pace",
            "FLOAT64",
            "Possessions per 48 minutes: 48 · possessions / (team minutes / 5)",
            low=50,
            high=160,
            lineage=tuple(f"team_box_scores.{c}" for c in ("fga", "fta", "tov", "oreb", "minutes")),
        ),
        Column(
            "ts_pct",
            "FLOAT64",
            "True shooting: PTS / (2 · (FGA + 0.44 · FTA))",
            low=0,
            high=1.5,
            lineage=tuple(f"team_box_scores.{c}" for c in ("pts", "fga", "fta")),
        ),
        Column(
            "efg_pct",
            "FLOAT64",
            "Effective field goals: (FGM + 0.5 · 3PM) / FGA",
            low=0,
            high=1.5,
            lineage=tuple(f"team_box_scores.{c}" for c in ("fgm", "fg3m", "fga")),
        ),
        Column(
            "opponent_pts",
            "INT64",
            "Points of the opponent",
            low=0,
            high=250,
            lineage=("team_box_scores.pts",),
        ),
        Column(
            "margin",
            "INT64",
            "Points minus the opponent's",
            low=-120,
            high=120,
            lineage=("team_box_scores.pts",),
        ),
        Column("won", "BOOL", "Whether the team won", lineage=("team_box_scores.pts",)),
        Column(
            "source",
            "STRING",
            "Table the counts were taken from, chosen game by game",
            values=("team_box_scores", "player_box_scores"),
        ),
        Column("source_rows", "INT64", "Rows of that table the row was built from", low=1, high=20),
    ),
    records=TWO_TEAMS,
    rules=(
        *identities(),
        RowRule("margin_decided", "margin <> 0 AND won = (margin > 0)"),
        RowRule("minutes_identity", "minutes = 240 + 25 * overtime_periods"),
        TEAMS_MATCH_SCHEDULE,
        SetRule(
            "margins_mirror",
            """
            SELECT game_date, game_id, CONCAT('margins sum to ', CAST(SUM(margin) AS STRING),
              ', minutes differ by ',
                CAST(ROUND(MAX(minutes) - MIN(minutes)) AS STRING)) AS detail
            FROM staged
            GROUP BY game_date, game_id
            HAVING COUNT(*) = 2 AND (SUM(margin) <> 0 OR MAX(minutes) <> MIN(minutes))
            """,
            check="reconciliation",
        ),
        SetRule(
            "minutes_match_players",
            """
            SELECT s.game_date, s.game_id, CONCAT(s.team, ': players sum to ',
              CAST(ROUND(p.minutes, 1) AS STRING), ' minutes, the team has ',
                CAST(ROUND(s.minutes) AS STRING)) AS detail
            FROM staged AS s
            JOIN (
              SELECT game_date, game_id, team, SUM(minutes) AS minutes
              FROM player_box_scores
              WHERE status = 'PLAYED'
              GROUP BY game_date, game_id, team
            ) AS p ON p.game_date = s.game_date AND p.game_id = s.game_id AND p.team = s.team
            WHERE ABS(p.minutes - s.minutes) > 12
            """,
            check="reconciliation",
            reads=("player_box_scores",),
        ),
        _players_sum_to_team("players_sum_to_team", _DENOMINATORS, Severity.ERROR),
        _players_sum_to_team(
            "players_sum_to_team_other_counts",
            tuple(c for c in COUNTS if c not in _DENOMINATORS),
            Severity.WARN,
        ),
    ),
    figures=(
        Figure("reconstructed_teams", "COUNTIF(source = 'player_box_scores')", "reconciliation"),
    ),
)


TABLE = DatedTable(
    contract=TEAM_OFFENSE_GAME_SUMMARY,
    produce=FromSQL.beside(__file__),
    reads=(
        Read("schedule"),
        Read("team_box_scores", Scope.EITHER),
        Read("player_box_scores", Scope.EITHER),
    ),
)
