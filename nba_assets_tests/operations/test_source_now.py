"""What the source has now, date by date, beside what is certified."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.operations.source_now import Watched, read, watched
from nba_assets.rehearsal.faults import FaultySource, SourceDown
from nba_assets.seasons import game_dates
from nba_assets.sources.source import Refused, Source
from nba_assets_tests.tiny_league import LAST, ONE_GAME, SLATES, Sandbox

DATES = list(game_dates(LAST - timedelta(days=4), LAST))
"""a slate, the date with one game, a slate, a date without games, and the last slate"""
HOURS = timedelta(hours=8)


def _seen(
    sandbox: Sandbox, source: Source | None = None, dates: list[date] | None = None
) -> dict[date, Watched]:
    readings = read(source or sandbox.league, sandbox.tables, dates or DATES)
    with sandbox.warehouse.reading() as engine:
        return {one.day: one for one in watched(engine, sandbox.tables, readings, HOURS)}


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


def test_a_date_is_expected_some_hours_after_its_last_tipoff(empty: Sandbox) -> None:
    tipoff = datetime(LAST.year, LAST.month, LAST.day, 23, 30, tzinfo=UTC)
    assert _seen(empty)[LAST].expected_by == tipoff + HOURS
    late = empty.league.games(LAST)[0]
    empty.league.patch("schedule", late, {"tipoff_at": tipoff + timedelta(hours=3)})
    assert _seen(empty)[LAST].expected_by == tipoff + timedelta(hours=3) + HOURS
    empty.league.set_status(late, "POSTPONED")
    assert _seen(empty)[LAST].expected_by == tipoff + HOURS, "it is not to be played"
    no_games = DATES[3]
    midnight = datetime(no_games.year, no_games.month, no_games.day + 1, 4, tzinfo=UTC)
    assert _seen(empty)[no_games].expected_by == midnight + HOURS, "its end, in the East"


def test_another_value_anywhere_is_another_fingerprint_of_that_date_alone(
    empty: Sandbox,
) -> None:
    before = _seen(empty)
    game = empty.league.games(LAST)[0]
    empty.league.correct(game, empty.league.rows("player_box_scores", game)[0]["player_id"])
    after = _seen(empty)

    assert {d for d in before if before[d].fingerprint != after[d].fingerprint} == {LAST}
    empty.league.tables["player_box_scores"].reverse()
    assert _seen(empty) == after, "the order of rows means nothing"
    empty.league.refused["team_box_scores"] = [Refused(SLATES[-2], game, "no minutes", "{}")]
    refused = _seen(empty)
    changed = {d for d in after if after[d].fingerprint != refused[d].fingerprint}
    assert changed == {SLATES[-2]}


def test_what_happens_in_a_game_in_play_is_not_news_but_its_end_is(empty: Sandbox) -> None:
    game, other, _ = empty.league.games(LAST)
    empty.league.set_status(game, "IN_PROGRESS")
    before = _seen(empty)[LAST].fingerprint
    empty.league.patch("player_box_scores", game, {"pf": 5}, status="PLAYED")
    assert _seen(empty)[LAST].fingerprint == before
    empty.league.set_status(other, "IN_PROGRESS")
    assert _seen(empty)[LAST].fingerprint != before


def test_what_is_certified_otherwise_differs_by_table_and_date(built: Sandbox) -> None:
    assert {one.differing for one in _seen(built).values()} == {frozenset()}
    game = built.league.games(LAST)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    seen = _seen(built)
    assert seen[LAST].differing == {"player_box_scores", "team_box_scores"}
    assert {one.differing for day, one in seen.items() if day != LAST} == {frozenset()}


def test_a_value_the_engine_cannot_take_is_of_its_date_alone(built: Sandbox) -> None:
    game = built.league.games(LAST)[0]
    built.league.patch("team_box_scores", game, {"minutes": 1e300})
    seen = _seen(built)
    assert seen[LAST].differing == {"team_box_scores"}
    assert {one.differing for day, one in seen.items() if day != LAST} == {frozenset()}


def test_rows_of_a_waived_game_are_not_asked_for(built: Sandbox) -> None:
    game = built.league.games(ONE_GAME)[0]
    rows = list(built.league.rows("team_box_scores", game))
    built.league.drop("team_box_scores", game)
    built.waive("team_box_scores", game)
    built.build_all(ONE_GAME, ONE_GAME)
    assert _seen(built)[ONE_GAME].differing == frozenset()
    built.league.tables["team_box_scores"] += rows
    assert _seen(built)[ONE_GAME].differing == frozenset()
    built.revoke("team_box_scores", game)
    assert _seen(built)[ONE_GAME].differing == {"team_box_scores"}


def test_a_date_after_what_the_schedule_covers_is_not_watched(empty: Sandbox) -> None:
    empty.league.through = LAST - timedelta(days=1)
    assert LAST not in _seen(empty)
    assert _seen(empty, dates=[date(2024, 12, 1)]) == {}, "no schedule of it is published"


@pytest.mark.parametrize("table", ["schedule", "player_box_scores"])
def test_a_source_that_is_down_is_not_an_empty_one(empty: Sandbox, table: str) -> None:
    empty.league.errors[table] = SourceUnavailable("throttled")
    with pytest.raises(SourceUnavailable, match="throttled"):
        _seen(empty)


def test_a_date_that_cannot_be_read_blinds_nobody_to_the_others(built: Sandbox) -> None:
    day = SLATES[-2]
    before = _seen(built)
    source = FaultySource(built.league, [SourceDown(dates={day}, tables=("team_box_scores",))])
    seen = _seen(built, source)

    assert seen[day].differing == {"team_box_scores"}
    assert seen[day].fingerprint != before[day].fingerprint
    assert {d: one for d, one in seen.items() if d != day} == {
        d: one for d, one in before.items() if d != day
    }


def test_a_publication_that_cannot_be_understood_is_every_dates_news(built: Sandbox) -> None:
    built.league.errors["team_box_scores"] = BadInput("the column fga is gone")
    assert {one.differing for one in _seen(built).values()} == {frozenset({"team_box_scores"})}


def test_without_a_warehouse_nothing_differs_and_everything_is_seen(empty: Sandbox) -> None:
    seen = watched(None, empty.tables, read(empty.league, empty.tables, DATES), HOURS)
    assert [one.day for one in seen] == DATES
    assert {one.differing for one in seen} == {frozenset()}
