"""What a watcher sees of a source, and what it asks to be run."""

from datetime import date, timedelta

import pytest

from nba_assets.definitions import BEFORE_TIPOFF
from nba_assets.errors import SourceUnavailable
from nba_assets.operations.watch import Block, Watched, to_run, watched
from nba_assets.seasons import game_dates
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox

DATES = list(game_dates(LAST - timedelta(days=4), LAST))
"""a slate, two dates without games, the last slate, and the date with one game before them"""


def _due(sandbox: Sandbox, requested: dict[date, str] | None = None) -> list[Block]:
    found = watched(sandbox.league, DATES)
    with sandbox.warehouse.reading() as engine:
        return to_run(engine, tuple(sandbox.tables), BEFORE_TIPOFF, found, requested or {})


def _seen(sandbox: Sandbox) -> dict[date, Watched]:
    return {one.day: one for one in watched(sandbox.league, DATES)}


def test_a_date_is_over_when_all_its_games_are_final(empty: Sandbox) -> None:
    first, second, _ = empty.league.games(LAST)
    assert _seen(empty)[LAST].is_over
    empty.league.set_status(first, "IN_PROGRESS")
    assert not _seen(empty)[LAST].is_over
    empty.league.set_status(first, "POSTPONED")
    assert _seen(empty)[LAST].is_over
    for game in empty.league.games(LAST)[1:]:
        empty.league.set_status(game, "SCHEDULED")
    assert _seen(empty)[LAST].is_to_come
    empty.league.set_status(second, "IN_PROGRESS")
    assert not _seen(empty)[LAST].is_to_come


def test_another_value_anywhere_is_another_fingerprint_of_that_date_alone(
    empty: Sandbox,
) -> None:
    before = _seen(empty)
    game = empty.league.games(LAST)[0]
    empty.league.correct(game, empty.league.rows("player_box_scores", game)[0]["player_id"])
    after = _seen(empty)

    changed = {day for day in before if before[day].fingerprint != after[day].fingerprint}
    assert changed == {LAST}
    empty.league.tables["player_box_scores"].reverse()
    assert _seen(empty) == after, "the order of rows means nothing"


def test_a_date_after_what_the_schedule_covers_is_not_watched(empty: Sandbox) -> None:
    empty.league.through = LAST - timedelta(days=1)
    assert LAST not in _seen(empty)
    assert watched(empty.league, [date(2024, 12, 1)]) == [], "no schedule of it is published"


def test_all_that_is_over_and_never_ran_is_one_block(empty: Sandbox) -> None:
    (block,) = _due(empty)

    assert (block.first, block.last, block.tables) == (DATES[0], LAST, tuple(empty.tables))


def test_what_is_certified_is_not_due(built: Sandbox) -> None:
    assert _due(built) == []


def test_a_game_in_play_keeps_its_date_waiting_and_no_other(empty: Sandbox) -> None:
    empty.league.set_status(empty.league.games(LAST)[0], "IN_PROGRESS")

    (block,) = _due(empty)

    assert (block.first, block.last) == (DATES[0], LAST - timedelta(days=1))


def test_a_date_to_come_gets_what_can_be_known_before_the_games(built: Sandbox) -> None:
    for game in built.league.games(LAST):
        built.league.set_status(game, "SCHEDULED")
    asked = {day: one.fingerprint for day, one in _seen(built).items()}

    (block,) = _due(built)
    assert (block.first, block.last, block.tables) == (LAST, LAST, BEFORE_TIPOFF)
    assert _due(built, asked) == [], "nothing new is known"
    game = built.league.games(LAST)[0]
    listed = built.league.rows("player_availability", game)[0]["player_id"]
    built.league.drop("player_availability", game, player_id=listed)
    (again,) = _due(built, asked)
    assert (again.first, again.tables) == (LAST, BEFORE_TIPOFF)
    assert again.fingerprint != block.fingerprint


def test_a_held_date_is_asked_for_again_only_when_the_source_has_something_else(
    built: Sandbox,
) -> None:
    day = SLATES[-2]
    game = built.league.games(day)[0]
    rows = list(built.league.rows("player_box_scores", game))
    built.league.drop("player_box_scores", game)
    built.build_all(day, day)

    asked = {one.day: one.fingerprint for one in _seen(built).values()}
    assert _due(built, asked) == []
    assert [block.first for block in _due(built)] == [day], "a lost cursor costs one run"
    built.league.tables["player_box_scores"] += rows
    (block,) = _due(built, asked)
    assert (block.first, block.last) == (day, day)


def test_without_a_warehouse_everything_is_new(empty: Sandbox) -> None:
    (block,) = to_run(None, ("schedule",), (), watched(empty.league, DATES), {})
    assert (block.first, block.last) == (DATES[0], LAST)


def test_a_source_that_is_down_is_not_an_empty_one(empty: Sandbox) -> None:
    empty.league.errors["schedule"] = SourceUnavailable("throttled")
    with pytest.raises(SourceUnavailable, match="throttled"):
        watched(empty.league, DATES)
