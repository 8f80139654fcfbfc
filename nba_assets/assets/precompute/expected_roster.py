"""``expected_roster``: who is on a team's roster for a game, and how probably he plays."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.contracts.arrow import rows_of
from nba_assets.contracts.box_score import GAME_DATE, GAME_ID, PLAYER_ID, TEAM
from nba_assets.contracts.contract import (
    Column,
    Contract,
    Due,
    Figure,
    Records,
    RowRule,
    SetRule,
    Severity,
)
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython, Read, Scope
from nba_assets.modeling import play_probability
from nba_assets.modeling.information import InformationSet

if TYPE_CHECKING:
    import pyarrow as pa

INFORMATION_SET = Column(
    "information_set",
    "STRING",
    "What the row knows: morning, all games of the day before; availability, also the game's "
    "inactive list; lineup, also its announced starters",
    values=tuple(InformationSet),
)
_OF_EARLIER_GAMES = ("player_state", "player_features", "team_ratings")

EXPECTED_ROSTER = Contract(
    table="expected_roster",
    group="precompute",
    description=(
        "One row per expected player, game and information set the game has, also before it is "
        "played: how probably he plays. Fitted every month on the rosters of the 500 days before "
        "it. Where the list or the starters of a game are not published, its rows of that set are "
        "missing: what is known of it is the set before."
    ),
    grain=("game_id", "player_id", "information_set"),
    due=Due.SCHEDULED,
    columns=(
        GAME_ID,
        GAME_DATE,
        TEAM,
        PLAYER_ID,
        INFORMATION_SET,
        Column(
            "listed_inactive",
            "BOOL",
            "Whether he is on the game's inactive list; NULL where the set does not know",
            nullable=True,
            lineage=("player_availability.player_id",),
        ),
        Column(
            "starts",
            "BOOL",
            "Whether he is an announced starter; NULL where the set does not know",
            nullable=True,
            lineage=("starting_lineups.player_id",),
        ),
        Column(
            "plays",
            "FLOAT64",
            "Probability that he plays: 0 if listed inactive, 1 if he starts",
            low=0,
            high=1,
            lineage=("player_game_summary.played",),
        ),
    ),
    records=Records(
        """
        SELECT g.game_date, g.game_id, COALESCE(MAX(p.found), 0)
          * (1 + COALESCE(MAX(a.known), 0) + COALESCE(MAX(l.known), 0)) AS expected,
          COALESCE(MAX(s.found), 0) AS actual
        FROM required_games AS g
        LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM player_features
          GROUP BY game_date, game_id) AS p ON p.game_date = g.game_date AND p.game_id = g.game_id
        LEFT JOIN (SELECT DISTINCT game_date, game_id, 1 AS known FROM player_availability) AS a
          ON a.game_date = g.game_date AND a.game_id = g.game_id
        LEFT JOIN (SELECT DISTINCT game_date, game_id, 1 AS known FROM starting_lineups) AS l
          ON l.game_date = g.game_date AND l.game_id = g.game_id
        LEFT JOIN (SELECT game_date, game_id, COUNT(*) AS found FROM staged
          GROUP BY game_date, game_id) AS s ON s.game_date = g.game_date AND s.game_id = g.game_id
        GROUP BY g.game_date, g.game_id
        """,
        reads=("player_features", "player_availability", "starting_lineups"),
    ),
    rules=(
        RowRule(
            "knows_no_more_than_its_set",
            "(information_set = 'lineup' OR starts IS NULL) "
            "AND (information_set <> 'morning' OR listed_inactive IS NULL)",
            check="point_in_time",
        ),
        RowRule(
            "what_is_known_is_certain",
            "(NOT COALESCE(listed_inactive, FALSE) OR plays = 0 OR COALESCE(starts, FALSE)) "
            "AND (NOT COALESCE(starts, FALSE) OR plays = 1)",
        ),
        SetRule(
            "five_to_play",
            """
            SELECT game_date, game_id, CONCAT(team, ' is expected to play with ',
              CAST(ROUND(SUM(plays), 1) AS STRING), ' players, as of ',
                information_set) AS detail
            FROM staged
            GROUP BY game_date, game_id, team, information_set
            HAVING SUM(plays) < 5
            """,
            check="features",
            severity=Severity.WARN,
        ),
    ),
    figures=(
        Figure(
            "expected_to_play",
            "ROUND(SAFE_DIVIDE(SUM(IF(information_set = 'morning', plays, 0)), "
            "COUNT(DISTINCT CONCAT(game_id, team))), 2)",
            "features",
        ),
    ),
)


def rosters(suffix: str, columns: str, games: str) -> str:
    """A query for the rosters by information set, of the dates or (``_before``) of earlier ones.

    Beside the roster ``x`` stand the player's features ``f``, state ``p`` and context ``c`` and
    the team's ratings ``r``; ``games`` joins what says which rows.
    """
    return f"""
SELECT x.game_date, x.game_id, x.team, x.player_id, x.information_set, {columns}
FROM expected_roster{suffix} AS x
{games}
JOIN player_features{suffix} AS f
  ON f.game_date = x.game_date AND f.game_id = x.game_id AND f.player_id = x.player_id
JOIN player_state{suffix} AS p
  ON p.game_date = x.game_date AND p.game_id = x.game_id AND p.player_id = x.player_id
JOIN team_ratings{suffix} AS r
  ON r.game_date = x.game_date AND r.game_id = x.game_id AND r.team = x.team
JOIN lineup_context{suffix} AS c
  ON c.game_date = x.game_date AND c.game_id = x.game_id AND c.player_id = x.player_id
  AND c.information_set = x.information_set
"""


STARTS = "IF(x.starts IS NULL, NULL, IF(x.starts, 1.0, 0.0)) AS starts"
"""as a number, of ``rosters``"""


def _rows(suffix: str, columns: str, games: str) -> str:
    """The rosters with what the probability is fitted on, of the date or of earlier ones."""
    signals = {
        "player_features": (
            "games_played", "days_since_played", "team_rest_days", "team_games_last_7_days",
            "is_home",
        ),
        "team_ratings": ("expected_margin",),
    }  # fmt: skip
    elsewhere = {name for names in signals.values() for name in names}
    signals["player_state"] = tuple(n for n in play_probability.SIGNALS if n not in elsewhere)
    alias = {"player_features": "f", "player_state": "p", "team_ratings": "r"}
    listed = ", ".join(f"{alias[t]}.{name}" for t, names in signals.items() for name in names)
    return f"""
SELECT f.game_date, f.game_id, f.team, f.player_id, {listed}, {columns}
  a.game_id IS NOT NULL AS list_known, i.player_id IS NOT NULL AS listed_inactive,
  l.game_id IS NOT NULL AS lineup_known, COALESCE(s.team = f.team, FALSE) AS starts,
  COALESCE(s.team <> f.team, FALSE) AS starts_for_other
FROM player_features{suffix} AS f
{games}
JOIN player_state{suffix} AS p
  ON p.game_date = f.game_date AND p.game_id = f.game_id AND p.player_id = f.player_id
JOIN team_ratings{suffix} AS r
  ON r.game_date = f.game_date AND r.game_id = f.game_id AND r.team = f.team
LEFT JOIN (SELECT DISTINCT game_date, game_id FROM player_availability{suffix}) AS a
  ON a.game_date = f.game_date AND a.game_id = f.game_id
LEFT JOIN player_availability{suffix} AS i
  ON i.game_date = f.game_date AND i.game_id = f.game_id AND i.player_id = f.player_id
LEFT JOIN (SELECT DISTINCT game_date, game_id FROM starting_lineups{suffix}) AS l
  ON l.game_date = f.game_date AND l.game_id = f.game_id
LEFT JOIN starting_lineups{suffix} AS s
  ON s.game_date = f.game_date AND s.game_id = f.game_id AND s.player_id = f.player_id
"""


_WANTED = _rows(
    "", "", "JOIN due_games AS g ON g.game_date = f.game_date AND g.game_id = f.game_id"
)
_HISTORY = (
    _rows(
        "_before",
        "COALESCE(o.played, FALSE) AS played,",
        "JOIN (SELECT DISTINCT game_date, game_id FROM player_game_summary_before) AS g "
        "ON g.game_date = f.game_date AND g.game_id = f.game_id "
        "LEFT JOIN player_game_summary_before AS o "
        "ON o.game_date = f.game_date AND o.game_id = f.game_id AND o.player_id = f.player_id "
        "AND o.team = f.team",
    )
    + f"""
WHERE f.game_date >= DATE_SUB((SELECT MIN(game_date) FROM due_games),
  INTERVAL {play_probability.TRAINED_ON.days + 31} DAY)
"""
)


def table(models_dir: Path) -> DatedTable:
    """The dated table, its fits kept in ``models_dir``."""

    def spared(build: Build) -> Collection[str]:
        kept = play_probability.fits(models_dir, build.mark)
        return {"history"} if play_probability.has_all(build.dates, kept) else ()

    def compute(inputs: "Mapping[str, pa.Table]", build: Build) -> Computed:
        wanted = inputs["wanted"].to_pandas()
        if wanted.empty:
            return Computed(rows_of(EXPECTED_ROSTER, wanted))
        history = inputs["history"].to_pandas() if "history" in inputs else None
        kept = play_probability.fits(models_dir, build.mark)
        rows = play_probability.by_information(history, wanted, kept)
        return Computed(rows_of(EXPECTED_ROSTER, rows))

    return DatedTable(
        contract=EXPECTED_ROSTER,
        produce=FromPython(
            {"history": _HISTORY, "wanted": _WANTED},
            compute,
            version="3",
            spared=spared,
        ),
        reads=_READS,
    )


_READS = (
    Read("schedule"),
    Read("player_features"),
    Read("player_state"),
    Read("team_ratings"),
    Read("player_availability", Scope.OPTIONAL),
    Read("starting_lineups", Scope.OPTIONAL),
    *(
        Read(name, Scope.TRAINING)
        for name in (
            "player_features", "player_state", "team_ratings", "player_availability",
            "starting_lineups", "player_game_summary",
        )
    ),
)  # fmt: skip
