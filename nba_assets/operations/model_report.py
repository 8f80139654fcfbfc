"""What there is to see of the model: how it errs, what it looks at, and what it says next."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from nba_assets.certification.certified import certified_tables
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.engine import Engine
from nba_assets.errors import BadInput
from nba_assets.modeling.evidence import Decile, deciles
from nba_assets.modeling.information import InformationSet
from nba_assets.operations.explanation import PREDICTIONS, Explanation, explanations, importance
from nba_assets.operations.report import (
    PredictionError,
    WeeklyError,
    prediction_errors,
    weekly_errors,
)

GAMES = 20
"""of a player's past that a fan shows"""
PLAYERS = 3
"""who get one: those of whom most is expected next"""
LOOKED_AT = timedelta(days=7)
"""before the last prediction, whose features are looked at"""
_SUMMARY = "player_game_summary"


@dataclass(frozen=True)
class Told:
    """What was told of a player's game by the latest set it has, and what came of it."""

    game_date: date
    opponent: str
    information_set: InformationSet
    median: int
    within_80: tuple[int, int]
    within_50: tuple[int, int]
    points: int | None
    """None before it is played, or where he did not play"""


@dataclass(frozen=True)
class Fan:
    """What was told of a player's last games and the next, oldest first."""

    player_id: int
    player_name: str
    team: str
    games: Sequence[Told]


@dataclass(frozen=True)
class ModelReport:
    """All of it, of some dates."""

    errors: Sequence[PredictionError] = ()
    weeks: Sequence[WeeklyError] = ()
    tenths: Mapping[InformationSet, Sequence[Decile]] = field(default_factory=dict)
    """of the predictions by size, with what was had and how often the intervals held"""
    importance: Mapping[InformationSet, Mapping[str, float]] = field(default_factory=dict)
    """points a feature moves predictions by, the greatest first"""
    fans: Sequence[Fan] = ()
    explanation: Explanation | None = None
    """of the last game of the first fan"""
    unread: str = ""
    """why neither importance nor explanation is there: a model's file that cannot be read"""


def model_report(
    engine: Engine, tables: Mapping[str, DatedTable], models_dir: Path, dates: Sequence[date]
) -> ModelReport:
    """What there is to see of what is certified; what is not there is left out.

    A file of a model that is gone is told, and takes nothing else with it: the report is where one
    looks when something is wrong.
    """
    errors = prediction_errors(engine, tables, dates, tuple(InformationSet))
    weeks = weekly_errors(engine, tables, dates)
    fans = _fans(engine, tables, dates)
    if not fans:
        return ModelReport(errors, weeks)
    last, player = fans[0].games[-1].game_date, str(fans[0].player_id)
    told = ModelReport(errors, weeks, tenths(engine, tables, dates), fans=fans)
    first = max(dates[0], last - LOOKED_AT)
    try:
        return replace(
            told,
            importance=importance(engine, tables, models_dir, first, last),
            explanation=explanations(engine, tables, models_dir, last, player)[-1],
        )
    except BadInput as error:
        return replace(told, unread=str(error))


def tenths(
    engine: Engine, tables: Mapping[str, DatedTable], dates: Sequence[date]
) -> dict[InformationSet, list[Decile]]:
    """By set, the certified predictions that were played, by size, and what came of them."""
    rows = engine.query(
        "SELECT p.information_set, p.predicted_points, p.points_q10, p.points_q25, p.points_q75, "
        f"p.points_q90, s.pts FROM {PREDICTIONS} AS p JOIN {_SUMMARY} AS s "
        "ON s.game_date = p.game_date AND s.game_id = p.game_id AND s.player_id = p.player_id "
        "WHERE s.played ORDER BY p.game_date, p.game_id, p.player_id",
        certified_tables(tables, (PREDICTIONS, _SUMMARY), dates[0], dates[-1]),
    ).to_pandas()
    of_set = {known: rows[rows["information_set"] == known] for known in InformationSet}
    return {known: deciles(mine, "predicted_points") for known, mine in of_set.items() if len(mine)}


def _fans(engine: Engine, tables: Mapping[str, DatedTable], dates: Sequence[date]) -> list[Fan]:
    """Of the players of whom most is expected on the last date with predictions."""
    if PREDICTIONS not in tables:
        return []
    rows = engine.query(
        "SELECT p.game_date, p.game_id, p.player_id, p.player_name, p.team, p.opponent, "
        "p.information_set, p.predicted_points, p.points_median, p.points_q10, p.points_q25, "
        "p.points_q75, p.points_q90, IF(s.played, s.pts, NULL) AS points "
        f"FROM {PREDICTIONS} AS p LEFT JOIN {_SUMMARY} AS s ON s.game_date = p.game_date "
        "AND s.game_id = p.game_id AND s.player_id = p.player_id WHERE p.player_id IN ("
        f"SELECT player_id FROM {PREDICTIONS} WHERE information_set = '{InformationSet.MORNING}' "
        f"AND game_date = (SELECT MAX(game_date) FROM {PREDICTIONS}) "
        f"ORDER BY predicted_points DESC, player_id LIMIT {PLAYERS}) "
        "ORDER BY p.game_date, p.game_id, p.player_id",
        certified_tables(tables, (PREDICTIONS, _SUMMARY), dates[0], dates[-1]),
    ).to_pylist()
    games: dict[int, dict[str, Told]] = defaultdict(dict)
    of: dict[int, dict[str, Any]] = {}
    order = list(InformationSet)
    # The latest set of a game comes last, and stays.
    rows.sort(key=lambda row: (row["game_date"], order.index(row["information_set"])))
    for row in rows:
        if row["information_set"] == InformationSet.MORNING:
            of[row["player_id"]] = row
        games[row["player_id"]][row["game_id"]] = Told(
            row["game_date"],
            row["opponent"],
            InformationSet(row["information_set"]),
            row["points_median"],
            (row["points_q10"], row["points_q90"]),
            (row["points_q25"], row["points_q75"]),
            row["points"],
        )
    fans = [
        Fan(player, row["player_name"], row["team"], list(games[player].values())[-GAMES - 1 :])
        for player, row in of.items()
    ]
    return sorted(fans, key=lambda fan: -of[fan.player_id]["predicted_points"])
