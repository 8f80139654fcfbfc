"""What must run is found from the ledger: each reason, its dependents, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_assets.assets.raw import schedule
from nba_assets.certification import ledger
from nba_assets.certification.ledger import Status
from nba_assets.certification.schema import prepare
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.errors import SourceUnavailable
from nba_assets.operations.plan import (
    Need,
    Reason,
    Run,
    Standing,
    past_dates,
    plan,
    repair,
    runs,
    spans,
    standing,
    untouched,
)
from nba_assets.seasons import game_dates, season_year
from nba_assets.sources.source import RAW_TABLES as RAW
from nba_assets_tests.tiny_league import (
    FIRST_FEATURES,
    LAST,
    SEASON_START,
    SLATES,
    Sandbox,
    TinyLeague,
)

DATES = list(game_dates(SEASON_START, LAST))
DAY = SLATES[7]
"""The first slate with features, 2025-10-17."""
LATER = [day for day in DATES if day > DAY]
WINDOWS = (
    "team_form",
    "team_ratings",
    "player_features",
    "player_state",
    "lineup_context",
)
FITTED = ("expected_roster", "expected_minutes")
"""by what a model makes of earlier dates, which a correction of them does not change"""
BOX_SCORES = ("player_box_scores", "team_box_scores")
SUMMARIES = ("team_offense_game_summary", "player_game_summary")
MODELS = (
    "player_points_model",
    "player_points_predictions",
    "player_points_market",
    "player_points_evaluation",
)


def look(
    deployment: Sandbox,
    tables: Mapping[str, DatedTable] | None = None,
    source: str = TinyLeague.name,
) -> Standing:
    with deployment.warehouse.reading() as engine:
        return standing(engine, tables or deployment.tables, DATES, source)


def launcher(deployment: Sandbox, launched: list[Run]) -> Callable[[Sequence[Run]], None]:
    def launch(batch: Sequence[Run]) -> None:
        for run in batch:
            launched.append(run)
            for _, season in groupby(game_dates(run.first, run.last), season_year):
                days = list(season)
                deployment.build_all(days[0], days[-1], run.tables)

    return launch


def mend(deployment: Sandbox, leave_out: Sequence[str] = ()) -> list[Run]:
    """Repair, and what it launched."""
    tables = {name: table for name, table in deployment.tables.items() if name not in leave_out}
    launched: list[Run] = []
    repair(lambda: look(deployment, tables), launcher(deployment, launched))
    return launched


def reasons(needs: Sequence[Need]) -> dict[tuple[str, date], Reason]:
    return {(need.table_name, need.game_date): need.reason for need in needs}


def on(day: date, *tables: str, reason: Reason) -> dict[tuple[str, date], Reason]:
    return {(table, day): reason for table in tables}


def attempts(deployment: Sandbox) -> dict[tuple[str, date], int]:
    with deployment.warehouse.reading() as engine:
        latest = ledger.latest(engine, deployment.tables, DATES[0], DATES[-1])
    return {key: attempt.attempt for key, attempt in latest.items()}


def lose(deployment: Sandbox, day: date) -> str:
    """Take one game of a date out of both publications and build its date; returns the game."""
    game = deployment.league.games(day)[0]
    for table in BOX_SCORES:
        deployment.league.drop(table, game)
    deployment.build_all(day, day, (*BOX_SCORES, *SUMMARIES))
    return game


def test_nothing_is_planned_after_a_complete_build(built: Sandbox) -> None:
    assert plan(look(built)) == []


def test_building_again_without_a_change_plans_nothing(built: Sandbox) -> None:
    built.build_all(DAY, LAST)
    assert plan(look(built)) == []


@pytest.mark.parametrize("after", [1, 3])
def test_some_dates_stand_as_they_stand_among_all(built: Sandbox, after: int) -> None:
    game = built.league.games(DAY)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    built.build_all(DAY, DAY, ("player_box_scores", "team_box_scores", *SUMMARIES))
    dates = [day for day in DATES if day >= DAY + timedelta(days=after)]
    whole = look(built)
    with built.warehouse.reading() as engine:
        some = standing(engine, built.tables, dates, built.league.name)
    of_whole = whole.within(set(built.tables), set(dates))
    assert some.needs
    assert (some.needs, some.statuses) == (of_whole.needs, of_whole.statuses)


def test_what_waits_for_something_held_is_not_planned_until_that_changes(
    built: Sandbox,
) -> None:
    game = lose(built, DAY)
    built.build_all(DAY, LAST)
    now = look(built)
    waiting = {key for key, need in now.needs.items() if need.waits}
    assert {day for name, day in waiting if name == "player_features"} >= {LAST}
    assert {need.game_date for need in plan(now)} == {DAY}, "what is held itself, and on its date"

    built.league.tables = TinyLeague().tables
    assert game in built.league.games(DAY)
    built.build_all(DAY, DAY, (*BOX_SCORES, *SUMMARIES))
    assert {need.game_date for need in plan(look(built))} >= {LAST}


def test_without_a_warehouse_everything_is_missing(empty: Sandbox) -> None:
    needs = plan(untouched(empty.tables, DATES))
    assert {need.reason for need in needs} == {Reason.MISSING}
    assert runs((need.key for need in needs), empty.tables) == [
        Run(DATES[0], DATES[-1], tuple(empty.tables))
    ]


def test_dates_never_attempted_are_missing(empty: Sandbox) -> None:
    empty.build("schedule", SEASON_START, SLATES[0])
    needs = plan(look(empty))
    assert {need.reason for need in needs} == {Reason.MISSING}
    assert {(need.table_name, need.game_date) for need in needs} == {
        (table, day)
        for table in empty.tables
        for day in DATES
        if table != "schedule" or day > SLATES[0]
    }


def test_a_table_that_is_new_is_missing_and_nothing_else_runs(built: Sandbox) -> None:
    last = built.tables["player_points_evaluation"]
    new = replace(last, contract=replace(last.contract, table="another_evaluation"))
    tables = built.tables | {"another_evaluation": new}
    prepare(built.warehouse, (table.contract for table in tables.values()))
    needs = plan(look(built, tables))
    assert runs((need.key for need in needs), tables) == [
        Run(DATES[0], DATES[-1], ("another_evaluation",))
    ]


def test_a_held_date_runs_with_its_message_and_down_to_the_end_of_the_graph(
    built: Sandbox,
) -> None:
    game = built.league.games(DAY)[0]
    built.league.drop("team_box_scores", game)
    built.build("team_box_scores", DAY)
    needs = plan(look(built))
    assert reasons(needs) == {
        ("team_box_scores", DAY): Reason.HELD,
        ("team_offense_game_summary", DAY): Reason.STALE,
        ("player_game_summary", DAY): Reason.UPSTREAM,
        ("player_points_evaluation", DAY): Reason.UPSTREAM,
    }
    # It was built from two publications and would now be from one.
    assert game in needs[0].detail
    assert not needs[0].changed, "nothing but the source could mend it"
    assert not needs[0].waits


def test_what_a_hole_holds_back_is_planned_and_told_apart_from_its_cause(
    built: Sandbox,
) -> None:
    lose(built, DAY)
    built.build("team_form", SLATES[8])
    needs = look(built).needs
    cause = needs["player_box_scores", DAY]
    waiting = needs["team_form", SLATES[8]]
    assert (cause.reason, cause.waits) == (Reason.HELD, False)
    assert (waiting.reason, waiting.waits) == (Reason.HELD, True)


def test_games_that_are_not_final_are_planned_again(empty: Sandbox) -> None:
    empty.league.set_status(empty.league.games(SLATES[0])[0], "IN_PROGRESS")
    empty.build_all(SEASON_START, SLATES[0], RAW)
    need = look(empty).needs["player_box_scores", SLATES[0]]
    assert need.reason is Reason.HELD
    assert need.detail.startswith(Status.PENDING)


def test_a_date_that_failed_is_planned_again(built: Sandbox) -> None:
    built.league.errors["team_box_scores"] = SourceUnavailable("time-out after 30 s")
    built.build("team_box_scores", DAY)
    need = look(built).needs["team_box_scores", DAY]
    assert need.reason is Reason.HELD
    assert "time-out after 30 s" in need.detail


def test_a_correction_makes_exactly_its_dependents_stale(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    built.league.correct(
        game, built.league.rows("player_box_scores", game, starter=True)[0]["player_id"]
    )
    for table in RAW:
        built.build(table, DAY)
    assert reasons(plan(look(built))) == {
        **on(DAY, *SUMMARIES, reason=Reason.STALE),
        **on(DAY, "player_points_evaluation", reason=Reason.UPSTREAM),
    }
    before = attempts(built)
    mend(built)
    again = {key for key, number in attempts(built).items() if number > before[key]}
    played = [day for day in LATER if built.league.games(day)]
    # Earlier dates read nothing of it; what ran and found nothing new left a look.
    assert again == {
        *((table, DAY) for table in (*SUMMARIES, "player_points_evaluation")),
        *((table, day) for table in WINDOWS for day in LATER),
        # A model that had too little history is tried again with what is published now.
        *((table, day) for table in (*FITTED, *MODELS[:3]) for day in played),
    }
    assert plan(look(built)) == []


def test_a_change_in_the_warm_up_reaches_the_windows_after_it(built: Sandbox) -> None:
    game = built.league.games(SLATES[0])[0]
    built.league.correct(
        game, built.league.rows("player_box_scores", game, starter=True)[0]["player_id"]
    )
    built.build_all(SLATES[0], SLATES[0], (*BOX_SCORES, *SUMMARIES))
    stale = look(built).needs
    assert ("team_form", FIRST_FEATURES) in stale
    assert ("team_form", SLATES[0]) not in stale
    assert stale["team_form", FIRST_FEATURES].detail == (
        "changed since: team_offense_game_summary of earlier dates"
    )
    assert stale["player_state", FIRST_FEATURES].detail == (
        "changed since: player_game_summary of earlier dates, team_offense_game_summary of earlier "
        "dates"
    )


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (
            lambda table: replace(table, contract=replace(table.contract, version=2)),
            "certified under contract version 1, now 2",
        ),
        (
            lambda table: replace(
                table, produce=replace(table.produce, query=f"{table.produce.query} -- other")
            ),
            "computed by code",
        ),
    ],
    ids=["contract", "code"],
)
def test_another_contract_or_code_makes_every_date_stale(
    built: Sandbox, change: Callable[[DatedTable], DatedTable], detail: str
) -> None:
    tables = built.tables
    tables["team_form"] = change(tables["team_form"])
    needs = look(built, tables).needs
    assert {key for key in needs if key[0] == "team_form"} == {("team_form", d) for d in DATES}
    assert all(
        need.reason is Reason.STALE and need.detail.startswith(detail)
        for key, need in needs.items()
        if key[0] == "team_form"
    )


def test_rows_of_another_source_are_stale(built: Sandbox) -> None:
    needs = look(built, source="nba.com").needs
    assert {name for name, _ in needs} == set(RAW)
    assert needs["schedule", DAY].detail == "read from tiny_league, the source is now nba.com"


def test_what_was_too_early_for_a_model_is_stale_once_there_is_more_history(
    built: Sandbox,
) -> None:
    assert built.attempt("player_points_model", LAST).status is Status.WARMUP
    game = built.league.games(DAY)[0]
    built.league.patch("team_box_scores", game, {"pf": 30})
    built.league.patch("player_box_scores", game, {"pf": 3}, status="PLAYED")
    built.build_all(DAY, DAY, (*BOX_SCORES, *SUMMARIES))
    needs = look(built).needs
    assert ("player_points_model", DAY) not in needs
    assert needs["player_points_model", LAST].detail == (
        "changed since: player_game_summary of earlier dates"
    )


def test_a_waiver_concerns_what_must_read_the_game(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    built.league.drop("player_box_scores", game)
    built.build("player_box_scores", DAY)
    assert built.attempt("player_box_scores", DAY).status is Status.HELD
    built.waive("player_box_scores", game)
    needs = reasons(plan(look(built)))
    concerned = ("player_box_scores", "player_game_summary", "player_points_evaluation")
    assert {key for key, why in needs.items() if why is Reason.WAIVER} == {
        (table, DAY) for table in concerned
    }
    # Team box scores alone are enough for it.
    assert needs["team_offense_game_summary", DAY] is Reason.STALE


def test_hold_waive_repair_revoke(built: Sandbox) -> None:
    def mend_summaries() -> None:
        mend(built, leave_out=(*WINDOWS[2:], *FITTED, *MODELS))

    game = lose(built, DAY)
    mend_summaries()
    assert built.attempt("team_offense_game_summary", DAY).status is Status.HELD
    for table in (*BOX_SCORES, "team_offense_game_summary"):
        built.waive(table, game)
    mend_summaries()
    assert built.attempt("player_game_summary", DAY).status is Status.WAIVED
    assert built.attempt("team_form", LAST).status is Status.COMPLETE

    built.revoke("team_offense_game_summary", game)
    needs = look(built).needs
    assert needs["team_offense_game_summary", DAY].reason is Reason.WAIVER
    assert needs["team_form", LAST].reason is Reason.HELD
    assert "will be held" in needs["team_form", LAST].detail
    assert "revoked" in needs["team_form", LAST].detail
    mend_summaries()
    assert built.attempt("team_offense_game_summary", DAY).status is Status.HELD
    assert built.attempt("team_form", LAST).status is Status.HELD


def test_a_waiver_that_was_revoked_before_anything_ran_changes_nothing(
    built: Sandbox,
) -> None:
    game = built.league.games(DAY)[0]
    built.waive("player_box_scores", game)
    built.revoke("player_box_scores", game)
    assert plan(look(built)) == []


def test_repair_runs_exactly_the_plan(built: Sandbox) -> None:
    game = built.league.games(LAST)[0]
    built.league.drop("team_box_scores", game)
    built.build("team_box_scores", LAST)
    built.league.tables = TinyLeague().tables
    planned = {(need.table_name, need.game_date) for need in plan(look(built))}
    before = attempts(built)
    launched = mend(built)
    after = attempts(built)
    ran = {(table, day) for run in launched for table in run.tables for day in (run.first,)}
    assert ran == planned
    assert {key for key in after if after[key] > before[key]} <= planned
    assert len(launched) == 1
    assert look(built).needs == {}


def test_repair_goes_on_to_what_it_made_stale(built: Sandbox) -> None:
    lose(built, DAY)
    built.build_all(LATER[0], LAST, WINDOWS)
    built.league.tables = TinyLeague().tables
    mend(built)
    assert look(built).needs == {}


def test_repair_ends_when_what_is_held_stays_held(built: Sandbox) -> None:
    lose(built, DAY)
    before = attempts(built)
    launched = mend(built)
    again = attempts(built)
    assert built.attempt("player_box_scores", DAY).status is Status.HELD
    assert again["player_box_scores", DAY] == before["player_box_scores", DAY]
    assert any("player_box_scores" in run.tables for run in launched)
    # Nothing is remembered between repairs: the source may have it by now.
    assert ("player_box_scores", DAY) in reasons(plan(look(built)))


def test_repair_ends_when_a_source_fails_for_good(built: Sandbox) -> None:
    built.league.errors["player_box_scores"] = SourceUnavailable("the API version was retired")
    built.build("player_box_scores", DAY)
    before = attempts(built)["player_box_scores", DAY]
    mend(built)
    assert attempts(built)["player_box_scores", DAY] == before


@pytest.mark.parametrize(
    ("changed", "tried", "runs_again"),
    [(False, False, True), (False, True, False), (True, True, True)],
)
def test_what_was_tried_is_left_out_until_its_inputs_change(
    *, changed: bool, tried: bool, runs_again: bool
) -> None:
    key = ("schedule", DAY)
    need = Need(*key, Reason.HELD, "HELD: no answer", changed)
    here = Standing({"schedule": schedule.TABLE}, [DAY], {}, {key: need})
    assert plan(here, {key} if tried else frozenset()) == ([need] if runs_again else [])


def test_dates_of_seasons_without_a_schedule_are_not_considered() -> None:
    days = past_dates(date(2023, 6, 29), date(2024, 10, 2), {2022, 2024})
    assert days == [date(2023, 6, 29), date(2023, 6, 30), date(2024, 10, 1), date(2024, 10, 2)]


def test_spans_join_over_the_off_season_and_nothing_else() -> None:
    june, october = date(2024, 6, 30), date(2024, 10, 1)
    assert spans([june, october]) == [(june, october)]
    assert spans([date(2024, 6, 29), october]) == [(date(2024, 6, 29),) * 2, (october, october)]
    assert spans([]) == []


_TABLES = ("a", "b", "c")
_DAYS = tuple(game_dates(date(2024, 6, 25), date(2024, 10, 6)))


@given(st.sets(st.tuples(st.sampled_from(_TABLES), st.sampled_from(_DAYS))))
def test_runs_are_exactly_what_is_needed_and_as_few_as_can_be(
    keys: set[tuple[str, date]],
) -> None:
    found = runs(keys, _TABLES)
    covered = [
        (table, day)
        for run in found
        for table in run.tables
        for day in game_dates(run.first, run.last)
    ]
    assert sorted(covered) == sorted(keys)
    for before, after in pairwise(found):
        assert before.last < after.first
        next_day = next(game_dates(before.last + timedelta(days=1), _DAYS[-1] + timedelta(days=1)))
        assert next_day != after.first or before.tables != after.tables
