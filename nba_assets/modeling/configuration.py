"""How the models of player points are fitted: what a trial may change, and what is in force."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from nba_assets.errors import BadInput
from nba_assets.modeling.information import InformationSet

LONGEST = timedelta(days=1_100)
"""how far back a model may be trained on"""
TUNABLE = (
    "objective", "tree_method", "max_depth", "max_leaves", "grow_policy", "eta", "subsample",
    "colsample_bytree", "colsample_bylevel", "colsample_bynode", "min_child_weight", "gamma",
    "lambda", "alpha", "max_delta_step", "max_bin", "seed", "device", "nthread", "verbosity",
)  # fmt: skip
"""XGBoost's parameters a configuration may set"""


@dataclass(frozen=True)
class Configuration:
    """What the model of a date is fitted by; everything else follows from the code."""

    parameters: Mapping[str, Any]
    """of XGBoost, names of ``TUNABLE``"""
    rounds: int
    trained_on_days: int
    """before its Monday"""
    features: Mapping[InformationSet, tuple[str, ...]]
    """what a model of each set sees, in order"""
    regressions: int = 0
    """on random features, averaged with the boosters; none in a warehouse that began before them"""

    @property
    def trained_on(self) -> timedelta:
        """How far back of its Monday."""
        return timedelta(days=self.trained_on_days)

    @property
    def text(self) -> str:
        """The one form in which it is written: equal texts, equal configurations."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """What it is called."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @classmethod
    def read(cls, text: str) -> "Configuration":
        """The configuration of a text.

        Raises:
            BadInput: it is none.
        """
        try:
            values = json.loads(text)
            features = {
                InformationSet(known): tuple(names) for known, names in values["features"].items()
            }
            return cls(**{**values, "features": features})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(
                "not a configuration of the model of player points: "
                f"{error or 'it is empty'}; `nba-assets trial champion` prints one to begin with"
            ) from error

    def among(self, available: Mapping[InformationSet, tuple[str, ...]]) -> "Configuration":
        """Itself, if it can be fitted with the features there are.

        Raises:
            BadInput: it cannot.
        """
        if wrong := list(self._wrong(available)):
            raise BadInput(f"configuration {self.digest} cannot be fitted: {'; '.join(wrong)}")
        return self

    def _wrong(self, available: Mapping[InformationSet, tuple[str, ...]]) -> Iterator[str]:
        if unknown := sorted(set(self.parameters) - set(TUNABLE)):
            yield f"unknown parameters {', '.join(unknown)}"
        for name, least, most in (
            ("rounds", 1, 10_000), ("trained_on_days", 1, LONGEST.days), ("regressions", 0, 20)
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or not least <= value <= most:
                yield f"{name} is {value!r}, not a whole number from {least} to {most:,}"
        for known in InformationSet:
            names = self.features.get(known, ())
            if not names:
                yield f"no features of the set {known}"
            if unknown := [name for name in names if name not in available[known]]:
                yield f"the set {known} has no {', '.join(unknown)}"
            if len(set(names)) < len(names):
                yield f"a feature of the set {known} is named twice"
