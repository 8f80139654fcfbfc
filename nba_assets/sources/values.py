"""Exact understanding of published values.

Each function takes one value as a file delivers it (number, text, date) and returns what it means.
What cannot be understood raises ``ValueError`` with what was expected; nothing is ever coerced into
None. NULLs are not passed in. No tables and no file formats here.
"""

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal

from nba_assets.contracts.teams import tricode
from nba_assets.errors import BadInput

_WHOLE = re.compile(r"([+-]?[0-9]+)(\.0*)?")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(\.[0-9]*)?")
_CLOCK = re.compile(r"([0-9]{1,9}):([0-5][0-9])")
_DURATION = re.compile(r"PT([0-9]{1,9})M(?:([0-5]?[0-9](?:\.[0-9]+)?)S)?")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?)?")
_GAME_ID = re.compile(r"00[1-6][0-9]{7}")
_FLAGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_INT64 = 2**63


def count(value: object) -> int:
    """A whole number: 12, 12.0, "12", "12.0", "-3".

    Raises:
        ValueError: it has a fraction, is no number, or does not fit 64 bits.
    """
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        number = int(value)
    elif isinstance(value, str) and (found := _WHOLE.fullmatch(value)):
        number = int(found[1])
    if number is None or not -_INT64 <= number < _INT64:
        raise ValueError("a whole number")
    return number


def player_id(value: object) -> int:
    """An official player id, a positive whole number.

    Raises:
        ValueError: it is something else.
    """
    try:
        number = count(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError("an official player id, a positive whole number")
    return number


def game_id(value: object) -> str:
    """An official game id, ten digits as text: "0022400061" also for 22400061 and 22400061.0.

    Raises:
        ValueError: it cannot be brought to ten digits that begin with 001 to 006.
    """
    try:
        text = f"{count(value):010d}"
    except ValueError:
        text = ""
    if not _GAME_ID.fullmatch(text):
        raise ValueError('an official game id such as "0022400061"')
    return text


def minutes(value: object) -> float:
    """Minutes of play: 12.5, "12.5", "12:30" and "PT12M30.00S" are all 12.5.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if math.isfinite(value) and value >= 0:
            return float(value)
    elif isinstance(value, str):
        if _DECIMAL.fullmatch(value):
            return float(value)
        if found := _CLOCK.fullmatch(value) or _DURATION.fullmatch(value):
            return int(found[1]) + float(found[2] or 0) / 60
    raise ValueError('minutes such as 12.5, "12:30" or "PT12M30.00S"')


def number(value: object) -> float:
    """A finite number: 24.5, "24.5", -110.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        found = float(value)
        if math.isfinite(found):
            return found
    raise ValueError("a number")


def flag(value: object) -> bool:
    """Yes or no: true/false in any case, 1/0.

    Raises:
        ValueError: it is neither.
    """
    answer = _FLAGS.get(str(value).lower())
    if answer is None:
        raise ValueError("true, false, 1 or 0")
    return answer


def day(value: object) -> date:
    """A calendar date: a date, a time-zone-less timestamp at midnight, or the ISO text of either.

    A moment with a time of day or a time zone is refused: its US Eastern date would be a guess.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None and value.time() == time.min:
            return value.date()
    elif isinstance(value, date):
        return value
    elif isinstance(value, str) and (found := _DAY.fullmatch(value)):
        with suppress(ValueError):
            return date.fromisoformat(found[1])
    raise ValueError("a US Eastern date such as 2024-10-22, without a time of day")


def moment(value: object) -> datetime:
    """A moment in UTC; without a time zone it is taken to be UTC already.

    Raises:
        ValueError: it is neither a timestamp nor the ISO text of one.
    """
    if isinstance(value, str) and ":" in value:
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    raise ValueError("a moment in UTC such as 2024-10-22T23:30:00Z")


def text(value: object) -> str:
    """Text that is not blank.

    Raises:
        ValueError: it is not text, or blank.
    """
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError("text")


def team(value: object) -> str:
    """The official tricode of a team spelled officially or by a known alias.

    Raises:
        ValueError: it is neither.
    """
    with suppress(BadInput):
        if isinstance(value, str):
            return tricode(value)
    raise ValueError("one of the thirty teams or a known alias of one")


def spelling(meanings: Mapping[str, str]) -> Callable[[object], str]:
    """A function that understands exactly the spellings of ``meanings`` and returns their meaning.

    It raises ``ValueError`` for every other value.
    """

    def understand(value: object) -> str:
        meaning = meanings.get(value) if isinstance(value, str) else None
        if meaning is None:
            raise ValueError(f"one of {', '.join(meanings)}")
        return meaning

    return understand
