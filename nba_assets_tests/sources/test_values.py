"""Every accepted spelling means one thing, and everything else is refused."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nba_assets.sources import values


@pytest.mark.parametrize(
    ("understand", "value", "meaning"),
    [
        (values.count, 12, 12),
        (values.count, 12.0, 12),
        (values.count, Decimal("12.0"), 12),
        (values.count, "12", 12),
        (values.count, "12.0", 12),
        (values.count, "-3", -3),
        (values.count, "+5", 5),
        (values.player_id, "201143.0", 201143),
        (values.game_id, "0022400061", "0022400061"),
        (values.game_id, 22400061, "0022400061"),
        (values.game_id, 22400061.0, "0022400061"),
        (values.game_id, "22400061.0", "0022400061"),
        (values.number, 24.5, 24.5),
        (values.number, "-110", -110.0),
        (values.minutes, 12.5, 12.5),
        (values.minutes, 12, 12.0),
        (values.minutes, "12.5", 12.5),
        (values.minutes, "12:30", 12.5),
        (values.minutes, "61:15", 61.25),
        (values.minutes, "0:00", 0.0),
        (values.minutes, "PT12M30.00S", 12.5),
        (values.minutes, "PT240M", 240.0),
        (values.flag, True, True),
        (values.flag, 0, False),
        (values.flag, 1.0, True),
        (values.flag, "False", False),
        (values.flag, "1", True),
        (values.day, date(2024, 10, 22), date(2024, 10, 22)),
        (values.day, datetime(2024, 10, 22), date(2024, 10, 22)),  # noqa: DTZ001
        (values.day, "2024-10-22", date(2024, 10, 22)),
        (values.day, "2024-10-22 00:00:00", date(2024, 10, 22)),
        (values.day, "2024-10-22T00:00:00.000", date(2024, 10, 22)),
        (values.moment, "2024-10-22T23:30:00Z", datetime(2024, 10, 22, 23, 30, tzinfo=UTC)),
        (values.moment, "2024-10-22 19:30-04:00", datetime(2024, 10, 22, 23, 30, tzinfo=UTC)),
        (
            values.moment,
            datetime(2024, 10, 22, 19, 30, tzinfo=timezone(timedelta(hours=-4))),
            datetime(2024, 10, 22, 23, 30, tzinfo=UTC),
        ),
        (values.text, "Al Horford", "Al Horford"),
        (values.team, "PHO", "PHX"),
    ],
)
def test_understood(understand: Callable[[object], object], value: object, meaning: object) -> None:
    understood = understand(value)

    assert understood == meaning
    assert type(understood) is type(meaning)


@pytest.mark.parametrize(
    ("understand", "value"),
    [
        (values.count, 12.5),
        (values.count, "12.5"),
        (values.count, "twelve"),
        (values.count, "١٢"),
        (values.count, True),
        (values.count, float("inf")),
        (values.count, 1e300),
        (values.count, date(2024, 10, 22)),
        (values.player_id, 0),
        (values.player_id, 1.5),
        (values.game_id, 61),
        (values.game_id, "00224000611"),
        (values.game_id, 22400061.5),
        (values.game_id, "BOS_NYK"),
        (values.game_id, -22400061),
        (values.minutes, "12:61"),
        (values.minutes, "12:3"),
        (values.minutes, "12 min"),
        (values.minutes, "-1"),
        (values.minutes, -1.0),
        (values.minutes, float("inf")),
        (values.minutes, True),
        (values.number, "24.5 points"),
        (values.number, float("inf")),
        (values.number, True),
        (values.flag, 2),
        (values.flag, "yes"),
        (values.day, datetime(2024, 10, 23, 2, 5)),  # noqa: DTZ001
        (values.day, datetime(2024, 10, 22, tzinfo=UTC)),
        (values.day, "2024-02-30"),
        (values.day, "10/22/2024"),
        (values.day, "2024-10-22T02:05:00"),
        (values.day, 20241022),
        (values.moment, "2024-10-22"),
        (values.moment, "half past seven: sharp"),
        (values.moment, date(2024, 10, 22)),
        (values.text, " "),
        (values.text, 7),
        (values.team, "EST"),
        (values.team, 1610612738),
    ],
)
def test_refused(understand: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        understand(value)


@given(seconds=st.integers(0, 90 * 60))
def test_every_spelling_of_a_clock_means_the_same(seconds: int) -> None:
    clock = f"{seconds // 60}:{seconds % 60:02d}"
    duration = f"PT{seconds // 60:02d}M{seconds % 60:02d}.00S"

    assert values.minutes(clock) == values.minutes(duration) == pytest.approx(seconds / 60)


@given(number=st.integers(-(2**53), 2**53))
def test_a_whole_number_survives_every_spelling(number: int) -> None:
    assert {values.count(v) for v in (number, float(number), str(number), f"{number}.0")} == {
        number
    }


def test_only_listed_spellings_are_understood() -> None:
    understand = values.spelling({"PlayIn": "Play-In"})

    assert understand("PlayIn") == "Play-In"
    for value in ("playin", "PLAYIN", " PlayIn", None, 5):
        with pytest.raises(ValueError, match="one of PlayIn"):
            understand(value)
