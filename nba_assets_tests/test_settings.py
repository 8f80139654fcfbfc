"""Settings: read from the environment, refused with the name of the variable."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from nba_assets.errors import SettingsError
from nba_assets.settings import PREFIX, Settings


def test_without_variables_every_setting_has_its_default() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"HOME": "/root", "NBA": "1"}) == Settings()


def test_variables_are_read_by_type() -> None:
    settings = Settings.from_environment(
        {
            f"{PREFIX}SOURCE": "files",
            f"{PREFIX}FILES_DIR": "/data/nba",
            f"{PREFIX}DATA_DIR": "/data/warehouse",
            f"{PREFIX}FIRST_DATE": "2024-10-01",
            f"{PREFIX}LOCK_TIMEOUT": "1.5",
            f"{PREFIX}USAGE_RATE_COVERAGE": "0.5",
        }
    )

    assert settings.files_dir == Path("/data/nba")
    assert settings.warehouse_file == Path("/data/warehouse/warehouse.duckdb")
    assert settings.first_date == date(2024, 10, 1)
    assert settings.lock_timeout == 1.5
    assert settings.thresholds["usage_rate_coverage"] == 0.5


def test_an_empty_variable_is_not_set() -> None:
    assert Settings.from_environment({f"{PREFIX}SOURCE": ""}) == Settings()


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SIMULATED_SEED", "7")

    assert Settings.from_environment().simulated_seed == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOURCE", "espn"),
        ("LOCK_TIMEOUT", "soon"),
        ("FIRST_DATE", "yesterday"),
        ("USAGE_RATE_COVERAGE", "90"),
        ("USAGE_RATE_COVERAGE_WARNING", "-0.1"),
        ("NO_SUCH_SETTING", "1"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{PREFIX}{name}"):
        Settings.from_environment({f"{PREFIX}{name}": value})


def test_the_files_source_needs_its_folder() -> None:
    with pytest.raises(SettingsError, match=f"{PREFIX}FILES_DIR"):
        Settings.from_environment({f"{PREFIX}SOURCE": "files"})


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().lock_timeout = 1.0
