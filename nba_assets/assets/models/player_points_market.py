"""``player_points_market``: points of the players with a line, by what bookmakers expect too."""

from dataclasses import replace
from typing import TYPE_CHECKING

from nba_assets.assets.models.player_points_predictions import INTEGERS, QUANTILES_ORDERED
from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID, PLAYER_NAME
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records
from nba_assets.contracts.dated_table import (
    Build,
    Computed,
    DatedTable,
    FromPython,
    Highlights,
    Read,
    Scope,
)
from nba_assets.modeling import market
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

_PREDICTIONS = "player_points_predictions"
_PLACES = " ".join(f"WHEN '{known}' THEN {place}" for place, known in enumerate(InformationSet))


def _latest(suffix: str) -> str:
    """Joins what leaves of predictions ``p`` those of the latest set each game has."""
    return f"""JOIN (
  SELECT game_date, game_id, MAX(CASE information_set {_PLACES} END) AS latest
  FROM {_PREDICTIONS}{suffix}
  GROUP BY game_date, game_id
) AS k ON k.game_date = p.game_date AND k.game_id = p.game_id
  AND k.latest = CASE p.information_set {_PLACES} END"""


PLAYER_POINTS_MARKET = Contract(
    table="player_points_market",
    group="models",
    description=(
        "One row per game and expected player with a line: the information set market. The "
        "prediction of the latest set the game has is moved towards the line by a weight learned "
        "anew every Monday from the games before it. A game without lines has no rows."
    ),
    grain=("game_id", "player_id"),
    due=Due.SCHEDULED,
    empty_games=True,
    kept_as_told=True,
    columns=(
        GAME_ID,
        GAME_DATE,
        PLAYER_ID,
        PLAYER_NAME,
        Column(
            "beside",
            "STRING",
            "Information set of the prediction the line is weighed with",
            values=tuple(InformationSet),
            lineage=(f"{_PREDICTIONS}.information_set",),
        ),
        Column(
            "line",
            "FLOAT64",
            "Mean of the lines",
            low=0,
            high=80,
            lineage=("player_points_lines.line",),
        ),
        Column(
            "bookmakers",
            "INT64",
            "How many offer one",
            low=1,
            lineage=("player_points_lines.bookmaker",),
        ),
        Column(
            "line_weight",
            "FLOAT64",
            "0 is the model alone, 1 the line; 0.5 before there are 600 player-games with a line",
            low=0,
            high=1,
            lineage=("player_points_lines.line", "player_game_summary.pts"),
        ),
        Column(
            "predicted_points",
            "FLOAT64",
            "Median of model and line, not rounded",
            low=0,
            high=110,
            lineage=(f"{_PREDICTIONS}.predicted_points", "player_points_lines.line"),
        ),
        *(
            replace(column, lineage=(f"{_PREDICTIONS}.{column.name}", "player_points_lines.line"))
            for column in INTEGERS
        ),
        Column(
            "over",
            "FLOAT64",
            "Probability of more points than the line if he plays; NULL while fewer than 1,200 "
            "player-games were predicted",
            nullable=True,
            low=0,
            high=1,
            lineage=(f"{_PREDICTIONS}.predicted_points", "player_game_summary.pts"),
        ),
    ),
    records=Records(
        f"""
        SELECT g.game_date, g.game_id, COALESCE(MAX(x.found), 0) AS expected,
          COALESCE(MAX(s.found), 0) AS actual
        FROM required_games AS g
        LEFT JOIN (
          SELECT p.game_date, p.game_id, COUNT(DISTINCT p.player_id) AS found
          FROM player_points_predictions AS p
          JOIN player_points_lines AS l ON l.game_date = p.game_date AND l.game_id = p.game_id
            AND l.player_id = p.player_id
          {_latest("")}
          GROUP BY p.game_date, p.game_id
        ) AS x ON x.game_date = g.game_date AND x.game_id = g.game_id
        LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged
          GROUP BY game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
        GROUP BY g.game_date, g.game_id
        """,
        reads=(_PREDICTIONS, "player_points_lines"),
    ),
    rules=(QUANTILES_ORDERED,),
    figures=(
        Figure("line_weight", "MAX(line_weight)", "contract"),
        Figure("players_with_a_line", "COUNT(*)", "row_counts"),
    ),
)


def _rows(suffix: str, columns: str, games: str, lined: str) -> str:
    """The predictions of the latest set of each game, with the mean of the lines."""
    return f"""
SELECT p.game_date, p.game_id, p.player_id, p.predicted_points, l.line, {columns}
FROM {_PREDICTIONS}{suffix} AS p
{games}
{_latest(suffix)}
{lined} JOIN (
  SELECT game_date, game_id, player_id, AVG(line) AS line,
    COUNT(DISTINCT bookmaker) AS bookmakers
  FROM player_points_lines{suffix}
  GROUP BY game_date, game_id, player_id
) AS l ON l.game_date = p.game_date AND l.game_id = p.game_id AND l.player_id = p.player_id
"""


_MEDIAN, *_BOUNDS = (column.name for column in INTEGERS)
_WANTED = _rows(
    "",
    f"p.player_name, p.information_set AS beside, l.bookmakers, p.{_MEDIAN}, "
    f"{', '.join(f'p.{name}' for name in _BOUNDS)}",
    "JOIN due_games AS g ON g.game_date = p.game_date AND g.game_id = p.game_id",
    "",
)
_PAST = (
    _rows(
        "_before",
        "s.pts",
        "JOIN player_game_summary_before AS s "
        "ON s.game_date = p.game_date AND s.game_id = p.game_id AND s.player_id = p.player_id",
        "LEFT",
    )
    + f"""
WHERE s.played AND p.game_date >= DATE_SUB((SELECT MIN(game_date) FROM due_games),
  INTERVAL {market.LEARNED_ON.days + 6} DAY)
"""
)


def _compute(inputs: "Mapping[str, pa.Table]", _: Build) -> Computed:
    wanted = inputs["wanted"].to_pandas()
    if wanted.empty:
        return Computed(rows_of(PLAYER_POINTS_MARKET, wanted))
    rows = market.beside_lines(inputs["past"].to_pandas(), wanted)
    median = rows["predicted_beside_line"].round().astype(int)
    moved = median - rows[_MEDIAN]
    bounds = {name: (rows[name] + moved).clip(lower=0) for name in _BOUNDS}
    return Computed(
        rows_of(
            PLAYER_POINTS_MARKET,
            rows.assign(
                predicted_points=rows["predicted_beside_line"], points_median=median, **bounds
            ),
        )
    )


TABLE = DatedTable(
    contract=PLAYER_POINTS_MARKET,
    produce=FromPython({"wanted": _WANTED, "past": _PAST}, _compute, version="2"),
    reads=(
        Read("schedule"),
        Read(_PREDICTIONS),
        Read("player_points_lines", Scope.OPTIONAL),
        *(
            Read(name, Scope.TRAINING)
            for name in (_PREDICTIONS, "player_points_lines", "player_game_summary")
        ),
    ),
    highlights=Highlights(
        "least like the line",
        ("player_name", "line", "predicted_points", "points_median", "over", "beside"),
        "ABS(predicted_points - line) DESC, player_id",
    ),
)
