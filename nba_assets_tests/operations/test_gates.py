"""The gates: what they let pass, and that none is open where there is nothing to judge."""

from dataclasses import replace

from nba_assets.operations.gates import coverage_gates, every_date, gates, usage_rate_gates
from nba_assets.operations.plan import Standing, untouched
from nba_assets.operations.report import Coverage
from nba_assets_tests.tiny_league import LAST, OPENER, SLATES, Sandbox


def test_every_date_must_be_complete(empty: Sandbox) -> None:
    now = untouched(empty.tables, [OPENER, LAST])
    gate = every_date(now)
    assert not gate.passed
    assert gate.told == "38 table-dates of 2 dates are not; 2 dates in 19 tables"
    assert every_date(replace(now, needs={})).passed


def test_an_empty_window_does_not_pass(empty: Sandbox) -> None:
    for nothing in (Standing(empty.tables, (), {}, {}), Standing({}, [LAST], {}, {})):
        gate = every_date(nothing)
        assert not gate.passed
        assert "nothing was looked at" in gate.told
    (only,) = gates(None, Standing(empty.tables, (), {}, {}), 0.45)
    assert not only.passed


def test_coverage_is_demanded_of_every_season_and_overall() -> None:
    found = [Coverage(2024, 100, 100), Coverage(2025, 100, 44)]
    assert [(gate.period, gate.passed) for gate in usage_rate_gates(found, 0.45)] == [
        ("2024-25", True),
        ("2025-26", False),
        ("overall", True),
    ]
    assert usage_rate_gates(found, 0.44)[1].passed, "the limit itself passes"
    assert usage_rate_gates([], 0.45) == []


def test_the_gates_of_a_built_season(built: Sandbox) -> None:
    days = list(SLATES)
    with built.warehouse.reading() as engine:
        found = coverage_gates(engine, built.tables, days, 1.0)
        assert [gate.passed for gate in found] == [True, True]
        assert coverage_gates(engine, built.tables, [], 1.0) == []
    assert found[0].told.startswith("100.00 % of ")
