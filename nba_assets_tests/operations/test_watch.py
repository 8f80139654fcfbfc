"""When what must run is asked for: at once, again, later, or no more."""

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from nba_assets.certification.ledger import Cause, Status
from nba_assets.operations.plan import Need, Reason, Standing
from nba_assets.operations.source_now import Watched
from nba_assets.operations.watch import (
    ASK_AGAIN,
    PAUSES,
    Asked,
    Due,
    due,
    given_up,
    remembered,
    to_look_at,
    to_remember,
)
from nba_assets.seasons import EASTERN
from nba_assets_tests.tiny_league import BEFORE_TIPOFF, Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = date(2025, 11, 5)
NOON = datetime.combine(DAY + timedelta(days=1), time(12), EASTERN)


class Case:
    """A standing of two dates, and what the source has of them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.tables = sandbox.tables
        self.dates = [DAY, DAY + timedelta(days=1)]
        self.needs: dict[tuple[str, date], Need] = {}
        self.found = {DAY: self.seen()}
        self.asked: Mapping[date, Asked] = {}
        self.now = NOON

    def seen(self, fingerprint: str = "rows", *statuses: str, **more: frozenset[str]) -> Watched:
        return Watched(
            DAY, frozenset(statuses or ("FINAL",)), NOON - timedelta(hours=1), fingerprint, **more
        )

    def missing(self, *tables: str) -> None:
        for name in tables or tuple(self.tables):
            self.needs[name, DAY] = Need(name, DAY, Reason.MISSING, "never attempted")

    def held(self, table: str, rule: str, *, day: date = DAY, changed: bool = False) -> None:
        cause = Cause(table, day, None, rule, "it is so")
        self.needs = {(table, day): Need(table, day, Reason.HELD, "HELD", changed, (cause,))}

    def due(self, *, game_by_game: bool = False) -> Due:
        statuses = dict.fromkeys(((name, day) for name in self.tables for day in self.dates),
                                 Status.COMPLETE)  # fmt: skip
        standing = Standing(self.tables, self.dates, statuses, self.needs)
        ripe = due(
            standing,
            list(self.found.values()),
            BEFORE_TIPOFF,
            self.asked,
            self.now,
            game_by_game=game_by_game,
        )
        self.asked = ripe.asked
        return ripe

    def given_up(self) -> list[Need]:
        return given_up(Standing(self.tables, self.dates, {}, self.needs), self.asked)

    def blocks(self) -> list[tuple[date, date, tuple[str, ...]]]:
        return [(one.first, one.last, one.tables) for one in self.due().blocks]


@pytest.fixture
def case(empty: Sandbox) -> Case:
    return Case(empty)


def test_what_was_never_tried_is_asked_for_once(case: Case) -> None:
    case.missing()
    assert case.blocks() == [(DAY, DAY, tuple(case.tables))]
    assert case.blocks() == []


def test_nothing_is_remembered_of_what_is_complete(case: Case) -> None:
    case.missing()
    case.due()
    case.needs = {}
    assert case.due() == Due([], {})


def test_the_same_question_has_the_same_key_and_another_another(case: Case) -> None:
    def key() -> str:
        case.asked = {}
        (block,) = case.due().blocks
        return block.key

    case.missing()
    first = key()
    assert key() == first
    case.found[DAY] = case.seen("other rows")
    assert key() != first


def test_what_left_no_trace_is_tried_again_after_growing_pauses(case: Case) -> None:
    case.missing("schedule")
    keys = [block.key for block in case.due().blocks]
    for pause in PAUSES:
        case.now += pause - timedelta(seconds=1)
        assert case.due().blocks == []
        case.now += timedelta(seconds=1)
        keys += [block.key for block in case.due().blocks]
    assert len(set(keys)) == len(PAUSES) + 1
    case.now += timedelta(days=30)
    ripe = case.due()
    assert ripe.blocks == []
    assert [need.table_name for need in case.given_up()] == ["schedule"]
    case.found[DAY] = case.seen("at last")
    assert len(case.due().blocks) == 1, "something new is a new beginning"


@pytest.mark.parametrize(("rule", "again"), [("failed", True), ("bad_input", False),
                                             ("games_complete", False)])  # fmt: skip
def test_only_what_raised_is_tried_again_on_the_same_rows(
    case: Case,
    rule: str,
    again: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    case.held("team_box_scores", rule)
    assert case.blocks(), "a lost memory costs one run"
    case.now += PAUSES[0]
    assert bool(case.blocks()) is again
    case.found[DAY] = case.seen("new rows")
    case.now += timedelta(seconds=1)
    assert case.blocks()


def test_what_waits_for_something_upstream_is_never_asked_for(case: Case) -> None:
    cause = Cause("schedule", DAY, None, "failed", "it is so")
    case.needs["team_form", DAY] = Need(
        "team_form", DAY, Reason.HELD, "HELD", changed=False, causes=(cause,)
    )
    assert case.due() == Due([], {})
    case.needs["team_form", DAY] = Need("team_form", DAY, Reason.HELD, "HELD", causes=(cause,))
    assert case.blocks(), "its inputs have changed since"


def test_a_held_table_is_left_alone_when_another_of_its_date_must_run(case: Case) -> None:
    case.held("player_availability", "games_complete")
    case.due()
    case.needs["player_points_evaluation", DAY] = Need(
        "player_points_evaluation", DAY, Reason.STALE, "changed since"
    )
    assert case.blocks() == [(DAY, DAY, ("player_points_evaluation",))]


def test_a_correction_is_work_with_all_it_feeds_on_its_date(case: Case) -> None:
    case.found[DAY] = case.seen("rows", differing=frozenset({"player_box_scores"}))
    ((first, last, tables),) = case.blocks()
    assert (first, last) == (DAY, DAY)
    assert tables[0] == "player_box_scores"
    assert "player_game_summary" in tables
    assert "player_availability" not in tables


def test_before_the_games_only_what_can_be_known_then(case: Case) -> None:
    case.missing()
    case.found[DAY] = case.seen("rows", "SCHEDULED")
    case.now -= timedelta(hours=12)
    assert case.blocks() == [(DAY, DAY, BEFORE_TIPOFF)]


def test_in_play_it_waits_until_it_is_late(case: Case) -> None:
    case.missing()
    case.found[DAY] = case.seen("rows", "FINAL", "IN_PROGRESS")
    case.now -= timedelta(hours=2)
    assert case.due() == Due([], {})
    case.now += timedelta(hours=2)
    assert case.blocks() == [(DAY, DAY, tuple(case.tables))], "to say what is late"


def test_game_by_game_what_is_final_counts(case: Case) -> None:
    case.missing()
    case.found[DAY] = case.seen("rows", "FINAL", "IN_PROGRESS")
    case.now -= timedelta(hours=2)
    assert case.due(game_by_game=True).blocks
    assert case.due(game_by_game=True).blocks == []
    case.found[DAY] = case.seen("one more is final", "FINAL", "IN_PROGRESS")
    assert case.due(game_by_game=True).blocks


def test_in_play_that_other_rows_are_there_is_no_news(case: Case) -> None:
    case.missing()
    case.found[DAY] = case.seen("rows", "FINAL", "IN_PROGRESS")
    case.now -= timedelta(hours=2)
    assert case.due(game_by_game=True).blocks
    case.needs = {("schedule", DAY): Need("schedule", DAY, Reason.STALE, "another score")}
    assert case.due(game_by_game=True).blocks == []
    case.now += PAUSES[0]
    assert case.due(game_by_game=True).blocks, "what is still to be done is tried again later"


def test_unbroken_dates_are_one_block(case: Case) -> None:
    case.missing("schedule")
    second = case.dates[1]
    case.needs["schedule", second] = Need("schedule", second, Reason.MISSING, "never attempted")
    ((first, last, _),) = case.blocks()
    assert (first, last) == (DAY, second)


def test_old_dates_that_want_rows_of_the_source_are_asked_about_less_often(case: Case) -> None:
    old = DAY - timedelta(days=30)
    case.dates = [old, *case.dates]
    case.held("team_box_scores", "games_complete", day=old)

    def asks() -> bool:
        standing = Standing(case.tables, case.dates, {}, case.needs)
        return old in to_look_at(standing, [DAY], case.asked, case.now)

    assert asks()
    case.found[old] = Watched(old, frozenset({"FINAL"}), NOON, "few rows")
    assert case.due().blocks
    assert not asks()
    del case.found[old]
    case.now += timedelta(hours=1)
    assert case.due().blocks == [], "not looked at, it is as it was"
    case.now += ASK_AGAIN
    assert asks()
    case.found[old] = Watched(old, frozenset({"FINAL"}), NOON, "few rows")
    case.due()
    assert not asks()


def test_what_was_asked_survives_being_written_down(case: Case) -> None:
    case.missing()
    case.due()
    assert case.asked
    assert remembered(to_remember(case.asked)) == case.asked
    assert remembered("") == remembered(None) == {}
