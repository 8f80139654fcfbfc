"""What is told to a human: each thing once, with what to do, and when it is over."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from nba_assets.certification.ledger import Cause, Status
from nba_assets.operations.findings import (
    LINES,
    Fact,
    Finding,
    Told,
    news,
    of_dates,
    of_drift,
    of_gates,
)
from nba_assets.operations.gates import Gate
from nba_assets.operations.plan import Need, Reason, Standing
from nba_assets.operations.report import PredictionError
from nba_assets.seasons import EASTERN
from nba_assets_tests.tiny_league import Sandbox

DAY = date(2026, 1, 3)
HOURS = timedelta(hours=8)
LATE = datetime.combine(DAY + timedelta(days=1), time(9), EASTERN)
EARLY = LATE - timedelta(hours=3)
GAME = "0022500451"


class Board:
    """A standing, and what is told of it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.tables = sandbox.tables
        self.needs: dict[tuple[str, date], Need] = {}
        self.statuses: dict[tuple[str, date], Status] = {}

    def hold(
        self, table: str, rule: str, detail: str, *games: str, day: date = DAY,
        status: Status = Status.HELD, cause: str | None = None, changed: bool = False,
    ) -> None:  # fmt: skip
        causes = tuple(
            Cause(cause or table, day, game, rule, f"{game or 'it'} {detail}")
            for game in games or (None,)
        )
        self.needs[table, day] = Need(table, day, Reason.HELD, detail, changed, causes)
        self.statuses[table, day] = status

    def told(self, moment: datetime = LATE, in_vain: list[Need] | None = None) -> list[str]:
        now = Standing(self.tables, [DAY], self.statuses, self.needs)
        found = of_dates(now, in_vain or [], HOURS, moment)
        return [line for one in found for line in one.lines(one.facts)]


@pytest.fixture
def board(empty: Sandbox) -> Board:
    return Board(empty)


def test_a_line_has_table_date_games_figures_and_what_to_do(board: Board) -> None:
    board.hold("team_box_scores", "rows_of_every_game", "has 0 of 2 rows", GAME)
    (line,) = board.told()
    assert line == (
        f"team_box_scores HELD 2026-01-03: {GAME} has 0 of 2 rows. Run by itself when other rows "
        "arrive; `nba-assets quarantine show team_box_scores 2026-01-03`, or "
        f"`nba-assets waive team_box_scores {GAME} --reason …`"
    )


def test_many_games_are_one_line(board: Board) -> None:
    games = [f"00225004{number:02d}" for number in range(9)]
    board.hold("team_box_scores", "rows_of_every_game", "has 0 of 2 rows", *games)
    (line,) = board.told()
    assert line.count("has 0 of 2 rows") == 3
    assert "; and 6 more. " in line


def test_that_rows_are_missing_is_told_when_they_are_late(board: Board) -> None:
    board.hold("team_box_scores", "rows_of_every_game", "has 0 of 2 rows", GAME)
    board.needs["schedule", DAY] = Need("schedule", DAY, Reason.MISSING, "never attempted")
    assert board.told(EARLY) == []
    assert board.told(LATE - timedelta(hours=1)), "eight hours after the end of the date"


@pytest.mark.parametrize("rule", ["bad_input", "nothing_vanishes", "still_listed"])
def test_what_waiting_does_not_help_is_told_at_once(board: Board, rule: str) -> None:
    board.hold("schedule", rule, "is gone", GAME)
    assert len(board.told(EARLY)) == 1
    board.hold("schedule", "points_identity", "is wrong", GAME, status=Status.QUARANTINED)
    assert len(board.told(EARLY)) == 1


def test_one_game_is_one_line_however_many_rules_it_breaks(board: Board) -> None:
    board.hold("team_box_scores", "rows_of_every_game", "has 0 of 2 rows", GAME)
    need = board.needs["team_box_scores", DAY]
    minutes = Cause("team_box_scores", DAY, GAME, "minutes", "minutes sum to 219.8")
    board.needs["team_box_scores", DAY] = replace(need, causes=(*need.causes, minutes))
    (line,) = board.told()
    assert f"{GAME} has 0 of 2 rows; {GAME}: minutes sum to 219.8. " in line
    gone = Cause("team_box_scores", DAY, GAME, "nothing_vanishes", "2 of 2 rows are gone")
    board.needs["team_box_scores", DAY] = replace(need, causes=(*need.causes, gone))
    (line,) = board.told()
    assert "0 of 2 rows" not in line, "that they are gone says it"
    assert f"nba-assets accept team_box_scores {GAME}" in line


def test_a_game_that_does_not_end_is_one_line_not_one_a_table(board: Board) -> None:
    for name in ("player_box_scores", "team_box_scores", "player_game_summary"):
        board.hold(
            name, "not_final", "is IN_PROGRESS", GAME, cause="schedule", status=Status.PENDING
        )
    assert board.told() == [
        f"schedule PENDING {DAY}: {GAME} is IN_PROGRESS. `nba-assets history schedule {DAY}`"
    ]


def test_what_waits_or_will_be_mended_by_itself_is_not_told(board: Board) -> None:
    board.hold("player_features", "rows_of_every_game", "x", cause="team_box_scores")
    board.hold("team_form", "rows_of_every_game", "x", changed=True)
    board.needs["schedule", DAY] = Need("schedule", DAY, Reason.STALE, "corrected")
    assert board.told() == []
    (line,) = board.told(in_vain=[board.needs["team_form", DAY]])
    assert line == (
        "team_form given up 2026-01-03: every further try has failed, and none follows. "
        "`nba-assets repair --from 2026-01-03 --to 2026-01-03`"
    )


def test_dates_nobody_built_are_one_line(board: Board) -> None:
    for day in (DAY, DAY + timedelta(days=1)):
        for name in board.tables:
            board.needs[name, day] = Need(name, day, Reason.MISSING, "never attempted")
    later = LATE + timedelta(days=2)
    (line,) = board.told(later)
    assert line == (
        "never built 2026-01-03 … 2026-01-04: all 19 tables. "
        "`nba-assets repair --from 2026-01-03 --to 2026-01-04`"
    )
    del board.needs["schedule", DAY]
    assert len(board.told(later)) == 2


def _finding(*days: date, kind: str = "k", one_cause: bool = False, told: str = "d") -> Finding:
    facts: dict[Fact, str] = {(day, None): told for day in days}
    return Finding("schedule HELD", kind, facts, one_cause=one_cause)


TOMORROW = DAY + timedelta(days=1)


def test_nothing_is_told_twice_and_everything_when_it_is_over() -> None:
    told: Told = {}
    text, told = news([_finding(DAY)], told)
    assert text == "schedule HELD 2026-01-03: d."
    text, told = news([_finding(DAY, told="in other words")], told)
    assert text == "", "other words are no other thing"
    text, told = news([_finding(DAY, TOMORROW)], told)
    assert text == "schedule HELD 2026-01-04: d."
    text, told = news([_finding(TOMORROW)], told)
    assert text == "over: schedule HELD 2026-01-03"
    text, told = news([], told)
    assert text == "over: schedule HELD 2026-01-04"
    assert (text := news([], told)[0]) == ""
    text, told = news([_finding(DAY)], told)
    assert text, "what comes back is news"


def test_nothing_is_over_where_not_everything_could_be_looked_at() -> None:
    _, told = news([_finding(DAY)], {})
    watcher = Finding("watch_game_dates", "watching", {(None, None): "its ticks fail"})
    text, told = news([watcher], told, blind=True)
    assert text == "watch_game_dates: its ticks fail."
    text, told = news([watcher], told, blind=True)
    assert text == ""
    text, _ = news([], told)
    assert text.splitlines() == ["over: schedule HELD 2026-01-03", "over: watch_game_dates"]


def test_one_cause_is_told_once_however_many_dates_it_takes() -> None:
    text, told = news([_finding(DAY, one_cause=True)], {})
    assert text
    text, told = news([_finding(DAY, TOMORROW, one_cause=True)], told)
    assert text == ""
    text, _ = news([], told)
    assert text == "over: schedule HELD 2026-01-03 … 2026-01-04"


def test_a_message_is_never_longer_than_one_reads() -> None:
    many = [_finding(DAY, kind=f"kind {number}") for number in range(613)]
    lines = news(many, {})[0].splitlines()
    assert len(lines) == LINES + 1
    assert lines[-1] == "… and 593 more; `nba-assets status` lists them all"


def test_gates_and_drift_are_findings() -> None:
    def error(predictor: str, mae: float, games: int = 5000, population: str = "all") -> Any:
        return PredictionError(2025, "morning", population, predictor, games, mae, 0.0, None)

    assert of_gates([Gate("a", passed=True, told="")]) == []
    (gate,) = of_gates([Gate("coverage", passed=False, told="44 % of 100")])
    assert gate.lines(gate.facts) == ["gate coverage: 44 % of 100. `nba-assets certify`"]
    better, worse = error("xgboost", 4.5), error("xgboost", 4.7)
    baseline = error("season_average", 4.6)
    assert of_drift([better, baseline]) == []
    (drift,) = of_drift([worse, baseline, error("last_5", 4.9)])
    assert "season_average 4.600" in drift.facts[None, None]
    (late,) = of_drift([better, baseline], [worse, baseline])
    assert late.title == "the model of the last four weeks is no better than its baselines"
    narrow = replace(better, within_80=0.755)
    (narrow_now,) = of_drift([better, baseline], [narrow, baseline])
    assert narrow_now.title == "the intervals of the last four weeks do not hold"
    assert "75.5 % inside the 80 % interval, on 5,000" in narrow_now.facts[None, None]
    assert of_drift([replace(better, within_80=0.83), baseline]) == []
    assert of_drift([replace(narrow, player_games=100), baseline]) == []
    few = error("xgboost", 4.7, games=100)
    assert of_drift([few, baseline]) == [], "too few to tell"
    assert of_drift([error("xgboost", 9, population="starters"), baseline]) == []
