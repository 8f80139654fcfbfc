"""A whole simulated season, from its plan to the raw tables."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES
from nba_assets.assets.raw.player_points_lines import PLAYER_POINTS_LINES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.starting_lineups import STARTING_LINEUPS
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import COUNTS
from nba_assets.seasons import season_label
from nba_assets.sources.simulated.calendar import (
    DAYS,
    TEAM_COUNT,
    TEAM_ORDER,
    BoolArray,
    Fixtures,
    IntArray,
    SeasonDates,
    regular_season,
    tipoff_utc,
    tipoffs,
)
from nba_assets.sources.simulated.games import Games, play
from nba_assets.sources.simulated.players import (
    AVAILABLE,
    REASONS,
    FloatArray,
    SeasonPlan,
    plan_season,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.contracts.contract import Contract

SOURCE_NAME = "simulated"
CONTRACTS = {
    contract.table: contract
    for contract in (
        SCHEDULE,
        PLAYER_BOX_SCORES,
        TEAM_BOX_SCORES,
        PLAYER_AVAILABILITY,
        STARTING_LINEUPS,
        PLAYER_POINTS_LINES,
    )
}
_POSITIONS = ("PG", "SG", "SF", "PF", "C")
_BOOKMAKERS = ("first", "second")
_PRICE = -110.0
_SEASON_TYPES = {
    "002": "Regular Season",
    "004": "Playoffs",
    "005": "Play-In",
    "006": "NBA Cup Final",
}
_WINS = 4
_HOME_IN_SERIES = (True, True, False, False, True, False, True)
_POSTPONED_AT = 12 * 60
"""minutes after midnight, US Eastern, of the day a game is postponed on"""
_ROUND_STARTS = (4, 20, 36, 52)
"""first day of each playoff round, after the first play-in day"""
_GAME_OFFSETS = ((0, 2, 5, 7, 9, 11, 13), (0, 3, 5, 7, 9, 11, 13))
"""days of a series' games after its first, for alternating series; a round ends before the next"""


def stored_schema(table: str) -> "pa.Schema":
    """The contract's columns; for the schedule also ``postponed_at``, a moment or NULL."""
    import pyarrow as pa

    schema = arrow_schema(CONTRACTS[table])
    if table == "schedule":
        schema = schema.append(pa.field("postponed_at", pa.timestamp("us", tz="UTC")))
    return schema


def simulate_season(seed: int, first_season: int, year: int) -> "dict[str, pa.Table]":
    """The raw tables of a season as they will be when it is over, by name.

    The schedule has every game as FINAL with its score; a postponed game has its POSTPONED row too.
    Rows are sorted by game date.
    """
    plan = plan_season(seed, first_season, year)
    batches = _play_season(plan, SeasonDates(year), np.random.default_rng([seed, year, 6]))
    return _tables(plan, batches, year)


def _play_season(plan: SeasonPlan, dates: SeasonDates, rng: np.random.Generator) -> list[Games]:
    """Regular season, cup final, play-in and playoffs, each as one or more batches of games."""
    fixtures = regular_season(dates, rng)
    regular = play(plan, fixtures, _back_to_back(fixtures), rng)
    batches = [regular]
    if dates.cup_final is not None:
        day = dates.day(dates.cup_final)
        east, west = _seeds(regular.where(fixtures.day < day), rng)[:, :1]
        final = [(f"006{dates.year % 100:02d}00001", day)]
        batches.append(_play_rested(plan, dates, rng, final, home=east, away=west, neutral=True))
    return batches + _play_postseason(plan, dates, _seeds(regular, rng), rng)


def _back_to_back(fixtures: Fixtures) -> BoolArray:
    """Whether each team row's team has a game the day before."""
    busy = np.zeros((TEAM_COUNT, DAYS), dtype=bool)
    team, day = np.concatenate([fixtures.home, fixtures.away]), np.tile(fixtures.day, 2)
    busy[team, day] = True
    before: BoolArray = busy[team, day - 1]
    return before


def _play_rested(
    plan: SeasonPlan,
    dates: SeasonDates,
    rng: np.random.Generator,
    slots: Sequence[tuple[str, int]],
    *,
    home: IntArray,
    away: IntArray,
    neutral: bool = False,
) -> Games:
    """Play games, given as (id, day), of teams that did not play the day before."""
    day = np.array([day for _, day in slots])
    fixtures = Fixtures(
        tuple(game_id for game_id, _ in slots),
        day,
        home,
        away,
        np.full(len(slots), neutral),
        tipoffs(dates, day, home, rng),
        np.full(len(slots), -1),
    )
    return play(plan, fixtures, np.zeros(2 * len(slots), dtype=bool), rng)


def _seeds(regular: Games, rng: np.random.Generator) -> IntArray:
    """Teams of each conference in the order of their wins, [conference, seed]; ties by lot."""
    home_won = regular.points[0] > regular.points[1]
    winners = np.where(home_won, regular.fixtures.home, regular.fixtures.away)
    wins = np.bincount(winners, minlength=TEAM_COUNT) + rng.random(TEAM_COUNT)
    half = TEAM_COUNT // 2
    return np.array([np.argsort(-wins[:half]), half + np.argsort(-wins[half:])])


def _play_postseason(
    plan: SeasonPlan, dates: SeasonDates, seeds: IntArray, rng: np.random.Generator
) -> list[Games]:
    """Play-in and four rounds of best of seven."""
    prefix, start = f"005{dates.year % 100:02d}00", dates.day(dates.play_in)
    slots = [(f"{prefix}1{pair}1", start + pair // 2) for pair in range(4)]
    seventh_and_ninth, eighth_and_tenth = seeds[:, [6, 8]].ravel(), seeds[:, [7, 9]].ravel()
    first = _play_rested(plan, dates, rng, slots, home=seventh_and_ninth, away=eighth_and_tenth)
    won, lost = _winners(first), _losers(first)
    slots = [(f"{prefix}2{pair}1", start + 3) for pair in range(2)]
    last = _play_rested(plan, dates, rng, slots, home=lost[::2], away=won[1::2])
    seeds = np.column_stack([seeds[:, :6], won[::2], _winners(last)])

    batches = [first, last]
    seed_of = np.zeros(TEAM_COUNT, dtype=np.int64)
    seed_of[seeds] = np.arange(seeds.shape[1])
    bracket = seeds[:, [0, 7, 3, 4, 2, 5, 1, 6]].ravel()
    for number, first_day in enumerate(_ROUND_STARTS, start=1):
        one, other = bracket[::2], bracket[1::2]
        better = np.where(seed_of[one] <= seed_of[other], one, other)
        worse = one + other - better
        games, bracket = _play_round(
            plan, dates, rng, number=number, start=start + first_day, better=better, worse=worse
        )
        batches.append(games)
    return batches


def _play_round(
    plan: SeasonPlan,
    dates: SeasonDates,
    rng: np.random.Generator,
    *,
    number: int,
    start: int,
    better: IntArray,
    worse: IntArray,
) -> tuple[Games, IntArray]:
    """The games of a playoff round up to the fourth win of each series, and the winners.

    All seven games of a series are played and those after its end forgotten.
    """
    prefix, series = f"004{dates.year % 100:02d}00{number}", len(better)
    which = np.repeat(np.arange(series), 7)
    at_better = np.tile(_HOME_IN_SERIES, series)
    games = _play_rested(
        plan,
        dates,
        rng,
        [
            (f"{prefix}{pair}{game + 1}", start + pair % 2 + _GAME_OFFSETS[pair // 2 % 2][game])
            for pair in range(series)
            for game in range(7)
        ],
        home=np.where(at_better, better[which], worse[which]),
        away=np.where(at_better, worse[which], better[which]),
    )
    wins = (_winners(games) == better[which]).reshape(series, 7)
    losses = ~wins
    before = np.maximum(np.cumsum(wins, axis=1) - wins, np.cumsum(losses, axis=1) - losses)
    return games.where((before < _WINS).ravel()), np.where(wins.sum(axis=1) >= _WINS, better, worse)


def _winners(games: Games) -> IntArray:
    home, away = games.points
    return np.where(home > away, games.fixtures.home, games.fixtures.away)


def _losers(games: Games) -> IntArray:
    home, away = games.points
    return np.where(home > away, games.fixtures.away, games.fixtures.home)


def _tables(plan: SeasonPlan, batches: list[Games], year: int) -> "dict[str, pa.Table]":
    import pyarrow as pa

    dates = SeasonDates(year)
    parts = {
        "schedule": [_schedule(dates, games) for games in batches],
        "player_box_scores": [_player_box_scores(plan, dates, games) for games in batches],
        "team_box_scores": [_team_box_scores(dates, games) for games in batches],
        "player_availability": [_player_availability(plan, dates, games) for games in batches],
        "starting_lineups": [_starting_lineups(plan, dates, games) for games in batches],
        "player_points_lines": [_player_points_lines(plan, dates, games) for games in batches],
    }
    order = [("game_date", "ascending"), ("game_id", "ascending")]
    return {table: pa.concat_tables(rows).sort_by(order) for table, rows in parts.items()}


def _schedule(dates: SeasonDates, games: Games) -> "pa.Table":
    """Also, in ``postponed_at``, since when a postponement has been known."""
    import pyarrow as pa

    fixtures, (home, away) = games.fixtures, games.points
    rows = []
    for game, game_id in enumerate(fixtures.game_ids):
        row = {
            "game_id": game_id,
            "game_date": dates.date_of(fixtures.day[game]),
            "season": season_label(dates.year),
            "season_type": _SEASON_TYPES[game_id[:3]],
            "status": "FINAL",
            "home_team": TEAM_ORDER[fixtures.home[game]],
            "away_team": TEAM_ORDER[fixtures.away[game]],
            "neutral_site": bool(fixtures.neutral[game]),
            "tipoff_at": tipoff_utc(dates.date_of(fixtures.day[game]), int(fixtures.tipoff[game])),
            "home_points": int(home[game]),
            "away_points": int(away[game]),
            "source": SOURCE_NAME,
            "postponed_at": None,
        }
        rows.append(row)
        if fixtures.postponed_from[game] >= 0:
            first_date = dates.date_of(fixtures.postponed_from[game])
            row["postponed_at"] = tipoff_utc(first_date, _POSTPONED_AT)
            rows.append(
                row
                | {
                    "game_date": first_date,
                    "status": "POSTPONED",
                    "tipoff_at": tipoff_utc(first_date, int(fixtures.tipoff[game])),
                    "home_points": None,
                    "away_points": None,
                }
            )
    return pa.Table.from_pylist(rows, schema=stored_schema("schedule"))


def _team_box_scores(dates: SeasonDates, games: Games) -> "pa.Table":
    sums = {name: games.counts[name].sum(axis=1) for name in COUNTS}
    rows = np.arange(2 * len(games.fixtures))
    columns = _game_columns(dates, games, rows) | sums
    columns["minutes"] = games.seconds.sum(axis=1) / 60
    columns["tov_with_team"] = sums["tov"] + games.team_turnovers
    return _table(TEAM_BOX_SCORES, columns)


def _player_box_scores(plan: SeasonPlan, dates: SeasonDates, games: Games) -> "pa.Table":
    import pyarrow as pa

    rows = np.repeat(np.arange(len(games.player)), games.player.shape[1])
    played = games.seconds.ravel() > 0
    inactive = games.reason.ravel() != AVAILABLE
    starter = games.starter.ravel()

    def statistic(values: IntArray | FloatArray) -> "pa.Array":
        return pa.array(values.ravel(), mask=~played)

    columns = _game_columns(dates, games, rows) | _player_columns(plan, games.player.ravel())
    columns["status"] = _texts(
        ("PLAYED", "DID_NOT_PLAY", "INACTIVE"), np.where(played, 0, np.where(inactive, 2, 1))
    )
    columns["starter"] = starter
    columns["position"] = _texts((*_POSITIONS, None), np.where(starter, games.slot.ravel(), 5))
    columns["minutes"] = statistic(games.seconds / 60)
    columns |= {name: statistic(games.counts[name]) for name in COUNTS}
    columns["plus_minus"] = statistic(games.plus_minus)
    return _table(PLAYER_BOX_SCORES, columns)


def _player_availability(plan: SeasonPlan, dates: SeasonDates, games: Games) -> "pa.Table":
    rows, places = np.nonzero(games.reason != AVAILABLE)
    columns = _game_columns(dates, games, rows)
    columns |= _player_columns(plan, games.player[rows, places])
    columns["reason"] = _texts(REASONS, games.reason[rows, places])
    return _table(PLAYER_AVAILABILITY, columns)


def _starting_lineups(plan: SeasonPlan, dates: SeasonDates, games: Games) -> "pa.Table":
    rows, places = np.nonzero(games.starter)
    columns = _game_columns(dates, games, rows)
    columns |= _player_columns(plan, games.player[rows, places])
    columns["position"] = _texts(_POSITIONS, games.slot[rows, places])
    return _table(STARTING_LINEUPS, columns)


def _player_points_lines(plan: SeasonPlan, dates: SeasonDates, games: Games) -> "pa.Table":
    bookmakers, rows, places = np.nonzero(~np.isnan(games.lines))
    columns = _game_columns(dates, games, rows)
    columns |= _player_columns(plan, games.player[rows, places])
    columns["bookmaker"] = _texts(_BOOKMAKERS, bookmakers)
    columns["offer"] = np.ones(len(rows), dtype=np.int64)
    columns["line"] = games.lines[bookmakers, rows, places]
    columns["over_price"] = columns["under_price"] = np.full(len(rows), _PRICE)
    return _table(PLAYER_POINTS_LINES, columns)


def _game_columns(dates: SeasonDates, games: Games, rows: IntArray) -> dict[str, object]:
    """Identity of the games and teams of team rows."""
    fixtures = games.fixtures
    game = rows % len(fixtures)
    is_home = rows < len(fixtures)
    start = np.datetime64(dates.start, "D")
    return {
        "game_id": _texts(fixtures.game_ids, game),
        "game_date": start + fixtures.day[game].astype("timedelta64[D]"),
        "team": _texts(TEAM_ORDER, np.where(is_home, fixtures.home[game], fixtures.away[game])),
        "opponent": _texts(TEAM_ORDER, np.where(is_home, fixtures.away[game], fixtures.home[game])),
        "is_home": is_home,
        "source": _texts((SOURCE_NAME,), np.zeros(len(rows), dtype=np.int64)),
    }


def _player_columns(plan: SeasonPlan, player: IntArray) -> dict[str, object]:
    return {
        "player_id": plan.players.ids[player],
        "player_name": _texts(tuple(plan.players.names), player),
    }


def _texts(values: Sequence[str | None], chosen: IntArray) -> "pa.Array":
    """The texts at the chosen positions."""
    import pyarrow as pa

    return pa.array(values, pa.string()).take(pa.array(chosen))


def _table(contract: "Contract", columns: dict[str, object]) -> "pa.Table":
    import pyarrow as pa

    schema = arrow_schema(contract)
    return pa.table([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
