"""What becomes of a date after its audit. Pure: no engine.

A date that passes is certified and replaces the stored version. One that does not leaves a version
that had passed untouched; where none had, its good games are stored out of readers' sight, so that
one late game does not hold back the whole night. Rows of a game that once passed are replaced only
by rows of it that pass.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from nba_assets.certification.audit import Audit, Counts, Violation
from nba_assets.certification.certified import DueGame, Held, Readiness
from nba_assets.certification.digest import EMPTY_DIGEST
from nba_assets.certification.ledger import (
    WHOLE_DATE,
    Attempt,
    Cause,
    Check,
    Game,
    Restoration,
    Status,
    Verdict,
)
from nba_assets.contracts.contract import Contract, Severity, Unit
from nba_assets.contracts.dated_table import DatedTable, Scope
from nba_assets.errors import BadInput, NbaAssetsError

KEPT_EARLIER = "kept_earlier"
"""Rule of a game that passed on a date whose earlier version, without it, stays."""


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
    run_id: str
    """of the run that looked"""
    is_new: bool = True
    """whether it says anything the latest attempt does not"""


@dataclass(frozen=True)
class Stored:
    """What the store really holds of a date."""

    games: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """game ids with home and away team, of tables certified by game"""
    digest: str | None = None
    """None where nothing is stored"""


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
    held: Held | None
    warmup: bool
    waived: tuple[str, ...] = ()
    """what was found wrong with games that are waived"""
    before: Attempt | None = None
    stored: Stored = field(default_factory=Stored)

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
    def kept(self) -> tuple[str, ...]:
        """The games whose stored rows stay on a date that never passed: none replace them."""
        status, _ = self.outcome
        had_passed = self.before is not None and _stored(self.before).certified
        if status.certified or had_passed or self.contract.unit is Unit.DATE:
            return ()
        listed = {game.game_id for game in self.required}
        return tuple(sorted(self.stored.games.keys() & listed - set(self.good)))

    @cached_property
    def outcome(self) -> tuple[Status, str]:
        """The status of the date and why, in one line."""
        if self.held:
            return Status.HELD, self.held.reason
        labels = {game.game_id: game.label for game in self.games}
        rejected = [v.text for v in self.errors if v.severity is Severity.ERROR]
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
        if self.warmup:
            return (Status.WARMUP if self.games else Status.EMPTY_OK), ""
        waived = [f"{g.label} {g.reason}" for g in self.games if g.state == "waived"]
        if waived or self.waived:
            told = [*waived, *self.waived, *(v.detail for v in self.violations if v.rule == LATE)]
            return Status.WAIVED, "; ".join(dict.fromkeys(told))
        return (Status.COMPLETE if self.games or self.rows else Status.EMPTY_OK), ""

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """Why the date is not certified: its own causes first, then those of what it waits for."""
        if self.held:
            return (self.held.cause,)
        table = self.contract.table
        own = [Cause(table, self.day, v.game_id, v.rule, v.detail) for v in self.errors]
        games = [g.cause for g in self.required if g.cause is not None]
        games.sort(key=lambda cause: not cause.is_of(table, self.day))
        return tuple(dict.fromkeys(own + games))

    @cached_property
    def completeness(self) -> float | None:
        """Percent of the expected records, never above the percent of the required games."""
        if self.counts is None or not self.counts.expected:
            return None
        required = len(self.required)
        passed = required if WHOLE_DATE in self.good else len(self.good)
        share = passed / required if required else 1.0
        return round(100 * min(self.counts.actual / self.counts.expected, share), 2)


FAILED = "failed"
"""Rule of a date that could not be built: trying again may help."""
BAD_INPUT = "bad_input"
"""Rule of a date whose source cannot be understood: trying again will not help."""
LATE = "delivered_after_waiver"
"""Rule of a waived game that the source delivers after all."""


GONE = "gone"
"""State of a game that stands nowhere on the schedule and once did: held until that is accepted."""


def judge(
    table: DatedTable,
    dates: Sequence[date],
    ready: Readiness,
    found: Audit,
    stored: Mapping[date, Stored],
) -> list[Judged]:
    """What the audit means for each date."""
    games: dict[date, list[DueGame]] = defaultdict(list)
    for game in ready.games:
        games[game.game_date].append(game)
    violations: dict[date, list[Violation]] = defaultdict(list)
    waived: dict[date, list[str]] = defaultdict(list)
    accepted = ready.rulings.accepted(table.name)
    pending = {(game.game_date, game.game_id) for game in ready.games if game.state == "pending"}
    for violation in found.violations:
        day, game_id = violation.game_date, violation.game_id
        if (day, game_id) in pending:
            continue  # its row may be half written yet
        if (day, game_id, violation.finding) in accepted:
            continue
        if (reason := ready.waived.get(game_id or "")) and violation.rule != LATE:
            waived[day].append(f"{game_id} {reason}")
            continue
        violations[day].append(violation)
        once_passed = stored.get(day, Stored()).games
        if (
            game_id is not None
            and game_id in once_passed
            and all(game.game_id != game_id for game in games[day])
        ):
            # The schedule does not have it here, its rows say otherwise, and they once passed.
            home, away = once_passed[game_id]
            cause = Cause(table.name, day, game_id, violation.rule, violation.detail)
            games[day].append(DueGame(day, game_id, home, away, "held", violation.text, cause))
    for day, listed in games.items():
        missed = {violation.game_id for violation in violations[day]}
        games[day] = [g for g in listed if g.state != GONE or g.game_id in missed]
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
            before=ready.previous.get(day),
            stored=stored.get(day, Stored()),
        )
        for day in dates
    ]


def decide(
    table: DatedTable,
    judged: Judged,
    ready: Readiness,
    coming: tuple[str, int] | None,
    origin: Origin,
    rejected: Mapping[str, Restoration] | None = None,
) -> Decision:
    """The attempt to record; ``coming`` is digest and number of the rows to be stored.

    ``rejected`` are the digests of versions that an operator has replaced by an earlier one.
    """
    status, message = judged.outcome
    digest, rows = coming or (EMPTY_DIGEST, 0)
    before = judged.before
    stored = _stored(before)
    expected = stored.digest or EMPTY_DIGEST
    damaged = before is not None and expected != (judged.stored.digest or EMPTY_DIGEST)
    replaces = digest != stored.digest or status.certified != stored.certified or damaged
    if stored.certified and not status.certified:
        replaces = False
    if replaces and not damaged and stored.certified and status.certified:
        restoration = (rejected or {}).get(digest)
        if restoration:
            replaces, message = False, restoration.text
    number = before.attempt + 1 if before else 1
    kept = stored if not replaces else None
    publication = ready.publication + 1
    if replaces:
        stored = _Stored(publication, status, digest, rows)
    verdicts = tuple(_verdicts(judged, keeps=kept is not None and kept.certified))
    upstream = ready.upstream.get(judged.day, {})
    if status is not Status.WARMUP and not judged.held:
        training = {read.relation for read in table.reads if read.scope is Scope.TRAINING}
        upstream = {name: mark for name, mark in upstream.items() if name not in training}
    attempt = Attempt(
        table_name=table.name,
        game_date=judged.day,
        attempt=number,
        publication=publication,
        status=status,
        stored_publication=stored.publication,
        stored_status=stored.status,
        verdicts_publication=publication,
        expected_records=judged.counts.expected if judged.counts else None,
        actual_records=judged.counts.actual if judged.counts else None,
        completeness=judged.completeness,
        stored_rows=stored.rows,
        digest=stored.digest,
        certificate=_certificate(stored.digest, verdicts, status),
        checks=tuple(_checks(judged)),
        causes=_late(judged) if status.certified else judged.causes,
        upstream=upstream,
        thresholds=table.contract.blocking_thresholds,
        source=origin.source,
        contract_version=table.contract.version,
        code_version=table.code_version,
        run_id=origin.run_id,
        message=message,
        recorded_at=datetime.now(UTC),
    )
    return _settled(Decision(attempt, verdicts, replaces, origin.run_id), before)


def as_restored(decision: Decision, version: Attempt, restoration: Restoration) -> Decision:
    """The decision that makes the stored rows of an earlier version the date's again."""
    attempt = replace(
        decision.attempt,
        stored_publication=version.stored_publication,
        message=restoration.text,
    )
    return replace(decision, attempt=attempt, replaces=False)


def _late(judged: Judged) -> tuple[Cause, ...]:
    """What was delivered of waived games after all."""
    table, day = judged.contract.table, judged.day
    late = (v for v in judged.violations if v.rule == LATE)
    return tuple(Cause(table, day, v.game_id, v.rule, v.detail) for v in late)


def _settled(decision: Decision, before: Attempt | None) -> Decision:
    """The decision, or the latest attempt where it found nothing new."""
    if before and not decision.replaces and before.says_the_same(decision.attempt):
        return replace(decision, attempt=before, verdicts=(), is_new=False)
    return decision


def _certificate(digest: str | None, verdicts: Sequence[Game], status: Status) -> str:
    """See ``Attempt.certificate``."""
    told = sorted(f"{game.game_id} {game.verdict}" for game in verdicts)
    content = "\n".join([digest or "", str(status is Status.WARMUP), *told])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def failed(
    table: DatedTable,
    day: date,
    before: Attempt | None,
    error: NbaAssetsError,
    origin: Origin,
    publication: int,
) -> Decision:
    """The attempt to record where nothing could be built.

    That says nothing of an earlier version: what is stored stays, and so do the verdicts on it. The
    date is red until an attempt succeeds, but a source that is down for an hour does not take the
    later windows of the season with it.
    """
    stored = _stored(before)
    message = f"{type(error).__name__}: {error}"
    rule = BAD_INPUT if isinstance(error, BadInput) else FAILED
    cause = Cause(table.name, day, None, rule, message)
    verdict = Game(
        table.name,
        day,
        WHOLE_DATE,
        Verdict.HELD,
        table.contract.version,
        table.contract.blocking_thresholds,
        message,
        cause,
    )
    verdicts = () if stored.publication else (verdict,)
    attempt = Attempt(
        table_name=table.name,
        game_date=day,
        attempt=before.attempt + 1 if before else 1,
        publication=publication + 1,
        status=Status.FAILED,
        stored_publication=stored.publication,
        stored_status=stored.status,
        verdicts_publication=(
            before.verdicts_publication if before and stored.publication else publication + 1
        ),
        expected_records=None,
        actual_records=None,
        completeness=None,
        stored_rows=stored.rows,
        digest=stored.digest,
        certificate=(
            before.certificate
            if before and stored.publication
            else _certificate(None, verdicts, Status.FAILED)
        ),
        checks=(Check("row_counts", passed=False, violations=(message,)),),
        causes=(cause,),
        upstream={},
        # What was judged before is not judged anew by an attempt that could not look.
        thresholds=before.thresholds if before else table.contract.blocking_thresholds,
        source=origin.source,
        contract_version=before.contract_version if before else table.contract.version,
        code_version=table.code_version,
        run_id=origin.run_id,
        message=message,
        recorded_at=datetime.now(UTC),
    )
    return _settled(Decision(attempt, verdicts, replaces=False, run_id=origin.run_id), before)


@dataclass(frozen=True)
class _Stored:
    """The version of a date that the store holds."""

    publication: int | None
    status: Status | None
    digest: str | None
    rows: int

    @property
    def certified(self) -> bool:
        return self.status is not None and self.status.certified


def _stored(before: Attempt | None) -> _Stored:
    if before is None:
        return _Stored(None, None, None, 0)
    return _Stored(
        before.stored_publication, before.stored_status, before.digest, before.stored_rows
    )


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


def _verdicts(judged: Judged, *, keeps: bool) -> Iterator[Game]:
    """The verdicts on a date's games; ``keeps`` says that an earlier version of it stays."""
    table, day, contract = judged.contract.table, judged.day, judged.contract
    status, message = judged.outcome
    nameless = next((v for v in judged.errors if v.game_id is None), None)

    def verdict(
        game_id: str, what: Verdict, reason: str, cause: Cause | None, *teams: str | None
    ) -> Game:
        thresholds = contract.blocking_thresholds
        return Game(table, day, game_id, what, contract.version, thresholds, reason, cause, *teams)

    by_date = contract.unit is Unit.DATE
    if by_date or not judged.games or judged.held or nameless:
        what = Verdict.CERTIFIED if status.certified else Verdict.HELD
        cause = next(iter(judged.causes), None)
        yield verdict(WHOLE_DATE, what, message, None if status.certified else cause)
    if by_date or status is Status.WARMUP:
        return
    for game in judged.games:
        what, reason, cause = _verdict(judged, game, keeps=keeps)
        yield verdict(game.game_id, what, reason, cause, game.home_team, game.away_team)


def _verdict(judged: Judged, game: DueGame, *, keeps: bool) -> tuple[Verdict, str, Cause | None]:
    """What becomes of a game, why in words, and the root cause."""
    table, day, game_id = judged.contract.table, judged.day, game.game_id
    if game_id in judged.good:
        if keeps and not judged.contract.empty_games and game_id not in judged.stored.games:
            reason = "passed, but its date keeps an earlier version without it"
            return Verdict.HELD, reason, Cause(table, day, game_id, KEPT_EARLIER, reason)
        return Verdict.CERTIFIED, "", None
    if game.state == "waived":
        return Verdict.WAIVED, game.reason, None
    if game.cause is not None:
        return Verdict.HELD, game.reason, game.cause
    for violation in judged.errors:
        if violation.game_id in (game_id, None):
            cause = Cause(table, day, violation.game_id, violation.rule, violation.detail)
            return Verdict.HELD, violation.text, cause
    return Verdict.HELD, judged.outcome[1], next(iter(judged.causes), None)
