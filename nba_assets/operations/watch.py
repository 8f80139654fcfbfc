"""What a watcher asks to be run, and when.

What must run is what ``plan`` says, for the source as it is now. A watcher adds when: a date with a
game in play waits; what is held is run again as soon as the source has anything else of it; what
failed, or was asked for and left no trace, is tried again after growing pauses, up to a limit.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from nba_assets.certification.decide import FAILED
from nba_assets.contracts.dated_table import FromSource
from nba_assets.operations.plan import Need, Standing, corrected, plan, runs
from nba_assets.operations.source_now import Watched

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (10, 30, 60, 120, 240, 480, 960))
"""before each further try; after the last the date is left to an operator"""
ASK_AGAIN = timedelta(hours=6)
"""how often the source is asked about a date that is held and older than those watched"""


@dataclass(frozen=True)
class Asked:
    """What was last asked for a date."""

    fingerprint: str
    """of what the source had of it"""
    work: str
    """digest of what was to be done for other reasons than that it is held"""
    tries: int
    """how often the same was asked again"""
    at: datetime
    looked: datetime
    """when the source was last asked about it"""

    @property
    def is_given_up(self) -> bool:
        """Whether no further try follows."""
        return self.tries >= len(PAUSES)

    def may_be_tried(self, moment: datetime) -> bool:
        """Whether a moment is late enough for the next try."""
        return not self.is_given_up and moment >= self.at + PAUSES[self.tries]


def remembered(text: str | None) -> dict[date, Asked]:
    """What ``to_remember`` wrote."""
    stored: Mapping[str, tuple[str, str, int, str, str]] = json.loads(text) if text else {}
    return {
        date.fromisoformat(day): Asked(
            fingerprint, work, tries, datetime.fromisoformat(at), datetime.fromisoformat(looked)
        )
        for day, (fingerprint, work, tries, at, looked) in stored.items()
    }


def to_remember(asked: Mapping[date, Asked]) -> str:
    """What was asked, as text."""
    return json.dumps(
        {f"{day}": tuple(vars(one).values()) for day, one in sorted(asked.items())},
        default=datetime.isoformat,
    )


@dataclass(frozen=True)
class Block:
    """Consecutive partition dates to run for the same tables."""

    first: date
    last: date
    tables: tuple[str, ...]
    key: str
    """equal where the same was asked for: what the source has, what is to be done, which try"""


@dataclass(frozen=True)
class Due:
    """What is to be run now, and what is then to be remembered."""

    blocks: Sequence[Block]
    asked: Mapping[date, Asked]


def to_look_at(
    now: Standing, recent: Iterable[date], asked: Mapping[date, Asked], moment: datetime
) -> list[date]:
    """The dates to ask the source about: the recent ones, and older ones that want rows of it.

    The latter not as often.
    """
    older = {
        day
        for (name, day), need in now.needs.items()
        if isinstance(now.tables[name].produce, FromSource) and need.causes and not need.waits
    }
    return sorted(
        {*recent}.union(
            day for day in older if day not in asked or moment >= asked[day].looked + ASK_AGAIN
        )
    )


def due(
    now: Standing,
    found: Sequence[Watched],
    before_tipoff: Collection[str],
    asked: Mapping[date, Asked],
    moment: datetime,
    *,
    game_by_game: bool = False,
) -> Due:
    """What is due at a moment when nothing runs.

    ``asked`` is what was remembered the last time; without it held dates are run once more.
    """
    seen = {one.day: one for one in found}
    allowed = {
        day: _allowed(one, now.tables, before_tipoff, moment, game_by_game=game_by_game)
        for day, one in seen.items()
    }
    now = corrected(
        now, {name: [d for d, one in seen.items() if name in one.differing] for name in now.tables}
    )
    needs = {
        key: need for key, need in now.needs.items() if key[0] in allowed.get(key[1], now.tables)
    }
    by_day: dict[date, list[Need]] = defaultdict(list)
    for need in needs.values():
        by_day[need.game_date].append(need)
    kept: dict[date, Asked] = {}
    running: set[date] = set()
    tried: set[tuple[str, date]] = set()
    for day, of_day in by_day.items():
        last, one = asked.get(day), seen.get(day)
        asking = _asking(of_day, one, last, moment)
        if asking is not None:
            running.add(day)
            kept[day] = asking
            if last and asking.fingerprint == last.fingerprint and not asking.tries:
                tried.update((n.table_name, day) for n in of_day if not n.changed)
        elif last is not None:
            kept[day] = replace(last, looked=moment) if one else last
    wanted = (
        need.key
        for need in plan(replace(now, needs=needs), tried)
        if need.game_date in running and need.table_name in allowed.get(need.game_date, now.tables)
    )
    blocks = [
        Block(run.first, run.last, run.tables, _key(run.first, run.last, kept))
        for run in runs(wanted, now.tables)
    ]
    return Due(blocks, kept)


def given_up(now: Standing, asked: Mapping[date, Asked]) -> list[Need]:
    """What was tried to the limit, and is still to be done."""
    return [
        need
        for need in now.needs.values()
        if need.game_date in asked
        and asked[need.game_date].is_given_up
        and (need.changed or _may_pass(need))
    ]


def _allowed(
    one: Watched,
    tables: Collection[str],
    before_tipoff: Collection[str],
    moment: datetime,
    *,
    game_by_game: bool,
) -> Collection[str]:
    """The tables that can be built of a date as it is; past its time all, to say what is late."""
    if one.is_over or moment >= one.expected_by:
        return tables
    if one.is_to_come:
        return before_tipoff
    return tables if game_by_game else ()


def _asking(
    needs: Sequence[Need], one: Watched | None, last: Asked | None, moment: datetime
) -> Asked | None:
    """What to ask for a date now; None to leave it as it is."""
    changed = sorted((need.table_name, need.reason.value) for need in needs if need.changed)
    if not changed and all(need.waits for need in needs):
        return None
    work = hashlib.sha256(repr(changed).encode()).hexdigest()[:16] if changed else ""
    fingerprint = one.fingerprint if one else last.fingerprint if last else ""
    # In play, what is to be done changes all the time: that a game has ended is news.
    in_play = one is not None and not (one.is_over or one.is_to_come)
    other_work = work not in ("", last.work) if last and not in_play else False
    if last is None or fingerprint != last.fingerprint or other_work:
        return Asked(fingerprint, work, 0, moment, moment)
    if (work or any(map(_may_pass, needs))) and last.may_be_tried(moment):
        return Asked(fingerprint, work or last.work, last.tries + 1, moment, moment)
    return None


def _may_pass(need: Need) -> bool:
    """Whether trying again may help where nothing has changed: something raised, and may not."""
    return any(
        cause.rule == FAILED and cause.is_of(need.table_name, need.game_date)
        for cause in need.causes
    )


def _key(first: date, last: date, asked: Mapping[date, Asked]) -> str:
    told = [
        (f"{day}", one.fingerprint, one.work, one.tries)
        for day, one in sorted(asked.items())
        if first <= day <= last
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
