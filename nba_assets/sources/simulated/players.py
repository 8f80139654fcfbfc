"""The people of a simulated league: who they are, where they play, and when they cannot.

A player's talent and habits evolve from season to season without looking at any result, so any
season can be drawn without playing the ones before it.
"""

from dataclasses import dataclass, fields
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from nba_assets.sources.simulated.calendar import DAYS, TEAM_COUNT, SeasonDates

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ROSTER = 17
FREE_AGENTS = 110
FIRST_PLAYER_ID = 2_000_001
_OLDEST = 40
_SLOW_RETURN = 8
"""days of absence from which on a player comes back to fewer minutes"""
_LONG_ABSENCE = 90
"""days"""
AVAILABLE = 0
REST = 1
PERSONAL = 2
NOT_DRESSED = 3
REASONS = (
    "",
    "Rest",
    "Personal reasons",
    "G League",
    "Illness",
    "Ankle sprain",
    "Knee soreness",
    "Hamstring strain",
    "Calf strain",
    "Groin strain",
    "Back tightness",
    "Foot soreness",
    "Shoulder strain",
    "Wrist sprain",
    "Concussion protocol",
    "Knee surgery",
)
_FIRST_INJURY = 4
_LONG_INJURY = len(REASONS) - 1

_FIRST_NAMES = (
    "Aaron Abel Alonzo Amir Andre Anton Ari Arlo Barrett Basil Beckett Boris Brendan Cal Cedric "
    "Clay Colby Cornell Cyrus Damon Dario Darnell Davis Deon Dexter Dominic Earl Eli Elliott Emeka "
    "Enzo Ezra Felix Finn Garrett Gideon Grady Hakim Harlan Hugo Ibrahim Ike Isaac Ivan Jabari "
    "Jalil Jonah Jorge Julian Kareem Keenan Kofi Lamar Leon Levi Luca Malik Marcel Mateo Milan "
    "Moses Nico Nolan Omar Orlando Oscar Pavel Percy Quentin Rafael Rashad Reuben Roman Rory "
    "Samir Silas Stefan Tariq Terrell Theo Tobias Tyrese Uriel Vance Victor Wendell Wyatt Xander "
    "Yusuf Zane"
)
_LAST_NAMES = (
    "Abbott Adeyemi Aldridge Amari Ashford Atwater Bailor Banks Barlow Beaumont Bello Benson "
    "Birch Blackwood Bosko Bradshaw Briggs Brodie Bryson Calder Camara Carver Castellan Chambers "
    "Coleridge Cortez Crane Dabney Dalton Danforth Delgado Diallo Dorsey Drummer Duarte Easton "
    "Ekwueme Ellery Farrow Fenwick Ferrand Fontaine Forde Galloway Garrick Gaines Goran Granger "
    "Hadley Halloran Hartwell Haskins Hollis Horvat Ibarra Ingles Jagger Jarvis Kamara Kearney "
    "Keller Kingsley Kovac Landry Larkin Ledger Lindqvist Lockhart Madden Mancini Marlowe Mbeki "
    "Mercer Merritt Montrose Moreau Nash Ndiaye Novak Oakley Obi Okafor Ortega Osei Paxton Pereira "
    "Petrov Pryor Quarles Radic Ramsey Redmond Reyes Rhodes Rivers Rourke Sable Santoro Sawyer "
    "Sinclair Soto Stanton Sterling Sylla Talbot Tanner Thibault Toure Trevino Tull Underhill Vale "
    "Vargas Vaughn Vidal Wakefield Ward Weston Whitlock Winslow Yates Zeller"
)

_SKILLS = 10
"""independent habits of a player, see ``rates``"""


def chance(
    rng: np.random.Generator, probability: float | FloatArray, shape: int | tuple[int, ...]
) -> BoolArray:
    """Events that happen with a probability, each on its own."""
    happens: BoolArray = rng.random(shape) < probability
    return happens


@dataclass(frozen=True)
class Players:
    """One element a player in every array."""

    number: IntArray
    """counts every player the league ever had"""
    age: IntArray
    position: IntArray
    """0 point guard to 4 centre"""
    talent: FloatArray
    skill: FloatArray
    """standard normal, ``_SKILLS`` columns"""
    team: IntArray
    """position in ``TEAM_ORDER``; -1 without a team"""

    def __len__(self) -> int:
        return len(self.number)

    @property
    def value(self) -> FloatArray:
        """Talent at the current age, in standard deviations of a professional."""
        peak = 27.5
        slope = np.where(self.age < peak, 0.012, 0.010)
        value: FloatArray = self.talent - slope * (self.age - peak) ** 2
        return value

    @property
    def ids(self) -> IntArray:
        """Player ids."""
        return self.number + FIRST_PLAYER_ID

    @property
    def names(self) -> list[str]:
        """Player names, unique among the first ten thousand players."""
        first, last = _FIRST_NAMES.split(), _LAST_NAMES.split()
        mixed = (self.number * 7919 + 331) % (len(first) * len(last))  # a prime: no name twice
        return [f"{first[name % len(first)]} {last[name // len(first)]}" for name in mixed]

    def where(self, chosen: BoolArray) -> "Players":
        """The players of a mask."""
        return Players(*(getattr(self, column.name)[chosen] for column in fields(self)))

    def joined(self, other: "Players") -> "Players":
        """These players and others."""
        return Players(
            *(
                np.concatenate([getattr(self, column.name), getattr(other, column.name)])
                for column in fields(self)
            )
        )


@dataclass(frozen=True)
class Rates:
    """What a player does with a play or a minute; one element a player."""

    usage: FloatArray
    """share of the team's plays while on court, relative to team mates"""
    turnover: FloatArray
    """of plays"""
    free_throw_trip: FloatArray
    """of plays that are not turnovers"""
    three: FloatArray
    """of field goal attempts"""
    two_made: FloatArray
    three_made: FloatArray
    free_throw_made: FloatArray
    offensive_rebound: FloatArray
    defensive_rebound: FloatArray
    assist: FloatArray
    steal: FloatArray
    block: FloatArray
    foul: FloatArray
    defence: FloatArray
    """effect on the opponents' efficiency, positive is good"""

    @property
    def points_a_play(self) -> FloatArray:
        """Expected points of a play."""
        shot = 2 * (1 - self.three) * self.two_made + 3 * self.three * self.three_made
        trip = self.free_throw_trip
        kept: FloatArray = 1 - self.turnover
        return kept * (2 * trip * self.free_throw_made + (1 - trip) * shot)


@dataclass(frozen=True)
class SeasonPlan:
    """Everything about a season that does not depend on results."""

    players: Players
    rates: Rates
    rosters: IntArray
    """[day, team, place] the player, -1 for an empty place"""
    absence: IntArray
    """[player, day] position in ``REASONS``"""
    leaves_early: BoolArray
    """[player, day] hurt on that day"""
    fitness: FloatArray
    """[player, day] share of the usual minutes, below 1 after a long absence"""
    form: FloatArray
    """[player, day] standard normal, lasting about two weeks"""
    trust: FloatArray
    """[player, day] standard normal, lasting about a month: the coach's opinion"""
    offence: FloatArray
    """[team] on efficiency, beyond its players"""
    defence: FloatArray
    """[team] on the opponents' efficiency, positive is good"""
    pace: FloatArray
    """[team] possessions in 48 minutes, relative to the league's"""


def plan_season(seed: int, first_season: int, year: int) -> SeasonPlan:
    """The plan of a season; the same for any later number of seasons."""
    players = _founding_players(np.random.default_rng([seed, first_season, 1]))
    culture = np.random.default_rng([seed, first_season, 2]).normal(0, 1, (3, TEAM_COUNT))
    for season in range(first_season, year):
        rng = np.random.default_rng([seed, season, 3])
        players = _next_season(_closing(players, _moves(players, season, seed)), rng)
        culture = 0.7 * culture + np.sqrt(1 - 0.7**2) * rng.normal(0, 1, culture.shape)
    rng = np.random.default_rng([seed, year, 4])
    absence, leaves_early, fitness = _absences(players, rng)
    return SeasonPlan(
        players,
        rates(players),
        _rosters(players, _moves(players, year, seed)),
        absence,
        leaves_early,
        fitness,
        form=_drift(len(players), 0.94, rng),
        trust=_drift(len(players), 0.97, rng),
        offence=0.020 * culture[0],
        defence=0.030 * culture[1],
        pace=0.018 * culture[2],
    )


def rates(players: Players) -> Rates:
    """Habits and abilities of players at their current age."""
    skill, place = players.skill.T.clip(-2, 2), players.position
    value = players.value
    three = 1 / (1 + np.exp(-(np.array([-0.15, 0.05, 0.0, -0.30, -1.6])[place] + 0.55 * skill[0])))
    return Rates(
        usage=np.exp(1.15 * np.tanh(0.36 * value + 0.20 * skill[1])),
        turnover=np.clip(0.120 * np.exp(0.22 * skill[2]), 0.03, 0.3),
        free_throw_trip=np.clip(0.081 * np.exp(0.38 * skill[3] + 0.11 * value), 0.02, 0.3),
        three=three,
        two_made=np.clip(
            np.array([0.507, 0.517, 0.532, 0.547, 0.587])[place] + 0.010 * value + 0.02 * skill[4],
            0.35,
            0.75,
        ),
        three_made=np.clip(0.356 + 0.005 * value + 0.018 * skill[5], 0.2, 0.46),
        free_throw_made=np.clip(
            np.array([0.81, 0.80, 0.78, 0.75, 0.68])[place] + 0.012 * value + 0.05 * skill[5],
            0.4,
            0.94,
        ),
        offensive_rebound=np.array([0.5, 0.6, 0.9, 1.4, 2.4])[place] * np.exp(0.25 * skill[6]),
        defensive_rebound=np.array([0.8, 0.8, 0.95, 1.2, 1.7])[place]
        * np.exp(0.18 * skill[6] + 0.05 * value),
        assist=np.array([2.1, 1.2, 1.0, 0.85, 0.75])[place]
        * np.exp(0.40 * skill[7] + 0.16 * value),
        steal=np.exp(0.28 * skill[8]),
        block=np.array([0.5, 0.6, 0.9, 1.5, 2.8])[place] * np.exp(0.4 * skill[8]),
        foul=np.array([0.85, 0.9, 0.95, 1.1, 1.4])[place] * np.exp(0.2 * skill[9] - 0.04 * value),
        defence=0.012 * skill[9] + 0.008 * value,
    )


def _newcomers(count: int, number: int, age: IntArray, rng: np.random.Generator) -> Players:
    """Players without a team. Talent has a right tail: some are far above the rest."""
    return Players(
        number=np.arange(number, number + count),
        age=age,
        position=rng.permutation(np.arange(count) % 5),
        talent=rng.gamma(6.0, 1 / np.sqrt(6.0), count) - np.sqrt(6.0) + 0.3,
        skill=rng.normal(0, 1, (count, _SKILLS)),
        team=np.full(count, -1),
    )


def _founding_players(rng: np.random.Generator) -> Players:
    count = TEAM_COUNT * ROSTER + FREE_AGENTS
    age = np.clip(np.rint(19 + rng.gamma(2.6, 2.7, count)), 19, 39).astype(np.int64)
    return _signed(_newcomers(count, 0, age, rng), rng)


def _next_season(players: Players, rng: np.random.Generator) -> Players:
    """The league a summer later: older, some gone, some free to move, newcomers in their place."""
    count, value = len(players), players.value
    ends = 1 / (1 + np.exp(2.6 + 1.5 * value - 0.35 * (players.age - 30)))
    leaves = chance(rng, np.where(players.team < 0, 0.55, ends), count)
    moves = chance(rng, 0.22, count)
    stays = Players(
        players.number,
        players.age + 1,
        players.position,
        players.talent + rng.normal(0, 0.22, count),
        0.97 * players.skill + np.sqrt(1 - 0.97**2) * rng.normal(0, 1, players.skill.shape),
        np.where(moves, -1, players.team),
    ).where(~leaves & (players.age <= _OLDEST))
    rookies = count - len(stays)
    age = rng.choice([19, 20, 21, 22, 23, 24], rookies, p=[0.2, 0.2, 0.15, 0.2, 0.15, 0.1])
    next_number = int(players.number.max()) + 1
    return _signed(stays.joined(_newcomers(rookies, next_number, age, rng)), rng)


def _signed(players: Players, rng: np.random.Generator) -> Players:
    """The players after the weakest teams with an empty place chose first."""
    team = players.team.copy()
    appeal = players.value + rng.normal(0, 0.35, len(players))
    luck = rng.normal(0, 2.0, TEAM_COUNT)
    size = np.bincount(team[team >= 0], minlength=TEAM_COUNT)
    strength = luck + np.bincount(
        team[team >= 0], weights=appeal[team >= 0].clip(0), minlength=TEAM_COUNT
    )
    free = iter(np.argsort(-np.where(team < 0, appeal, -np.inf)))
    while (size < ROSTER).any():
        chooser = int(np.argmin(np.where(size < ROSTER, strength, np.inf)))
        signed = int(next(free))
        team[signed] = chooser
        size[chooser] += 1
        strength[chooser] += max(appeal[signed], 0.05)
    return Players(
        players.number, players.age, players.position, players.talent, players.skill, team
    )


def _moves(players: Players, year: int, seed: int) -> list[tuple[int, int, int]]:
    """Changes of team within a season as (day, player, new team or -1), in order of days.

    Trades swap players of like value until the deadline; a waived player makes place for a free
    agent. So a team always has a full roster.
    """
    rng = np.random.default_rng([seed, year, 5])
    dates = SeasonDates(year)
    opener, deadline = dates.day(dates.opener), dates.day(dates.trade_deadline)
    trades = deadline - np.minimum(rng.geometric(0.045, 26) - 1, deadline - opener - 30)
    signings = rng.integers(opener + 5, dates.day(dates.last_regular - timedelta(days=3)), 115)
    team, value = players.team.copy(), players.value
    moves: list[tuple[int, int, int]] = []

    def move(day: int, player: int, to: int) -> None:
        team[player] = to
        moves.append((day, player, to))

    events = sorted([(int(d), True) for d in trades] + [(int(d), False) for d in signings])
    for day, is_trade in events:
        if is_trade:
            leaving = int(rng.choice(np.flatnonzero((team >= 0) & (value > np.median(value)))))
            others = np.flatnonzero((team >= 0) & (team != team[leaving]))
            unlike = np.abs(value[others] - value[leaving]) + rng.exponential(0.1, len(others))
            coming = int(others[np.argmin(unlike)])
            to, back = int(team[coming]), int(team[leaving])
            move(day, leaving, to)
            move(day, coming, back)
        else:
            at = int(rng.integers(TEAM_COUNT))
            mates, free = np.flatnonzero(team == at), np.flatnonzero(team < 0)
            waived = int(mates[np.argmin(value[mates] + rng.normal(0, 0.3, len(mates)))])
            signed = int(free[np.argmax(value[free] + rng.normal(0, 0.4, len(free)))])
            move(day, waived, -1)
            move(day, signed, at)
    return moves


def _closing(players: Players, moves: list[tuple[int, int, int]]) -> Players:
    """The players with the teams they ended the season with."""
    team = players.team.copy()
    for _, player, to in moves:
        team[player] = to
    return Players(
        players.number, players.age, players.position, players.talent, players.skill, team
    )


def _rosters(players: Players, moves: list[tuple[int, int, int]]) -> IntArray:
    team = players.team.copy()
    rosters = np.full((DAYS, TEAM_COUNT, ROSTER), -1)
    changed_on = sorted({0, *(day for day, _, _ in moves)})
    for day in changed_on:
        for moved_on, player, to in moves:
            if moved_on == day:
                team[player] = to
        order = np.argsort(team, kind="stable")
        signed = order[team[order] >= 0]
        rosters[day:] = signed.reshape(TEAM_COUNT, ROSTER)
    return rosters


def _absences(players: Players, rng: np.random.Generator) -> tuple[IntArray, BoolArray, FloatArray]:
    """Reason of absence, days a player is hurt in a game, and fitness, each [player, day]."""
    count = len(players)
    absence = np.full((count, DAYS), AVAILABLE)
    leaves_early = np.zeros((count, DAYS), dtype=bool)
    fitness = np.ones((count, DAYS))
    proneness = rng.gamma(3.0, 1 / 3.0, count) * (1 + 0.03 * (players.age - 26))
    for player, spells in enumerate(rng.poisson(4.0 * np.clip(proneness, 0.1, 3))):
        starts = rng.integers(-40, DAYS - 1, spells)
        lengths = np.ceil(rng.lognormal(1.75, 1.15, spells)).astype(np.int64)
        reasons = rng.integers(_FIRST_INJURY, _LONG_INJURY, spells)
        for start, length, reason in zip(starts, lengths, reasons, strict=True):
            first, end = max(int(start), 0), max(int(start + length), 0)
            absence[player, first:end] = reason if length < _LONG_ABSENCE else _LONG_INJURY
            if start > 0 and reason > _FIRST_INJURY:
                leaves_early[player, start - 1] = True
            if length >= _SLOW_RETURN:
                fitness[player, end : end + 4] = 0.72
                fitness[player, end + 4 : end + 9] = 0.88
    personal = chance(rng, 0.006, (count, DAYS))
    absence[personal & (absence == AVAILABLE)] = PERSONAL
    return absence, leaves_early, fitness


def _drift(count: int, persistence: float, rng: np.random.Generator) -> FloatArray:
    """Stationary AR(1) of unit variance, [player, day]."""
    shocks = rng.normal(0, 1, (DAYS, count))
    shocks[1:] *= np.sqrt(1 - persistence**2)
    for day in range(1, DAYS):
        shocks[day] += persistence * shocks[day - 1]
    return shocks.T
