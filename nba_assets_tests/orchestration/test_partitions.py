"""The daily partitions."""

from datetime import date, datetime

import pytest

from nba_assets.orchestration.partitions import game_date_partitions
from nba_assets.seasons import EASTERN, FIRST_GAME_DATE, is_game_date, today

KEYS = game_date_partitions().get_partition_keys()


def test_the_first_partition_is_the_first_of_october_2021() -> None:
    assert KEYS[0] == FIRST_GAME_DATE.isoformat() == "2021-10-01"


def test_the_off_season_has_no_partitions_and_every_other_day_has_one() -> None:
    days = [date.fromisoformat(key) for key in KEYS]
    assert not [day for day in days if day.month in (7, 8, 9)]
    assert "2022-06-30" in KEYS
    assert KEYS[KEYS.index("2022-06-30") + 1] == "2022-10-01"
    assert len(KEYS) == len(set(KEYS))
    year = [day for day in days if date(2023, 10, 1) <= day < date(2024, 10, 1)]
    assert len(year) == 366 - 31 - 31 - 30


@pytest.mark.parametrize(
    ("moment", "last"),
    [
        (datetime(2026, 1, 3, 0, 30, tzinfo=EASTERN), "2026-01-03"),
        (datetime(2026, 1, 3, 23, 30, tzinfo=EASTERN), "2026-01-03"),
        (datetime(2026, 6, 30, 12, tzinfo=EASTERN), "2026-06-30"),
    ],
)
def test_today_in_the_east_is_the_last_partition(moment: datetime, last: str) -> None:
    assert game_date_partitions().get_partition_keys(current_time=moment)[-1] == last


def test_in_the_off_season_the_last_partition_is_the_first_day_of_the_next_season() -> None:
    july = datetime(2026, 7, 15, 12, tzinfo=EASTERN)
    keys = game_date_partitions().get_partition_keys(current_time=july)
    assert keys[-2:] == ["2026-06-30", "2026-10-01"]


def test_today_is_a_partition_unless_it_is_in_the_off_season() -> None:
    assert (today().isoformat() in KEYS) is is_game_date(today())


def test_a_deployment_may_start_later() -> None:
    assert game_date_partitions(date(2024, 10, 1)).get_first_partition_key() == "2024-10-01"
