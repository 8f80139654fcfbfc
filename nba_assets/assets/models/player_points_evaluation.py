"""``player_points_evaluation``: errors of model and baselines, once games are over."""

from nba_assets.assets.precompute.expected_roster import INFORMATION_SET
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID
from nba_assets.contracts.contract import Column, Contract, Figure, Records
from nba_assets.contracts.dated_table import DatedTable, FromSQL, Highlights, Read

PREDICTORS = ("xgboost", "rules_core", "last_10_average", "season_average")
POPULATIONS = ("all", "regulars")
_OF_MORNING = "information_set = 'morning' AND population = 'all'"

PLAYER_POINTS_EVALUATION = Contract(
    table="player_points_evaluation",
    group="models",
    description=(
        "One row per game, information set, predictor and population: the error of the "
        "predictions of the game, every predictor on the same player-games."
    ),
    grain=("game_id", "information_set", "predictor", "population"),
    version=2,
    columns=(
        GAME_ID,
        GAME_DATE,
        INFORMATION_SET,
        Column(
            "predictor",
            "STRING",
            "Baseline, or xgboost: the model, whose boosters have regressions beside them",
            values=PREDICTORS,
        ),
        Column(
            "population",
            "STRING",
            "all who played, or regulars, who were expected to play 20 minutes or more",
            values=POPULATIONS,
        ),
        Column("player_games", "INT64", "Player-games predicted and played", low=1),
        Column(
            "absolute_error_sum",
            "FLOAT64",
            "Sum of absolute errors, points",
            low=0,
            lineage=("player_game_summary.pts", "player_points_predictions.predicted_points"),
        ),
        Column(
            "mae",
            "FLOAT64",
            "Mean absolute error, points",
            low=0,
            high=60,
            lineage=("player_game_summary.pts", "player_points_predictions.predicted_points"),
        ),
        Column(
            "bias",
            "FLOAT64",
            "Mean of predicted minus actual, points",
            low=-60,
            high=60,
            lineage=("player_game_summary.pts", "player_points_predictions.predicted_points"),
        ),
        Column(
            "within_80",
            "INT64",
            "Player-games inside the 10–90 % interval; NULL for baselines",
            nullable=True,
            low=0,
            lineage=(
                "player_points_predictions.points_q10",
                "player_points_predictions.points_q90",
            ),
        ),
    ),
    records=Records(
        """
        SELECT g.game_date, g.game_id, 8 * COALESCE(MAX(p.sets), 0) AS expected,
          COALESCE(MAX(s.found), 0) AS actual
        FROM required_games AS g
        LEFT JOIN (SELECT game_date, game_id, COUNT(DISTINCT information_set) AS sets
          FROM player_points_predictions GROUP BY game_date, game_id) AS p
          ON p.game_date = g.game_date AND p.game_id = g.game_id
        LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged
          GROUP BY game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
        GROUP BY g.game_date, g.game_id
        """,
        reads=("player_points_predictions",),
    ),
    figures=(
        Figure(
            "player_games",
            f"SUM(IF({_OF_MORNING} AND predictor = 'xgboost', player_games, 0))",
            "row_counts",
        ),
        *(
            Figure(
                f"mae_{name}",
                "SAFE_DIVIDE("
                f"SUM(IF({_OF_MORNING} AND predictor = '{name}', absolute_error_sum, 0)), "
                f"SUM(IF({_OF_MORNING} AND predictor = '{name}', player_games, 0)))",
            )
            for name in PREDICTORS
        ),
    ),
)


TABLE = DatedTable(
    contract=PLAYER_POINTS_EVALUATION,
    produce=FromSQL.beside(__file__),
    reads=(Read("schedule"), Read("player_points_predictions"), Read("player_game_summary")),
    highlights=Highlights(
        "games that were predicted worst",
        ("game_id", "player_games", "mae", "bias", "within_80"),
        "mae DESC, game_id",
        where=f"{_OF_MORNING} AND predictor = 'xgboost'",
    ),
)
