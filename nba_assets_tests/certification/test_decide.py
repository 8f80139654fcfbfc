"""What becomes of a date after its audit, without any engine."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from nba_assets.assets.models import player_points_model
from nba_assets.assets.raw import player_box_scores
from nba_assets.certification.audit import Audit, Counts, Violation
from nba_assets.certification.certified import DueGame, Held, Readiness
from nba_assets.certification.decide import (
    BAD_INPUT,
    Decision,
    Origin,
    Stored,
    decide,
    failed,
    judge,
)
from nba_assets.certification.digest import EMPTY_DIGEST
from nba_assets.certification.ledger import WHOLE_DATE, Attempt, Cause, Status, Verdict
from nba_assets.contracts.contract import Severity
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.errors import BadInput, SourceUnavailable

DAY = date(2026, 1, 3)
BY_GAME, BY_DATE = player_box_scores.TABLE, player_points_model.table(Path("models"))
ORIGIN = Origin("run", "source")


def _game(number: int, state: str = "ready") -> DueGame:
    return DueGame(
        DAY, f"002250000{number}", "MIA", "MIN", state, "" if state == "ready" else "why"
    )


def _violation(severity: Severity, game: int | None = 1, check: str = "contract") -> Violation:
    game_id = None if game is None else f"002250000{game}"
    return Violation(check, "rule", severity, DAY, game_id, "detail")


def _decision(
    games: Sequence[DueGame] = (),
    violations: Sequence[Violation] = (),
    *,
    table: DatedTable = BY_GAME,
    before: Attempt | None = None,
    held: str | None = None,
    warmup: bool = False,
    digest: str | None = "new",
    rows: int = 48,
    counts: tuple[int, int] | None = (48, 48),
    stored: Stored | None = None,
) -> Decision:
    ready = Readiness(
        games=games,
        held_dates={DAY: Held(held, Cause("schedule", DAY, None, "unknown", held))} if held else {},
        warmup=frozenset({DAY} if warmup else ()),
        upstream={DAY: {"schedule": "s"}},
        previous={DAY: before} if before else {},
    )
    found = Audit(
        tuple(violations), {DAY: Counts(*counts)} if counts else {}, {}, {DAY: rows} if rows else {}
    )
    there = stored or Stored({READY.game_id: ("MIA", "MIN")}, before.digest if before else None)
    (judged,) = judge(table, [DAY], ready, found, {DAY: there} if before else {})
    good = bool(judged.good or judged.kept) and digest is not None
    return decide(table, judged, ready, (digest or "", rows) if good else None, ORIGIN)


def _before(status: Status, **values: Any) -> Attempt:
    """A latest attempt that stored the rows it made."""
    stored = {"stored_publication": 4, "stored_status": status, "digest": "old", "stored_rows": 48}
    return Attempt(
        **{
            "table_name": BY_GAME.name,
            "game_date": DAY,
            "attempt": 4,
            "publication": 7,
            "verdicts_publication": 7,
            "status": status,
            "certificate": "c",
            "causes": (),
            "thresholds": {},
            "expected_records": 48,
            "actual_records": 48,
            "completeness": 100.0,
            "checks": (),
            "upstream": {},
            "source": None,
            "contract_version": 1,
            "code_version": "x",
            "run_id": "earlier",
            "message": "",
            "recorded_at": datetime(2026, 1, 4, tzinfo=UTC),
            **stored,
            **values,
        }
    )


READY, PENDING, HELD, WAIVED = (
    _game(number, state) for number, state in enumerate(("ready", "pending", "held", "waived"), 1)
)
ERROR, HOLD, WARN = (
    _violation(severity) for severity in (Severity.ERROR, Severity.HOLD, Severity.WARN)
)

STATUSES: tuple[tuple[str, Status, dict[str, Any]], ...] = (
    ("all games passed", Status.COMPLETE, {"games": [READY]}),
    ("a warning is no obstacle", Status.COMPLETE, {"games": [READY], "violations": [WARN]}),
    ("the schedule has nothing", Status.EMPTY_OK, {"rows": 0, "counts": None}),
    ("too early in the season", Status.WARMUP, {"games": [READY], "warmup": True, "rows": 0}),
    ("nothing and too early", Status.EMPTY_OK, {"warmup": True, "rows": 0}),
    ("an operator waived it", Status.WAIVED, {"games": [READY, WAIVED]}),
    ("only waived games", Status.WAIVED, {"games": [WAIVED], "rows": 0}),
    ("a game in play", Status.PENDING, {"games": [READY, PENDING]}),
    ("an input is missing", Status.HELD, {"games": [READY, HELD]}),
    ("rows are missing", Status.HELD, {"games": [READY], "violations": [HOLD]}),
    ("a rule is broken", Status.QUARANTINED, {"games": [READY], "violations": [ERROR]}),
    ("the date as a whole is broken", Status.QUARANTINED,
     {"games": [READY], "violations": [_violation(Severity.ERROR, None)]}),
    ("rejected outweighs missing and pending", Status.QUARANTINED,
     {"games": [READY, PENDING, HELD], "violations": [ERROR]}),
    ("missing outweighs pending", Status.HELD, {"games": [PENDING, HELD]}),
    ("pending outweighs waived", Status.PENDING, {"games": [PENDING, WAIVED]}),
    ("the games are unknown", Status.HELD, {"held": "schedule never certified", "rows": 0}),
    ("unknown outweighs rejected", Status.HELD, {"held": "unknown", "violations": [ERROR]}),
    ("rows of a warm-up date are rejected", Status.QUARANTINED,
     {"games": [READY], "warmup": True, "violations": [ERROR]}),
    ("rows of a game that is not there", Status.QUARANTINED,
     {"games": [READY], "violations": [_violation(Severity.ERROR, 9)]}),
    ("a whole date passed", Status.COMPLETE, {"table": BY_DATE}),
    ("one row breaks the whole date", Status.QUARANTINED,
     {"table": BY_DATE, "violations": [ERROR]}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "known"), [case[1:] for case in STATUSES], ids=[case[0] for case in STATUSES]
)
def test_status(status: Status, known: dict[str, Any]) -> None:
    decision = _decision(**known)
    attempt = decision.attempt

    assert attempt.status is status
    assert (attempt.attempt, attempt.run_id, attempt.source) == (1, "run", "source")
    assert status.certified == attempt.validation_passed
    assert bool(attempt.message) == (status not in (
        Status.COMPLETE, Status.EMPTY_OK, Status.WARMUP))  # fmt: skip
    by_name = {check.name: check for check in attempt.checks}
    assert all(check.passed for check in by_name.values()) == status.certified
    assert by_name["row_counts"].figures["status"] == status.value


CERTIFIED = [status for status in Status if status.certified]
NOT_CERTIFIED = [status for status in Status if not status.certified]
WORSE: tuple[dict[str, Any], ...] = (
    {"games": [READY, PENDING]},
    {"games": [READY, HELD]},
    {"games": [READY], "violations": [ERROR]},
    {"games": [READY], "violations": [HOLD]},
    {"held": "unknown"},
)


@pytest.mark.parametrize("stored", CERTIFIED)
@pytest.mark.parametrize("known", WORSE)
def test_a_worse_attempt_never_replaces_a_certified_version(
    stored: Status, known: dict[str, Any]
) -> None:
    before = _before(stored)

    decision = _decision(before=before, **known)

    assert not decision.replaces
    assert decision.attempt.attempt == 5
    for name in ("stored_publication", "stored_status", "digest", "stored_rows"):
        assert getattr(decision.attempt, name) == getattr(before, name)


@pytest.mark.parametrize("stored", NOT_CERTIFIED)
def test_a_certified_attempt_replaces_what_was_not_even_if_the_rows_are_equal(
    stored: Status,
) -> None:
    decision = _decision([READY], before=_before(stored), digest="old")

    assert decision.replaces
    assert decision.attempt.stored_publication == decision.attempt.publication
    assert decision.attempt.stored_status is Status.COMPLETE


@pytest.mark.parametrize("stored", CERTIFIED)
def test_unchanged_rows_are_not_published_again(stored: Status) -> None:
    decision = _decision([READY], before=_before(stored), digest="old")

    assert not decision.replaces
    assert (decision.attempt.attempt, decision.attempt.stored_publication) == (5, 4)
    assert decision.attempt.status is Status.COMPLETE


@pytest.mark.parametrize("stored", CERTIFIED)
def test_changed_rows_that_pass_are_published(stored: Status) -> None:
    decision = _decision([READY], before=_before(stored))

    assert decision.replaces
    assert decision.attempt.stored_publication == decision.attempt.publication
    assert decision.attempt.digest == "new"


def test_rows_that_are_gone_by_right_are_taken_away() -> None:
    decision = _decision(before=_before(Status.COMPLETE), rows=0, counts=None)

    assert decision.replaces
    assert decision.attempt.digest == EMPTY_DIGEST
    assert decision.attempt.stored_rows == 0


def test_good_games_of_a_date_that_is_not_certified_are_stored() -> None:
    decision = _decision([READY, PENDING], rows=24)

    assert decision.replaces
    assert decision.attempt.stored_status is Status.PENDING
    assert {v.game_id: v.verdict for v in decision.verdicts} == {
        READY.game_id: Verdict.CERTIFIED,
        PENDING.game_id: Verdict.HELD,
    }


@pytest.mark.parametrize("rows", [12, 24, 48])
def test_the_stored_games_of_a_held_date_are_those_that_pass(rows: int) -> None:
    """A verdict speaks of rows that are there."""
    before = _before(Status.HELD, stored_rows=24)

    decision = _decision([READY, HELD], before=before, rows=rows)

    assert decision.replaces
    assert decision.attempt.stored_rows == rows


def test_a_failure_keeps_everything_stored() -> None:
    before = _before(Status.COMPLETE)

    decision = failed(BY_GAME, DAY, before, SourceUnavailable("throttled"), ORIGIN, 7)

    assert not decision.replaces
    assert decision.attempt.status is Status.FAILED
    assert (decision.attempt.attempt, decision.attempt.stored_publication) == (5, 4)
    assert (decision.attempt.digest, decision.attempt.stored_rows) == ("old", 48)
    assert not all(check.passed for check in decision.attempt.checks)


def test_a_failure_of_a_date_never_tried() -> None:
    attempt = failed(BY_GAME, DAY, None, BadInput("no"), ORIGIN, 7).attempt

    assert (attempt.attempt, attempt.stored_publication, attempt.stored_rows) == (1, None, 0)
    assert [cause.rule for cause in attempt.causes] == [BAD_INPUT], "trying again will not help"


def _judged(games: Sequence[DueGame], violations: Sequence[Violation], before: Attempt) -> Any:
    ready = Readiness(games, {}, frozenset(), {}, {DAY: before})
    found = Audit(tuple(violations), {}, {}, {DAY: 24})
    stored = {DAY: Stored({game.game_id: ("MIA", "MIN") for game in games}, "old")}
    (judged,) = judge(BY_GAME, [DAY], ready, found, stored)
    return judged


def test_a_game_that_passed_once_is_kept_until_one_that_passes_replaces_it() -> None:
    games = [READY, _game(2)]
    broken = replace(ERROR, game_id=READY.game_id)

    assert _judged(games, [broken], _before(Status.HELD)).kept == (READY.game_id,)
    assert _judged(games, [], _before(Status.HELD)).kept == ()
    # A version that had passed as a whole stays as a whole.
    assert _judged(games, [broken], _before(Status.COMPLETE)).kept == ()


def test_what_a_waiver_gives_up_is_not_kept() -> None:
    games = [replace(READY, state="waived"), _game(2), HELD]

    assert _judged(games, [], _before(Status.HELD)).kept == (HELD.game_id,)


def test_the_same_again_is_only_a_look() -> None:
    first = _decision([READY])
    stored = Stored({READY.game_id: ("MIA", "MIN")}, "new")

    again = _decision([READY], before=first.attempt, stored=stored)

    assert not again.is_new
    assert again.attempt == first.attempt


def test_rows_changed_behind_the_ledger_are_stored_again() -> None:
    first = _decision([READY])

    again = _decision([READY], before=first.attempt, stored=Stored({}, "tampered"))

    assert again.replaces
    assert again.attempt.stored_publication == again.attempt.publication


def test_every_game_gets_its_verdict_and_every_other_one_its_reason() -> None:
    games = [READY, _game(2), PENDING, HELD, WAIVED]
    games = [replace(game, game_id=f"g{n}") for n, game in enumerate(games)]
    broken = replace(ERROR, game_id="g1")

    verdicts = {v.game_id: v for v in _decision(games, [broken]).verdicts}

    assert [v.verdict.value for v in verdicts.values()] == [
        "certified", "held", "held", "held", "waived",
    ]  # fmt: skip
    assert verdicts["g0"].reason == ""
    assert "rule in g1: detail" in verdicts["g1"].reason
    assert all("why" in verdicts[game].reason for game in ("g2", "g3", "g4"))


def test_a_broken_date_holds_every_game() -> None:
    verdicts = _decision([READY, _game(2)], [_violation(Severity.ERROR, None)]).verdicts

    assert [(v.game_id, v.verdict) for v in verdicts] == [
        (game, Verdict.HELD) for game in (WHOLE_DATE, READY.game_id, _game(2).game_id)
    ]
    assert all("detail" in v.reason for v in verdicts)


def test_a_table_certified_by_date_has_one_verdict() -> None:
    for violations, verdict in (((), Verdict.CERTIFIED), ((ERROR,), Verdict.HELD)):
        (only,) = _decision(violations=violations, table=BY_DATE).verdicts
        assert (only.game_id, only.verdict) == (WHOLE_DATE, verdict)


@pytest.mark.parametrize(
    ("games", "counts", "percent"),
    [
        ([READY], (48, 48), 100.0),
        ([READY, HELD], (48, 48), 50.0),
        ([READY, _game(2), HELD], (72, 48), 66.67),
        ([READY], (16, 2), 12.5),
        ([READY], (48, 60), 100.0),
        ([READY], None, None),
        ([], (0, 0), None),
    ],
)
def test_completeness(
    games: list[DueGame], counts: tuple[int, int] | None, percent: float | None
) -> None:
    assert _decision(games, counts=counts).attempt.completeness == percent


def test_a_violation_of_a_game_that_is_not_final_is_no_violation_yet() -> None:
    half_a_row = replace(ERROR, game_id=PENDING.game_id)

    assert _decision([READY, PENDING], [half_a_row]).attempt.status is Status.PENDING
