"""What must hold before anything is built on the past: the gates of ``certify``, the morning plan
and an asset check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.engine import Engine
from nba_assets.operations.plan import Standing
from nba_assets.operations.report import Coverage, coverage
from nba_assets.seasons import season_label


@dataclass(frozen=True)
class Gate:
    """Something that must hold; what cannot be told does not."""

    name: str
    passed: bool
    told: str
    """the figures it was judged by"""


@dataclass(frozen=True)
class CoverageGate(Gate):
    """The usage_rate coverage of a period, on rows with minutes > 0."""

    period: str
    """a season's label, or ``overall``"""
    rows: int
    with_usage_rate: int
    required: float
    """share, 0 to 1"""

    @property
    def share(self) -> float:
        """Of the rows that carry a usage_rate, 0 to 1."""
        return self.with_usage_rate / self.rows


def every_date(now: Standing) -> Gate:
    """The gate of completeness: every date asked about, in every table; no date proves nothing."""
    told = f"{len(now.dates):,} dates in {len(now.tables)} tables"
    if not now.dates or not now.tables:
        return Gate("every past date complete", passed=False, told=f"{told}: nothing was looked at")
    if now.needs:
        days = {day for _, day in now.needs}
        told = f"{len(now.needs):,} table-dates of {len(days):,} dates are not; {told}"
    return Gate("every past date complete", passed=not now.needs, told=told)


def gates(engine: Engine | None, now: Standing, required: float) -> list[Gate]:
    """All that must hold of the dates looked at; ``engine`` is None where there is no warehouse."""
    return [every_date(now), *coverage_gates(engine, now.tables, now.dates, required)]


def coverage_gates(
    engine: Engine | None,
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    required: float,
) -> list[CoverageGate]:
    """The usage_rate gate of every season of the dates, and of all; none where nothing is there."""
    if engine is None or not dates or "player_game_summary" not in tables:
        return []
    return usage_rate_gates(coverage(engine, tables, dates), required)


def usage_rate_gates(found: Sequence[Coverage], required: float) -> list[CoverageGate]:
    """The gate of every season that has rows, and of all of them.

    Shares are compared in rows, so that rounding decides nothing.
    """
    gates = [
        _coverage_gate(season_label(one.season_year), one.rows, one.with_usage_rate, required)
        for one in found
    ]
    if gates:
        rows, rated = sum(gate.rows for gate in gates), sum(gate.with_usage_rate for gate in gates)
        gates.append(_coverage_gate("overall", rows, rated, required))
    return gates


def _coverage_gate(period: str, rows: int, rated: int, required: float) -> CoverageGate:
    share = f"{100 * rated / rows:.2f} %"
    return CoverageGate(
        f"usage_rate coverage, {period}",
        passed=rated >= required * rows,
        told=f"{share} of {rows:,} rows with minutes > 0, {required:.0%} required",
        period=period,
        rows=rows,
        with_usage_rate=rated,
        required=required,
    )
