"""What must run, and why: computed from the ledger alone, without building or reading a row."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, groupby, pairwise

from nba_assets.googlesql import quoted
from nba_assets.seasons import game_dates, season_start, season_year
from nba_assets.warehouse import ledger
from nba_assets.warehouse.certified import WAITS, certified_rows, upstream_digests, waiver_tables
from nba_assets.warehouse.dated_table import DatedTable, FromSource, Scope
from nba_assets.warehouse.ledger import Attempt, Status, Waiver
from nba_assets.warehouse.warehouse import Engine


class Reason(StrEnum):
    """Why a date of a table must run."""

    MISSING = "missing"
    """it was never attempted"""
    HELD = "held"
    """its latest attempt was not certified"""
    WAIVER = "waiver"
    """a waiver that concerns it was added or revoked since"""
    STALE = "stale"
    """it was certified from other inputs, or by another contract or code, than there are now"""
    UPSTREAM = "upstream"
    """it is up to date, but an input of the same date is about to run"""


@dataclass(frozen=True)
class Need:
    """A date of a table that must run."""

    table_name: str
    game_date: date
    reason: Reason
    detail: str
    changed: bool = True
    """whether it would now be computed from anything else than the latest attempt was"""

    @property
    def waits(self) -> bool:
        """Whether it is held by something upstream, so that there is nothing to mend here."""
        return self.detail.startswith(Status.HELD) and WAITS in self.detail


@dataclass(frozen=True)
class Standing:
    """Where every date of a range stands in every table."""

    tables: Mapping[str, DatedTable]
    dates: Sequence[date]
    attempts: Mapping[tuple[str, date], Attempt]
    """the latest ones, without their checks"""
    needs: Mapping[tuple[str, date], Need]
    """what is not certified, or no longer true"""

    def within(self, tables: Collection[str], dates: Collection[date]) -> "Standing":
        """The same of fewer tables and dates."""

        def inside(key: tuple[str, date]) -> bool:
            return key[0] in tables and key[1] in dates

        return Standing(
            {name: table for name, table in self.tables.items() if name in tables},
            [day for day in self.dates if day in dates],
            {key: attempt for key, attempt in self.attempts.items() if inside(key)},
            {key: need for key, need in self.needs.items() if inside(key)},
        )


@dataclass(frozen=True)
class Run:
    """Consecutive partition dates that need the same tables."""

    first: date
    last: date
    tables: tuple[str, ...]


def past_dates(first: date, last: date, seasons: Collection[int]) -> list[date]:
    """The partition dates of a range whose season has a published schedule."""
    return [day for day in game_dates(first, last) if season_year(day) in seasons]


def untouched(tables: Mapping[str, DatedTable], dates: Sequence[date]) -> Standing:
    """Where the dates stand before there is a warehouse."""
    needs = {(name, day): _missing(name, day) for name in tables for day in dates}
    return Standing(tables, dates, {}, needs)


def standing(
    engine: Engine, tables: Mapping[str, DatedTable], dates: Sequence[date], source: str
) -> Standing:
    """Where the dates, ascending, stand; ``source`` is the name of the one configured now."""
    if not dates:
        return Standing(tables, (), {}, {})
    attempts = ledger.latest(engine, tables, season_start(dates[0]), dates[-1], checks=False)
    waivers = _Waivers(
        tables,
        ledger.waivers(engine, active=False),
        dates_of_games(engine, tables, "SELECT game_id FROM ledger.waivers"),
    )
    needs = {}
    for table in tables.values():
        history = _History.of(engine, table)
        for _, season in groupby(dates, season_year):
            days = list(season)
            inputs = (
                upstream_digests(table, attempts, days, season_start(days[0]))
                if table.name != "schedule"
                else {day: {} for day in days}
            )
            for day in days:
                attempt = attempts.get((table.name, day))
                if attempt is None:
                    needs[table.name, day] = _missing(table.name, day)
                    continue
                waiver = waivers.changed(table, attempt)
                stale = _stale(table, attempt, inputs[day], source)
                if not stale and history.grown(attempt):
                    stale = "its history was too short then and has grown since"
                if need := _need(attempt, waiver, stale):
                    needs[table.name, day] = need
    own = {key: attempt for key, attempt in attempts.items() if key[1] >= dates[0]}
    return Standing(tables, dates, own, needs)


def plan(standing: Standing, tried: Collection[tuple[str, date]] = frozenset()) -> list[Need]:
    """What must run, in the order of the graph, down to what depends on it on the same date.

    ``tried`` dates of tables are left out unless their inputs have changed since.
    """
    due = {key: need for key, need in standing.needs.items() if need.changed or key not in tried}
    for name, table in standing.tables.items():
        inputs = {read.table for read in table.reads if read.scope.same_date}
        for day in standing.dates:
            if (name, day) not in due:
                running = [read for read in sorted(inputs) if (read, day) in due]
                if running:
                    detail = f"{', '.join(running)} will run"
                    due[name, day] = Need(name, day, Reason.UPSTREAM, detail)
    position = {name: number for number, name in enumerate(standing.tables)}
    return sorted(due.values(), key=lambda need: (position[need.table_name], need.game_date))


def runs(needs: Iterable[Need], tables: Iterable[str]) -> list[Run]:
    """The fewest range runs, by date, that run exactly what is needed."""
    order = tuple(tables)
    wanted: dict[date, set[str]] = defaultdict(set)
    for need in needs:
        wanted[need.game_date].add(need.table_name)
    found: list[Run] = []
    for first, last in spans(wanted):
        for names, same in groupby(game_dates(first, last), lambda day: frozenset(wanted[day])):
            days = list(same)
            found.append(Run(days[0], days[-1], tuple(name for name in order if name in names)))
    return found


def repair(look: Callable[[], Standing], launch: Callable[[Sequence[Run]], None]) -> None:
    """Run what is needed, then what that made stale, until nothing is left to try.

    A date that is held again although its inputs are the same is not tried again.
    """
    tried: set[tuple[str, date]] = set()
    while needs := plan(now := look(), tried):
        launch(runs(needs, now.tables))
        tried.update((need.table_name, need.game_date) for need in needs)


def spans(dates: Iterable[date]) -> list[tuple[date, date]]:
    """First and last of each unbroken sequence of partition dates."""
    ordered = sorted(set(dates))
    if not ordered:
        return []
    breaks = [
        (before, after)
        for before, after in pairwise(ordered)
        if next(game_dates(before + timedelta(days=1), after)) != after
    ]
    firsts = [ordered[0], *(after for _, after in breaks)]
    lasts = [*(before for before, _ in breaks), ordered[-1]]
    return list(zip(firsts, lasts, strict=True))


def dates_of_games(
    engine: Engine, tables: Mapping[str, DatedTable], games: str
) -> dict[str, set[date]]:
    """The dates each of the games stands on; ``games`` is a query for their ids."""
    schedule = certified_rows(tables["schedule"].contract, f"t.game_id IN ({games})")
    rows = engine.query(
        "SELECT DISTINCT game_id, game_date FROM ("
        f"SELECT game_id, game_date FROM ({schedule}) AS s UNION ALL "
        f"SELECT game_id, game_date FROM ledger.games WHERE game_id IN ({games}) UNION ALL "
        f"SELECT game_id, game_date FROM ledger.quarantine WHERE game_id IN ({games})) AS found"
    )
    dates: dict[str, set[date]] = defaultdict(set)
    for row in rows.to_pylist():
        dates[row["game_id"]].add(row["game_date"])
    return dates


def _missing(table: str, day: date) -> Need:
    return Need(table, day, Reason.MISSING, "never attempted")


def _need(attempt: Attempt, waiver: str, stale: str) -> Need | None:
    changed = bool(waiver or stale)
    if waiver:
        return Need(attempt.table_name, attempt.game_date, Reason.WAIVER, waiver)
    if not attempt.status.certified:
        detail = f"{attempt.status}: {attempt.message}"
        return Need(attempt.table_name, attempt.game_date, Reason.HELD, detail, changed)
    if stale:
        return Need(attempt.table_name, attempt.game_date, Reason.STALE, stale)
    return None


def _stale(table: DatedTable, attempt: Attempt, inputs: Mapping[str, str], source: str) -> str:
    """How the attempt differs from what would be computed now; empty if it does not."""
    if attempt.contract_version != table.contract.version:
        return (
            f"certified under contract version {attempt.contract_version}, "
            f"now {table.contract.version}"
        )
    if attempt.code_version != table.code_version:
        return f"computed by code {attempt.code_version}, now {table.code_version}"
    if isinstance(table.produce, FromSource) and attempt.source != source:
        return f"read from {attempt.source}, the source is now {source}"
    if attempt.status is Status.FAILED or attempt.upstream == inputs:
        return ""  # nothing was read by an attempt that failed, so it cannot tell
    differing = sorted(
        name
        for name in {*inputs, *attempt.upstream}
        if inputs.get(name) != attempt.upstream.get(name)
    )
    told = ", ".join(
        f"{name.removesuffix('_before')} of earlier dates" if name.endswith("_before") else name
        for name in differing
    )
    return f"changed since: {told}"


@dataclass(frozen=True)
class _History:
    """When what a table may train on was published.

    Training inputs are not among the recorded digests, so this is how a date that was warm-up only
    because its history had not been loaded yet is found again.
    """

    days: Sequence[date] = ()
    published: Sequence[datetime] = ()
    """latest publication of anything up to the day"""

    @classmethod
    def of(cls, engine: Engine, table: DatedTable) -> "_History":
        training = [read.table for read in table.reads if read.scope is Scope.TRAINING]
        if not training:
            return cls()
        names = ", ".join(quoted(name) for name in training)
        rows = engine.query(
            "SELECT game_date, UNIX_MICROS(MAX(recorded_at)) AS published FROM ledger.attempts "
            f"WHERE table_name IN ({names}) AND stored_attempt = attempt AND stored_rows > 0 "
            "GROUP BY game_date ORDER BY game_date"
        ).to_pylist()
        moments = accumulate((ledger.moment(row["published"]) for row in rows), max)
        return cls([row["game_date"] for row in rows], list(moments))

    def grown(self, attempt: Attempt) -> bool:
        """Whether a date was warm-up, and history of it was published since."""
        earlier = bisect_left(self.days, attempt.game_date)
        return bool(
            attempt.status is Status.WARMUP
            and earlier
            and self.published[earlier - 1] > attempt.recorded_at
        )


@dataclass(frozen=True)
class _Waivers:
    """Every waiver there ever was, and the dates its game stands on."""

    tables: Mapping[str, DatedTable]
    all: Sequence[Waiver]
    dates: Mapping[str, Collection[date]]

    def changed(self, table: DatedTable, attempt: Attempt) -> str:
        """Which waiver that concerns a date differs from the time of its attempt, if one does."""
        for waiver in self.all:
            then = _in_force(waiver, attempt.recorded_at)
            now = waiver.revoked_at is None
            if then == now:
                continue
            what = f"{waiver.table_name} {waiver.game_id}"
            if self._concerns(waiver, table, attempt.game_date):
                return (
                    f"{what} was waived by {waiver.waived_by}: {waiver.reason}"
                    if now
                    else f"the waiver of {what} was revoked"
                )
            # A new waiver opens windows that were held; those are held, and run for that.
            if then and attempt.status.certified and self._in_window(waiver, table, attempt):
                return f"the waiver of {what}, in its window, was revoked"
        return ""

    def _concerns(self, waiver: Waiver, table: DatedTable, day: date) -> bool:
        return day in self.dates.get(waiver.game_id, ()) and (
            waiver.table_name in waiver_tables(self.tables, table)
        )

    def _in_window(self, waiver: Waiver, table: DatedTable, attempt: Attempt) -> bool:
        inputs = (read.table for read in table.reads if read.scope is Scope.WINDOW)
        return any(
            season_start(attempt.game_date) <= day < attempt.game_date
            and self._concerns(waiver, self.tables[name], day)
            for name in inputs
            for day in self.dates.get(waiver.game_id, ())
        )


def _in_force(waiver: Waiver, moment: datetime) -> bool:
    return waiver.waived_at <= moment and (waiver.revoked_at is None or moment < waiver.revoked_at)
