"""Reads of certified rows, and what an uncertified input holds back.

Nothing downstream reads the store by any other way. A relation yields only rows whose game has a
certificate under the current contract; ``readiness`` says which games of a date can be built from
such rows, and names for every other one the table, date and game it waits for.
"""

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from nba_assets.contracts.contract import Contract, Due, Unit
from nba_assets.googlesql import quoted
from nba_assets.seasons import WARMUP_DAYS, game_dates, season_start
from nba_assets.warehouse import ledger
from nba_assets.warehouse.dated_table import DatedTable, Read, Scope
from nba_assets.warehouse.digest import EMPTY_DIGEST
from nba_assets.warehouse.ledger import WHOLE_DATE, Attempt, Game, Status, Verdict
from nba_assets.warehouse.warehouse import Engine

TRAINING_SEASONS = 3
"""seasons a training input reaches back, the current one included"""

WAITS = "waits for "
"""how the reason of a game begins that is held by something upstream"""


@dataclass(frozen=True)
class DueGame:
    """A game of the schedule as a table sees it on its date."""

    game_date: date
    game_id: str
    home_team: str
    away_team: str
    state: str
    """ready, waived, pending or held"""
    reason: str = ""

    @property
    def label(self) -> str:
        """For messages: ``0022500477 (MIN @ MIA)``."""
        return f"{self.game_id} ({self.away_team} @ {self.home_team})"


@dataclass(frozen=True)
class Readiness:
    """What a table can build of the dates asked for."""

    games: Sequence[DueGame]
    held_dates: Mapping[date, str]
    """dates of which not even the games are known, with the reason"""
    warmup: frozenset[date]
    upstream: Mapping[date, Mapping[str, str]]
    """digest of each input, by date; what a change of makes the date stale"""
    previous: Mapping[date, Attempt]
    """the latest attempt at each date, where there was one"""
    waived: Mapping[str, str] = field(default_factory=dict)
    """games waived for the table or its inputs, with the reason, also such the schedule lacks"""
    holes: Sequence[tuple[str, date, str]] = ()
    """team, date and reason of every game of the windows without a certificate"""


def relation(contract: Contract, scope: Scope, first: date, last: date) -> str:
    """The certified rows a table's dates ``first`` … ``last`` may see of an input, as GoogleSQL."""
    if scope.same_date:
        dates = (
            f"t.game_date BETWEEN DATE '{first}' AND DATE '{last}' "
            "AND t.game_date IN (SELECT game_date FROM target_dates)"
        )
    else:
        seasons = 1 if scope is Scope.WINDOW else TRAINING_SEASONS
        start = season_start(first).replace(year=season_start(first).year - seasons + 1)
        dates = f"t.game_date >= DATE '{start}' AND t.game_date < DATE '{last}'"
    return certified_rows(contract, dates)


def elsewhere(contract: Contract, first: date) -> str:
    """The certified rows of a table in the season of ``first``, on dates not asked for."""
    start = season_start(first)
    end = date(start.year + 1, 9, 30)
    return certified_rows(
        contract,
        f"t.game_date BETWEEN DATE '{start}' AND DATE '{end}' "
        "AND t.game_date NOT IN (SELECT game_date FROM target_dates)",
    )


def certified_rows(contract: Contract, dates: str) -> str:
    """The rows of a table with a certificate, as GoogleSQL; ``dates`` is a condition on ``t``."""
    names = ", ".join(f"t.{name}" for name in contract.column_names)
    game = "t.game_id" if contract.unit is Unit.GAME else quoted(WHOLE_DATE)
    return (
        f"SELECT {names} FROM store.{contract.table} AS t JOIN ledger.games AS g "
        f"ON g.table_name = {quoted(contract.table)} AND g.game_date = t.game_date "
        f"AND g.game_id = {game} AND g.verdict = 'certified' "
        f"AND g.contract_version = {contract.version} WHERE {dates}"
    )


@dataclass
class _Verdicts:
    """The verdicts of the inputs over a window, looked up by table, date and game."""

    found: dict[tuple[str, date, str], Game] = field(default_factory=dict)

    def of(self, contract: Contract, day: date, game_id: str) -> tuple[bool, str]:
        """Whether a game of a table is certified (or waived), and why not."""
        table = contract.table
        key = game_id if contract.unit is Unit.GAME else WHOLE_DATE
        game = self.found.get((table, day, key)) or self.found.get((table, day, WHOLE_DATE))
        if game is None:
            return False, f"{WAITS}{table} {day}, which was never run"
        if game.contract_version != contract.version:
            return False, (
                f"{WAITS}{table} {day}, certified under contract version {game.contract_version}, "
                f"now {contract.version}"
            )
        # Only the root cause is worth reading: what waits here waits for what that one waits for.
        waits = (
            game.reason if game.reason.startswith(WAITS) else f"{WAITS}{table} {day}: {game.reason}"
        )
        return game.verdict is not Verdict.HELD, waits


def readiness(
    engine: Engine, tables: Mapping[str, DatedTable], table: DatedTable, dates: Sequence[date]
) -> Readiness:
    """Which games of the dates can be built from certified inputs.

    A window is looked at team by team: a hole holds the later games of its two teams only.
    """
    first, last = dates[0], dates[-1]
    has_window = any(read.scope is Scope.WINDOW for read in table.reads)
    needs_season = has_window or table.contract.warmup
    start = season_start(first) if needs_season else first
    names = ("schedule", *table.upstream_tables(), table.name)
    attempts = ledger.latest(engine, names, start, last)
    previous = {day: attempt for (name, day), attempt in attempts.items() if name == table.name}
    if table.name == "schedule":
        return Readiness((), {}, frozenset(), {day: {} for day in dates}, previous)

    verdicts = _Verdicts(
        {
            (game.table_name, game.game_date, game.game_id): game
            for game in ledger.games(engine, names, start, last)
        }
    )
    schedule = _schedule(engine, tables["schedule"].contract, start, last)
    waived = _waived_games(engine, tables, table)
    held_dates: dict[date, str] = {}
    warmup: set[date] = set()
    games: list[DueGame] = []
    holes = {
        read.table: _holes(tables[read.table].contract, schedule, verdicts)
        for read in table.reads
        if read.scope is Scope.WINDOW and read.table != "schedule"
    }
    unknown = _unknown_schedules(tables["schedule"].contract, verdicts, start, last)
    openers = [day for day, played in schedule.items() if played]
    for day in dates:
        if day in unknown:
            held_dates[day] = verdicts.of(tables["schedule"].contract, day, WHOLE_DATE)[1]
            continue
        if needs_season and (earlier := unknown[: bisect_left(unknown, day)]):
            held_dates[day] = (
                f"schedule of {len(earlier)} earlier dates of the season was never certified, "
                f"{earlier[0]} … {earlier[-1]}: backfill them first"
            )
            continue
        if _is_warmup(table, day, openers, attempts):
            warmup.add(day)
        for game_id, home, away, status in schedule.get(day, ()):
            game = DueGame(day, game_id, home, away, "ready")
            if game_id in waived:
                game = replace(game, state="waived", reason=waived[game_id])
            elif table.contract.due is Due.COMPLETED and status != "FINAL":
                game = replace(game, state="pending", reason=f"the schedule says {status}")
            elif day not in warmup and (problem := _problem(tables, table, verdicts, holes, game)):
                game = replace(game, state="held", reason=problem)
            games.append(game)
    upstream = upstream_digests(table, attempts, dates, start)
    listed = [
        (team, *hole)
        for by_team in holes.values()
        for team, found in by_team.items()
        for hole in found
    ]
    return Readiness(games, held_dates, frozenset(warmup), upstream, previous, waived, listed)


def _schedule(
    engine: Engine, contract: Contract, first: date, last: date
) -> dict[date, list[tuple[str, str, str, str]]]:
    rows = engine.query(
        "SELECT game_date, game_id, home_team, away_team, status FROM certified_schedule "
        "WHERE status <> 'POSTPONED' ORDER BY game_date, game_id",
        {
            "certified_schedule": certified_rows(
                contract, f"t.game_date BETWEEN DATE '{first}' AND DATE '{last}'"
            )
        },
    )
    schedule: dict[date, list[tuple[str, str, str, str]]] = defaultdict(list)
    for day, *game in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        schedule[day].append((game[0], game[1], game[2], game[3]))
    return dict(schedule)


def waiver_tables(tables: Mapping[str, DatedTable], table: DatedTable) -> set[str]:
    """The tables whose waivers waive a game of ``table``: itself and what it must read of it."""
    covered = {table.name}
    todo = [table]
    while todo:
        for read in todo.pop().reads:
            if read.scope is Scope.DATE and read.table not in covered:
                covered.add(read.table)
                todo.append(tables[read.table])
    return covered


def _waived_games(
    engine: Engine, tables: Mapping[str, DatedTable], table: DatedTable
) -> dict[str, str]:
    """Games waived for the table or for what it must read of the same date, with the reason."""
    covered = waiver_tables(tables, table)
    return {
        waiver.game_id: f"waived by {waiver.waived_by}: {waiver.reason}"
        for waiver in ledger.waivers(engine)
        if waiver.table_name in covered
    }


def _holes(
    contract: Contract,
    schedule: Mapping[date, Iterable[tuple[str, str, str, str]]],
    verdicts: _Verdicts,
) -> dict[str, list[tuple[date, str]]]:
    """By team, the dates of its games without a certificate, in order, with the reason."""
    holes: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for day in sorted(schedule):
        for game_id, home, away, _ in schedule[day]:
            certified, reason = verdicts.of(contract, day, game_id)
            if not certified:
                for team in (home, away):
                    game = f"{game_id} ({away} @ {home}) of {day}"
                    holes[team].append((day, f"{game}: {reason}"))
    return holes


def _unknown_schedules(
    contract: Contract, verdicts: _Verdicts, first: date, last: date
) -> list[date]:
    return [day for day in game_dates(first, last) if not verdicts.of(contract, day, WHOLE_DATE)[0]]


def _is_warmup(
    table: DatedTable,
    day: date,
    game_days: Sequence[date],
    attempts: Mapping[tuple[str, date], Attempt],
) -> bool:
    if table.contract.warmup and game_days:
        return day < min(game_days) + timedelta(days=WARMUP_DAYS)
    return any(
        (attempt := attempts.get((read.table, day))) is not None and attempt.status is Status.WARMUP
        for read in table.reads
        if read.scope is Scope.DATE
    )


def _problem(
    tables: Mapping[str, DatedTable],
    table: DatedTable,
    verdicts: _Verdicts,
    holes: Mapping[str, Mapping[str, Sequence[tuple[date, str]]]],
    game: DueGame,
) -> str | None:
    """Why the game cannot be built, or None."""
    either = []
    for read in table.reads:
        if read.table == "schedule" or read.scope in (Scope.OPTIONAL, Scope.TRAINING):
            continue
        if read.scope is Scope.WINDOW:
            for team in (game.home_team, game.away_team):
                earlier = [
                    hole for hole in holes[read.table].get(team, ()) if hole[0] < game.game_date
                ]
                if earlier:
                    more = f" and {len(earlier) - 1} more" if len(earlier) > 1 else ""
                    return f"{WAITS}the window of {team}, which lacks {earlier[0][1]}{more}"
            continue
        certified, reason = verdicts.of(tables[read.table].contract, game.game_date, game.game_id)
        if read.scope is Scope.EITHER:
            either.append((certified, reason))
        elif not certified:
            return reason
    if either and not any(certified for certified, _ in either):
        return "; ".join(reason for _, reason in either)
    return None


def upstream_digests(
    table: DatedTable,
    attempts: Mapping[tuple[str, date], Attempt],
    dates: Sequence[date],
    start: date,
) -> dict[date, dict[str, str]]:
    """What each date was computed from; equal digests mean equal inputs.

    A window's digest is the sum of its dates' hashes, so that all windows of a range cost one pass.
    Training inputs are left out: a model stays what it was trained on until its next refit.
    """
    reads = (Read("schedule"), *(r for r in table.reads if r.scope is not Scope.TRAINING))
    upstream: dict[date, dict[str, str]] = {day: {} for day in dates}
    for read in dict.fromkeys(reads):
        if read.scope.same_date:
            for day in dates:
                attempt = attempts.get((read.table, day))
                upstream[day][read.relation] = (attempt and attempt.digest) or EMPTY_DIGEST
            continue
        total = 0
        cursor = iter(dates)
        due = next(cursor, None)
        for day in game_dates(start, dates[-1]):
            if day == due:
                upstream[day][read.relation] = f"{total:016x}"
                due = next(cursor, None)
            attempt = attempts.get((read.table, day))
            if attempt and attempt.digest not in (None, EMPTY_DIGEST):
                content = hashlib.sha256(f"{day} {attempt.digest}".encode()).digest()
                total = (total + int.from_bytes(content[:8])) % 2**64
    return upstream
