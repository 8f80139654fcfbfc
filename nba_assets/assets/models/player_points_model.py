"""``player_points_model``: the model in force on a date, trained on earlier games."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.precompute.expected_roster import INFORMATION_SET, STARTS, rosters
from nba_assets.contracts.box_score import GAME_DATE
from nba_assets.contracts.contract import (
    Column,
    Contract,
    Due,
    Figure,
    Records,
    RowRule,
    Unit,
)
from nba_assets.contracts.dated_table import (
    Build,
    Computed,
    DatedTable,
    FromPython,
    Highlights,
    Read,
    Scope,
)
from nba_assets.modeling import points_model
from nba_assets.modeling.configuration import LONGEST, Configuration
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

SEASONED_ROWS = 12_000
"""player-games of half a season; a model that has seen them and is no better than the rules core is
none
"""
PLAYER_POINTS_MODEL = Contract(
    table="player_points_model",
    group="models",
    description=(
        "One row per game date and information set: the model in force on it, refitted every "
        "Monday on certified games before that Monday, by the configuration in force. The model "
        "itself is files: boosters in XGBoost's own format, regressions as arrays of NumPy. "
        "A set whose past games are too few has no model."
    ),
    grain=("game_date", "information_set"),
    unit=Unit.DATE,
    due=Due.SCHEDULED,
    version=3,
    columns=(
        GAME_DATE,
        INFORMATION_SET,
        Column(
            "model_id",
            "STRING",
            "Monday it was trained as of, what it knows, and digest of what it saw",
        ),
        Column("trained_from", "DATE", "First game date seen"),
        Column("trained_through", "DATE", "Last game date seen, before the Monday"),
        Column("training_rows", "INT64", "Player-games seen", low=1),
        Column("training_digest", "STRING", "Digest of the rows, parameters and version"),
        Column(
            "validation_rows",
            "INT64",
            "Last player-games before the Monday's month, which a probe was trained without",
            low=1,
        ),
        Column(
            "validation_mae",
            "FLOAT64",
            "Mean absolute error of the probe there, points",
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
        Column(
            "validation_mae_hindsight",
            "FLOAT64",
            "There, the error of points per minute so far times the minutes played, which nobody "
            "can know before",
            low=0,
            high=30,
        ),
        Column("intervals", "STRING", "JSON: points at 10, 25, 75 and 90 %, by prediction"),
        Column("features", "STRING", "JSON: names of the features, in order"),
        Column(
            "artifact", "STRING", "What its files in the models folder are called, without ending"
        ),
        Column("artifact_digest", "STRING", "SHA-256 of the files, one after the other"),
        Column("xgboost_version", "STRING", "Version that trained it"),
    ),
    records=Records(
        "SELECT d.game_date, CAST(NULL AS STRING) AS game_id, 1 AS expected, "
        "COUNTIF(s.information_set = 'morning') AS actual "
        "FROM (SELECT DISTINCT game_date FROM due_games) AS d "
        "LEFT JOIN staged AS s ON s.game_date = d.game_date GROUP BY d.game_date"
    ),
    rules=(
        RowRule("strictly_before", "trained_through < game_date", check="point_in_time"),
        RowRule(
            "too_good",
            "validation_mae >= 0.95 * validation_mae_hindsight",
            check="plausible_error",
        ),
        RowRule(
            "beats_rules_core",
            f"validation_mae < validation_mae_rules_core OR training_rows < {SEASONED_ROWS}",
            check="plausible_error",
        ),
    ),
    figures=(
        Figure("validation_mae", "MAX(validation_mae)", "plausible_error"),
        Figure("validation_mae_rules_core", "MAX(validation_mae_rules_core)", "plausible_error"),
        Figure("training_rows", "MAX(training_rows)", "contract"),
    ),
)


_FEATURES: Mapping[str, tuple[str, ...]] = {
    "player_features": ("points_avg_5", "points_avg_season", "games_played", "team_win_share"),
    "player_state": (
        "points_ewm_2", "points_ewm_5", "points_ewm_10", "points_ewm_20", "points_ewm_5_season",
        "expected_points_ewm_2", "expected_points_ewm_5", "expected_points_ewm_10",
        "typical_points_ewm_5", "typical_points_ewm_10", "expected_points_per_minute_8",
        "used_per_minute_60", "minutes_std_10", "points_std_20", "points_median_10",
        "points_starting", "points_from_bench", "two_share", "free_throw_share", "oreb_ewm_20",
        "blk_ewm_20", "ftm_ewm_20", "reb_ewm_20", "margin_ewm_2", "played_of_last_10",
    ),
    "team_ratings": ("expected_pace", "expected_offense", "expected_points"),
    "expected_roster": ("plays",),
    "lineup_context": (
        "similar_points", "similar_use", "similar_minutes_gain", "recent_points",
        "vacated_minutes_5", "vacated_use_5", "vacated_use_20", "vacated_points_20",
        "team_vacated_points", "opponent_vacated_points", "others_minutes", "others_points",
        "minutes_share",
    ),
    "expected_minutes": (
        "points_of_team", "shots_8", "shots_20", "shots_60", "points_15", "points_60",
        "use_share", "minutes_of_240", "expected_minutes", "team_points", "team_minutes",
        "beyond_4", "beyond_size",
    ),
}  # fmt: skip
_OF_STARTERS: Mapping[str, tuple[str, ...]] = {
    "expected_roster": ("starts",),
    "lineup_context": (
        "points_in_role", "other_starters_minutes", "other_starters_points", "usual_starters",
    ),
}  # fmt: skip
_ALIAS = {
    "player_features": "f",
    "player_state": "p",
    "team_ratings": "r",
    "expected_roster": "x",
    "lineup_context": "c",
    "expected_minutes": "m",
}
_BASELINES = ("points_avg_10", "minutes_avg_10")
READ = tuple(_ALIAS)
"""the tables with what the model sees"""


def features(known: InformationSet) -> tuple[str, ...]:
    """What a model of an information set sees, in order."""
    groups = (_FEATURES, _OF_STARTERS) if known is InformationSet.LINEUP else (_FEATURES,)
    return tuple(name for group in groups for names in group.values() for name in names)


def default(device: str = "cpu") -> Configuration:
    """What a warehouse begins with, until a trial promotes another."""
    trained_on = {} if device == "cpu" else {"device": device}
    return Configuration(
        {**points_model.PARAMETERS, **trained_on},
        points_model.ROUNDS,
        LONGEST.days,
        {known: features(known) for known in InformationSet},
        points_model.REGRESSIONS,
    )


def rows_with_features(suffix: str, columns: str, games: str) -> str:
    """A query for the rosters with all a model may see, of the dates or of earlier ones."""
    named = [
        STARTS if name == "starts" else f"{_ALIAS[table]}.{name}"
        for group in (_FEATURES, _OF_STARTERS)
        for table, names in group.items()
        for name in names
    ]
    named += [f"f.{name}" for name in _BASELINES]
    return (
        rosters(suffix, f"{columns} {', '.join(named)}", games)
        + f"""JOIN expected_minutes{suffix} AS m
  ON m.game_date = x.game_date AND m.game_id = x.game_id AND m.player_id = x.player_id
  AND m.information_set = x.information_set
"""
    )


_TRAINING = (
    rows_with_features(
        "_before",
        "s.pts, s.minutes, p.points_per_minute_60,",
        "JOIN player_game_summary_before AS s "
        "ON s.game_date = x.game_date AND s.game_id = x.game_id AND s.player_id = x.player_id",
    )
    + "WHERE s.played"
)


def table(models_dir: Path, device: str = "cpu") -> DatedTable:
    """The dated table, its model files in ``models_dir``; see ``default`` for ``device``."""

    def spared(build: Build) -> Collection[str]:
        mondays = {points_model.refit_date(day) for day in build.dates}
        all_kept = all(
            points_model.is_kept(monday, _recipe(monday, known, build), models_dir)
            for monday in mondays
            for known in InformationSet
        )
        return {"training"} if all_kept else ()

    def compute(inputs: "Mapping[str, pa.Table]", build: Build) -> Computed:
        import pyarrow as pa

        from nba_assets.contracts.arrow import arrow_schema

        history = inputs["training"].to_pandas() if "training" in inputs else None
        game_dates = sorted(set(inputs["game_dates"]["game_date"].to_pylist()))
        models = _fitted(history, game_dates, build, models_dir)
        rows = [
            {
                "game_date": day,
                **model.__dict__,
                "intervals": json.dumps(model.intervals),
                "features": json.dumps(model.features),
            }
            for day in game_dates
            for known in InformationSet
            if (model := models.get((points_model.refit_date(day), known)))
        ]
        with_model = {row["game_date"] for row in rows}
        return Computed(
            pa.Table.from_pylist(rows, arrow_schema(PLAYER_POINTS_MODEL)),
            frozenset(set(game_dates) - with_model),
        )

    return DatedTable(
        contract=PLAYER_POINTS_MODEL,
        produce=FromPython(
            {"training": _TRAINING, "game_dates": "SELECT DISTINCT game_date FROM due_games"},
            compute,
            version="6",
            configuration=default(device).text,
            spared=spared,
            lost=lambda stored: _lost(stored, models_dir),
        ),
        reads=(
            Read("schedule"),
            *(Read(name, Scope.TRAINING) for name in (*READ, "player_game_summary")),
        ),
        highlights=Highlights(
            "models in force",
            (
                "information_set",
                "model_id",
                "training_rows",
                "validation_rows",
                "validation_mae",
                "validation_mae_rules_core",
                "validation_mae_hindsight",
            ),
            "validation_mae DESC",
        ),
    )


def _recipe(monday: date, known: InformationSet, build: Build) -> points_model.Recipe:
    """How the model of a week is made: by the configuration in force on its Monday."""
    return points_model.Recipe(known, _configuration(build.configuration(monday)), build.mark)


@lru_cache(maxsize=8)
def _configuration(text: str) -> Configuration:
    return Configuration.read(text).among({known: features(known) for known in InformationSet})


def _fitted(
    history: "pd.DataFrame | None", game_dates: Sequence[date], build: Build, models_dir: Path
) -> "dict[tuple[date, InformationSet], points_model.Fitted]":
    """By Monday and information set, the models of the dates; those with enough history."""
    of_set = {
        known: None if history is None else history[history["information_set"] == known]
        for known in InformationSet
    }
    wanted = {
        (monday, known): _recipe(monday, known, build)
        for monday in sorted({points_model.refit_date(day) for day in game_dates})
        for known in InformationSet
    }
    proving = {_proven_by(monday, what): what for (monday, _), what in wanted.items()}

    def prove(key: tuple[date, InformationSet, str]) -> points_model.Proof | None:
        month, known, _ = key
        return points_model.prove(of_set[known], month, proving[key], models_dir)

    # Side by side with one thread each: boosting small data on many threads mostly waits.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        proofs = dict(zip(proving, pool.map(prove, proving), strict=True))

        def fit(key: tuple[date, InformationSet]) -> points_model.Fitted | None:
            (monday, known), what = key, wanted[key]
            proof = proofs[_proven_by(monday, what)]
            # The first weeks there is a model at all begin within a month.
            proof = proof or points_model.prove(of_set[known], monday, what, models_dir)
            if proof is None:
                return None
            return points_model.fit(of_set[known], monday, what, proof, models_dir)

        fits = dict(zip(wanted, pool.map(fit, wanted), strict=True))
    return {key: model for key, model in fits.items() if model}


def _proven_by(monday: date, what: points_model.Recipe) -> tuple[date, InformationSet, str]:
    """What names the proof of a model: a month's models of one configuration have it in common."""
    return points_model.proof_date(monday), what.known, what.configuration.digest


def _lost(stored: "pa.Table", models_dir: Path) -> dict[date, str]:
    """The dates whose model file is gone: it is trained again, to the same bit, when they run."""
    rows = stored.select(["game_date", "artifact"]).to_pylist()
    gone = {
        artifact
        for artifact in {row["artifact"] for row in rows}
        if not all((models_dir / name).exists() for name in points_model.files(artifact))
    }
    return {
        row["game_date"]: f"a model file {models_dir / row['artifact']} is gone"
        for row in rows
        if row["artifact"] in gone
    }
