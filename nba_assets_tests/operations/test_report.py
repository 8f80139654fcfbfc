"""Reports count what is certified, name every gap once, and tell causes from what waits."""

from collections import Counter
from datetime import date

import pytest

from nba_assets.operations.plan import Standing, standing
from nba_assets.operations.report import (
    Coverage,
    WeeklyError,
    coverage,
    gaps,
    prediction_errors,
    rejected,
    rejected_rows,
    tally,
    weekly_errors,
)
from nba_assets.seasons import game_dates
from nba_assets_tests.tiny_league import LAST, SEASON, SEASON_START, SLATES, Sandbox

DATES = list(game_dates(SEASON_START, LAST))
DAY = SLATES[7]


def look(deployment: Sandbox) -> Standing:
    with deployment.warehouse.reading() as engine:
        return standing(engine, deployment.tables, DATES, deployment.league.name)


def test_every_date_is_counted_once_in_every_table(built: Sandbox) -> None:
    counts = tally(look(built))
    assert set(counts) == {(table, SEASON) for table in built.tables}
    assert all(count.total() == len(DATES) for count in counts.values())
    assert counts["team_offense_game_summary", SEASON] == Counter(COMPLETE=12, EMPTY_OK=11)


def test_a_certified_date_that_is_out_of_date_counts_as_stale(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    built.build("player_box_scores", DAY)
    assert tally(look(built))["player_game_summary", SEASON]["STALE"] == 1


def test_gaps_are_ranges_with_the_cause_first(built: Sandbox) -> None:
    for day in (SLATES[8], SLATES[9]):
        built.league.drop("team_box_scores", built.league.games(day)[0])
        built.league.drop("player_box_scores", built.league.games(day)[0])
    built.build_all(SLATES[8], LAST, ("player_box_scores", "team_box_scores"))
    built.build_all(SLATES[8], LAST, ("team_offense_game_summary", "team_form"))
    found = gaps(look(built))
    assert [gap.waits for gap in found] == sorted(gap.waits for gap in found)
    causes = [(gap.table_name, gap.first, gap.last) for gap in found if not gap.waits]
    assert causes[:2] == [
        ("player_box_scores", SLATES[8], SLATES[8]),
        ("player_box_scores", SLATES[9], SLATES[9]),
    ]
    waiting = [gap for gap in found if gap.waits and gap.table_name == "team_form"]
    # The date between has one game, of teams whose windows may be whole: no range hides that.
    assert sum(gap.dates for gap in waiting) >= 2
    assert sum(gap.dates for gap in found) == len(look(built).needs)


def test_coverage_counts_certified_rows_with_minutes(built: Sandbox) -> None:
    with built.warehouse.writing() as engine:
        (before,) = coverage(engine, built.tables, DATES)
        engine.transaction(
            [
                (
                    "UPDATE store.player_game_summary SET usage_rate = NULL "
                    f"WHERE game_date = DATE '{DAY}' AND minutes > 0"
                ),
                (
                    "UPDATE ledger.verdicts SET verdict = 'held' WHERE table_name = "
                    f"'player_game_summary' AND game_date = DATE '{LAST}'"
                ),
            ]
        )
        (after,) = coverage(engine, built.tables, DATES)
    a_slate = 3 * 2 * 10
    assert before == Coverage(SEASON, 34 * 2 * 10, 34 * 2 * 10)
    assert (after.rows, after.with_usage_rate) == (
        before.rows - a_slate,
        before.rows - 2 * a_slate,
    )
    assert after.share == pytest.approx((before.rows - 2 * a_slate) / (before.rows - a_slate))


def test_prediction_errors_are_weighted_by_player_games(built: Sandbox) -> None:
    games = built.league.games(LAST)[:2]
    number = built.attempt("player_points_evaluation", LAST).publication
    with built.warehouse.writing() as engine:
        statements = [
            (
                f"DELETE FROM ledger.verdicts WHERE table_name = 'player_points_evaluation' "
                f"AND game_date = DATE '{LAST}'"
            )
        ]
        for game, rows, error, inside in ((games[0], 10, 40.0, 9), (games[1], 30, 60.0, 20)):
            statements += [
                (
                    f"INSERT INTO store.player_points_evaluation VALUES ('{game}', DATE '{LAST}', "
                    f"'morning', 'xgboost', 'all', {rows}, {error}, {error / rows}, 1.0, {inside}, "
                    f"{number})"
                ),
                (
                    "INSERT INTO ledger.verdicts VALUES ('player_points_evaluation', "
                    f"DATE '{LAST}', {number}, '{game}', 'certified', 2, '{{}}', '', NULL, "
                    "'BOS', 'MIA')"
                ),
            ]
        engine.transaction(statements)
        (found,) = prediction_errors(engine, built.tables, DATES)
        (week,) = weekly_errors(engine, built.tables, DATES, at_least=40)
        assert weekly_errors(engine, built.tables, DATES, at_least=41) == []
    assert (found.season_year, found.predictor, found.player_games) == (SEASON, "xgboost", 40)
    assert found.mae == pytest.approx(100 / 40)
    assert found.bias == pytest.approx(1.0)
    assert found.within_80 == pytest.approx(29 / 40)
    assert week == WeeklyError(date(2025, 10, 20), "xgboost", 40, 2.5)


def test_what_was_rejected_is_open_until_the_date_is_certified(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    row = built.league.rows("player_box_scores", game, starter=True)[0]
    points = row["pts"]
    row["pts"] = 99

    def listed(*, closed: bool) -> list[tuple[str, date, str | None]]:
        now = look(built)
        with built.warehouse.reading() as engine:
            found = rejected(engine, now, closed=closed)
        return [(one.table_name, one.game_date, one.game_id) for one in found]

    built.build("player_box_scores", DAY)
    assert set(listed(closed=False)) == {("player_box_scores", DAY, game)}
    with built.warehouse.reading() as engine:
        rows = rejected_rows(engine, "player_box_scores", DAY, game)
    assert any(content["pts"] == 99 for _, _, _, content in rows)
    row["pts"] = points
    built.build("player_box_scores", DAY)
    assert listed(closed=False) == []
    assert set(listed(closed=True)) == {("player_box_scores", DAY, game)}
