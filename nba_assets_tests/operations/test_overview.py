"""What publication numbers alone prove, and what they do not."""

from dataclasses import replace
from datetime import date

import pytest

from nba_assets.certification import ledger
from nba_assets.contracts.dated_table import DatedTable, FromSQL
from nba_assets.operations.overview import Overview, overview
from nba_assets_tests.tiny_league import LAST, ONE_GAME, SEASON_START, SLATES, Sandbox

DAY = SLATES[7]


def see(
    deployment: Sandbox,
    tables: dict[str, DatedTable] | None = None,
    source: str = "tiny_league",
) -> Overview:
    with deployment.warehouse.reading() as engine:
        return overview(
            engine, tables or deployment.tables, SEASON_START, LAST, source, ledger.rulings(engine)
        )


def unsettled(seen: Overview) -> set[tuple[str, date]]:
    return set(seen.statuses) - seen.settled


def test_a_whole_season_built_in_order_is_settled(whole_season: Sandbox) -> None:
    seen = see(whole_season)
    with whole_season.warehouse.reading() as engine:
        latest = ledger.latest(engine, whole_season.tables, SEASON_START, LAST)
    assert seen.statuses == {key: attempt.status for key, attempt in latest.items()}
    assert not unsettled(seen)


def test_a_correction_leaves_open_what_reads_it_on_its_date_and_later(
    built: Sandbox,
) -> None:
    game = built.league.games(DAY)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    built.build("player_box_scores", DAY)
    left = unsettled(see(built))
    assert {("player_game_summary", DAY), ("team_offense_game_summary", DAY)} <= left
    assert {day for _, day in left} == {DAY}
    built.build_all(DAY, DAY, ("team_offense_game_summary", "player_game_summary"))
    left = unsettled(see(built))
    assert {("player_features", day) for day in SLATES if day > DAY} <= left
    assert {("team_form", day) for day in SLATES if day > DAY} <= left
    assert all(day >= DAY for _, day in left), "nothing earlier read it"


def test_a_history_corrected_after_all_else_leaves_open_who_had_too_little_of_it(
    built: Sandbox,
) -> None:
    game = built.league.games(DAY)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    models = {name for name, table in built.tables.items() if table.contract.group == "models"}
    built.build_all(SEASON_START, LAST, [name for name in built.tables if name not in models])
    left = {day for name, day in unsettled(see(built)) if name == "player_points_model"}
    assert left == {day for day in (*SLATES, ONE_GAME) if day > DAY}, "in warm-up, all of them"


@pytest.mark.parametrize("changed", ["version", "threshold", "code", "source"])
def test_what_is_demanded_now_leaves_open_what_was_judged_by_something_else(
    whole_season: Sandbox, changed: str
) -> None:
    tables, source, name = whole_season.tables, "tiny_league", "player_game_summary"
    table = tables[name]
    if changed == "version":
        contract = replace(table.contract, version=table.contract.version + 1)
        tables[name] = replace(table, contract=contract)
    elif changed == "threshold":
        limits = tuple((limit, value + 0.01) for limit, value in table.contract.thresholds)
        tables[name] = replace(table, contract=replace(table.contract, thresholds=limits))
    elif changed == "code":
        tables[name] = replace(table, produce=FromSQL("SELECT 1"))
    else:
        source, name = "another", "team_box_scores"
    left = unsettled(see(whole_season, tables, source))
    of_table = {key for key in left if key[0] == name}
    assert len(of_table) == (LAST - SEASON_START).days + 1


def test_what_is_not_certified_is_not_settled(built: Sandbox) -> None:
    built.league.drop("team_box_scores", built.league.games(DAY)[0])
    built.build("team_box_scores", DAY)
    assert ("team_box_scores", DAY) in unsettled(see(built))
