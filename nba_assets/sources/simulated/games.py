"""The box scores of simulated games: whole batches of games at a time, as arrays.

A batch of G games is 2·G team rows, the home teams first, of one place for every rostered player,
best first. A game is decided by a latent margin (who is available, home court, rest, the night);
minutes follow from it, plays and shots from the minutes, and the score from the shots.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from nba_assets.sources.simulated.calendar import BoolArray, Fixtures, IntArray
from nba_assets.sources.simulated.players import (
    AVAILABLE,
    NOT_DRESSED,
    REST,
    ROSTER,
    FloatArray,
    SeasonPlan,
    chance,
)

STARTERS = 5
BOOKMAKERS = 2
_LEAST_OFFERED = 6.0
"""points to expect of a player a line is offered on"""
Rows = TypeVar("Rows", IntArray, FloatArray, BoolArray)
_POSSESSIONS = 100.5
"""of a team in 48 minutes"""
_ROTATION_MINUTES = np.array([35.6, 34.2, 32.8, 31.2, 28.8, 25.6, 21.6, 18.4, 14.4, 10.5, 7.5, 5.5,
                              4.0, 3.0, 2.0, 1.0, 1.0])  # fmt: skip
"""by place, relative to each other"""
_MINUTES_NOISE = np.array([0.11, 0.12, 0.13, 0.15, 0.17, 0.19, 0.21, 0.23, 0.27, 0.32, 0.40, 0.40,
                           0.40, 0.40, 0.40, 0.40, 0.40])  # fmt: skip
"""by place, standard deviation of the logarithm"""
_CLOSE = 1.8
"""points of latent margin below which a game may go to overtime"""
_SHORTEST_GARBAGE = 0.8
"""minutes; a coach does not empty the bench for less"""
_RESTED_AGE = 26
"""years from which on good players are spared on the second of two days"""
_RUBBER_BAND = 0.6
"""how much of a deviation from the latent margin the end of a game takes back"""


@dataclass(frozen=True)
class Games:
    """Box scores of a batch of fixtures. Arrays are [team row, place] unless said."""

    fixtures: Fixtures
    player: IntArray
    """position in the plan's players"""
    reason: IntArray
    """position in ``REASONS`` for the inactive, 0 for the dressed"""
    starter: BoolArray
    slot: IntArray
    """starting position, 0 point guard to 4 centre; meaningless for the bench"""
    seconds: IntArray
    """0 for who did not play"""
    counts: dict[str, IntArray]
    """by name of ``COUNTS``"""
    plus_minus: IntArray
    team_turnovers: IntArray
    """[team row] turnovers charged to the team alone"""
    lines: FloatArray
    """[bookmaker, team row, place] points offered before the game; NaN without an offer"""

    @property
    def points(self) -> IntArray:
        """Final scores, [home or away, game]."""
        points: IntArray = self.counts["pts"].sum(axis=1).reshape(2, -1)
        return points

    def where(self, chosen: BoolArray) -> "Games":
        """The games of a mask."""
        rows = np.concatenate([chosen, chosen])
        return Games(
            self.fixtures.where(chosen),
            self.player[rows],
            self.reason[rows],
            self.starter[rows],
            self.slot[rows],
            self.seconds[rows],
            {name: values[rows] for name, values in self.counts.items()},
            self.plus_minus[rows],
            self.team_turnovers[rows],
            self.lines[:, rows],
        )


@dataclass(frozen=True)
class _Lineup:
    """Who is there, best first; arrays as in ``Games``."""

    player: IntArray
    reason: IntArray
    dressed: BoolArray
    starter: BoolArray
    slot: IntArray
    rotation: FloatArray
    """share of the team's minutes in a game that stays close"""


def play(
    plan: SeasonPlan, fixtures: Fixtures, back_to_back: BoolArray, rng: np.random.Generator
) -> Games:
    """Play a batch of fixtures.

    ``back_to_back`` is [team row]: whether the team played the day before.
    """
    games = len(fixtures)
    day = np.concatenate([fixtures.day, fixtures.day])
    team = np.concatenate([fixtures.home, fixtures.away])
    lineup = _dress(plan, day, team, back_to_back, rng)
    possessions = _POSSESSIONS * (
        1 + plan.pace[fixtures.home] + plan.pace[fixtures.away] + rng.normal(0, 0.031, games)
    )
    efficiency = _efficiency(plan, fixtures, lineup, back_to_back)
    expected = _expected_points(plan, lineup, possessions) * efficiency
    expected_margin = expected[:games] - expected[games:]
    margin = expected_margin + rng.normal(0, 11.4, games)
    overtimes = np.where(
        (np.abs(margin) < _CLOSE) & chance(rng, 0.60, games), rng.geometric(0.87, games), 0
    )
    hurt = plan.leaves_early[lineup.player, day[:, None]]
    seconds = _seconds(lineup, margin, overtimes, hurt, rng)
    swing = (margin - expected_margin) / 2
    efficiency = efficiency * (1 + np.concatenate([swing, -swing]) / expected)
    plays = possessions * (1 + 5 * overtimes / 48) + 10.5
    form = plan.form[lineup.player, day[:, None]]
    counts = _scoring(
        plan, lineup.player, form, seconds, efficiency=efficiency, plays=plays, rng=rng
    )
    _decide(counts, margin, rng)
    _add_the_rest(plan, lineup, seconds, counts, rng)
    points = counts["pts"].sum(axis=1)
    return Games(
        fixtures,
        lineup.player,
        lineup.reason,
        lineup.starter,
        lineup.slot,
        seconds,
        counts,
        _plus_minus(seconds, points - _opponents(points), rng),
        rng.poisson(0.7, 2 * games),
        _lines(plan, lineup, expected, rng.spawn(1)[0]),
    )


def _lines(
    plan: SeasonPlan, lineup: _Lineup, expected: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """What bookmakers offer: the points to expect of a player, not quite known, and a half."""
    rates = plan.rates
    share = lineup.rotation * rates.usage[lineup.player] * rates.points_a_play[lineup.player]
    points = share / share.sum(axis=1, keepdims=True) * expected[:, None]
    known = points * np.exp(rng.normal(0, 0.12, points.shape))
    offered = np.floor(known + rng.normal(0, 0.3, (BOOKMAKERS, *points.shape))) + 0.5
    lines: FloatArray = np.where(known < _LEAST_OFFERED, np.nan, np.maximum(offered, 0.5))
    return lines


def _opponents(rows: Rows) -> Rows:
    """The value of the opponent's row, for an array by team row."""
    return np.roll(rows, len(rows) // 2, axis=0)


def _dress(
    plan: SeasonPlan,
    day: IntArray,
    team: IntArray,
    back_to_back: BoolArray,
    rng: np.random.Generator,
) -> _Lineup:
    """Who is inactive, who dresses, who starts, and how the minutes would be shared."""
    rows, place = len(day), np.arange(ROSTER)
    player = plan.rosters[day, team]
    when = day[:, None]
    value = plan.players.value[player]
    reason = plan.absence[player, when]
    worth_a_rest = (value > 1) & (plan.players.age[player] >= _RESTED_AGE)
    rest = chance(rng, 0.07, player.shape) & worth_a_rest & back_to_back[:, None]
    reason[rest & (reason == AVAILABLE)] = REST
    standing = value + 0.36 * plan.trust[player, when]

    # Best first, the available before the others; a team that has too few makes injured men dress.
    order = np.argsort(-(standing + 50.0 * (reason == AVAILABLE)), axis=1)
    player, reason = (np.take_along_axis(array, order, axis=1) for array in (player, reason))
    standing = np.take_along_axis(standing, order, axis=1)
    can_dress = rng.choice([12, 13, 14, 15], rows, p=[0.25, 0.50, 0.15, 0.10])
    available = (reason == AVAILABLE).sum(axis=1)
    dressed = place < np.clip(available, 10, can_dress)[:, None]
    reason = np.where(dressed, AVAILABLE, np.where(reason == AVAILABLE, NOT_DRESSED, reason))

    start_rank = place + 2.2 * (plan.players.skill[player, 9] < -1)
    starter = _rank(start_rank + 20.0 * ~dressed) < STARTERS
    position = plan.players.position[player] + 0.1 * plan.players.skill[player, 6]
    slot = np.clip(_rank(np.where(starter, position, 99.0)), 0, STARTERS - 1)

    used = rng.choice([9, 10, 11, 12], rows, p=[0.52, 0.30, 0.13, 0.05])
    lead = standing - standing[:, :10].mean(axis=1, keepdims=True)
    rotation = _ROTATION_MINUTES * np.exp(
        0.035 * lead + _MINUTES_NOISE * rng.normal(0, 1, player.shape)
    )
    rotation *= plan.fitness[player, when] * (dressed & (place < used[:, None]))
    rotation /= rotation.sum(axis=1, keepdims=True)
    return _Lineup(player, reason, dressed, starter, slot, rotation)


def _rank(values: FloatArray) -> IntArray:
    """Position of each element in the ascending order of its row."""
    rank: IntArray = np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1)
    return rank


def _efficiency(
    plan: SeasonPlan, fixtures: Fixtures, lineup: _Lineup, back_to_back: BoolArray
) -> FloatArray:
    """What teams, court and legs do to the points of a play, [team row]; 1 is ordinary."""
    team = np.concatenate([fixtures.home, fixtures.away])
    at_home = np.where(fixtures.neutral, 0.0, 0.011)
    defence = plan.defence[team] + (lineup.rotation * plan.rates.defence[lineup.player]).sum(axis=1)
    efficiency: FloatArray = np.exp(
        plan.offence[team]
        - _opponents(defence)
        + np.concatenate([at_home, -at_home])
        - 0.012 * back_to_back
        + 0.006 * _opponents(back_to_back)
    )
    return efficiency


def _expected_points(plan: SeasonPlan, lineup: _Lineup, possessions: FloatArray) -> FloatArray:
    """Points of a game in regulation against an ordinary team, [team row]."""
    used = lineup.rotation * plan.rates.usage[lineup.player]
    a_play = (used * plan.rates.points_a_play[lineup.player]).sum(axis=1) / used.sum(axis=1)
    points: FloatArray = np.concatenate([possessions, possessions]) * 1.106 * a_play
    return points


def _seconds(
    lineup: _Lineup,
    margin: FloatArray,
    overtimes: IntArray,
    hurt: BoolArray,
    rng: np.random.Generator,
) -> IntArray:
    """Seconds on court; a team's sum to exactly 240 minutes and 25 an overtime."""
    rows, place = len(lineup.player), np.arange(ROSTER)
    extra = np.concatenate([overtimes, overtimes])[:, None]
    garbage = np.clip(0.40 * (np.abs(margin) - 10.5), 0, 12)
    garbage[garbage < _SHORTEST_GARBAGE] = 0
    garbage = np.concatenate([garbage, garbage])[:, None] * rng.uniform(0.6, 1.2, (rows, 1))

    cut_short = hurt | chance(rng, 0.03, (rows, ROSTER))  # hurt, or in foul trouble
    rotation = lineup.rotation * np.where(cut_short, rng.uniform(0.2, 0.95, (rows, ROSTER)), 1.0)
    rotation /= rotation.sum(axis=1, keepdims=True)
    late = rotation**1.7
    late /= late.sum(axis=1, keepdims=True)
    emptied = lineup.dressed * (place >= STARTERS) * (1.0 + 1.5 * (rotation == 0))
    emptied = emptied * chance(rng, 0.85, (rows, ROSTER)) * rng.uniform(0.5, 1.5, (rows, ROSTER))
    emptied[:, STARTERS] += 0.1
    emptied /= emptied.sum(axis=1, keepdims=True)
    minutes = rotation * 5 * (48 - garbage) + emptied * 5 * garbage + late * 25 * extra
    limit = 40.5 + 4.6 * extra
    for _ in range(3):
        over = np.clip(minutes - limit, 0, None)
        room = np.where(minutes < limit, minutes, 0.0)
        minutes = (
            minutes
            - over
            + over.sum(axis=1, keepdims=True) * room / room.sum(axis=1, keepdims=True)
        )

    seconds: IntArray = np.floor(minutes * 60).astype(np.int64)
    cameo = lineup.dressed & (seconds == 0) & chance(rng, 0.012, (rows, ROSTER))
    seconds[cameo] = rng.integers(1, 40, int(cameo.sum()))
    missing = 60 * (240 + 25 * extra[:, 0]) - seconds.sum(axis=1)
    seconds[np.arange(rows), np.argmax(seconds, axis=1)] += missing
    return seconds


def _scoring(
    plan: SeasonPlan,
    player: IntArray,
    form: FloatArray,
    seconds: IntArray,
    *,
    efficiency: FloatArray,
    plays: FloatArray,
    rng: np.random.Generator,
) -> dict[str, IntArray]:
    """Turnovers and shots. The shares of the plays vary with form and by the night."""
    rates = plan.rates
    night = rng.normal(0, 0.09, player.shape)
    weight = seconds * rates.usage[player] * np.exp(0.07 * form + night)
    weight /= weight.sum(axis=1, keepdims=True)
    team_plays = np.rint(np.concatenate([plays, plays]) + rng.normal(0, 3.4, len(player)))
    involved = rng.multinomial(team_plays.astype(np.int64), weight)
    tov = rng.binomial(involved, rates.turnover[player])
    trips = rng.binomial(involved - tov, rates.free_throw_trip[player])
    fga = involved - tov - trips
    fg3a = rng.binomial(fga, rates.three[player])
    hot = efficiency[:, None] ** 1.15 * (1 + 0.025 * form)
    fg3m = rng.binomial(fg3a, np.clip(rates.three_made[player] * hot, 0.02, 0.9))
    fg2m = rng.binomial(fga - fg3a, np.clip(rates.two_made[player] * hot, 0.02, 0.95))
    fta = 2 * trips + rng.binomial(fg2m, 0.05)
    ftm = rng.binomial(fta, rates.free_throw_made[player])
    return {
        "fgm": fg2m + fg3m,
        "fga": fga,
        "fg3m": fg3m,
        "fg3a": fg3a,
        "ftm": ftm,
        "fta": fta,
        "tov": tov,
        "pts": 2 * fg2m + 3 * fg3m + ftm,
    }


def _decide(counts: dict[str, IntArray], target: FloatArray, rng: np.random.Generator) -> None:
    """Bring the margin nearer to the latent one, and leave no tie.

    A side that leads slows down and one that trails is let back in: single two-point shots of the
    leaders turn into misses, misses of the others into makes.
    """
    games = len(target)
    points = counts["pts"].sum(axis=1)
    gap = points[:games] - points[games:] - target
    made_more = np.rint(_RUBBER_BAND * gap / 4).astype(np.int64)
    change = np.concatenate([-made_more, made_more])
    fg2m = counts["fgm"] - counts["fg3m"]
    missed = counts["fga"] - counts["fg3a"] - fg2m
    turned = _drawn(missed, np.clip(change, 0, None), rng)
    turned -= _drawn(fg2m, np.clip(-change, 0, None), rng)
    counts["fgm"] += turned
    counts["pts"] += 2 * turned

    points = counts["pts"].sum(axis=1)
    tied = np.flatnonzero(points[:games] == points[games:])
    winner = tied + games * rng.integers(0, 2, len(tied))
    scorer = np.argmax(counts["pts"][winner], axis=1)
    for name in ("ftm", "fta", "pts"):
        counts[name][winner, scorer] += 1


def _drawn(balls: IntArray, wanted: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw without replacement from a row's balls; all of them where more are wanted."""
    left = balls.sum(axis=1)
    wanted = np.minimum(wanted, left)
    drawn = np.zeros_like(balls)
    for place in range(balls.shape[1]):
        own = balls[:, place]
        left = left - own
        drawn[:, place] = rng.hypergeometric(own, left, wanted)
        wanted = wanted - drawn[:, place]
    return drawn


def _add_the_rest(
    plan: SeasonPlan,
    lineup: _Lineup,
    seconds: IntArray,
    counts: dict[str, IntArray],
    rng: np.random.Generator,
) -> None:
    """Rebounds of the misses, assists of the makes, steals of the turnovers, blocks and fouls."""
    rates, player = plan.rates, lineup.player
    team = {name: values.sum(axis=1) for name, values in counts.items()}

    def shared(total: IntArray, rate: FloatArray) -> IntArray:
        weight = seconds * rate[player] * np.exp(rng.normal(0, 0.2, player.shape))
        return rng.multinomial(total, weight / weight.sum(axis=1, keepdims=True))

    missed = team["fga"] - team["fgm"] + np.rint(0.45 * (team["fta"] - team["ftm"])).astype(int)
    offensive = rng.binomial(missed, rng.normal(0.217, 0.035, len(missed)).clip(0.05, 0.5))
    defensive = rng.binomial(_opponents(missed - offensive), 0.865)
    counts["oreb"] = shared(offensive, rates.offensive_rebound)
    counts["dreb"] = shared(defensive, rates.defensive_rebound)
    counts["reb"] = counts["oreb"] + counts["dreb"]
    helped = rng.normal(0.635, 0.045, len(missed)).clip(0.3, 0.9)
    counts["ast"] = shared(rng.binomial(team["fgm"], helped), rates.assist)
    counts["stl"] = shared(rng.binomial(_opponents(team["tov"]), 0.575), rates.steal)
    missed_twos = team["fga"] - team["fg3a"] - team["fgm"] + team["fg3m"]
    counts["blk"] = shared(rng.binomial(_opponents(missed_twos), 0.212), rates.block)
    fouls = rng.binomial(_opponents(team["fta"]), 0.45) + rng.binomial(18, 0.5, len(missed))
    counts["pf"] = np.minimum(shared(fouls, rates.foul), 6)


def _plus_minus(seconds: IntArray, margin: IntArray, rng: np.random.Generator) -> IntArray:
    """Score while on court: a team's sum to five times its margin; 0 for who did not play."""
    share = seconds / seconds.sum(axis=1, keepdims=True)
    played = seconds > 0
    on_court = 5 * share
    luck = rng.normal(0, 15.5, seconds.shape) * np.sqrt(on_court * (1 - on_court / 1.6).clip(0.1))
    luck -= on_court / 5 * luck.sum(axis=1, keepdims=True)
    exact = margin[:, None] * on_court + luck
    whole = np.floor(exact).astype(np.int64) * played
    # Largest remainders: the floors fall short of the sum by fewer than the team has players.
    short = 5 * margin - whole.sum(axis=1)
    fraction = np.where(played, exact - np.floor(exact), -1.0)
    plus_minus: IntArray = whole + (_rank(-fraction) < short[:, None])
    return plus_minus
