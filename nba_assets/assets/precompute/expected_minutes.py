"""``expected_minutes``: the minutes each expected player is to play, and what they are worth."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.precompute.expected_roster import INFORMATION_SET, STARTS, rosters
from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID
from nba_assets.contracts.contract import Column, Contract, Due, Figure, Records, SetRule
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling import expected_minutes as model
from nba_assets.modeling import lineup_context

if TYPE_CHECKING:
    import pyarrow as pa


def _column(
    name: str,
    meaning: str,
    *lineage: str,
    low: float = 0,
    high: float = 400,
    nullable: bool = False,
) -> Column:
    return Column(
        name, "FLOAT64", meaning, nullable=nullable, low=low, high=high,
        lineage=lineage or ("player_game_summary.minutes", "lineup_context.similar_minutes"),
    )  # fmt: skip


_BEYOND = "Minutes beyond those the kernel expected, of his last games; weights halved every"
MINUTES = (
    _column("beyond_1", f"{_BEYOND} 1.5 games", low=-60, high=60, nullable=True),
    _column("beyond_4", f"{_BEYOND} 4 games", low=-60, high=60, nullable=True),
    _column("beyond_12", f"{_BEYOND} 12 games", low=-60, high=60, nullable=True),
    _column("beyond_size", "Their size, either way; weights halved every 10 games", nullable=True),
    _column("expected_minutes", "Minutes of regulation, if he plays", high=48),
    _column("team_minutes", "The team's expected minutes, he himself for certain", high=600),
    _column("minutes_of_240", "His expected minutes with the team's brought to 240", high=80),
    _column("use_share", "His share of the possessions the team ends", high=1),
    *(
        _column(name, f"Expected minutes times {rate}", f"player_state.{rate}")
        for name, rate in model.RATES.items()
    ),
    _column("team_points", "shots_60 of the team, he himself for certain"),
    _column(
        "points_of_team",
        "shots_60 with the team's brought to the points it is expected to score",
        "team_ratings.expected_points",
        "player_state.expected_points_per_minute_60",
    ),
)
"""What the model sees of minutes, in the order of the table."""

EXPECTED_MINUTES = Contract(
    table="expected_minutes",
    group="precompute",
    description=(
        "One row per expected player, game and information set: the minutes he is to play if he "
        "plays, by a model fitted every month on the games of the 560 days before it, and what "
        "they are worth at his rates and beside the minutes of his team-mates."
    ),
    grain=("game_id", "player_id", "information_set"),
    due=Due.SCHEDULED,
    columns=(GAME_ID, GAME_DATE, PLAYER_ID, INFORMATION_SET, *MINUTES),
    records=Records.as_many_as("expected_roster"),
    rules=(
        SetRule(
            "constant",
            """
            SELECT game_date, CAST(NULL AS STRING) AS game_id,
              'every player is expected to play the same minutes' AS detail
            FROM staged
            GROUP BY game_date
            HAVING COUNT(*) >= 16 AND COUNT(DISTINCT ROUND(expected_minutes, 9)) = 1
            """,
            check="features",
        ),
    ),
    figures=(Figure("team_minutes", "ROUND(AVG(team_minutes), 1)", "features"),),
)


def _named(names: Sequence[str], alias: str) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


_CONTEXT = (*lineup_context.CONTEXT, *lineup_context.OF_STARTERS)


def _rows(suffix: str, columns: str, games: str) -> str:
    """The rosters with what the minutes are fitted on, of the date or of earlier ones."""
    rates = (*model.RATES.values(), "used_per_minute_60")
    state = dict.fromkeys((*model.OF_STATE, *rates))
    named = (
        f"x.plays, {STARTS}, {columns} r.expected_margin, r.expected_points, "
        f"{_named(model.OF_FEATURES, 'f')}, {_named(tuple(state), 'p')}, {_named(_CONTEXT, 'c')}"
    )
    return rosters(suffix, named, games)


_WANTED = _rows(
    "", "", "JOIN due_games AS g ON g.game_date = x.game_date AND g.game_id = x.game_id"
)
_DID = "SAFE_DIVIDE(s.minutes * 240, COALESCE(t.minutes, 240.0)) AS minutes"
_WHO_DID = """
JOIN player_game_summary_before AS s
  ON s.game_date = x.game_date AND s.game_id = x.game_id AND s.player_id = x.player_id
LEFT JOIN team_offense_game_summary_before AS t
  ON t.game_date = s.game_date AND t.game_id = s.game_id AND t.team = s.team
"""


def _since(days: int) -> str:
    first = f"DATE_SUB((SELECT MIN(game_date) FROM due_games), INTERVAL {days} DAY)"
    return f"WHERE s.played AND x.game_date >= {first}"


_HISTORY = _rows("_before", f"{_DID},", _WHO_DID) + _since(
    model.TRAINED_ON.days + model.MEMORY_DAYS + 31
)
_MEMORY = f"""
SELECT x.game_date, x.game_id, x.player_id, x.information_set, x.similar_minutes, {_DID}
FROM lineup_context_before AS x
{_WHO_DID}
{_since(model.MEMORY_DAYS)}
"""


def table(models_dir: Path) -> DatedTable:
    """The dated table, its fits kept in ``models_dir``."""

    def spared(build: Build) -> Collection[str]:
        kept = model.fits(models_dir, build.mark)
        return {"history"} if model.has_all(build.dates, kept) else ()

    def compute(inputs: "Mapping[str, pa.Table]", build: Build) -> Computed:
        wanted = inputs["wanted"].to_pandas()
        if wanted.empty:
            return Computed(rows_of(EXPECTED_MINUTES, wanted))
        history = inputs["history"].to_pandas() if "history" in inputs else None
        memory, kept = inputs["memory"].to_pandas(), model.fits(models_dir, build.mark)
        rows = model.expected(history, memory, wanted, kept, os.cpu_count() or 1)
        return Computed(rows_of(EXPECTED_MINUTES, rows))

    queries = {"history": _HISTORY, "memory": _MEMORY, "wanted": _WANTED}
    return DatedTable(
        contract=EXPECTED_MINUTES,
        produce=FromPython(queries, compute, version="3", spared=spared),
        reads=(
            Read("schedule"),
            *(
                Read(name, scope)
                for scope in (Scope.DATE, Scope.TRAINING)
                for name in (
                    "expected_roster", "player_features", "player_state", "team_ratings",
                    "lineup_context",
                )
            ),
            Read("player_game_summary", Scope.TRAINING),
            Read("team_offense_game_summary", Scope.TRAINING),
        ),
    )  # fmt: skip
