"""What becomes of a date after its audit. Pure: no engine.

A date that passes is certified and replaces the stored version. One that does not leaves a version
that had passed untouched; where none had, its good games are stored out of readers' sight, so that
one late game does not hold back the whole night. A held date's stored games are always those of its
latest attempt.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from nba_assets.contracts.contract import Contract, Severity, Unit
from nba_assets.warehouse.audit import Audit, Counts, Violation
from nba_assets.warehouse.certified import DueGame, Readiness
from nba_assets.warehouse.dated_table import DatedTable
from nba_assets.warehouse.digest import EMPTY_DIGEST
from nba_assets.warehouse.ledger import WHOLE_DATE, Attempt, Check, Game, Status, Verdict


@dataclass(frozen=True)
class Origin:
    """Who makes an attempt: the run, and the source where the table is read from one."""

    run_id: str
    source: str | None


@dataclass(frozen=True)
class Decision:
    """A date's attempt, the verdicts on its games, and whether its rows become the stored ones."""

    attempt: Attempt
    verdicts: tuple[Game, ...]
    replaces: bool


@dataclass(frozen=True)
class Judged:
    """Everything known of one date of a table after the audit, and what follows from it."""

    contract: Contract
    day: date
    games: Sequence[DueGame]
    violations: Sequence[Violation]
    counts: Counts | None
    figures: Mapping[str, float | None]
    rows: int
    held: str | None
    warmup: bool
    waived: tuple[str, ...] = ()
    """what was found wrong with games that are waived"""

    @cached_property
    def required(self) -> list[DueGame]:
        """The games that are not waived."""
        return [game for game in self.games if game.state != "waived"]

    @cached_property
    def errors(self) -> list[Violation]:
        """The violations that hold games back."""
        return [v for v in self.violations if v.severity is not Severity.WARN]

    @cached_property
    def good(self) -> tuple[str, ...]:
        """The games that passed; ``WHOLE_DATE`` of a table certified by date."""
        broken = {violation.game_id for violation in self.errors}
        if self.held or self.warmup or None in broken:
            return ()
        if self.contract.unit is Unit.DATE:
            whole = not broken and all(game.state == "ready" for game in self.required)
            return (WHOLE_DATE,) if whole else ()
        return tuple(
            game.game_id
            for game in self.games
            if game.state == "ready" and game.game_id not in broken
        )

    @cached_property
    def outcome(self) -> tuple[Status, str]:
        """The status of the date and why, in one line."""
        if self.held:
            return Status.HELD, self.held
        labels = {game.game_id: game.label for game in self.games}
        rejected = [v.text for v in self.errors if v.severity is Severity.ERROR]
        if self.warmup and not rejected:
            return (Status.WARMUP if self.games else Status.EMPTY_OK), ""
        waiting = [
            f"{labels.get(v.game_id or '', self.day.isoformat())}: {v.detail}"
            for v in self.errors
            if v.severity is Severity.HOLD
        ]
        waiting += [f"{g.label}: {g.reason}" for g in self.required if g.state == "held"]
        pending = [f"{g.label}: {g.reason}" for g in self.required if g.state == "pending"]
        message = "; ".join(dict.fromkeys(rejected + waiting + pending))
        if rejected:
            return Status.QUARANTINED, message
        if waiting:
            return Status.HELD, message
        if pending:
            return Status.PENDING, message
        waived = [f"{g.label} {g.reason}" for g in self.games if g.state == "waived"]
        if waived or self.waived:
            return Status.WAIVED, "; ".join(dict.fromkeys((*waived, *self.waived)))
        return (Status.COMPLETE if self.games or self.rows else Status.EMPTY_OK), ""

    @cached_property
    def completeness(self) -> float | None:
        """Percent of the expected records, never above the percent of the required games."""
        if self.counts is None or not self.counts.expected:
            return None
        required = len(self.required)
        passed = required if WHOLE_DATE in self.good else len(self.good)
        share = passed / required if required else 1.0
        return round(100 * min(self.counts.actual / self.counts.expected, share), 2)


def judge(table: DatedTable, dates: Sequence[date], ready: Readiness, found: Audit) -> list[Judged]:
    """What the audit means for each date."""
    games: dict[date, list[DueGame]] = defaultdict(list)
    for game in ready.games:
        games[game.game_date].append(game)
    violations: dict[date, list[Violation]] = defaultdict(list)
    waived: dict[date, list[str]] = defaultdict(list)
    pending = {(game.game_date, game.game_id) for game in ready.games if game.state == "pending"}
    for violation in found.violations:
        if (violation.game_date, violation.game_id) in pending:
            continue  # its row may be half written yet
        if reason := ready.waived.get(violation.game_id or ""):
            waived[violation.game_date].append(f"{violation.game_id} {reason}")
        else:
            violations[violation.game_date].append(violation)
    return [
        Judged(
            contract=table.contract,
            day=day,
            games=games[day],
            violations=violations[day],
            counts=None if day in ready.warmup else found.counts.get(day),
            figures=found.figures.get(day, {}),
            rows=found.rows.get(day, 0),
            held=ready.held_dates.get(day),
            warmup=day in ready.warmup,
            waived=tuple(dict.fromkeys(waived[day])),
        )
        for day in dates
    ]


def decide(
    table: DatedTable,
    judged: Judged,
    ready: Readiness,
    staged: tuple[str, int] | None,
    origin: Origin,
) -> Decision:
    """The attempt to record; ``staged`` is digest and number of the rows that passed."""
    status, message = judged.outcome
    digest, rows = staged or (EMPTY_DIGEST, 0)
    before = ready.previous.get(judged.day)
    stored = _stored(before)
    replaces = digest != stored.digest or status.certified != stored.certified
    if stored.certified and not status.certified:
        replaces = False
    number = before.attempt + 1 if before else 1
    if replaces:
        stored = _Stored(number, status, digest, rows)
    attempt = Attempt(
        table_name=table.name,
        game_date=judged.day,
        attempt=number,
        status=status,
        stored_attempt=stored.attempt,
        stored_status=stored.status,
        expected_records=judged.counts.expected if judged.counts else None,
        actual_records=judged.counts.actual if judged.counts else None,
        completeness=judged.completeness,
        stored_rows=stored.rows,
        digest=stored.digest,
        checks=tuple(_checks(judged)),
        upstream=ready.upstream.get(judged.day, {}),
        source=origin.source,
        contract_version=table.contract.version,
        code_version=table.code_version,
        run_id=origin.run_id,
        message=message,
        recorded_at=datetime.now(UTC),
    )
    return Decision(attempt, tuple(_verdicts(judged)), replaces)


def failed(
    table: DatedTable, day: date, before: Attempt | None, message: str, origin: Origin
) -> Decision:
    """The attempt to record where nothing could be built.

    That says nothing of an earlier version: what is stored stays, and so do the verdicts on it. The
    date is red until an attempt succeeds, but a source that is down for an hour does not take the
    later windows of the season with it.
    """
    stored = _stored(before)
    attempt = Attempt(
        table_name=table.name,
        game_date=day,
        attempt=before.attempt + 1 if before else 1,
        status=Status.FAILED,
        stored_attempt=stored.attempt,
        stored_status=stored.status,
        expected_records=None,
        actual_records=None,
        completeness=None,
        stored_rows=stored.rows,
        digest=stored.digest,
        checks=(Check("row_counts", passed=False, violations=(message,)),),
        upstream={},
        source=origin.source,
        contract_version=table.contract.version,
        code_version=table.code_version,
        run_id=origin.run_id,
        message=message,
        recorded_at=datetime.now(UTC),
    )
    verdict = Game(table.name, day, WHOLE_DATE, Verdict.HELD, table.contract.version, message)
    return Decision(attempt, () if stored.attempt else (verdict,), replaces=False)


@dataclass(frozen=True)
class _Stored:
    """The version of a date that the store holds."""

    attempt: int | None
    status: Status | None
    digest: str | None
    rows: int

    @property
    def certified(self) -> bool:
        return self.status is not None and self.status.certified


def _stored(before: Attempt | None) -> _Stored:
    if before is None:
        return _Stored(None, None, None, 0)
    return _Stored(before.stored_attempt, before.stored_status, before.digest, before.stored_rows)


def _checks(judged: Judged) -> Iterator[Check]:
    """The outcome of each check that looked at anything."""
    status, message = judged.outcome
    figures: dict[str, dict[str, Any]] = defaultdict(dict)
    required = len(judged.required)
    figures["row_counts"] = {
        "status": status.value,
        "games": required,
        "games_certified": required if WHOLE_DATE in judged.good else len(judged.good),
        "rows": judged.rows,
    }
    if judged.counts:
        figures["row_counts"] |= {
            "expected": judged.counts.expected,
            "actual": judged.counts.actual,
            "completeness": judged.completeness,
        }
    for figure in judged.contract.figures:
        figures[figure.check][figure.name] = judged.figures.get(figure.name)
    audited = status.certified or judged.rows
    for name in judged.contract.checks if audited else ("row_counts",):
        errors = tuple(v.text for v in judged.errors if v.check == name)
        if status.certified:
            errors = ()  # what a warm-up date lacks it lacks by design
        elif name == "row_counts":
            errors = errors or (message,)
        warnings = tuple(
            v.text for v in judged.violations if v.check == name and v.severity is Severity.WARN
        )
        yield Check(name, not errors, figures[name], warnings, errors)


def _verdicts(judged: Judged) -> Iterator[Game]:
    table, day, version = judged.contract.table, judged.day, judged.contract.version
    status, message = judged.outcome
    if judged.contract.unit is Unit.DATE or (not judged.games and not status.certified):
        verdict = Verdict.CERTIFIED if status.certified else Verdict.HELD
        yield Game(table, day, WHOLE_DATE, verdict, version, message)
        return
    if status is Status.WARMUP:
        return
    reasons: dict[str | None, str] = {}
    for violation in judged.errors:
        reasons.setdefault(violation.game_id, violation.text)
    for game in judged.games:
        if game.game_id in judged.good:
            verdict, reason = Verdict.CERTIFIED, ""
        elif game.state == "waived":
            verdict, reason = Verdict.WAIVED, game.reason
        else:
            verdict = Verdict.HELD
            reason = game.reason or reasons.get(game.game_id) or reasons.get(None) or message
        yield Game(
            table, day, game.game_id, verdict, version, reason, game.home_team, game.away_team
        )
