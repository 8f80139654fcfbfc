"""Every setting of a deployment, read once from the environment (prefix ``NBA_ASSETS_``)."""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from nba_assets.errors import SettingsError
from nba_assets.seasons import FIRST_GAME_DATE

PREFIX = "NBA_ASSETS_"

Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Where the source is, where the data lies, and how strict the gates are."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    source: Literal["simulated", "files"] = "simulated"
    """where box scores come from"""
    data_dir: Path = Path(".nba_assets")
    """where the warehouse file, models and caches lie; relative to the working directory"""
    files_dir: Path | None = None
    """the folder of the `files` source, needed by it"""
    simulated_seed: int = 2026
    """of the `simulated` source: another seed is another league"""
    simulated_first_season: int = 2025
    """its first season, by start year"""
    simulated_seasons: int | None = None
    """how many seasons it plays; unset: up to the current one"""
    first_date: date = FIRST_GAME_DATE
    """the first daily partition"""
    lock_timeout: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 900.0
    """seconds a process waits for another one's write"""
    memory_limit: Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)? ?([KMGT]i?B|%)$")] = "768MB"
    """most memory the embedded engine takes before it spills to disk"""
    device: Annotated[str, Field(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] = "cpu"
    """where a new warehouse trains its models of points; later a trial changes it"""
    usage_rate_coverage: Share = 0.90
    """blocking: share of a game's rows with minutes > 0 that must carry a usage_rate"""
    usage_rate_coverage_warning: Share = 0.97
    """the share below which a game is reported"""
    usage_rate_coverage_season: Share = 0.45
    """the share `certify` demands of every season and overall"""

    automation: bool | None = None
    """whether `dagster dev` and the daemon watch the source; unset: they do, but for `simulated`"""
    watch_seconds: Annotated[int, Field(ge=5, le=900)] = 300
    """how often the watcher, and what tells a human, look"""
    watched_days: Annotated[int, Field(ge=0, le=60)] = 7
    """how many days back the watcher reads the source again for corrections"""
    expected_hours: Annotated[float, Field(gt=0, le=72)] = 8.0
    """hours after the last tip-off of a date by which all of it is expected"""
    game_by_game: bool = False
    """whether a date with a game in play is built as its games end, not when all have"""

    webhook_url: SecretStr | None = None
    """where alerts are posted, as JSON with one field `text`"""
    slack_token: SecretStr | None = None
    """of the Slack app that posts alerts; needs `slack_channel`"""
    slack_channel: str | None = None
    """where it posts them"""
    ping_url: SecretStr | None = None
    """asked after each good morning: a dead-man's switch that raises the alarm when it is not"""
    morning: str = "0 9 * * *"
    """when the morning plan runs, as cron, US Eastern"""

    @property
    def is_watching(self) -> bool:
        """Whether sensors run unless they are switched off."""
        return self.source != "simulated" if self.automation is None else self.automation

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file of the embedded deployment."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def models_dir(self) -> Path:
        """The folder of the model files."""
        return self.data_dir / "models"

    @property
    def thresholds(self) -> dict[str, float]:
        """The limits the rules of the contracts name as ``@name``."""
        return {
            "usage_rate_coverage": self.usage_rate_coverage,
            "usage_rate_coverage_warning": self.usage_rate_coverage_warning,
        }

    @model_validator(mode="after")
    def _files_source_has_a_folder(self) -> "Settings":
        if self.source == "files" and self.files_dir is None:
            raise ValueError(
                f"{PREFIX}SOURCE=files needs {PREFIX}FILES_DIR, the folder with the Parquet or "
                "CSV files"
            )
        return self

    @model_validator(mode="after")
    def _slack_has_a_channel(self) -> "Settings":
        if (self.slack_token is None) != (self.slack_channel is None):
            raise ValueError(f"{PREFIX}SLACK_TOKEN and {PREFIX}SLACK_CHANNEL go together")
        return self

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Settings from ``NBA_ASSETS_*`` variables; what is not set keeps its default.

        Raises:
            SettingsError: a variable is unknown or its value is not allowed.
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in (os.environ if environment is None else environment).items()
            if name.startswith(PREFIX) and value
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}"
                if fault["loc"]
                else str(fault["msg"])
                for fault in error.errors()
            )
            raise SettingsError(
                f"{faults}. There are {', '.join(PREFIX + f.upper() for f in cls.model_fields)}."
            ) from error
