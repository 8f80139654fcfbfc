"""Evidence of how good the predictions of a period were, from certified rows alone.

Every look at a period is recorded: who looks often enough finds something by chance.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.certified import certified_tables, history_start
from nba_assets.contracts.contract import Due
from nba_assets.contracts.dated_table import DatedTable, Scope
from nba_assets.engines.engine import Engine
from nba_assets.modeling.baselines import RIDGE_FEATURES, ridge
from nba_assets.modeling.evidence import (
    Chance,
    Decile,
    Score,
    chances,
    covered,
    deciles,
    from_history,
    scores,
)
from nba_assets.modeling.information import MARKET, InformationSet
from nba_assets.seasons import season_start

if TYPE_CHECKING:
    import pandas as pd

MODEL = "xgboost"
BASELINES = ("rules_core", "season_average", "last_10_average", "ewma_5", "ridge")
FLOOR = "hindsight_minutes"
LINE, WITHOUT_LINE = "line", "without_line"
"""the mean of the bookmakers' lines; the model's prediction that is weighed with it"""
WITH_LINE = "with_line"
REGULAR_MINUTES = 20.0
"""expected of a regular"""
TABLES = (
    "schedule",
    "player_game_summary",
    "player_points_lines",
    "player_points_predictions",
    "player_points_market",
)
REGULAR_SEASON = "Regular Season"


@dataclass(frozen=True)
class Evidence:
    """What the predictions of some player-games were worth."""

    information_set: str
    population: str
    """``all`` who played in the regular season, its ``regulars`` or those ``with_line``, or
    ``playoffs``
    """
    scores: Sequence[Score]
    """the model first"""
    deciles: Sequence[Decile]
    covered_80: float
    covered_50: float
    chances: Sequence[Chance] = ()
    """of more points than the line, where that is known"""

    def records(self) -> list[dict[str, Any]]:
        """One record a predictor, for programs."""
        core = next(one for one in self.scores if one.predictor == "rules_core")
        return [
            {
                "information_set": self.information_set,
                "population": self.population,
                "predictor": one.predictor,
                "n": one.n,
                "mae": one.mae,
                "mae_rounded": one.mae_rounded,
                "bias": one.bias,
                "below_rules_core_pct": 100 * (1 - one.mae / core.mae),
                "ci90": list(asdict(one.against["rules_core"]).values())
                if "rules_core" in one.against
                else None,
                "covered_80": self.covered_80 if one.predictor == MODEL else None,
                "covered_50": self.covered_50 if one.predictor == MODEL else None,
                "against": {
                    other: list(asdict(interval).values())
                    for other, interval in one.against.items()
                },
            }
            for one in self.scores
        ]


@dataclass(frozen=True)
class Looks:
    """How often a period that shares a date with this one was looked at before."""

    before: int
    models: int
    """different ones among them, this one included"""


@dataclass(frozen=True)
class Evaluation:
    """The evidence of a period."""

    first: date
    last: date
    evidence: Sequence[Evidence]
    without_prediction: int
    """player-games of who had played in the season before, and was not predicted"""
    looks: Looks
    as_told: bool = False
    """whether what was told before tip-off was judged"""


def evaluate(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    first: date,
    last: date,
    *,
    as_told: bool = False,
) -> Evaluation:
    """The evidence of a period, and the record of this look at it; a session that may write.

    What is judged is what the certified data says now, or what was told before tip-off.
    """
    rows, without = judged(engine, tables, first, last, as_told=as_told)
    regular_season = rows["season_type"] == REGULAR_SEASON
    of_market = rows["information_set"] == MARKET
    populations = {
        "all": regular_season & ~of_market,
        "regulars": regular_season & ~of_market & (rows["expected_minutes"] >= REGULAR_MINUTES),
        WITH_LINE: regular_season & rows["line"].notna(),
        "playoffs": ~regular_season & ~of_market,
    }
    found = [
        _evidence(known, name, rows[mask & (rows["information_set"] == known)])
        for known in (*InformationSet, MARKET)
        for name, mask in populations.items()
        if bool((mask & (rows["information_set"] == known)).any())
    ]
    looks = _look(engine, tables, first, last, [r for one in found for r in one.records()])
    return Evaluation(first, last, found, without, looks, as_told)


def _evidence(known: str, population: str, rows: "pd.DataFrame") -> Evidence:
    lines = (LINE,) if population == WITH_LINE else ()
    beside = (WITHOUT_LINE,) if known == MARKET else ()
    return Evidence(
        known,
        population,
        scores(rows, (MODEL, *lines, *beside, *BASELINES, FLOOR)),
        deciles(rows, MODEL),
        *covered(rows),
        chances(rows) if known == MARKET else (),
    )


def judged(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    first: date,
    last: date,
    *,
    as_told: bool = False,
) -> "tuple[pd.DataFrame, int]":
    """A row per player-game and information set that was predicted and played, and how many
    player-games were played but not predicted although the player had played in the season before.
    """
    import pandas as pd

    certified = certified_tables(tables, TABLES, season_start(first), last)
    if as_told:
        for name in TABLES:
            if tables[name].contract.kept_as_told:
                told = f"game_date BETWEEN DATE '{first}' AND DATE '{last}'"
                certified[name] = f"SELECT * FROM {name}_as_told WHERE {told}"
    played = engine.query(
        "SELECT season, season_type, player_id, game_date, game_id, pts, minutes "
        "FROM player_game_summary WHERE played",
        certified,
    ).to_pandas()
    predicted = engine.query(
        "SELECT game_id, player_id, information_set, expected_minutes, "
        f"predicted_points AS {MODEL}, points_q10, points_q25, points_q75, points_q90, "
        "season_average, last_10_average, rules_core "
        f"FROM player_points_predictions WHERE game_date >= DATE '{first}'",
        certified,
    ).to_pandas()
    lines = engine.query(
        "SELECT game_id, player_id, AVG(line) AS line FROM player_points_lines "
        "GROUP BY game_id, player_id",
        certified,
    ).to_pandas()
    market = engine.query(
        f"SELECT m.game_id, m.player_id, '{MARKET}' AS information_set, p.expected_minutes, "
        f"m.predicted_points AS {MODEL}, m.points_q10, m.points_q25, m.points_q75, m.points_q90, "
        f"p.season_average, p.last_10_average, p.rules_core, p.predicted_points AS {WITHOUT_LINE}, "
        "m.over FROM player_points_market AS m JOIN player_points_predictions AS p "
        "ON p.game_date = m.game_date AND p.game_id = m.game_id AND p.player_id = m.player_id "
        f"AND p.information_set = m.beside WHERE m.game_date >= DATE '{first}'",
        certified,
    ).to_pandas()
    predicted = pd.concat([predicted, market]) if len(market) else predicted
    predicted = predicted.merge(lines, how="left", on=["game_id", "player_id"])
    history = from_history(played).merge(_ridge(engine, tables, first, last), how="left")
    known = played.merge(history, on=["game_id", "player_id"])
    known = known[(known["game_date"] >= first) & known["ewma_5"].notna()]
    rows = known.merge(predicted, on=["game_id", "player_id"])
    # Before the second month there is, nothing can be fitted: it is the rules core then.
    rows["ridge"] = rows["ridge"].fillna(rows["rules_core"])
    return rows, len(known) - len(rows.drop_duplicates(["game_id", "player_id"]))


def _ridge(
    engine: Engine, tables: Mapping[str, DatedTable], first: date, last: date
) -> "pd.DataFrame":
    """The ridge baseline of the period's player-games, fitted on those of three seasons."""
    start = history_start(Scope.TRAINING, first)
    names = ("schedule", "player_features", "player_game_summary")
    certified = certified_tables(tables, names, start, last)
    rows = engine.query(
        "SELECT f.game_date, f.game_id, f.player_id, s.pts, "
        + ", ".join(f"f.{name}" for name in RIDGE_FEATURES)
        + " FROM player_features AS f JOIN player_game_summary AS s ON s.game_date = f.game_date "
        "AND s.game_id = f.game_id AND s.player_id = f.player_id WHERE s.played",
        certified,
    ).to_pandas()
    wanted = rows[rows["game_date"] >= first]
    return wanted[["game_id", "player_id"]].assign(ridge=ridge(rows, wanted))


def _look(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    first: date,
    last: date,
    records: Sequence[Mapping[str, Any]],
) -> Looks:
    """Record this look, and count those before at any date of the period."""
    made_by = (one for one in tables.values() if one.contract.group in ("precompute", "models"))
    model = "-".join(one.code_version for one in made_by if one.contract.due is Due.SCHEDULED)
    if promoted := ledger.rulings(engine).promoted("player_points_model", last):
        model += f"-{promoted.publication}"
    before = ledger.looks(engine, first, last)
    ledger.evaluated(engine, first, last, model, json.dumps(list(records)), datetime.now(UTC))
    return Looks(len(before), len({*before, model}))
