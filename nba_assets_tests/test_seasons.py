"""The calendar: seasons, partitions, and the US Eastern date of a moment."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_assets.seasons import (
    EASTERN,
    eastern_date,
    game_dates,
    is_game_date,
    season_label,
    season_start,
    season_year,
    today,
)

DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(
    ("day", "year"),
    [
        (date(2025, 10, 1), 2025),
        (date(2025, 10, 21), 2025),
        (date(2025, 12, 31), 2025),
        (date(2026, 1, 3), 2025),
        (date(2026, 6, 30), 2025),
        (date(2026, 7, 1), 2025),
        (date(2026, 9, 30), 2025),
        (date(2026, 10, 1), 2026),
    ],
)
def test_season_of_a_date(day: date, year: int) -> None:
    assert season_year(day) == year


@pytest.mark.parametrize(
    ("year", "label"), [(1999, "1999-00"), (2008, "2008-09"), (2025, "2025-26")]
)
def test_season_label(year: int, label: str) -> None:
    assert season_label(year) == label


@given(DAYS)
def test_every_date_lies_in_the_year_after_its_season_start(day: date) -> None:
    start = season_start(day)

    assert start <= day < date(start.year + 1, 10, 1)
    assert season_year(start) == season_year(day)


@given(DAYS, st.integers(0, 800))
def test_game_dates_are_the_days_of_the_range_outside_the_off_season(
    first: date, days: int
) -> None:
    last = first + timedelta(days=days)
    found = list(game_dates(first, last))

    assert found == sorted(set(found))
    assert all(first <= day <= last and day.month not in (7, 8, 9) for day in found)
    off = sum(not is_game_date(first + timedelta(days=n)) for n in range(days + 1))
    assert len(found) + off == days + 1


def test_no_game_dates_of_a_range_turned_around() -> None:
    assert list(game_dates(date(2026, 1, 3), date(2026, 1, 2))) == []


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 1, 4, 3, 5, tzinfo=UTC), date(2026, 1, 3)),  # 22:05 in New York
        (datetime(2026, 1, 4, 4, 59, tzinfo=UTC), date(2026, 1, 3)),
        (datetime(2026, 1, 4, 5, 0, tzinfo=UTC), date(2026, 1, 4)),
        (datetime(2026, 4, 4, 3, 59, tzinfo=UTC), date(2026, 4, 3)),  # daylight saving
        (datetime(2026, 4, 4, 4, 0, tzinfo=UTC), date(2026, 4, 4)),
        (datetime(2026, 1, 3, 22, 5, tzinfo=EASTERN), date(2026, 1, 3)),
    ],
)
def test_a_moment_belongs_to_its_eastern_date(moment: datetime, day: date) -> None:
    assert eastern_date(moment) == day


def test_a_moment_without_time_zone_has_no_date() -> None:
    with pytest.raises(ValueError, match="2026-01-03T22:05:00 has no time zone"):
        eastern_date(datetime(2026, 1, 3, 22, 5))  # noqa: DTZ001


def test_today_is_eastern() -> None:
    before, found, after = eastern_date(datetime.now(UTC)), today(), eastern_date(datetime.now(UTC))

    assert before <= found <= after
