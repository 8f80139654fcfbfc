"""How plans and reports read: what is wrong first, and what was left out is said."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from nba_assets.certification.vacuum import Dead
from nba_assets.cli import console
from nba_assets.modeling.evidence import Decile, Interval, Score
from nba_assets.modeling.information import InformationSet
from nba_assets.operations.evaluation import Evaluation, Evidence, Looks
from nba_assets.operations.gates import usage_rate_gates
from nba_assets.operations.plan import Need, Reason, Run, Standing, span
from nba_assets.operations.report import Coverage, Gap, gaps
from nba_assets_tests.cli.invoke import words

DAY = date(2025, 12, 1)
TABLES = ("raw_table", "summary")


def _said(capsys: pytest.CaptureFixture[str], *parts: object) -> str:
    console.show(*parts)  # type: ignore[arg-type]
    return words(capsys.readouterr().out)


def _needs(number: int) -> list[Need]:
    """Every second date of a table."""
    days = (DAY + timedelta(days=2 * n) for n in range(number))
    return [Need("summary", day, Reason.HELD, f"HELD: game {day}") for day in days]


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 dates"), (1, "1 date"), (2, "2 dates"), (2417, "2,417 dates")]
)
def test_a_number_has_its_noun(number: int, told: str) -> None:
    assert console.plural(number, "date") == told


def test_a_span_of_one_date_is_that_date() -> None:
    assert span(DAY, DAY) == "2025-12-01"
    assert span(DAY, date(2025, 12, 3)) == "2025-12-01 … 2025-12-03"


def test_a_long_plan_says_how_much_it_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    needs, runs = _needs(40), [Run(DAY, DAY, ("summary",))]

    short = _said(capsys, console.planned(needs, runs, everything=False))
    whole = _said(capsys, console.planned(needs, runs, everything=True))

    assert "… and 16 ranges more; --all lists them" in short
    assert "40 dates of 1 table, in 1 run." in short
    assert "more" not in whole
    assert whole.count("HELD: game") == 40


def test_causes_come_before_what_waits_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    from nba_assets.certification.ledger import Cause, Status

    cause = Cause("raw_table", DAY, "0022500001", "missing", "0 of 16")
    needs = {
        ("raw_table", DAY): Need("raw_table", DAY, Reason.HELD, "HELD: 0 of 16", causes=(cause,)),
        ("summary", DAY): Need("summary", DAY, Reason.HELD, "HELD: waits", causes=(cause,)),
    }
    statuses = dict.fromkeys(needs, Status.HELD)
    now = Standing(dict.fromkeys(TABLES), [DAY], statuses, needs)  # type: ignore[arg-type]

    said = _said(capsys, console.verdict(now), console.causes(gaps(now), everything=False))

    assert said.startswith("No: 2025-12-01 (1 date): 1 date not complete (2 of 2 table-dates).")
    assert "held: when the source has it, `nba-assets repair`" in said
    assert said.index("0 of 16") < said.index("waiting for these")
    assert said.endswith("summary 1")


def test_a_gate_is_judged_in_rows_and_shown_in_percent(capsys: pytest.CaptureFixture[str]) -> None:
    gates = usage_rate_gates([Coverage(2024, 1000, 449), Coverage(2025, 1000, 451)], 0.45)

    assert [(gate.period, gate.passed) for gate in gates] == [
        ("2024-25", False),
        ("2025-26", True),
        ("overall", True),
    ]
    assert usage_rate_gates([], 0.45) == []
    said = _said(capsys, console.coverages(gates))
    assert "(gate: 45%)" in said
    assert "2024-25 1,000 449 44.90 %" in said


@pytest.mark.parametrize(
    ("removed", "told"),
    [(False, "Would be removed: 36 rows and 4 verdicts"), (True, "Removed: 36 rows and 4")],
)
def test_a_vacuum_says_whether_it_did_it(
    capsys: pytest.CaptureFixture[str], *, removed: bool, told: str
) -> None:
    found = Dead(17, {"summary": 1}, {"summary": 36}, 4)

    assert told in _said(capsys, console.dead(found, removed=removed))
    nothing = _said(capsys, console.dead(Dead(17, {}, {}, 0), removed=removed))
    assert "nothing to remove" in nothing


GAP = Gap(
    "player_points_evaluation",
    date(2026, 1, 3),
    date(2026, 1, 3),
    1,
    "HELD",
    "; ".join(f"00225004{n:02d} (BOS @ LAL): 0 of 2 expected records" for n in range(20)),
    waits=False,
)


def test_reasons_are_counted_and_never_cut(capsys: pytest.CaptureFixture[str]) -> None:
    short = _said(capsys, console.causes([GAP], everything=False))
    assert "expected records; … and 16 more: --all" in short
    whole = _said(capsys, console.causes([GAP], everything=True))
    assert GAP.detail in whole


def test_a_narrow_terminal_folds_no_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    console.show(console.causes([GAP], everything=True))
    said = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert f"player_points_evaluation  2026-01-03  1 date  {GAP.detail}" in said


def test_evidence_says_how_far_the_model_is_from_each_baseline_and_how_often_it_was_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def score(name: str, mae: float) -> Score:
        return Score(name, 10_620, mae, mae - 0.01, -0.5, {"xgboost": Interval(0.1, 0.2)})

    model = replace(score("xgboost", 4.4), against={"rules_core": Interval(-0.1054, -0.0711)})
    one = Evidence(
        InformationSet.MORNING,
        "all",
        [model, score("rules_core", 4.5)],
        [Decile(1.0, 1.0, 9, 0.87, 0.5)],
        0.795,
        0.5,
    )
    found = Evaluation(DAY, DAY + timedelta(days=9), [one], 19, Looks(1, 2))
    said = _said(capsys, console.evaluation(found))
    assert "2025-12-01 … 2025-12-10, all, known by morning" in said
    assert "xgboost 10,620 4.4000 4.3900 -0.500 -2.22 %" in said
    assert "rules_core 10,620 4.5000 4.4900 -0.500 +0.00 % -0.105 … -0.071" in said
    assert "80 % interval 79.5 %" in said
    assert "by tenth of the predictions 87/50." in said
    assert "19 player-games of who had played" in said
    assert "Looked at 1 time before, with this one by 2 models." in said
