"""The NBA calendar: seasons, warm-up, and the US Eastern date a moment belongs to.

What is here follows from a date alone. Which dates have games is known only to the schedule.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

EASTERN = ZoneInfo("America/New_York")
FIRST_GAME_DATE = date(2021, 10, 1)
WARMUP_DAYS = 3
OFF_SEASON_MONTHS = (7, 8, 9)


def season_year(day: date) -> int:
    """Start year of the season a date belongs to: 2025 for 2025-10-21 and for 2026-01-03.

    July to September belong to the season that has just ended.
    """
    return day.year if day.month > OFF_SEASON_MONTHS[-1] else day.year - 1


def season_label(year: int) -> str:
    """Season label of a start year: "2025-26" for 2025, "1999-00" for 1999."""
    return f"{year}-{(year + 1) % 100:02d}"


def season_start(day: date) -> date:
    """First partition (1 October) of the season a date belongs to."""
    return date(season_year(day), 10, 1)


def is_game_date(day: date) -> bool:
    """Whether a date is a partition at all: every day outside July to September."""
    return day.month not in OFF_SEASON_MONTHS


def game_dates(first: date, last: date) -> Iterator[date]:
    """Every partition date from ``first`` to ``last``, both included."""
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if is_game_date(day):
            yield day


def eastern_date(moment: datetime) -> date:
    """US Eastern calendar date of an aware moment: the date a game that tips off then belongs to.

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; a game date needs one")
    return moment.astimezone(EASTERN).date()


def now() -> datetime:
    """The current moment, by US Eastern clocks."""
    return datetime.now(EASTERN)


def today() -> date:
    """The current US Eastern date."""
    return now().date()
