"""Predictors without a model, computed from the features of a player-game."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

RULES_CORE = {"points_avg_5": 0.35, "points_avg_10": 0.40, "points_avg_season": 0.25}
"""Weights of the core of the predecessor's rules."""


def rules_core(features: "pd.DataFrame") -> "pd.Series":
    """0.35 · last 5 + 0.40 · last 10 + 0.25 · season average, in points; shape (rows,)."""
    return sum(features[name] * weight for name, weight in RULES_CORE.items())
