"""Features know only the past: whatever happens on a date and later, its features stay the same."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import pandas as pd
import pytest

from nba_assets.modeling import play_probability
from nba_assets.modeling.information import InformationSet
from nba_assets.seasons import game_dates
from nba_assets.sources.source import RAW_TABLES
from nba_assets_tests.tiny_league import (
    FIRST_FEATURES,
    LAST,
    ONE_GAME,
    SLATES,
    Sandbox,
    TinyLeague,
    player_ids,
)

FEATURES = (
    "team_form",
    "team_ratings",
    "player_features",
    "player_state",
    "expected_roster",
    "lineup_context",
    "expected_minutes",
)
BUILT = (
    *RAW_TABLES,
    "team_offense_game_summary",
    "player_game_summary",
    *FEATURES,
)
OUTCOMES = ("player_box_scores", "team_box_scores")


def _nothing_is_played(league: TinyLeague, day: date) -> None:
    """As seen on the morning of the date."""
    for row in league.tables["schedule"]:
        if row["game_date"] >= day:
            league.set_status(row["game_id"], "SCHEDULED")


def _other_results(league: TinyLeague, day: date) -> None:
    """Every game of the date and later ends differently: all statistics doubled, roles turned."""
    for name in OUTCOMES:
        for row in league.tables[name]:
            if row["game_date"] >= day and row["pts"] is not None:
                counts = {n: v for n, v in row.items() if type(v) is int and n in _COUNTS}
                row.update({n: 2 * v for n, v in counts.items()})
                if "starter" in row:
                    row["starter"] = not row["starter"]
    for row in league.tables["schedule"]:
        if row["game_date"] >= day:
            row.update(home_points=2 * row["home_points"], away_points=2 * row["away_points"])


_COUNTS = frozenset(
    ["fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "reb", "ast", "stl", "blk", "tov",
     "pf", "pts", "tov_with_team"]
)  # fmt: skip


def _no_box_scores(league: TinyLeague, day: date) -> None:
    """The source dies on the date."""
    for name in OUTCOMES:
        league.tables[name] = [row for row in league.tables[name] if row["game_date"] < day]


def _nothing_later(league: TinyLeague, day: date) -> None:
    """The schedule ends with the date, and none of its games has an outcome."""
    _no_box_scores(league, day)
    for name, rows in league.tables.items():
        league.tables[name] = [row for row in rows if row["game_date"] <= day]
    _nothing_is_played(league, day)


@pytest.mark.parametrize(
    ("day", "change"),
    [
        (SLATES[8], _nothing_is_played),
        (ONE_GAME, _no_box_scores),
        (ONE_GAME, _nothing_later),
        (SLATES[9], _other_results),
    ],
)
def test_features_of_a_date_do_not_know_it_or_what_comes_after(
    whole_season: Sandbox,
    tmp_path: Path,
    day: date,
    change: Callable[[TinyLeague, date], None],
) -> None:
    perturbed = Sandbox(tmp_path / "data")
    change(perturbed.league, day)
    attempts = perturbed.build_all(tables=BUILT)

    seen = 0
    for name in FEATURES:
        known = whole_season.attempts(name)
        for attempt in attempts[name]:
            if FIRST_FEATURES <= attempt.game_date <= day:
                assert attempt.status is known[attempt.game_date].status
                assert attempt.digest == known[attempt.game_date].digest, attempt.game_date
                seen += attempt.stored_rows
    assert seen > 100


def test_the_perturbation_is_seen_by_the_dates_after_it(
    whole_season: Sandbox, tmp_path: Path
) -> None:
    """Otherwise the test above could not fail."""
    perturbed = Sandbox(tmp_path / "data")
    _other_results(perturbed.league, ONE_GAME)
    attempts = perturbed.build_all(tables=BUILT)

    for name in FEATURES:
        known = whole_season.attempts(name)
        changed = {
            attempt.game_date
            for attempt in attempts[name]
            if attempt.digest != known[attempt.game_date].digest
        }
        assert changed == {day for day in SLATES if ONE_GAME < day <= LAST}


def _another_is_out(league: TinyLeague, game: str) -> None:
    row = league.rows("player_availability", game)[0]
    other = league.rows("player_box_scores", game, team=row["team"], status="PLAYED")[-1]
    row.update(player_id=other["player_id"], player_name=other["player_name"])


def _another_starts(league: TinyLeague, game: str) -> None:
    row = league.rows("starting_lineups", game)[0]
    bench = league.rows("player_box_scores", game, team=row["team"], starter=False)[0]
    row.update(player_id=bench["player_id"], player_name=bench["player_name"])


@pytest.mark.parametrize(
    ("change", "without_knowing"),
    [(_another_is_out, {"morning"}), (_another_starts, {"morning", "availability"})],
)
def test_an_earlier_set_does_not_know_what_a_later_one_does(
    whole_season: Sandbox,
    tmp_path: Path,
    change: Callable[[TinyLeague, str], None],
    without_knowing: set[str],
) -> None:
    day = SLATES[8]
    perturbed = Sandbox(tmp_path / "data")
    change(perturbed.league, perturbed.league.games(day)[0])
    perturbed.build_all(last=day, tables=BUILT)
    for table in ("expected_roster", "lineup_context", "expected_minutes"):
        query = f"SELECT * FROM {table} WHERE game_date = DATE '{day}'"
        known, now = (
            {
                one: sorted(str(row) for row in rows if row["information_set"] == one)
                for one in InformationSet
            }
            for rows in (whole_season.query(query), perturbed.query(query))
        )
        assert all(known.values())
        assert {one for one in InformationSet if known[one] == now[one]} == without_knowing, table


def test_a_range_and_its_dates_one_by_one_give_the_same_features(
    built: Sandbox, tmp_path: Path
) -> None:
    """A range has later dates at hand while it builds the earlier ones."""
    days = tuple(game_dates(SLATES[6], SLATES[9]))
    stepwise = Sandbox(tmp_path / "stepwise", built.league)
    stepwise.build_all(tables=set(BUILT) - set(FEATURES))
    stepwise.build_all(last=days[0] - timedelta(days=1), tables=FEATURES)
    for day in days:
        for name in FEATURES:
            stepwise.build(name, day)

    for name in FEATURES:
        ranged, stepped = built.attempts(name), stepwise.attempts(name)
        assert {d: stepped[d].digest for d in days} == {d: ranged[d].digest for d in days}


def test_no_feature_row_reaches_its_own_date(whole_season: Sandbox) -> None:
    for name in ("team_form", "player_features", "player_state"):
        (row,) = whole_season.query(
            f"SELECT COUNT(*) AS found, COUNTIF(history_through < game_date) AS past FROM {name}"
        )
        assert row["found"] == row["past"] > 0


def test_who_starts_for_the_other_team_starts_for_one_of_them_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traded to the opponent of the day: his old team's roster still has him, its five do not."""
    day, old = SLATES[8], "BOS"
    game = TinyLeague().game(day, old)
    new = next(team for team in TinyLeague().teams(game) if team != old)
    player = player_ids(old)[0]
    league = TinyLeague(trades={player: (day, new)})
    (line,) = league.rows("player_box_scores", game, player_id=player)
    replaced = league.rows("starting_lineups", game, team=new)[0]
    replaced.update({name: line[name] for name in ("player_id", "player_name")})
    sandbox = Sandbox(tmp_path / "data", league=league)
    sandbox.build_all(tables=BUILT)

    roster = sandbox.query(
        f"SELECT team, player_id, starts, plays FROM expected_roster WHERE game_id = '{game}' "
        "AND information_set = 'lineup'"
    )
    (his,) = (row for row in roster if row["player_id"] == player)
    assert his == {"team": old, "player_id": player, "starts": False, "plays": 0.0}
    starting = Counter(row["team"] for row in roster if row["starts"])
    assert starting[old] == 5
    assert sandbox.attempt("lineup_context", day).status.certified

    learnt_from = {}
    by_information = play_probability.by_information

    def watched(history: pd.DataFrame, *rest: Any) -> pd.DataFrame:
        learnt_from["rows"] = history
        return by_information(history, *rest)

    monkeypatch.setattr(play_probability, "by_information", watched)
    rmtree(sandbox.folder / "models")
    sandbox.publisher().build("expected_roster", [SLATES[9]])
    rows = learnt_from["rows"]
    (of_old,) = rows[(rows["game_id"] == game) & (rows["player_id"] == player)].to_dict("records")
    assert (of_old["team"], of_old["played"]) == (old, False), "he played for the other team"


@pytest.mark.parametrize("place", [0, 100_000])
@pytest.mark.parametrize(("old", "new"), [("BOS", "NYK"), ("NYK", "BOS")])
def test_who_is_listed_by_two_teams_on_the_day_of_his_trade_belongs_to_the_new_one(
    tmp_path: Path, old: str, new: str, place: int
) -> None:
    """The tie is broken by what is known, never by the order in which rows happen to lie."""
    player, day = player_ids(old)[0], SLATES[8]
    league = TinyLeague(trades={player: (day, new)})
    (line,) = league.rows("player_box_scores", league.game(day, new), player_id=player)
    (idle,) = league.rows(
        "player_box_scores", league.game(day, old), team=old, status="DID_NOT_PLAY"
    )
    named = {"player_id": player, "player_name": line["player_name"], "status": "INACTIVE"}
    league.tables["player_box_scores"].insert(place, idle | named)
    sandbox = Sandbox(tmp_path / "data", league=league)
    sandbox.build_all(tables=BUILT)

    rows = sandbox.query(
        f"SELECT team FROM player_features WHERE game_date = DATE '{SLATES[9]}' "
        f"AND player_id = {player}"
    )
    assert rows == [{"team": new}]
