"""The ledger: one record per table, date and attempt, and the verdict on each game.

It is written in the transaction that publishes the data, and is what certified reads, plans,
reports and exit codes are computed from.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from nba_assets.googlesql import quoted
from nba_assets.warehouse.warehouse import Engine

ATTEMPT_COLUMNS: tuple[tuple[str, str], ...] = (
    ("table_name", "STRING NOT NULL"),
    ("game_date", "DATE NOT NULL"),
    ("attempt", "INT64 NOT NULL"),
    ("status", "STRING NOT NULL"),
    ("stored_attempt", "INT64"),
    ("stored_status", "STRING"),
    ("expected_records", "INT64"),
    ("actual_records", "INT64"),
    ("completeness", "FLOAT64"),
    ("validation_passed", "BOOL NOT NULL"),
    ("stored_rows", "INT64 NOT NULL"),
    ("digest", "STRING"),
    ("checks", "STRING NOT NULL"),
    ("upstream", "STRING NOT NULL"),
    ("source", "STRING"),
    ("contract_version", "INT64 NOT NULL"),
    ("code_version", "STRING NOT NULL"),
    ("run_id", "STRING NOT NULL"),
    ("message", "STRING NOT NULL"),
    ("recorded_at", "TIMESTAMP NOT NULL"),
)

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
    status: Status
    stored_attempt: int | None
    """the attempt whose rows are stored after this one"""
    stored_status: Status | None
    """the status those rows were published with"""
    expected_records: int | None
    actual_records: int | None
    completeness: float | None
    """percent"""
    stored_rows: int
    digest: str | None
    """of the stored rows"""
    checks: tuple[Check, ...]
    upstream: Mapping[str, str]
    """digest of each input as it was read"""
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

    def as_row(self) -> dict[str, Any]:
        """The record as stored."""
        row = {name: getattr(self, name) for name, _ in ATTEMPT_COLUMNS}
        checks = [
            {
                "name": check.name,
                "passed": check.passed,
                "figures": dict(check.figures),
                "warnings": list(check.warnings),
                "violations": list(check.violations),
            }
            for check in self.checks
        ]
        return row | {
            "status": self.status.value,
            "checks": json.dumps(checks),
            "upstream": json.dumps(dict(self.upstream), sort_keys=True),
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


def _attempt(row: Mapping[str, Any]) -> Attempt:
    values = {name: row[name] for name, _ in ATTEMPT_COLUMNS if name != "validation_passed"}
    values["status"] = Status(row["status"])
    values["stored_status"] = row["stored_status"] and Status(row["stored_status"])
    values["recorded_at"] = moment(row["recorded_at"])
    values["upstream"] = json.loads(row["upstream"])
    values["checks"] = tuple(
        Check(
            check["name"],
            check["passed"],
            check["figures"],
            tuple(check["warnings"]),
            tuple(check["violations"]),
        )
        for check in json.loads(row["checks"])
    )
    return Attempt(**values)


def _columns(*, checks: bool = True) -> str:
    read = {"recorded_at": "UNIX_MICROS(recorded_at) AS recorded_at"}
    if not checks:
        read["checks"] = "'[]' AS checks"
    return ", ".join(read.get(name, name) for name, _ in ATTEMPT_COLUMNS)


def moment(micros: int) -> datetime:
    """A moment that was read as UNIX_MICROS.

    Arrow's own conversion of timestamps imports pandas, which takes longer than all the rest of a
    command that only asks.
    """
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def latest(
    engine: Engine, tables: Iterable[str], first: date, last: date, *, checks: bool = True
) -> dict[tuple[str, date], Attempt]:
    """The latest attempt at each table and date of a range; its checks, most of it, if asked."""
    names = ", ".join(quoted(name) for name in tables)
    rows = engine.query(
        f"SELECT {_columns(checks=checks)} FROM ledger.attempts WHERE table_name IN ({names}) "
        f"AND game_date BETWEEN DATE '{first}' AND DATE '{last}' "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY table_name, game_date ORDER BY attempt DESC) = 1"
    )
    return {(row["table_name"], row["game_date"]): _attempt(row) for row in rows.to_pylist()}


def history(engine: Engine, table: str, day: date) -> list[Attempt]:
    """Every attempt at one date of a table, oldest first."""
    rows = engine.query(
        f"SELECT {_columns()} FROM ledger.attempts WHERE table_name = {quoted(table)} "
        f"AND game_date = DATE '{day}' ORDER BY attempt"
    )
    return [_attempt(row) for row in rows.to_pylist()]


@dataclass(frozen=True)
class Game:
    """The verdict on one game of a table, or on a whole date (``WHOLE_DATE``)."""

    table_name: str
    game_date: date
    game_id: str
    verdict: Verdict
    contract_version: int
    reason: str
    home_team: str | None = None
    away_team: str | None = None


def games(engine: Engine, tables: Iterable[str], first: date, last: date) -> list[Game]:
    """The current verdict on every game of the tables in a range of dates."""
    names = ", ".join(quoted(name) for name in tables)
    rows = engine.query(
        f"SELECT * FROM ledger.games WHERE table_name IN ({names}) "
        f"AND game_date BETWEEN DATE '{first}' AND DATE '{last}'"
    )
    return [Game(**{**row, "verdict": Verdict(row["verdict"])}) for row in rows.to_pylist()]


@dataclass(frozen=True)
class Waiver:
    """An operator's word that a game of a table will never be filled."""

    table_name: str
    game_id: str
    reason: str
    waived_by: str
    waived_at: datetime
    revoked_at: datetime | None = None


def waivers(engine: Engine, *, active: bool = True) -> list[Waiver]:
    """The waivers in force, or all that ever were."""
    where = "WHERE w.revoked_at IS NULL" if active else ""
    rows = engine.query(
        "SELECT table_name, game_id, reason, waived_by, UNIX_MICROS(waived_at) AS waived_at, "
        f"UNIX_MICROS(revoked_at) AS revoked_at FROM ledger.waivers AS w {where} "
        "ORDER BY w.waived_at, game_id"
    )
    return [
        Waiver(
            row["table_name"],
            row["game_id"],
            row["reason"],
            row["waived_by"],
            moment(row["waived_at"]),
            row["revoked_at"] and moment(row["revoked_at"]),
        )
        for row in rows.to_pylist()
    ]


def waive(engine: Engine, waiver: Waiver) -> None:
    """Record a waiver; it takes effect when the game's date is run again."""
    engine.transaction(
        [
            (
                "INSERT INTO ledger.waivers VALUES ("
                f"{quoted(waiver.table_name)}, {quoted(waiver.game_id)}, {quoted(waiver.reason)}, "
                f"{quoted(waiver.waived_by)}, TIMESTAMP '{waiver.waived_at.isoformat()}', NULL)"
            )
        ]
    )


def revoke(engine: Engine, table: str, game_id: str, moment: datetime) -> None:
    """End the waiver of a game; the game is held again when its date is run again."""
    engine.transaction(
        [
            (
                f"UPDATE ledger.waivers SET revoked_at = TIMESTAMP '{moment.isoformat()}' "
                f"WHERE table_name = {quoted(table)} AND game_id = {quoted(game_id)} "
                "AND revoked_at IS NULL"
            )
        ]
    )
