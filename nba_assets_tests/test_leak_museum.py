"""The leak museum: recipes that fooled others, built on purpose, and what refuses each of them.

An exhibit is the product's own query with one change that somebody made in earnest. What its rows
say of themselves is checked when they are published; what they do not say is found by changing
what happened on a date: a feature of that date that changes has seen it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from threading import local

import pandas as pd
import pytest
import xgboost as xgb

from nba_assets.assets.graph import dated_tables
from nba_assets.contracts.dated_table import DatedTable, FromPython, FromSQL
from nba_assets.modeling import points_model
from nba_assets.modeling.configuration import Configuration
from nba_assets.modeling.information import InformationSet
from nba_assets.seasons import game_dates
from nba_assets_tests.memory_warehouse import MemoryWarehouse
from nba_assets_tests.test_leakage import BUILT
from nba_assets_tests.tiny_league import LAST, PLAYING, SEASON_START, SLATES, Sandbox, TinyLeague

DAY = SLATES[8]
DAYS = tuple(game_dates(SEASON_START, LAST))


@dataclass(frozen=True)
class Exhibit:
    """One change of a table's query."""

    table: str
    honest: str
    leaking: str
    columns: frozenset[str]
    """of those that must give it away, at least these"""

    def hung(self, tables: dict[str, DatedTable]) -> dict[str, DatedTable]:
        """The graph with it."""
        table = tables[self.table]
        produce: FromSQL | FromPython
        if isinstance(table.produce, FromSQL):
            assert self.honest in table.produce.query
            query = table.produce.query.replace(self.honest, self.leaking)
            produce = replace(table.produce, query=query)
        else:
            assert isinstance(table.produce, FromPython)
            assert any(self.honest in query for query in table.produce.queries.values())
            queries = {
                name: query.replace(self.honest, self.leaking)
                for name, query in table.produce.queries.items()
            }
            produce = replace(table.produce, queries=queries)
        return tables | {self.table: replace(table, produce=produce)}


_LAST_5 = "PARTITION BY player_id, season ORDER BY game_date ROWS BETWEEN 4 PRECEDING AND CURRENT"
EXHIBITS = {
    "a window that reaches the game itself": Exhibit(
        "player_features",
        _LAST_5 + " ROW",
        _LAST_5.replace("CURRENT", "1") + " FOLLOWING",
        frozenset({"points_avg_5", "points_trend"}),
    ),
    "the average of the whole season": Exhibit(
        "player_features",
        "AVG(pts) OVER season_to_date AS points_avg_season",
        "AVG(pts) OVER (PARTITION BY player_id, season) AS points_avg_season",
        frozenset({"points_avg_season"}),
    ),
    "values scaled by all rows there are": Exhibit(
        "player_features",
        "AVG(fga) OVER last_10 AS fga_avg_10",
        "ABS(AVG(fga) OVER last_10 - AVG(fga) OVER ()) AS fga_avg_10",
        frozenset({"fga_avg_10"}),
    ),
    "an encoding by what a team-mate's rows will say": Exhibit(
        "player_features",
        "AVG(reb) OVER last_10 AS reb_avg_10",
        "MAX(reb) OVER (PARTITION BY team) AS reb_avg_10",
        frozenset({"reb_avg_10"}),
    ),
    "the team's form with the game in it": Exhibit(
        "team_form",
        "  AND s.game_date < t.game_date AND COALESCE(s.next_game_date >= t.game_date, TRUE)\n"
        "LEFT JOIN load",
        "  AND s.game_date <= t.game_date AND COALESCE(s.next_game_date > t.game_date, TRUE)\n"
        "LEFT JOIN load",
        frozenset(),
    ),
}
CONFESSED = {"the team's form with the game in it": "window_completeness_within_bounds"}
"""what their own rows say, and the rule that reads it"""


def _play_on_differently(league: TinyLeague) -> None:
    """From the date on everyone makes two free throws more, misses two shots, takes a rebound."""
    more = {"ftm": 2, "fta": 2, "pts": 2, "fga": 2, "dreb": 1, "reb": 1}
    for row in league.tables["player_box_scores"]:
        if row["game_date"] >= DAY and row["status"] == "PLAYED":
            row.update({name: row[name] + by for name, by in more.items()})
    for row in league.tables["team_box_scores"]:
        if row["game_date"] >= DAY:
            row.update({name: row[name] + PLAYING * by for name, by in more.items()})
    for row in league.tables["schedule"]:
        if row["game_date"] >= DAY:
            row.update({n: row[n] + PLAYING * more["pts"] for n in ("home_points", "away_points")})


def _memory() -> MemoryWarehouse:
    return MemoryWarehouse(table.contract for table in dated_tables(Path("models")).values())


def _rows(folder: Path, league: TinyLeague, exhibit: Exhibit) -> dict[tuple[object, ...], object]:
    """The values of the date's rows by key and column, built with all dates at hand."""
    sandbox = Sandbox(folder, league=league, in_memory=_memory())
    tables = exhibit.hung(sandbox.tables)
    publisher = sandbox.publisher(tables=tables)
    for name in BUILT[: BUILT.index(exhibit.table) + 1]:
        publisher.build(name, DAYS)
    grain = tables[exhibit.table].contract.grain
    rows = sandbox.query(f"SELECT * FROM {exhibit.table} WHERE game_date = DATE '{DAY}'")
    return {
        (*(row[name] for name in grain), column): value
        for row in rows
        for column, value in row.items()
    }


@pytest.mark.parametrize("name", sorted(set(EXHIBITS) - set(CONFESSED)))
def test_what_a_feature_does_not_say_is_found_by_changing_what_happened(
    tmp_path: Path, name: str
) -> None:
    other = TinyLeague()
    _play_on_differently(other)
    exhibit = EXHIBITS[name]
    known = _rows(tmp_path / "known", TinyLeague(), exhibit)
    changed = _rows(tmp_path / "changed", other, exhibit)
    assert known.keys() == changed.keys()
    seen = {key[-1] for key, value in known.items() if value != changed[key]}
    assert exhibit.columns <= seen, "it has seen the game"
    honest = replace(exhibit, leaking=exhibit.honest)
    assert _rows(tmp_path / "honest", TinyLeague(), honest) == _rows(
        tmp_path / "other", other, honest
    )


@pytest.mark.parametrize("name", sorted(CONFESSED))
def test_what_a_feature_says_of_itself_is_read(tmp_path: Path, name: str) -> None:
    sandbox = Sandbox(tmp_path, in_memory=_memory())
    exhibit = EXHIBITS[name]
    publisher = sandbox.publisher(tables=exhibit.hung(sandbox.tables))
    for table in BUILT[: BUILT.index(exhibit.table) + 1]:
        publisher.build(table, DAYS)
    attempt = sandbox.attempt(exhibit.table, DAY)
    assert not attempt.status.certified
    assert CONFESSED[name] in attempt.message


def _in_progress(league: TinyLeague) -> None:
    league.set_status(league.game(SLATES[7], "BOS"), "IN_PROGRESS")


def _without_minutes(league: TinyLeague) -> None:
    league.patch("player_box_scores", league.game(SLATES[7], "BOS"), {"minutes": 0.0})


@pytest.mark.parametrize("change", [_in_progress, _without_minutes])
def test_a_game_that_is_not_over_is_nobodys_history(
    tmp_path: Path, change: Callable[[TinyLeague], None]
) -> None:
    """Half a box score is a number like any other: what is built on it must wait."""
    league = TinyLeague()
    change(league)
    sandbox = Sandbox(tmp_path, league=league, in_memory=_memory())
    sandbox.build_all(tables=BUILT)
    home, away = league.teams(league.game(SLATES[7], "BOS"))
    held = sandbox.verdicts("player_features", DAY)
    waiting = {game for game in league.games(DAY) if {home, away} & set(league.teams(game))}
    assert {game for game, verdict in held.items() if verdict.verdict == "held"} == waiting
    assert not sandbox.attempt("player_features", DAY).status.certified


def _split_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model trained on a random part of all rows there are, and proven on the others."""

    def at_random(history: pd.DataFrame, *_: object) -> pd.DataFrame:
        return history.sample(frac=0.75, random_state=1)

    monkeypatch.setattr(points_model, "trained_on", at_random)


def _stopped_on_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model trained on earlier rows, its number of rounds chosen on a random part of all rows."""
    honest, honestly, everything = points_model.trained_on, points_model.trained, local()

    def remembered(history: pd.DataFrame, as_of: date, by: Configuration) -> pd.DataFrame:
        everything.rows = history
        return honest(history, as_of, by)

    def stopped(rows: pd.DataFrame, known: InformationSet, by: Configuration) -> points_model.Model:
        validation = everything.rows.sample(frac=0.5, random_state=1)
        train, valid = (
            points_model._matrix(part, by.features[known], None) for part in (rows, validation)
        )
        booster = xgb.train(
            {**points_model.PARAMETERS, "eta": 0.5, "min_child_weight": 1},
            train,
            200,
            evals=[(valid, "valid")],
            early_stopping_rounds=1,
            verbose_eval=False,
        )
        boosters = [booster[: booster.best_iteration + 1]] * len(points_model.BOOSTERS)
        return replace(honestly(rows, known, by), boosters=boosters)

    monkeypatch.setattr(points_model, "trained_on", remembered)
    monkeypatch.setattr(points_model, "trained", stopped)


def _models(folder: Path, league: TinyLeague) -> Sandbox:
    """The models of the last dates, built as one range."""
    sandbox = Sandbox(folder, league=league, in_memory=_memory(), up_to="player_points_model")
    for name in sandbox.tables:
        sandbox.publisher().build(name, DAYS)
    return sandbox


@pytest.mark.usefixtures("small_models")
def test_a_model_of_a_random_split_says_what_it_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = _models(tmp_path / "honest", TinyLeague()).attempt("player_points_model", DAY)
    assert honest.status.certified
    _split_at_random(monkeypatch)
    attempt = _models(tmp_path / "split", TinyLeague()).attempt("player_points_model", DAY)
    assert not attempt.status.certified
    assert "strictly_before" in attempt.message


@pytest.mark.usefixtures("small_models")
@pytest.mark.parametrize("leaking", [False, True])
def test_rounds_chosen_on_what_comes_change_with_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, leaking: bool
) -> None:
    if leaking:
        _stopped_on_what_comes(monkeypatch)
    other = TinyLeague()
    _play_on_differently(other)
    query = (
        "SELECT game_date, information_set, artifact_digest FROM player_points_model "
        f"WHERE game_date <= DATE '{DAY}' ORDER BY game_date, information_set"
    )
    known, changed = (
        _models(tmp_path / name, league).query(query)
        for name, league in (("known", TinyLeague()), ("changed", other))
    )
    assert known
    assert (known != changed) is leaking
