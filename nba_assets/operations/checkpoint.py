"""The ledger in the form of a backfill checkpoint: one record a table and date."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt
from nba_assets.engines.engine import Engine
from nba_assets.operations.plan import Standing
from nba_assets.operations.report import state


def checkpoints(engine: Engine | None, now: Standing) -> list[dict[str, Any]]:
    """The records of every table and date looked at; ``engine`` is None without a warehouse."""
    first, last = now.dates[0], now.dates[-1]
    found = ledger.latest(engine, now.tables, first, last, checks=False) if engine else {}
    return [_checkpoint(now, name, day, found) for name in now.tables for day in now.dates]


def _checkpoint(
    now: Standing, table: str, day: date, found: Mapping[tuple[str, date], Attempt]
) -> dict[str, Any]:
    """The record of a date: its latest attempt's, unless it is missing or out of date."""
    attempt, need = found.get((table, day)), now.needs.get((table, day))
    record = attempt.checkpoint() if attempt else {**_NEVER, "table": table, "date": f"{day}"}
    if need:
        record |= {
            "status": "failed",
            "state": state(now, table, day),
            "validation_passed": False,
            "message": need.detail,
        }
    return record


_NEVER = {
    "table": "",
    "date": "",
    "status": "failed",
    "state": "MISSING",
    "expected_records": None,
    "actual_records": None,
    "completeness": None,
    "validation_passed": False,
}
