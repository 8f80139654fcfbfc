"""The ledger: one record per table, date and attempt, and the verdict on each game.

It is written in the transaction that publishes the data, and is what certified reads, plans,
reports and exit codes are computed from. Nothing in it is changed but the clock: every transaction
that adds to it takes the next ``publication``, so that numbers tell what came first, never times.
A record is the manifest of its date: it names the publication whose rows are the date's, and the
one whose verdicts are in force. The latest record is the current state; the latest up to a
publication is the state as of that one.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nba_assets.contracts.contract import Contract
from nba_assets.engines.engine import Engine
from nba_assets.engines.googlesql import quoted

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "clock": {"publication": "INT64 NOT NULL"},
    "attempts": {
        "table_name": "STRING NOT NULL",
        "game_date": "DATE NOT NULL",
        "attempt": "INT64 NOT NULL",
        "publication": "INT64 NOT NULL",
        "status": "STRING NOT NULL",
        "stored_publication": "INT64",
        "stored_status": "STRING",
        "verdicts_publication": "INT64 NOT NULL",
        "expected_records": "INT64",
        "actual_records": "INT64",
        "completeness": "FLOAT64",
        "validation_passed": "BOOL NOT NULL",
        "stored_rows": "INT64 NOT NULL",
        "digest": "STRING",
        "certificate": "STRING NOT NULL",
        "checks": "STRING NOT NULL",
        "causes": "STRING NOT NULL",
        "upstream": "STRING NOT NULL",
        "thresholds": "STRING NOT NULL",
        "source": "STRING",
        "contract_version": "INT64 NOT NULL",
        "code_version": "STRING NOT NULL",
        "run_id": "STRING NOT NULL",
        "message": "STRING NOT NULL",
        "recorded_at": "TIMESTAMP NOT NULL",
    },
    "verdicts": {
        "table_name": "STRING NOT NULL",
        "game_date": "DATE NOT NULL",
        "publication": "INT64 NOT NULL",
        "game_id": "STRING NOT NULL",
        "verdict": "STRING NOT NULL",
        "contract_version": "INT64 NOT NULL",
        "thresholds": "STRING NOT NULL",
        "reason": "STRING NOT NULL",
        "cause": "STRING",
        "home_team": "STRING",
        "away_team": "STRING",
    },
    "quarantine": {
        "table_name": "STRING NOT NULL",
        "game_date": "DATE NOT NULL",
        "publication": "INT64 NOT NULL",
        "game_id": "STRING",
        "reason": "STRING NOT NULL",
        "content": "STRING NOT NULL",
    },
    "rulings": {
        "publication": "INT64 NOT NULL",
        "kind": "STRING NOT NULL",
        "table_name": "STRING NOT NULL",
        "game_id": "STRING NOT NULL",
        "game_date": "DATE",
        "finding": "STRING",
        "reason": "STRING NOT NULL",
        "ruled_by": "STRING NOT NULL",
        "ruled_at": "TIMESTAMP NOT NULL",
    },
    "sources": {
        "publication": "INT64 NOT NULL",
        "identity": "STRING NOT NULL",
        "reason": "STRING NOT NULL",
        "recorded_at": "TIMESTAMP NOT NULL",
    },
    "restorations": {
        "publication": "INT64 NOT NULL",
        "table_name": "STRING NOT NULL",
        "game_date": "DATE NOT NULL",
        "restored": "INT64 NOT NULL",
        "restored_digest": "STRING NOT NULL",
        "rejected_digest": "STRING NOT NULL",
        "reason": "STRING NOT NULL",
        "restored_by": "STRING NOT NULL",
        "restored_at": "TIMESTAMP NOT NULL",
    },
    "vacuums": {
        "publication": "INT64 NOT NULL",
        "horizon": "INT64 NOT NULL",
        "vacuumed_at": "TIMESTAMP NOT NULL",
    },
    "evaluations": {
        "publication": "INT64 NOT NULL",
        "first_date": "DATE NOT NULL",
        "last_date": "DATE NOT NULL",
        "model": "STRING NOT NULL",
        "records": "STRING NOT NULL",
        "evaluated_at": "TIMESTAMP NOT NULL",
    },
    "trials": {
        "publication": "INT64 NOT NULL",
        "name": "STRING NOT NULL",
        "event": "STRING NOT NULL",
        "content": "STRING NOT NULL",
        "recorded_by": "STRING NOT NULL",
        "recorded_at": "TIMESTAMP NOT NULL",
    },
    "schema_versions": {
        "version": "INT64 NOT NULL",
        "since": "TIMESTAMP NOT NULL",
    },
    "looks": {
        "run_id": "STRING NOT NULL",
        "table_name": "STRING NOT NULL",
        "first_date": "DATE NOT NULL",
        "last_date": "DATE NOT NULL",
        "dates": "INT64 NOT NULL",
        "looked_at": "TIMESTAMP NOT NULL",
    },
}
"""The tables of the schema ``ledger``, their columns and types."""

VERDICT = tuple(name for name in COLUMNS["verdicts"] if name != "publication")
"""What a verdict says, whichever publication said it."""

WHOLE_DATE = "*"
"""The game id of a verdict on a date as a whole."""


class Status(StrEnum):
    """What became of an attempt at a date of a table."""

    COMPLETE = "COMPLETE"
    """what the schedule says must exist is stored, once, and passed its checks"""
    EMPTY_OK = "EMPTY_OK"
    """the schedule says there is nothing"""
    WARMUP = "WARMUP"
    """too early in the season, or in history, by design"""
    WAIVED = "WAIVED"
    """complete but for games an operator has waived"""
    PENDING = "PENDING"
    """games are not final yet"""
    HELD = "HELD"
    """something expected is missing, here or upstream"""
    QUARANTINED = "QUARANTINED"
    """what arrived breaks its contract"""
    FAILED = "FAILED"
    """nothing could be computed: the source or the engine raised"""

    @property
    def certified(self) -> bool:
        """Whether readers may trust the date."""
        return self in (Status.COMPLETE, Status.EMPTY_OK, Status.WARMUP, Status.WAIVED)


class Verdict(StrEnum):
    """What became of one game of a date."""

    CERTIFIED = "certified"
    HELD = "held"
    WAIVED = "waived"


@dataclass(frozen=True)
class Cause:
    """Why something is not certified: the rule that was broken, and where; the root, not its echo.

    ``game_id`` is None where a date as a whole is meant.
    """

    table_name: str
    game_date: date
    game_id: str | None
    rule: str
    detail: str

    def is_of(self, table: str, day: date) -> bool:
        """Whether it is a date's own, not that of something upstream."""
        return (self.table_name, self.game_date) == (table, day)


@dataclass(frozen=True)
class Check:
    """The outcome of one asset check on one date."""

    name: str
    passed: bool
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One record of the ledger."""

    table_name: str
    game_date: date
    attempt: int
    publication: int
    """number of the transaction that recorded it"""
    status: Status
    stored_publication: int | None
    """the publication whose rows are the date's after this one; None before the first"""
    stored_status: Status | None
    """the status those rows were published with: readers see them where it is certified"""
    verdicts_publication: int
    """the publication whose verdicts are in force"""
    expected_records: int | None
    actual_records: int | None
    completeness: float | None
    """percent"""
    stored_rows: int
    digest: str | None
    """of the stored rows"""
    certificate: str
    """digest of the stored rows and of the verdict on each game: what dependents read"""
    checks: tuple[Check, ...]
    causes: tuple[Cause, ...]
    """why it is not certified, or a word on what is waived"""
    upstream: Mapping[str, str]
    """certificate of each input as it was read, and the rulings that applied"""
    thresholds: Mapping[str, float]
    """the limits of blocking rules it was judged by"""
    source: str | None
    contract_version: int
    code_version: str
    run_id: str
    message: str
    recorded_at: datetime

    @property
    def validation_passed(self) -> bool:
        """Whether the date is certified by this attempt."""
        return self.status.certified

    def says_the_same(self, other: "Attempt") -> bool:
        """Whether another attempt differs in nothing but who looked, and when."""
        return self == replace(
            other,
            attempt=self.attempt,
            publication=self.publication,
            stored_publication=self.stored_publication,
            verdicts_publication=self.verdicts_publication,
            run_id=self.run_id,
            recorded_at=self.recorded_at,
        )

    def as_row(self) -> dict[str, Any]:
        """The record as stored."""
        row = {name: getattr(self, name) for name in COLUMNS["attempts"]}
        return row | {
            "status": self.status.value,
            "checks": as_json([vars(check) for check in self.checks]),
            "causes": as_json([vars(cause) for cause in self.causes]),
            "upstream": as_json(dict(self.upstream)),
            "thresholds": as_json(dict(self.thresholds)),
        }

    def checkpoint(self) -> dict[str, Any]:
        """The record in the form of a backfill checkpoint: date, status, counts, verdict."""
        return {
            "table": self.table_name,
            "date": self.game_date.isoformat(),
            "status": "success" if self.validation_passed else "failed",
            "state": self.status.value,
            "expected_records": self.expected_records,
            "actual_records": self.actual_records,
            "completeness": self.completeness,
            "validation_passed": self.validation_passed,
        }


def as_json(value: object) -> str:
    """The one form in which values are recorded: equal texts, equal values."""
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)


def moment(micros: int) -> datetime:
    """A moment that was read as UNIX_MICROS.

    Arrow's own conversion of timestamps imports pandas, which takes longer than all the rest of a
    command that only asks.
    """
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def _cause(stored: Mapping[str, Any]) -> Cause:
    return Cause(**{**stored, "game_date": date.fromisoformat(stored["game_date"])})


@lru_cache(maxsize=4096)
def _causes(stored: str) -> tuple[Cause, ...]:
    return tuple(_cause(cause) for cause in json.loads(stored))


@lru_cache(maxsize=4096)
def _one_cause(stored: str) -> Cause:
    return _cause(json.loads(stored))


@lru_cache(maxsize=64)
def _thresholds(stored: str) -> Mapping[str, float]:
    thresholds: Mapping[str, float] = json.loads(stored)
    return thresholds


def _checks(stored: str) -> tuple[Check, ...]:
    if stored == "[]":
        return ()
    return tuple(
        Check(
            check["name"],
            check["passed"],
            check["figures"],
            tuple(check["warnings"]),
            tuple(check["violations"]),
        )
        for check in json.loads(stored)
    )


_STATUSES: Mapping[str | None, Status | None] = {
    None: None,
    **{status.value: status for status in Status},
}
_READ: Mapping[str, Callable[[Any], Any]] = {
    "status": _STATUSES.__getitem__,
    "stored_status": _STATUSES.__getitem__,
    "checks": _checks,
    "causes": _causes,
    "upstream": json.loads,
    "thresholds": _thresholds,
    "recorded_at": moment,
}


def _attempts(rows: "pa.Table") -> Iterator[Attempt]:
    """The records, read column by column: tens of thousands of them are asked for at once."""
    columns = (
        map(_READ[name], values) if name in _READ else values
        for name, values in zip(
            rows.column_names, (column.to_pylist() for column in rows.columns), strict=True
        )
    )
    return (Attempt(*values) for values in zip(*columns, strict=True))


def _columns(checks: "bool | tuple[str, date]") -> str:
    read = {"recorded_at": "UNIX_MICROS(recorded_at) AS recorded_at"}
    if checks is False:
        read["checks"] = "'[]' AS checks"
    elif isinstance(checks, tuple):
        table, first = checks
        wanted = f"table_name = {quoted(table)} AND game_date >= DATE '{first}'"
        read["checks"] = f"IF({wanted}, checks, '[]') AS checks"
    names = (name for name in COLUMNS["attempts"] if name != "validation_passed")
    return ", ".join(read.get(name, name) for name in names)


PUBLICATION = "SELECT publication FROM ledger.clock"


def publication(engine: Engine) -> int:
    """The number of the latest transaction; 0 before the first."""
    return publication_of(engine.query(PUBLICATION))


def publication_of(found: "pa.Table") -> int:
    """The number that ``PUBLICATION`` found."""
    rows = found.to_pylist()
    return int(rows[0]["publication"]) if rows else 0


def latest_records(
    tables: Iterable[str],
    first: date,
    last: date,
    columns: str = "*",
    as_of: int | None = None,
) -> str:
    """A query for the record in force of each table and date of a range.

    ``as_of`` names a publication: what came after it is not seen.
    """
    names = ", ".join(quoted(name) for name in tables)
    return (
        f"SELECT {columns} FROM ledger.attempts WHERE table_name IN ({names}) "
        f"AND game_date BETWEEN DATE '{first}' AND DATE '{last}'{_until(as_of)} "
        "QUALIFY ROW_NUMBER() OVER "
        "(PARTITION BY table_name, game_date ORDER BY publication DESC) = 1"
    )


def _until(as_of: int | None) -> str:
    return "" if as_of is None else f" AND publication <= {as_of}"


def latest(
    engine: Engine,
    tables: Iterable[str],
    first: date,
    last: date,
    *,
    checks: bool = True,
) -> dict[tuple[str, date], Attempt]:
    """The record in force of each table and date of a range; its checks, most of it, if asked."""
    return attempts(engine.query(records_query(tables, first, last, checks=checks)))


def records_query(
    tables: Iterable[str],
    first: date,
    last: date,
    *,
    checks: "bool | tuple[str, date]" = True,
    as_of: int | None = None,
) -> str:
    """A query for what ``latest`` tells; ``checks`` may name a table and the first date of them."""
    return latest_records(tables, first, last, _columns(checks), as_of)


def attempts(found: "pa.Table") -> dict[tuple[str, date], Attempt]:
    """Records that were read, by table and date."""
    return {(attempt.table_name, attempt.game_date): attempt for attempt in _attempts(found)}


@dataclass(frozen=True)
class Trace:
    """Where the latest record of a warehouse came from."""

    recorded_at: datetime
    table_name: str
    game_date: date
    run_id: str


def last_recorded(engine: Engine) -> Trace | None:
    """The latest record of all; None before the first."""
    rows = engine.query(
        "SELECT UNIX_MICROS(recorded_at) AS recorded_at, table_name, game_date, run_id "
        "FROM ledger.attempts ORDER BY publication DESC, game_date DESC LIMIT 1"
    ).to_pylist()
    return Trace(**{**rows[0], "recorded_at": moment(rows[0]["recorded_at"])}) if rows else None


def first_date(engine: Engine) -> date | None:
    """The first date that was ever attempted in any table; None before the first attempt."""
    first: date | None = engine.query(
        "SELECT MIN(game_date) AS first_date FROM ledger.attempts"
    ).to_pylist()[0]["first_date"]
    return first


def history(engine: Engine, table: str, day: date) -> list[Attempt]:
    """Every attempt at one date of a table, oldest first."""
    rows = engine.query(
        f"SELECT {_columns(checks=True)} FROM ledger.attempts WHERE table_name = {quoted(table)} "
        f"AND game_date = DATE '{day}' ORDER BY attempt"
    )
    return list(_attempts(rows))


def laxer(contract: Contract, version: int, thresholds: Mapping[str, float]) -> str:
    """How what a date was judged by differs from what the contract demands now; empty if not.

    A laxer threshold now takes nothing away from what passed a stricter one.
    """
    if version != contract.version:
        return f"certified under contract version {version}, now {contract.version}"
    for name, value in contract.blocking_thresholds.items():
        then = thresholds.get(name)
        if then is None or then < value:
            return f"certified with {name} at least {then}, now {value}"
    return ""


@dataclass(frozen=True)
class Game:
    """The verdict on one game of a table, or on a whole date (``WHOLE_DATE``)."""

    table_name: str
    game_date: date
    game_id: str
    verdict: Verdict
    contract_version: int
    thresholds: Mapping[str, float]
    reason: str
    cause: Cause | None = None
    home_team: str | None = None
    away_team: str | None = None

    @property
    def teams(self) -> tuple[str, ...]:
        """The two teams, where they are known."""
        return (self.home_team, self.away_team) if self.home_team and self.away_team else ()

    def as_row(self, publication: int) -> dict[str, Any]:
        """The verdict as stored by a publication."""
        row = {name: getattr(self, name) for name in VERDICT}
        return row | {
            "publication": publication,
            "verdict": self.verdict.value,
            "thresholds": as_json(dict(self.thresholds)),
            "cause": as_json(vars(self.cause)) if self.cause else None,
        }


def verdicts_in_force(
    tables: Sequence[str], first: date, last: date, as_of: int | None = None
) -> str:
    """A query for the verdicts in force on the games of some tables in a range of dates."""
    names = ", ".join(quoted(name) for name in tables)
    columns = "table_name, game_date, verdicts_publication"
    return (
        f"SELECT {', '.join(f'v.{name}' for name in VERDICT)} FROM ledger.verdicts AS v "
        f"JOIN ({latest_records(tables, first, last, columns, as_of)}) AS r "
        "ON r.table_name = v.table_name AND r.game_date = v.game_date "
        f"AND r.verdicts_publication = v.publication WHERE v.table_name IN ({names}) "
        f"AND v.game_date BETWEEN DATE '{first}' AND DATE '{last}'"
    )


def verdicts(engine: Engine, tables: Sequence[str], first: date, last: date) -> list[Game]:
    """The verdict in force on every game of the tables in a range of dates."""
    return games(engine.query(verdicts_in_force(tables, first, last)))


def games(found: "pa.Table") -> list[Game]:
    """Verdicts that were read."""
    return [
        Game(
            **{
                **row,
                "verdict": Verdict(row["verdict"]),
                "thresholds": _thresholds(row["thresholds"]),
                "cause": _one_cause(row["cause"]) if row["cause"] else None,
            }
        )
        for row in found.to_pylist()
    ]


class Kind(StrEnum):
    """What an operator may rule."""

    WAIVE = "waive"
    """a game of a table will never be filled"""
    REVOKE = "revoke"
    """the waiver of a game has ended"""
    ACCEPT = "accept"
    """what vanished from a game is gone for good; the smaller version is the truth"""
    PROMOTE = "promote"
    """a table is computed by a configuration from a date on"""


@dataclass(frozen=True)
class Ruling:
    """An operator's word on a game of a table, or all of it. Rulings are only ever added."""

    kind: Kind
    table_name: str
    game_id: str
    reason: str
    ruled_by: str
    ruled_at: datetime
    game_date: date | None = None
    finding: str | None = None
    """of an acceptance: what vanished, as the audit found it; it holds for that and no more. Of a
    promotion: the configuration
    """
    publication: int = 0
    """its place in the order of all that was recorded; given when it is"""


@dataclass(frozen=True)
class Rulings:
    """Every ruling there ever was, oldest first."""

    all: tuple[Ruling, ...] = ()

    @property
    def waivers(self) -> list[Ruling]:
        """The waivers in force."""
        last = {
            (ruling.table_name, ruling.game_id): ruling
            for ruling in self.all
            if ruling.kind in (Kind.WAIVE, Kind.REVOKE)
        }
        return [ruling for ruling in last.values() if ruling.kind is Kind.WAIVE]

    def ended(self, waiver: Ruling) -> Ruling | None:
        """The ruling that ended a waiver."""
        for ruling in self.all:
            same = (ruling.table_name, ruling.game_id) == (waiver.table_name, waiver.game_id)
            later = ruling.publication > waiver.publication
            if ruling.kind is Kind.REVOKE and same and later:
                return ruling
        return None

    def accepted(self, table: str) -> set[tuple[date, str, str]]:
        """Date, game and finding of every acceptance of a table."""
        return {
            (ruling.game_date, ruling.game_id, ruling.finding)
            for ruling in self.all
            if ruling.kind is Kind.ACCEPT and ruling.table_name == table
            if ruling.game_date is not None and ruling.finding is not None
        }

    def promotions(self, table: str) -> list[Ruling]:
        """What a table was ever computed by, oldest first; the first is what it began with."""
        return [
            ruling
            for ruling in self.all
            if ruling.kind is Kind.PROMOTE and ruling.table_name == table
        ]

    def promoted(self, table: str, day: date) -> Ruling | None:
        """By what a table is computed on a date: the last word on it."""
        found = None
        for ruling in self.promotions(table):
            if ruling.game_date is not None and ruling.game_date <= day:
                found = ruling
        return found


def rulings(engine: Engine) -> Rulings:
    """Every ruling there ever was."""
    return rulings_of(engine.query(rulings_query()))


def rulings_query(as_of: int | None = None) -> str:
    """A query for every ruling there ever was, or was up to a publication."""
    return (
        "SELECT publication, kind, table_name, game_id, game_date, finding, reason, ruled_by, "
        f"UNIX_MICROS(ruled_at) AS ruled_at FROM ledger.rulings WHERE TRUE{_until(as_of)} "
        "ORDER BY publication, game_id"
    )


def rulings_of(found: "pa.Table") -> Rulings:
    """Rulings that were read."""
    return Rulings(
        tuple(
            Ruling(**{**row, "kind": Kind(row["kind"]), "ruled_at": moment(row["ruled_at"])})
            for row in found.to_pylist()
        )
    )


@dataclass(frozen=True)
class Restoration:
    """An operator's word that an earlier version of a date is the true one."""

    table_name: str
    game_date: date
    restored: int
    """the publication that first stored the version"""
    restored_digest: str
    rejected_digest: str
    """of the version it replaced, which is not taken again"""
    reason: str
    restored_by: str

    @property
    def text(self) -> str:
        """In words, as it stands in the records of the date."""
        return f"publication {self.restored} restored by {self.restored_by}: {self.reason}"

    def statement(self) -> str:
        """The statement that records it, in the transaction that makes it true."""
        columns = COLUMNS["restorations"]
        values = [
            "publication",
            *(_literal(getattr(self, name)) for name in columns if hasattr(self, name)),
            _literal(datetime.now(UTC)),
        ]
        return (
            f"INSERT INTO ledger.restorations ({', '.join(columns)}) "
            f"SELECT {', '.join(values)} FROM ledger.clock"
        )


def restorations_query(tables: Iterable[str]) -> str:
    """A query for the restorations of tables, oldest first."""
    names = [name for name in COLUMNS["restorations"] if name in Restoration.__annotations__]
    listed = ", ".join(quoted(name) for name in tables)
    return (
        f"SELECT {', '.join(names)} FROM ledger.restorations "
        f"WHERE table_name IN ({listed}) ORDER BY publication"
    )


def rejected_versions(found: "pa.Table") -> dict[tuple[str, date], dict[str, Restoration]]:
    """By table and date, the digests of versions that are not taken again, and why."""
    rejected: dict[tuple[str, date], dict[str, Restoration]] = {}
    for row in found.to_pylist():
        one = Restoration(**row)
        of_date = rejected.setdefault((one.table_name, one.game_date), {})
        of_date[one.rejected_digest] = one
        of_date.pop(one.restored_digest, None)
    return rejected


NEXT = "UPDATE ledger.clock SET publication = publication + 1 WHERE TRUE"
"""What every transaction that adds to the ledger begins with."""


def rule(engine: Engine, ruled: Iterable[Ruling]) -> None:
    """Record rulings, all or none; they take effect when the games' dates are run again."""
    engine.transaction([NEXT, *map(ruling, ruled)])


def ruling(one: Ruling) -> str:
    """The statement that records a ruling, after ``NEXT``."""
    return _insert("rulings", [getattr(one, name) for name in COLUMNS["rulings"]][1:])


def first_configuration(table: str, configuration: str, moment: datetime) -> str:
    """The statement that records what a table begins with, after ``NEXT``."""
    reason, by = "what the table began with", "nba_assets"
    first = Ruling(
        Kind.PROMOTE, table, WHOLE_DATE, reason, by, moment, date.min, finding=configuration
    )
    return ruling(first)


def _insert(table: str, values: Iterable["str | int | date | datetime | None"]) -> str:
    """A record of the publication the clock says, its other columns in their order."""
    return (
        f"INSERT INTO ledger.{table} ({', '.join(COLUMNS[table])}) SELECT publication, "
        f"{', '.join(map(_literal, values))} FROM ledger.clock"
    )


def evaluated(
    engine: Engine, first: date, last: date, model: str, records: str, moment: datetime
) -> None:
    """Record that the predictions of a period were judged, and what was found, as JSON."""
    engine.transaction([_insert("evaluations", (first, last, model, records, moment))])


def looks(engine: Engine, first: date, last: date) -> list[str]:
    """The models of every evaluation of a period that shares a date with this one."""
    models: list[str] = engine.query(
        "SELECT model FROM ledger.evaluations "
        f"WHERE first_date <= DATE '{last}' AND last_date >= DATE '{first}'"
    )["model"].to_pylist()
    return models


class Event(StrEnum):
    """What is recorded of a trial: first that it is declared, then what ends it."""

    DECLARED = "declared"
    SCORED = "scored"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Recorded:
    """A record of a trial."""

    publication: int
    name: str
    event: Event
    content: str
    """JSON"""
    recorded_by: str
    recorded_at: datetime


def trials(engine: Engine) -> list[Recorded]:
    """What was ever recorded of trials, oldest first."""
    rows = engine.query(
        "SELECT publication, name, event, content, recorded_by, "
        "UNIX_MICROS(recorded_at) AS recorded_at FROM ledger.trials ORDER BY publication"
    )
    return [
        Recorded(**{**row, "event": Event(row["event"]), "recorded_at": moment(row["recorded_at"])})
        for row in rows.to_pylist()
    ]


def record_trial(
    engine: Engine, name: str, event: Event, content: str, by: str, at: datetime
) -> None:
    """Record what a trial is about, before it is scored, or why it never will be, as JSON."""
    engine.transaction([NEXT, _insert("trials", (name, event, content, by, at))])


def conclude_trial(
    engine: Engine,
    name: str,
    content: str,
    looked_at: Iterable[tuple[date, date, str]],
    promotion: Ruling | None,
    by: str,
    at: datetime,
) -> None:
    """Record what came of a trial, its looks at periods and a promotion, all or none."""
    engine.transaction(
        [
            NEXT,
            _insert("trials", (name, Event.SCORED, content, by, at)),
            *(
                _insert("evaluations", (first, last, model, content, at))
                for first, last, model in looked_at
            ),
            *([ruling(promotion)] if promotion else []),
        ]
    )


def _literal(value: "str | int | date | datetime | None") -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat()}'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    return quoted(str(value))


SOURCE = "SELECT identity FROM ledger.sources ORDER BY publication DESC LIMIT 1"


def source_identity(engine: Engine) -> str | None:
    """The source the warehouse is filled from; None before the first date."""
    return source_of(engine.query(SOURCE))


def source_of(found: "pa.Table") -> str | None:
    """The identity that ``SOURCE`` found."""
    rows = found.to_pylist()
    return rows[0]["identity"] if rows else None


def adoption(identity: str, reason: str) -> str:
    """The statement that records the source a warehouse is filled from, after ``NEXT``."""
    return _insert("sources", (identity, reason, datetime.now(UTC)))


def adopt(engine: Engine, identity: str, reason: str) -> None:
    """Record that from now on the warehouse is filled from this source."""
    engine.transaction([NEXT, adoption(identity, reason)])
