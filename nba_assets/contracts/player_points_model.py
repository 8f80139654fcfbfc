"""Contract of ``player_points_model``."""

from nba_assets.contracts.box_score import GAME_DATE
from nba_assets.contracts.contract import (
    Column,
    Contract,
    Due,
    Figure,
    Records,
    RowRule,
    Severity,
    Unit,
)

PLAYER_POINTS_MODEL = Contract(
    table="player_points_model",
    group="models",
    description=(
        "One row per game date: the model in force on it, refitted every Monday on certified games "
        "before that Monday. The model itself is a file in XGBoost's own format."
    ),
    grain=("game_date",),
    unit=Unit.DATE,
    due=Due.SCHEDULED,
    columns=(
        GAME_DATE,
        Column("model_id", "STRING", "Monday it was trained as of, and digest of what it saw"),
        Column("trained_from", "DATE", "First game date seen"),
        Column("trained_through", "DATE", "Last game date seen, before the Monday"),
        Column("training_rows", "INT64", "Player-games seen", low=1),
        Column("training_digest", "STRING", "Digest of the rows, parameters and version"),
        Column("validation_rows", "INT64", "Player-games of the last 28 days seen", low=1),
        Column(
            "validation_mae",
            "FLOAT64",
            "Mean absolute error there, points, of the model fitted without them",
            low=0,
            high=30,
        ),
        Column(
            "validation_mae_rules_core",
            "FLOAT64",
            "The rules core's error on the same rows",
            low=0,
            high=30,
        ),
        Column("rounds", "INT64", "Boosting rounds, chosen on the validation rows", low=1),
        Column("interval", "STRING", "JSON: residual quantiles 10, 25, 75 and 90 %, scaled"),
        Column("features", "STRING", "JSON: names of the features, in order"),
        Column("artifact", "STRING", "File name in the models folder"),
        Column("artifact_digest", "STRING", "SHA-256 of the file"),
        Column("xgboost_version", "STRING", "Version that trained it"),
    ),
    records=Records(
        "SELECT d.game_date, CAST(NULL AS STRING) AS game_id, 1 AS expected, "
        "COUNT(DISTINCT s.model_id) AS actual FROM (SELECT DISTINCT game_date FROM due_games) AS d "
        "LEFT JOIN staged AS s ON s.game_date = d.game_date GROUP BY d.game_date"
    ),
    rules=(
        RowRule("strictly_before", "trained_through < game_date", check="point_in_time"),
        RowRule(
            "too_good",
            "validation_mae >= 0.85 * validation_mae_rules_core",
            check="plausible_error",
        ),
        RowRule(
            "beats_rules_core",
            "validation_mae < validation_mae_rules_core",
            check="plausible_error",
            severity=Severity.WARN,
        ),
    ),
    figures=(
        Figure("validation_mae", "MAX(validation_mae)", "plausible_error"),
        Figure("validation_mae_rules_core", "MAX(validation_mae_rules_core)", "plausible_error"),
        Figure("training_rows", "MAX(training_rows)", "contract"),
    ),
)
