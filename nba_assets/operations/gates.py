"""What a season must have beside certified dates: the gates of ``certify``."""

from collections.abc import Sequence
from dataclasses import dataclass

from nba_assets.operations.report import Coverage
from nba_assets.seasons import season_label


@dataclass(frozen=True)
class Gate:
    """The usage_rate coverage of a period, on rows with minutes > 0, and what it must be."""

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

    @property
    def passed(self) -> bool:
        """Whether the share is reached; compared in rows, so that rounding decides nothing."""
        return self.with_usage_rate >= self.required * self.rows


def usage_rate_gates(found: Sequence[Coverage], required: float) -> list[Gate]:
    """The gate of every season that has rows, and of all of them."""
    gates = [
        Gate(season_label(one.season_year), one.rows, one.with_usage_rate, required)
        for one in found
    ]
    if gates:
        rows, rated = sum(gate.rows for gate in gates), sum(gate.with_usage_rate for gate in gates)
        gates.append(Gate("overall", rows, rated, required))
    return gates
