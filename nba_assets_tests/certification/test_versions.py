"""Versions of a date: listed, compared, restored, and explained as they were known."""

from collections.abc import Mapping
from typing import Any

import pytest

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt, Status
from nba_assets.certification.versions import Difference, difference, version_at, versions
from nba_assets.errors import CannotRestore, WarehouseError
from nba_assets.operations.plan import plan, standing
from nba_assets.seasons import game_dates
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

TABLE = "player_box_scores"
DAY = SLATES[8]
"""after the warm-up"""
DATES = list(game_dates(SEASON_START, LAST))


def _corrected(deployment: Sandbox) -> tuple[Attempt, Attempt]:
    """A player gets one more assist on ``DAY``; the records before and after."""
    before = deployment.attempt(TABLE, DAY)
    game = deployment.league.games(DAY)[0]
    deployment.league.correct(game, _someone(deployment, game))
    deployment.build_all(tables=("player_box_scores", "team_box_scores"))
    return before, deployment.attempt(TABLE, DAY)


def _someone(deployment: Sandbox, game: str) -> int:
    row = deployment.league.rows(TABLE, game, status="PLAYED")[0]
    return int(row["player_id"])


def _difference(deployment: Sandbox, *publications: int) -> Difference:
    with deployment.warehouse.reading() as engine:
        contract = deployment.tables[TABLE].contract
        return difference(engine, contract, DAY, *publications)


def _needs(deployment: Sandbox) -> Mapping[tuple[str, Any], Any]:
    with deployment.warehouse.reading() as engine:
        now = standing(engine, deployment.tables, DATES, deployment.league.name)
    return {(need.table_name, need.game_date): need for need in plan(now)}


def _rows(deployment: Sandbox) -> list[dict[str, Any]]:
    return deployment.query(
        f"SELECT * FROM {TABLE} WHERE game_date = DATE '{DAY}' ORDER BY game_id, player_id"
    )


def test_a_correction_is_a_version_and_the_one_before_stays(built: Sandbox) -> None:
    old, new = _corrected(built)

    history = built.history(TABLE, DAY)
    assert versions(history) == [old, new] == history
    assert version_at(history, new.publication - 1) == old
    assert version_at(history, new.publication + 5) == new
    assert version_at(history, old.publication - 1) is None


def test_a_difference_names_row_column_and_both_values(built: Sandbox) -> None:
    _corrected(built)
    game = built.league.games(DAY)[0]
    player = _someone(built, game)
    assists = built.league.rows(TABLE, game, player_id=player)[0]["ast"]

    found = _difference(built)

    assert (found.came, found.went) == ([], [])
    assert found.changed == [
        ({"game_id": game, "player_id": player}, {"ast": (assists - 1, assists)})
    ]


def test_a_difference_tells_what_came_and_went(built: Sandbox) -> None:
    old = built.attempt(TABLE, DAY)
    game = built.league.games(DAY)[0]
    gone = built.league.rows(TABLE, game, status="DID_NOT_PLAY")[0]["player_id"]
    built.league.patch(TABLE, game, {"player_id": 9999}, player_id=gone)
    built.build(TABLE, DAY)
    assert built.attempt(TABLE, DAY).status is Status.HELD, "what vanished is to be accepted"
    built.accept(TABLE, game)
    built.build(TABLE, DAY)

    found = _difference(built)

    assert [row["player_id"] for row in found.came] == [9999]
    assert [row["player_id"] for row in found.went] == [gone]
    assert found.changed == []
    back = _difference(built, found.new.publication, old.publication)
    assert [row["player_id"] for row in back.went] == [9999]
    first = _difference(built, 0, old.publication)
    assert (first.old, len(first.came)) == (None, old.stored_rows)


def test_there_is_nothing_to_compare_of_a_date_without_versions(empty: Sandbox) -> None:
    with pytest.raises(WarehouseError, match="has no version"):
        _difference(empty)


def test_restoring_makes_the_earlier_version_current_and_its_dependents_stale(
    built: Sandbox,
) -> None:
    rows = _rows(built)
    old, _ = _corrected(built)
    built.build_all()
    assert _rows(built) != rows

    restored = built.publisher().restore(
        TABLE, DAY, old.publication, "the correction was wrong", "x"
    )

    assert (restored.status, restored.stored_publication) == (Status.COMPLETE, old.publication)
    assert restored.message == (
        f"publication {old.publication} restored by x: the correction was wrong"
    )
    assert _rows(built) == rows
    assert built.attempt(TABLE, DAY) == restored
    needs = _needs(built)
    assert ("player_game_summary", DAY) in needs
    assert (TABLE, DAY) not in needs


def test_what_was_rejected_is_not_taken_again_but_another_version_is(built: Sandbox) -> None:
    old, new = _corrected(built)
    rows = _rows(built)
    restored = built.publisher().restore(TABLE, DAY, old.publication, "wrong", "x")
    before = _rows(built)

    # The source delivers the rejected version still.
    assert built.publisher().differing(TABLE, [DAY]) == []
    built.build(TABLE, DAY)
    assert built.attempt(TABLE, DAY) == restored, "it is only looked at"
    assert _rows(built) == before != rows

    # Being held meanwhile changes nothing of that.
    game = built.league.games(DAY)[1]
    kept = built.league.copy()
    built.league.drop(TABLE, game)
    built.build(TABLE, DAY)
    assert built.attempt(TABLE, DAY).status is Status.HELD
    built.league = kept
    built.build(TABLE, DAY)
    assert built.attempt(TABLE, DAY).status is Status.COMPLETE
    assert built.attempt(TABLE, DAY).stored_publication == old.publication

    # A third version is taken, and the rejected one can be restored.
    built.league.correct(game, _someone(built, game))
    assert built.publisher().differing(TABLE, [DAY]) == [DAY]
    built.build(TABLE, DAY)
    assert built.attempt(TABLE, DAY).message == ""
    again = built.publisher().restore(TABLE, DAY, new.publication, "it was right", "x")
    assert again.stored_publication == new.publication
    assert _rows(built) == rows


def test_a_computed_version_is_restored_against_the_inputs_of_today(built: Sandbox) -> None:
    name = "player_game_summary"
    old = built.attempt(name, DAY)
    _corrected(built)
    built.build_all()
    new = built.attempt(name, DAY)

    restored = built.publisher().restore(name, DAY, old.publication, "as it was", "x")

    assert restored.stored_publication == old.publication
    assert restored.upstream == new.upstream
    assert (name, DAY) not in _needs(built)
    built.build(name, DAY)
    assert built.attempt(name, DAY) == restored


def test_only_a_version_that_would_pass_today_is_restored(built: Sandbox) -> None:
    """The earlier version lacks a game that the schedule has now."""
    old = built.attempt(TABLE, DAY)
    with built.warehouse.reading() as engine:
        before = ledger.publication(engine)
    for number, told in (
        (old.publication, "is the current version already"),
        (0, "found no version of the date"),
    ):
        with pytest.raises(CannotRestore, match=told):
            built.publisher().restore(TABLE, DAY, number, "no", "x")
    added = _another_game(built, built.league.games(DAY)[0])
    built.build_all(DAY, DAY, tables=("schedule", TABLE))

    with pytest.raises(CannotRestore, match=added):
        built.publisher().restore(TABLE, DAY, old.publication, "no", "x")

    with built.warehouse.reading() as engine:
        assert ledger.publication(engine) == before + 2, "a refusal records nothing"


def _another_game(deployment: Sandbox, game: str) -> str:
    """Play a game of a date once more, with teams and players nobody else has; its id."""
    new = dict(zip(deployment.league.teams(game), ("ATL", "BKN"), strict=True))
    for table in ("schedule", TABLE, "team_box_scores", "player_availability", "starting_lineups"):
        for row in list(deployment.league.rows(table, game)):
            teams = {name: new[row[name]] for name in _TEAMS if name in row}
            player = {"player_id": row["player_id"] + 5000} if "player_id" in row else {}
            added = row | teams | player | {"game_id": "0022500099"}
            deployment.league.tables[table].append(added)
    return "0022500099"


_TEAMS = ("home_team", "away_team", "team", "opponent")


def test_a_prediction_can_be_explained_after_later_corrections(predicted: Sandbox) -> None:
    """Rebuilt as known at its publication, to the bit, although every input has changed since."""
    names = ("player_features", "player_points_predictions")
    before = {name: predicted.attempt(name, LAST) for name in names}
    for day in SLATES[:-1]:
        for game in predicted.league.games(day):
            (player, *_) = predicted.league.rows("player_box_scores", game, starter=True)
            teams = predicted.league.rows("team_box_scores", game, team=player["team"])
            for row in (player, *teams):
                row["fga"] += 1
    predicted.build_all()
    for name, old in before.items():
        new = predicted.attempt(name, LAST)
        assert new.stored_publication != old.stored_publication

        version, rows, again = predicted.publisher().reproduce(name, LAST, old.publication)

        assert version == old
        assert rows.num_rows == old.stored_rows > 0
        assert rows.equals(again)
        _, current, once_more = predicted.publisher().reproduce(name, LAST)
        assert current.equals(once_more)
        assert not current.equals(rows)


def test_what_comes_from_a_source_cannot_be_computed_again(built: Sandbox) -> None:
    with pytest.raises(WarehouseError, match="no computed version"):
        built.publisher().reproduce(TABLE, DAY)
