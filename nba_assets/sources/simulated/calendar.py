"""The fixtures of a simulated season: who meets whom, where, on which date and at what time.

Days are counted from 1 October of the season; teams are positions in ``TEAM_ORDER``. Nothing here
knows players or results, and nothing here knows the current time.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from nba_assets.seasons import EASTERN

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

DIVISIONS = (
    ("BOS", "BKN", "NYK", "PHI", "TOR"),
    ("CHI", "CLE", "DET", "IND", "MIL"),
    ("ATL", "CHA", "MIA", "ORL", "WAS"),
    ("DEN", "MIN", "OKC", "POR", "UTA"),
    ("GSW", "LAC", "LAL", "PHX", "SAC"),
    ("DAL", "HOU", "MEM", "NOP", "SAS"),
)
TEAM_ORDER = tuple(team for division in DIVISIONS for team in division)
TEAM_COUNT = len(TEAM_ORDER)
GAMES = 1230
DAYS = 274
"""1 October to 30 June, a leap day included"""
FIRST_CUP_SEASON = 2023

_CENTRAL = frozenset(("CHI", "MIL", "MIN", "OKC", "DAL", "HOU", "MEM", "NOP", "SAS"))
_MOUNTAIN = frozenset(("DEN", "UTA", "PHX"))
_PACIFIC = frozenset(("GSW", "LAC", "LAL", "POR", "SAC"))
_MOST_GAMES = 14
"""of a date that is not the last, where all teams play"""
_MEETING_GAP = 7
"""days within which two teams should not meet again"""
_MEAN_GAMES_BY_WEEKDAY = (8.2, 5.7, 9.9, 4.8, 9.4, 7.1, 7.6)


def _weekday_between(first: date, weekday: int) -> date:
    """The date of a weekday (Monday is 0) in the seven days from ``first`` on."""
    return first + timedelta(days=(weekday - first.weekday()) % 7)


@dataclass(frozen=True)
class SeasonDates:
    """The fixed points of a season's calendar."""

    year: int

    @property
    def start(self) -> date:
        """Day 0."""
        return date(self.year, 10, 1)

    @property
    def opener(self) -> date:
        """The Tuesday from 18 to 24 October."""
        return _weekday_between(date(self.year, 10, 18), 1)

    @property
    def last_regular(self) -> date:
        """The Sunday 173 days after the opener."""
        return self.opener + timedelta(days=173)

    @property
    def all_star_friday(self) -> date:
        """First of the six days without games, around the third Sunday of February."""
        return _weekday_between(date(self.year + 1, 2, 15), 6) - timedelta(days=2)

    @property
    def trade_deadline(self) -> date:
        """The Thursday of the week before the All-Star break."""
        return self.all_star_friday - timedelta(days=8)

    @property
    def cup_final(self) -> date | None:
        """The Tuesday from 13 to 19 December, from the first season that had a cup on."""
        if self.year < FIRST_CUP_SEASON:
            return None
        return _weekday_between(date(self.year, 12, 13), 1)

    @property
    def christmas(self) -> date:
        """Christmas Day, always with five games."""
        return date(self.year, 12, 25)

    @property
    def play_in(self) -> date:
        """The Tuesday after the last regular date."""
        return self.last_regular + timedelta(days=2)

    @cached_property
    def without_games(self) -> frozenset[date]:
        """Dates between the opener and the last regular date on which nobody plays by design."""
        off = {
            _weekday_between(date(self.year, 11, 2), 1),  # election day
            _weekday_between(date(self.year, 11, 22), 3),  # Thanksgiving
            date(self.year, 12, 24),
            _weekday_between(date(self.year + 1, 4, 2), 0),  # college final
        }
        off.update(self.all_star_friday + timedelta(days=offset) for offset in range(6))
        if self.cup_final is not None:
            off.update(self.cup_final + timedelta(days=offset) for offset in (-1, 0, 1))
        return frozenset(off)

    def day(self, moment: date) -> int:
        """Days since 1 October."""
        return (moment - self.start).days

    def date_of(self, day: int) -> date:
        """The date of a day."""
        return self.start + timedelta(days=int(day))


@dataclass(frozen=True)
class Fixtures:
    """Games in the order of their ids; every array has one element a game."""

    game_ids: tuple[str, ...]
    day: IntArray
    home: IntArray
    away: IntArray
    neutral: BoolArray
    tipoff: IntArray
    """minutes after midnight, US Eastern"""
    postponed_from: IntArray
    """the day first scheduled; -1 for a game played when it was scheduled"""

    def __len__(self) -> int:
        return len(self.game_ids)

    def where(self, chosen: BoolArray) -> "Fixtures":
        """The games of a mask."""
        return Fixtures(
            tuple(game for game, kept in zip(self.game_ids, chosen, strict=True) if kept),
            self.day[chosen],
            self.home[chosen],
            self.away[chosen],
            self.neutral[chosen],
            self.tipoff[chosen],
            self.postponed_from[chosen],
        )


def tipoff_utc(day: date, minutes: int) -> datetime:
    """The UTC moment of a US Eastern wall-clock time on a date."""
    local = datetime(day.year, day.month, day.day, tzinfo=EASTERN) + timedelta(minutes=minutes)
    return local.astimezone(UTC)


def regular_season(dates: SeasonDates, rng: np.random.Generator) -> Fixtures:
    """The 1,230 regular-season games of a season, postponements included."""
    home, away = _pairings(dates.year, rng)
    days = np.array(
        [
            day
            for day in range(dates.day(dates.opener), dates.day(dates.last_regular) + 1)
            if dates.date_of(day) not in dates.without_games
        ]
    )
    fixed = {dates.day(dates.opener): 2, dates.day(dates.christmas): 5, int(days[-1]): 15}
    free_days = days[~np.isin(days, list(fixed))]
    placed = None
    while placed is None:  # the first attempt hardly ever fails
        counts = _games_a_day(dates, days, fixed, rng)
        placed = _assign_days(home, away, days, counts, free_days, rng=rng)
    placed, postponed_from = _postpone(home, away, placed, free_days, rng)
    order = np.lexsort((rng.random(GAMES), np.where(postponed_from < 0, placed, postponed_from)))
    home, away, placed, postponed_from = (
        array[order] for array in (home, away, placed, postponed_from)
    )
    neutral = np.zeros(GAMES, dtype=bool)
    neutral[rng.choice(GAMES, size=rng.integers(4, 10), replace=False)] = True
    return Fixtures(
        tuple(f"002{dates.year % 100:02d}{number:05d}" for number in range(1, GAMES + 1)),
        placed,
        home,
        away,
        neutral,
        tipoffs(dates, placed, home, rng),
        postponed_from,
    )


def tipoffs(
    dates: SeasonDates, days: IntArray, home: IntArray, rng: np.random.Generator
) -> IntArray:
    """Tip-off of each game in minutes after midnight, US Eastern, by the home team's time zone."""
    evening = {"east": (1140, 1170), "central": (1200, 1170), "mountain": (1260, 1230),
               "pacific": (1320, 1350)}  # fmt: skip
    afternoon = (720, 780, 810, 900, 930, 1020, 1080, 1080)
    result = np.empty(len(days), dtype=np.int64)
    for game, (day, team, early, pick) in enumerate(
        zip(days, home, rng.random(len(days)), rng.integers(0, 240, len(days)), strict=True)
    ):
        moment = dates.date_of(day)
        weekend = {5: 0.22, 6: 0.62}.get(moment.weekday(), 0.02)
        if early < (1.0 if moment == dates.christmas else weekend):
            result[game] = afternoon[pick % len(afternoon)]
            continue
        name = TEAM_ORDER[team]
        zone = (
            "central" if name in _CENTRAL else
            "mountain" if name in _MOUNTAIN else
            "pacific" if name in _PACIFIC else "east"
        )  # fmt: skip
        result[game] = evening[zone][int(pick % 3 == 0)]
    return result


def _pairings(year: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Home and away team of the 1,230 games: 82 a team, 41 of them at home.

    Four games against each of the own division, four or three against the rest of the conference,
    two against the other conference. Which conference opponents are met three times rotates.
    """
    games: list[tuple[int, int]] = []
    for one in range(TEAM_COUNT):
        for other in range(one + 1, TEAM_COUNT):
            at_one, at_other = 2, 2
            if one // 15 != other // 15:
                at_one = at_other = 1
            elif one // 5 != other // 5:
                distance = (other - one + year) % 5
                if distance == 0:
                    at_other = 1
                elif distance == 1:
                    at_one = 1
            games += [(one, other)] * at_one + [(other, one)] * at_other
    drawn = np.array(games)[rng.permutation(len(games))]
    return drawn[:, 0], drawn[:, 1]


def _games_a_day(
    dates: SeasonDates, days: IntArray, fixed: dict[int, int], rng: np.random.Generator
) -> IntArray:
    """How many games each day has: as fixed or by weekday, summing to the season's games."""
    mean = np.array([_MEAN_GAMES_BY_WEEKDAY[dates.date_of(day).weekday()] for day in days])
    counts = np.clip(np.rint(rng.normal(mean, 2.3)), 1, _MOST_GAMES).astype(np.int64)
    free = np.array([day not in fixed for day in days])
    counts[~free] = [fixed[day] for day in days[~free]]
    while (missing := GAMES - int(counts.sum())) != 0:
        step = 1 if missing > 0 else -1
        open_days = np.flatnonzero(free & (counts + step >= 1) & (counts + step <= _MOST_GAMES))
        chosen = rng.choice(open_days, size=min(abs(missing), len(open_days)), replace=False)
        counts[chosen] += step
    return counts


def _third_in_a_row(busy: BoolArray, day: int) -> BoolArray:
    """Which teams a game on a day would have play three days running.

    ``busy`` is [team, day + 2], so that the days around the first and last can be looked up.
    """
    at = day + 2
    before, before_that = busy[:, at - 1], busy[:, at - 2]
    after, after_that = busy[:, at + 1], busy[:, at + 2]
    result: BoolArray = before & before_that | before & after | after & after_that
    return result


def _assign_days(
    home: IntArray,
    away: IntArray,
    days: IntArray,
    counts: IntArray,
    free_days: IntArray,
    *,
    rng: np.random.Generator,
) -> IntArray | None:
    """A day for every game: nobody twice a day nor three days running, few back-to-backs.

    Days are filled in order with the games of the teams furthest behind; what does not fit where it
    was wanted goes to the best of ``free_days``. None if none of them will do.
    """
    placed = np.full(GAMES, -1)
    busy = np.zeros((TEAM_COUNT, DAYS + 4), dtype=bool)
    met = np.full((TEAM_COUNT, TEAM_COUNT), -30)

    def place(game: int, day: int) -> None:
        placed[game] = day
        busy[home[game], day + 2] = busy[away[game], day + 2] = True
        met[home[game], away[game]] = met[away[game], home[game]] = day

    # On the last day every team plays; any pairing of the teams has a game to offer.
    teams = rng.permutation(TEAM_COUNT)
    for one, other in zip(teams[::2], teams[1::2], strict=True):
        place(int(np.flatnonzero((home == one) & (away == other))[0]), int(days[-1]))
    met[:] = -30

    due = np.cumsum(counts) * 2 / TEAM_COUNT
    for day, wanted, expected in zip(
        days[:-1].tolist(), counts[:-1].tolist(), due[:-1].tolist(), strict=True
    ):
        missing = wanted
        open_games = np.flatnonzero(placed < 0)
        behind = expected - busy[:, 2 : day + 2].sum(axis=1) - 2.2 * busy[:, day + 1]
        behind[_third_in_a_row(busy, day)] = -np.inf
        one, other = home[open_games], away[open_games]
        score = behind[one] + behind[other] - 2.0 * (day - met[one, other] <= _MEETING_GAP)
        score += rng.gumbel(0, 0.6, len(open_games))
        taken = np.zeros(TEAM_COUNT, dtype=bool)
        for pick in np.argsort(-score):
            if missing == 0 or score[pick] == -np.inf:
                break
            game = int(open_games[pick])
            if not (taken[home[game]] or taken[away[game]]):
                taken[home[game]] = taken[away[game]] = True
                place(game, day)
                missing -= 1

    for game in np.flatnonzero(placed < 0).tolist():
        free_day = _free_day(int(home[game]), int(away[game]), busy, free_days)
        if free_day is None:
            return None
        place(game, free_day)
    return placed


def _free_day(one: int, other: int, busy: BoolArray, days: IntArray) -> int | None:
    """The best of ``days`` on which neither team plays and for neither it is the third running."""
    load = busy[:, days + 2].sum(axis=0) / 2
    neighbours = sum(
        busy[team, days + 2 + step].astype(float) for team in (one, other) for step in (-1, 1)
    )
    third = np.array([_third_in_a_row(busy, day)[[one, other]].any() for day in days])
    taken = busy[one, days + 2] | busy[other, days + 2] | (load >= TEAM_COUNT / 2) | third
    if taken.all():
        return None
    return int(days[np.argmin(np.where(taken, np.inf, neighbours + load / 15))])


def _postpone(
    home: IntArray, away: IntArray, placed: IntArray, days: IntArray, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Move two to five midwinter games to a later one of ``days``; also whence each was moved."""
    placed = placed.copy()
    postponed_from = np.full(GAMES, -1)
    # The date a game is moved from stays busy: until that day nobody knows it will not be played.
    busy = np.zeros((TEAM_COUNT, DAYS + 4), dtype=bool)
    busy[home, placed + 2] = busy[away, placed + 2] = True
    candidates = np.flatnonzero(np.isin(placed, days[30:120]))
    for game in rng.choice(candidates, size=rng.integers(2, 6), replace=False):
        later = days[days > placed[game] + _MEETING_GAP]
        free_day = _free_day(int(home[game]), int(away[game]), busy, later)
        if free_day is None:
            continue
        postponed_from[game], placed[game] = placed[game], free_day
        busy[home[game], placed[game] + 2] = busy[away[game], placed[game] + 2] = True
    return placed, postponed_from
