"""Reads of certified rows, and what an uncertified input holds back.

Nothing downstream reads the store by any other way. A relation yields only rows whose game has a
certificate under the current contract; ``readiness`` says which games of a date can be built from
such rows, and names for every other one the table, date and game it waits for.
"""

import hashlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from nba_assets.certification import ledger
from nba_assets.certification.ledger import (
    WHOLE_DATE,
    Attempt,
    Cause,
    Game,
    Kind,
    Restoration,
    Rulings,
    Status,
    Verdict,
    laxer,
)
from nba_assets.contracts.contract import Contract, Due, Unit
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable, Read, Scope
from nba_assets.engines.engine import Engine, Query
from nba_assets.engines.googlesql import quoted
from nba_assets.errors import AnotherSource
from nba_assets.seasons import WARMUP_DAYS, game_dates, season_start

if TYPE_CHECKING:
    import pyarrow as pa

TRAINING_SEASONS = 3
"""seasons a training input reaches back, the current one included"""

ASKED = "t.game_date IN (SELECT game_date FROM target_dates)"
"""The condition on a table's rows ``t`` that they are of a date that is being built."""

NOT_RUN = "not_run"
OUTDATED = "outdated"
NOT_FINAL = "not_final"
UNKNOWN = "unknown"
DAMAGED = "damaged"
"""rules of causes that no contract has: an input was never run, was judged by less than is demanded
now, its game is not final, nobody knows what its date must hold, or its stored rows are not as many
as the ledger says
"""


@dataclass(frozen=True)
class DueGame:
    """A game of the schedule as a table sees it on its date."""

    game_date: date
    game_id: str
    home_team: str | None
    away_team: str | None
    state: str
    """ready, waived, pending or held"""
    reason: str = ""
    cause: Cause | None = None

    @property
    def label(self) -> str:
        """For messages: ``0022500477 (MIN @ MIA)``."""
        if not (self.home_team and self.away_team):
            return self.game_id
        return f"{self.game_id} ({self.away_team} @ {self.home_team})"


@dataclass(frozen=True)
class Held:
    """Why something is held: in words, and the root cause."""

    reason: str
    cause: Cause


@dataclass(frozen=True)
class Hole:
    """A game of a window without a certificate; ``team`` is None where it may be any team's."""

    team: str | None
    game_date: date
    game: str
    held: Held


@dataclass(frozen=True)
class Readiness:
    """What a table can build of the dates asked for."""

    games: Sequence[DueGame]
    held_dates: Mapping[date, Held]
    """dates of which not even the games are known"""
    warmup: frozenset[date]
    upstream: Mapping[date, Mapping[str, str]]
    """certificate of each input, by date; what a change of makes the date stale"""
    previous: Mapping[date, Attempt]
    """the latest attempt at each date, where there was one"""
    publication: int = 0
    """of the latest transaction"""
    rulings: Rulings = field(default_factory=Rulings)
    waived: Mapping[str, str] = field(default_factory=dict)
    """games waived for the table or its inputs, with the reason, also such the schedule lacks"""
    holes: Sequence[Hole] = ()
    """every game of the windows without a certificate"""


def relation(
    contract: Contract, scope: Scope, first: date, last: date, as_of: int | None = None
) -> str:
    """The certified rows a table's dates ``first`` … ``last`` may see of an input, as GoogleSQL."""
    if scope.same_date:
        return certified_rows(contract, first, last, ASKED, as_of)
    return certified_rows(
        contract, history_start(scope, first), last - timedelta(days=1), as_of=as_of
    )


def history_start(scope: Scope, day: date) -> date:
    """The first date a history of a date reaches back to."""
    seasons = 1 if scope is Scope.WINDOW else TRAINING_SEASONS
    start = season_start(day)
    return start.replace(year=start.year - seasons + 1)


def elsewhere(contract: Contract, first: date) -> str:
    """The certified rows of a table in the season of ``first``, on dates not asked for."""
    start = season_start(first)
    return certified_rows(
        contract,
        start,
        date(start.year + 1, 9, 30),
        f"NOT {ASKED}",
    )


def stored(contract: Contract, first: date, last: date, rows: str = "") -> str:
    """The rows that are the dates' now, certified or not, as GoogleSQL.

    ``rows`` is a further condition on ``t``.
    """
    names = ", ".join(f"t.{name}" for name in contract.column_names)
    current = ledger.latest_records((contract.table,), first, last, "game_date, stored_publication")
    return (
        f"SELECT {names} FROM store.{contract.table} AS t JOIN ({current}) AS r "
        "ON r.game_date = t.game_date AND r.stored_publication = t.publication "
        f"WHERE t.game_date BETWEEN DATE '{first}' AND DATE '{last}'{rows and f' AND {rows}'}"
    )


def certified_rows(
    contract: Contract, first: date, last: date, rows: str = "", as_of: int | None = None
) -> str:
    """The rows of a table with a certificate, as GoogleSQL.

    ``rows`` is a further condition on ``t``. As of a publication they are what had a certificate
    then, whatever is demanded now.
    """
    table = contract.table
    names = ", ".join(f"t.{name}" for name in contract.column_names)
    game = "t.game_id" if contract.unit is Unit.GAME else quoted(WHOLE_DATE)
    strict = ""
    if as_of is None:
        strict = f" AND v.contract_version = {contract.version}" + "".join(
            f" AND CAST(JSON_VALUE(v.thresholds, '$.{name}') AS FLOAT64) >= {value!r}"
            for name, value in contract.blocking_thresholds.items()
        )
    dates = f"BETWEEN DATE '{first}' AND DATE '{last}'"
    columns = "game_date, stored_publication, verdicts_publication"
    return (
        f"SELECT {names} FROM store.{table} AS t "
        f"JOIN ({ledger.latest_records((table,), first, last, columns, as_of)}) AS r "
        "ON r.game_date = t.game_date AND r.stored_publication = t.publication "
        f"JOIN ledger.verdicts AS v ON v.table_name = {quoted(table)} "
        f"AND v.game_date = t.game_date AND v.publication = r.verdicts_publication "
        f"AND v.game_id = {game} AND v.verdict = 'certified'{strict} "
        f"WHERE t.game_date {dates} AND v.game_date {dates}{rows and f' AND {rows}'}"
    )


def certified_tables(
    tables: Mapping[str, DatedTable], names: Collection[str], first: date, last: date
) -> dict[str, str]:
    """``certified_rows`` of some tables by name, as the relations of a query."""
    return {name: certified_rows(tables[name].contract, first, last) for name in names}


@dataclass
class Known:
    """What the ledger says of some tables over a range of dates."""

    tables: Mapping[str, DatedTable]
    attempts: Mapping[tuple[str, date], Attempt]
    verdicts: dict[tuple[str, date], dict[str, Game]]
    schedule: Mapping[date, Sequence[tuple[str, str, str, str]]]
    """the certified games, not postponed: id, home team, away team, status"""
    rulings: Rulings
    ruled_dates: Mapping[str, Collection[date]]
    """the dates each game that was ever ruled on stands on"""
    publication: int
    source: str | None = None
    """what the warehouse is filled from; None before the first date"""
    rejected: Mapping[tuple[str, date], Mapping[str, Restoration]] = field(default_factory=dict)
    """the digests of versions that are not taken again, and why"""
    foreseen: dict[tuple[str, date], dict[str, Held]] = field(default_factory=dict)
    """the games that will be held of dates that are to run again, in place of what is recorded"""
    damaged: frozenset[tuple[str, date]] = frozenset()
    """the dates whose stored rows are not as many as the ledger says"""
    _marks: dict[tuple[str, date], str] = field(default_factory=dict)
    _hashes: dict[tuple[str, date], int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        engine: Engine,
        tables: Mapping[str, DatedTable],
        names: Sequence[str],
        first: date,
        last: date,
        *,
        checks: "bool | tuple[str, date]" = False,
        as_of: int | None = None,
    ) -> "Known":
        """Read it in one round trip; see ``queries``."""
        results = engine.run(cls.queries(tables, names, first, last, checks=checks, as_of=as_of))
        return cls.read(tables, results, as_of)

    @staticmethod
    def queries(
        tables: Mapping[str, DatedTable],
        names: Sequence[str],
        first: date,
        last: date,
        *,
        checks: "bool | tuple[str, date]" = False,
        as_of: int | None = None,
    ) -> list[Query]:
        """What to ask: of the tables ``names`` and the schedule.

        The records come without their checks, most of them, but for those that are asked for.
        """
        names = tuple(dict.fromkeys((SCHEDULE, *names)))
        return [
            Query(ledger.verdicts_in_force(names, first, last, as_of)),
            Query(ledger.records_query(names, first, last, checks=checks, as_of=as_of)),
            Query(*_schedule_query(tables[SCHEDULE].contract, first, last, as_of)),
            Query(ledger.rulings_query(as_of)),
            Query(ruled_dates_query(tables, first, last)),
            Query(ledger.PUBLICATION),
            Query(ledger.SOURCE),
            Query(ledger.restorations_query(names)),
            Query(miscounted_query(names, first, last)),
        ]

    @classmethod
    def read(
        cls,
        tables: Mapping[str, DatedTable],
        results: "Sequence[pa.Table]",
        as_of: int | None = None,
    ) -> "Known":
        """What the ``queries`` found."""
        games, records, schedule, rulings, ruled, number, source, restored, counts = results
        verdicts: dict[tuple[str, date], dict[str, Game]] = defaultdict(dict)
        for game in ledger.games(games):
            verdicts[game.table_name, game.game_date][game.game_id] = game
        return cls(
            tables,
            ledger.attempts(records),
            verdicts,
            _schedule(schedule),
            ledger.rulings_of(rulings),
            _dates_by_game(ruled),
            ledger.publication_of(number) if as_of is None else as_of,
            source=ledger.source_of(source),
            rejected=ledger.rejected_versions(restored),
            damaged=frozenset(_numbers(counts) if as_of is None else ()),
        )

    def problem(self, table: str, day: date, game_id: str) -> Held | None:
        """Why a game of a table is not certified, or None."""
        contract = self.tables[table].contract
        if (table, day) in self.foreseen:
            return self.foreseen[table, day].get(game_id)
        if (table, day) in self.damaged:
            return _damaged(table, day)
        verdicts = self.verdicts.get((table, day), {})
        game = verdicts.get(game_id if contract.unit is Unit.GAME else WHOLE_DATE)
        if game is None and (whole := verdicts.get(WHOLE_DATE)):
            # A certificate of a date without games says nothing of a game that came since.
            game = whole if whole.verdict is Verdict.HELD else None
        if game is None:
            return self.not_run(table, day, game_id)
        if why := laxer(contract, game.contract_version, game.thresholds):
            return Held(
                f"waits for {table} {day}, {why}", Cause(table, day, game_id, OUTDATED, why)
            )
        return _echo(game) if game.verdict is Verdict.HELD else None

    def unknown(self, day: date) -> Held | None:
        """Why it is not known which games a date has, or None."""
        if (SCHEDULE, day) in self.foreseen:
            return None
        if (SCHEDULE, day) in self.damaged:
            return _damaged(SCHEDULE, day)
        attempt = self.attempts.get((SCHEDULE, day))
        if attempt is None:
            return self.not_run(SCHEDULE, day, None)
        contract = self.tables[SCHEDULE].contract
        if why := laxer(contract, attempt.contract_version, attempt.thresholds):
            return Held(
                f"waits for {SCHEDULE} {day}, {why}", Cause(SCHEDULE, day, None, OUTDATED, why)
            )
        whole = self.verdicts.get((SCHEDULE, day), {}).get(WHOLE_DATE)
        return _echo(whole) if whole and whole.verdict is Verdict.HELD else None

    def held_games(self, table: str, day: date) -> Iterator[Game]:
        """The games a table holds on a date the certified schedule does not list them on."""
        if (table, day) in self.foreseen:
            return
        listed = {game_id for game_id, *_ in self.schedule.get(day, ())}
        for game in self.verdicts.get((table, day), {}).values():
            if (
                game.verdict is Verdict.HELD
                and game.game_id != WHOLE_DATE
                and game.game_id not in listed
            ):
                yield game

    def is_warmup(self, table: str, day: date) -> bool:
        """Whether a table has no rows of a date by design."""
        attempt = self.attempts.get((table, day))
        contract = self.tables[table].contract
        if self.foreseen.get((table, day)):
            return False
        return (
            attempt is not None
            and attempt.status is Status.WARMUP
            and not laxer(contract, attempt.contract_version, attempt.thresholds)
        )

    def mark(self, table: str, day: date) -> str:
        """What a dependent is built from when it reads a date of a table; equal marks, equal rows.

        It is more than the rows: which games are certified, and whether the date is in warm-up.
        """
        found = self._marks.get((table, day))
        if found is None:
            attempt = self.attempts.get((table, day))
            found = ""
            if attempt is not None:
                contract = self.tables[table].contract
                lax = laxer(contract, attempt.contract_version, attempt.thresholds)
                found = OUTDATED if lax else attempt.certificate
            if (table, day) in self.damaged:
                found = DAMAGED
            self._marks[table, day] = found
        return found

    def hash(self, table: str, day: date) -> int:
        """What a date adds to the mark of a history; 0 where it was never run."""
        found = self._hashes.get((table, day))
        if found is None:
            marked = self.mark(table, day)
            digest = hashlib.sha256(f"{day} {marked}".encode()).digest()
            found = int.from_bytes(digest[:8]) if marked else 0
            self._hashes[table, day] = found
        return found

    def waived(self, table: DatedTable) -> dict[str, str]:
        """Games waived for a table or what it must read of the same date, with the reason."""
        covered = waiver_tables(self.tables, table)
        return {
            ruling.game_id: f"waived by {ruling.ruled_by}: {ruling.reason}"
            for ruling in self.rulings.waivers
            if ruling.table_name in covered
        }

    def not_run(self, table: str, day: date, game_id: str | None) -> Held:
        """What to say of something that waits for a date nobody ran."""
        return Held(
            f"waits for {table} {day}, which was never run",
            Cause(table, day, game_id, NOT_RUN, "never run"),
        )


def miscounted(
    engine: Engine, tables: Sequence[str], first: date, last: date
) -> dict[tuple[str, date], tuple[int, int]]:
    """The dates with another number of stored rows than the ledger says: both numbers."""
    return _numbers(engine.query(miscounted_query(tables, first, last)))


def miscounted_query(tables: Sequence[str], first: date, last: date) -> str:
    """A query for what ``miscounted`` tells."""
    found_rows = " UNION ALL ".join(
        f"SELECT '{name}' AS table_name, game_date, publication, COUNT(*) AS found "
        f"FROM store.{name} WHERE game_date BETWEEN DATE '{first}' AND DATE '{last}' "
        "GROUP BY game_date, publication"
        for name in tables
    )
    columns = "table_name, game_date, stored_publication, stored_rows"
    return (
        "SELECT l.table_name, l.game_date, COALESCE(s.found, 0) AS found, l.stored_rows AS said "
        f"FROM ({ledger.latest_records(tables, first, last, columns)}) AS l "
        f"LEFT JOIN ({found_rows}) AS s ON s.table_name = l.table_name "
        "AND s.game_date = l.game_date AND s.publication = l.stored_publication "
        "WHERE COALESCE(s.found, 0) <> l.stored_rows"
    )


def _numbers(found: "pa.Table") -> dict[tuple[str, date], tuple[int, int]]:
    return {
        (row["table_name"], row["game_date"]): (row["found"], row["said"])
        for row in found.to_pylist()
    }


def _damaged(table: str, day: date) -> Held:
    told = "other rows are stored than the ledger says; `nba-assets repair` stores them again"
    return Held(f"waits for {table} {day}: {told}", Cause(table, day, None, DAMAGED, told))


def _echo(game: Game) -> Held:
    """What waits for a held game waits for what that one waits for: the root is worth reading."""
    table, day = game.table_name, game.game_date
    own = game.cause is None or game.cause.is_of(table, day)
    cause = game.cause or Cause(table, day, game.game_id, UNKNOWN, game.reason)
    return Held(f"waits for {table} {day}: {game.reason}" if own else game.reason, cause)


def readiness(
    engine: Engine, tables: Mapping[str, DatedTable], table: DatedTable, dates: Sequence[date]
) -> Readiness:
    """Which games of the dates can be built from certified inputs.

    A window is looked at team by team: a hole holds the later games of its two teams only.
    """
    names = (*table.upstream_tables(), table.name)
    known = Known.of(engine, tables, names, reaches_back(table, dates[0]), dates[-1])
    return ready(known, table, dates)


def reaches_back(table: DatedTable, first: date) -> date:
    """The first date whose records decide what a table can build of ``first``."""
    scopes = {read.scope for read in table.reads}
    if any(scope.spans_seasons for scope in scopes):
        return history_start(Scope.TRAINING, first)
    return season_start(first) if Scope.WINDOW in scopes or table.contract.warmup else first


def ready(known: Known, table: DatedTable, dates: Sequence[date]) -> Readiness:
    """``readiness`` of what is known. Pure."""
    waived = known.waived(table)
    previous = {day: attempt for day in dates if (attempt := known.attempts.get((table.name, day)))}
    upstream = upstream_marks(known, table, dates)
    if table.name == SCHEDULE:
        return Readiness(
            (), {}, frozenset(), upstream, previous, known.publication, known.rulings, waived
        )

    start = season_start(dates[0])
    needs_season = table.contract.warmup or any(r.scope is Scope.WINDOW for r in table.reads)
    season = list(game_dates(start, dates[-1])) if needs_season else []
    unknown = [(day, held) for day in season if (held := known.unknown(day))]
    openers = next((day for day in season if known.schedule.get(day)), None)
    holes = {
        read.table: _holes(known, read.table, season)
        for read in table.reads
        if read.scope is Scope.WINDOW and read.table != SCHEDULE
    }
    held_dates: dict[date, Held] = {}
    warmup: set[date] = set()
    games: list[DueGame] = []
    for day in dates:
        if held := known.unknown(day):
            held_dates[day] = held
        elif earlier := [held for unknown_day, held in unknown if unknown_day < day]:
            more = f" and {len(earlier) - 1} more dates before it" if len(earlier) > 1 else ""
            held_dates[day] = Held(
                f"{earlier[0].reason}{more}: which games its windows hold is not known",
                earlier[0].cause,
            )
        if day in held_dates:
            continue
        own_warmup = table.contract.warmup and (
            openers is None or day < openers + timedelta(days=WARMUP_DAYS)
        )
        same_date = [read.table for read in table.reads if read.scope is Scope.DATE]
        if own_warmup or any(known.is_warmup(name, day) for name in same_date):
            warmup.add(day)
        games += _games(known, table, day, holes, waived, in_warmup=day in warmup)
    return Readiness(
        games,
        held_dates,
        frozenset(warmup),
        upstream,
        previous,
        known.publication,
        known.rulings,
        waived,
        [hole for by_team in holes.values() for found in by_team.values() for hole in found],
    )


def _games(
    known: Known,
    table: DatedTable,
    day: date,
    holes: Mapping[str, Mapping[str | None, Sequence[Hole]]],
    waived: Mapping[str, str],
    *,
    in_warmup: bool,
) -> Iterator[DueGame]:
    """The games of a date: those listed, and those only a held input still knows of."""
    for game_id, home, away, status in known.schedule.get(day, ()):
        game = DueGame(day, game_id, home, away, "ready")
        if game_id in waived:
            yield replace(game, state="waived", reason=waived[game_id])
        elif table.contract.due is Due.COMPLETED and status != "FINAL":
            reason = f"the schedule says {status}"
            cause = Cause(SCHEDULE, day, game_id, NOT_FINAL, reason)
            yield replace(game, state="pending", reason=reason, cause=cause)
        elif problem := _problem(known, table, {} if in_warmup else holes, game):
            yield replace(game, state="held", reason=problem.reason, cause=problem.cause)
        else:
            yield game
    seen: set[str] = set()
    for name in dict.fromkeys((SCHEDULE, *table.upstream_tables())):
        if name != SCHEDULE and not any(
            read.table == name and read.scope in (Scope.DATE, Scope.EITHER) for read in table.reads
        ):
            continue
        for held in known.held_games(name, day):
            if held.game_id in seen:
                continue
            seen.add(held.game_id)
            game = DueGame(day, held.game_id, held.home_team, held.away_team, "held")
            if held.game_id in waived:
                yield replace(game, state="waived", reason=waived[held.game_id])
            else:
                echo = _echo(held)
                yield replace(game, reason=echo.reason, cause=echo.cause)


def _schedule_query(
    contract: Contract, first: date, last: date, as_of: int | None
) -> tuple[str, dict[str, str]]:
    query = (
        "SELECT game_date, game_id, home_team, away_team, status FROM certified_schedule "
        "WHERE status <> 'POSTPONED' ORDER BY game_date, game_id"
    )
    return query, {"certified_schedule": certified_rows(contract, first, last, as_of=as_of)}


def _schedule(rows: "pa.Table") -> dict[date, list[tuple[str, str, str, str]]]:
    schedule: dict[date, list[tuple[str, str, str, str]]] = defaultdict(list)
    for day, *game in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        schedule[day].append((game[0], game[1], game[2], game[3]))
    return dict(schedule)


def ruled_dates(
    engine: Engine, tables: Mapping[str, DatedTable], first: date, last: date
) -> dict[str, set[date]]:
    """The dates of a range that each game that was ever ruled on stands on."""
    return _dates_by_game(engine.query(ruled_dates_query(tables, first, last)))


def ruled_dates_query(tables: Mapping[str, DatedTable], first: date, last: date) -> str:
    """A query for what ``ruled_dates`` tells."""
    games = f"SELECT game_id FROM ledger.rulings WHERE kind <> '{Kind.PROMOTE}'"
    return _dates_query(tables, games, first, last)


def dates_of_game(engine: Engine, tables: Mapping[str, DatedTable], game_id: str) -> set[date]:
    """The dates a game stands on."""
    query = _dates_query(tables, f"SELECT {quoted(game_id)} AS game_id", date.min, date.max)
    return _dates_by_game(engine.query(query)).get(game_id, set())


def _dates_query(tables: Mapping[str, DatedTable], games: str, first: date, last: date) -> str:
    """A query for the dates that games stand on; ``games`` is one for their ids."""
    of_games = f"game_id IN ({games})"
    schedule = certified_rows(tables[SCHEDULE].contract, first, last, f"t.{of_games}")
    verdicts = ledger.verdicts_in_force(tuple(tables), first, last)
    between = f"game_date BETWEEN DATE '{first}' AND DATE '{last}'"
    return (
        "SELECT DISTINCT game_id, game_date FROM ("
        f"SELECT game_id, game_date FROM ({schedule}) AS s UNION ALL "
        f"SELECT game_id, game_date FROM ({verdicts} AND v.{of_games}) AS v UNION ALL "
        f"SELECT game_id, game_date FROM ledger.quarantine WHERE {between} AND {of_games}"
        ") AS found"
    )


def _dates_by_game(found: "pa.Table") -> dict[str, set[date]]:
    dates: dict[str, set[date]] = defaultdict(set)
    for row in found.to_pylist():
        dates[row["game_id"]].add(row["game_date"])
    return dict(dates)


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


def _holes(known: Known, table: str, days: Sequence[date]) -> dict[str | None, list[Hole]]:
    """By team, its games without a certificate, in order; under None those of unknown teams."""
    holes: dict[str | None, list[Hole]] = defaultdict(list)

    def add(day: date, game_id: str, teams: tuple[str, ...], held: Held) -> None:
        label = f"{game_id} ({teams[1]} @ {teams[0]})" if teams else game_id
        for team in teams or (None,):
            holes[team].append(Hole(team, day, f"{label} of {day}", held))

    for day in days:
        if known.is_warmup(table, day):
            continue
        for game_id, home, away, _ in known.schedule.get(day, ()):
            if problem := known.problem(table, day, game_id):
                add(day, game_id, (home, away), problem)
        strays = {game.game_id: game for game in known.held_games(SCHEDULE, day)}
        for game in ({g.game_id: g for g in known.held_games(table, day)} | strays).values():
            add(day, game.game_id, game.teams, _echo(game))
    return holes


def _problem(
    known: Known,
    table: DatedTable,
    holes: Mapping[str, Mapping[str | None, Sequence[Hole]]],
    game: DueGame,
) -> Held | None:
    """Why the game cannot be built, or None."""
    day = game.game_date
    either = []
    for read in table.reads:
        if read.table == SCHEDULE or read.scope is Scope.OPTIONAL or read.scope.spans_seasons:
            continue
        if read.scope is Scope.WINDOW:
            if held := _window_problem(holes.get(read.table, {}), game):
                return held
            continue
        if known.is_warmup(read.table, day):
            continue
        problem = known.problem(read.table, day, game.game_id)
        if read.scope is Scope.EITHER:
            either.append(problem)
        elif problem:
            return problem
    problems = [problem for problem in either if problem]
    if either and len(problems) == len(either):
        return Held("; ".join(problem.reason for problem in problems), problems[0].cause)
    return None


def _window_problem(holes: Mapping[str | None, Sequence[Hole]], game: DueGame) -> Held | None:
    for team in (game.home_team, game.away_team):
        earlier = [
            hole
            for hole in (*holes.get(team, ()), *holes.get(None, ()))
            if hole.game_date < game.game_date
        ]
        if earlier:
            hole = min(earlier, key=lambda hole: hole.game_date)
            more = f" and {len(earlier) - 1} more" if len(earlier) > 1 else ""
            return Held(
                f"waits for the window of {team}, which lacks {hole.game}: "
                f"{hole.held.reason}{more}",
                hole.held.cause,
            )
    return None


def history_gap(
    known: Known, table: DatedTable, day: date, published: Collection[date]
) -> Held | None:
    """Why too little history may be a hole in it: a date a table trains on that is not certified.

    ``published`` are the dates a source has a schedule for, ascending.
    """
    for read in table.reads:
        if read.scope is not Scope.TRAINING:
            continue
        for earlier in published:
            if earlier >= day:
                break
            if gap := _gap_at(known, read.table, earlier):
                return gap
    return None


def _gap_at(known: Known, name: str, day: date) -> Held | None:
    """Why a date is a hole in what is trained on."""
    if (name, day) in known.foreseen:
        return next(iter(known.foreseen[name, day].values()), None)
    if (name, day) in known.damaged:
        return _damaged(name, day)
    attempt = known.attempts.get((name, day))
    if attempt is None:
        return known.not_run(name, day, None)
    contract = known.tables[name].contract
    if why := laxer(contract, attempt.contract_version, attempt.thresholds):
        return Held(f"waits for {name} {day}, {why}", Cause(name, day, None, OUTDATED, why))
    if not attempt.status.certified:
        cause = next(iter(attempt.causes), Cause(name, day, None, UNKNOWN, attempt.message))
        told = f"waits for the history in {name}, which lacks {day}: {attempt.message}"
        return Held(told, cause)
    return None


def upstream_marks(
    known: Known, table: DatedTable, dates: Sequence[date]
) -> dict[date, dict[str, str]]:
    """What each date is computed from; equal marks mean equal inputs.

    A history's mark is the sum of its dates' hashes, so that all windows of a range cost one pass.
    Training inputs are marked, too, but recorded only where there were too few of them: a model
    stays what it was trained on until its next refit.
    """
    upstream: dict[date, dict[str, str]] = {day: {} for day in dates}
    reads = () if table.name == SCHEDULE else (Read(SCHEDULE), *table.reads)
    for read in dict.fromkeys(reads):
        if read.scope.same_date:
            for day in dates:
                upstream[day][read.relation] = known.mark(read.table, day)
            continue
        days = list(game_dates(history_start(read.scope, dates[0]), dates[-1]))
        hashes = (known.hash(read.table, day) for day in days)
        sums = [0, *accumulate(hashes, lambda total, one: (total + one) % 2**64)]
        for day in dates:
            total = sums[bisect_left(days, day)]
            upstream[day][read.relation] = f"{total:016x}"
    for day, ruled in _ruled(known, table, dates).items():
        if day in upstream:
            upstream[day]["rulings"] = hashlib.sha256("\n".join(ruled).encode()).hexdigest()[:16]
    return upstream


def training_mark(known: Known, table: DatedTable, first: date, before: date) -> str:
    """Of what ``table`` may be trained on from ``first`` up to, not including, ``before``.

    With equal marks the certified rows and the code that trains on them are equal.
    """
    reads = [read.table for read in table.reads if read.scope is Scope.TRAINING]
    days = list(game_dates(first, before - timedelta(days=1)))
    sums = [sum(known.hash(name, day) for day in days) % 2**64 for name in reads]
    marked = (f"{name} {total}" for name, total in zip(reads, sums, strict=True))
    content = "\n".join([table.code_version, *marked])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _ruled(known: Known, table: DatedTable, dates: Sequence[date]) -> dict[date, list[str]]:
    """By date, what of the rulings in force applies to a table on it."""
    if not known.rulings.all:
        return {}
    ruled: dict[date, list[str]] = defaultdict(list)
    for game_id in sorted(known.waived(table)):
        for day in known.ruled_dates.get(game_id, ()):
            ruled[day].append(game_id)
    for day, game_id, finding in sorted(known.rulings.accepted(table.name)):
        ruled[day].append(f"{game_id} {finding}")
    if later := known.rulings.promotions(table.name)[1:]:
        for day in dates:
            if (one := known.rulings.promoted(table.name, day)) in later:
                ruled[day].append(str(one.finding))
    return ruled


def refuse_another_source(known: str | None, identity: str) -> None:
    """Raise unless a warehouse is filled from this source, or from none yet.

    Raises:
        AnotherSource: it is filled from another one.
    """
    if known not in (None, identity):
        raise AnotherSource(
            f"this warehouse is filled from {known}, the source is now {identity}. Two sources do "
            "not mix: point NBA_ASSETS_DATA_DIR at an empty folder, set the source back, or, if it "
            "is the same publication in another place, run `nba-assets adopt --reason …`"
        )
