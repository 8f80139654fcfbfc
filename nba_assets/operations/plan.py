"""What must run, and why: computed from the ledger, without building or reading a row."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import groupby, pairwise

from nba_assets.certification import ledger
from nba_assets.certification.certified import (
    NOT_FINAL,
    Held,
    Known,
    Readiness,
    history_gap,
    history_start,
    miscounted,
    ready,
    ruled_dates,
    stored,
    upstream_marks,
)
from nba_assets.certification.digest import EMPTY_DIGEST, digest_query
from nba_assets.certification.ledger import (
    WHOLE_DATE,
    Attempt,
    Cause,
    Status,
    Verdict,
    laxer,
)
from nba_assets.contracts.contract import Contract
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable, FromPython, FromSource, Scope
from nba_assets.engines.engine import Engine
from nba_assets.operations.overview import Overview, overview
from nba_assets.seasons import game_dates, season_start, season_year
from nba_assets.sources.source import Coverage

REVOKED = "revoked"
"""Rule of a game whose waiver ended."""


class Reason(StrEnum):
    """Why a date of a table must run."""

    MISSING = "missing"
    """it was never attempted"""
    HELD = "held"
    """its latest attempt was not certified, or will not be once it runs again"""
    WAIVER = "waiver"
    """a waiver or an acceptance that concerns it was given or revoked since"""
    STALE = "stale"
    """it was certified from other inputs, or by another contract or code, than there are now"""
    DAMAGED = "damaged"
    """what is stored is not what the ledger says was"""
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
    causes: tuple[Cause, ...] = ()
    """of a held date: why, its own causes first"""

    @property
    def key(self) -> tuple[str, date]:
        """The table and the date."""
        return self.table_name, self.game_date

    @property
    def waits(self) -> bool:
        """Whether it is held by something upstream alone, so that there is nothing to mend here."""
        return bool(self.causes) and not any(
            cause.rule == NOT_FINAL or cause.is_of(self.table_name, self.game_date)
            for cause in self.causes
        )


@dataclass(frozen=True)
class Standing:
    """Where every date of a range stands in every table."""

    tables: Mapping[str, DatedTable]
    dates: Sequence[date]
    statuses: Mapping[tuple[str, date], Status]
    """of the latest attempts"""
    needs: Mapping[tuple[str, date], Need]
    """what is not certified, or no longer true"""

    def within(self, tables: Collection[str], dates: Collection[date]) -> "Standing":
        """The same of fewer tables and dates."""

        def inside(key: tuple[str, date]) -> bool:
            return key[0] in tables and key[1] in dates

        return Standing(
            {name: table for name, table in self.tables.items() if name in tables},
            [day for day in self.dates if day in dates],
            {key: status for key, status in self.statuses.items() if inside(key)},
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
    engine: Engine,
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    source: str,
    *,
    listed: Callable[[int], Coverage] | None = None,
    deep: bool = False,
) -> Standing:
    """Where the dates, ascending, stand.

    ``source`` is the name of the one configured now; ``listed`` tells what it lists of a season.
    Stored rows are counted always; ``deep`` compares them with the ledger value by value.
    """
    if not dates:
        return Standing(tables, (), {}, {})
    rulings = ledger.rulings(engine)
    ruled = ruled_dates(engine, tables, dates[0], dates[-1]) if rulings.all else {}
    seen = overview(engine, tables, dates[0], dates[-1], source, rulings)
    damages = _damages(engine, tables, dates, deep=deep)
    doubtful = _doubtful(tables, dates, seen, {day for days in ruled.values() for day in days})
    needs: dict[tuple[str, date], Need] = {}
    for _, season in groupby(doubtful, season_year):
        days = list(season)
        records = _records_of(engine, tables, days)
        needs |= _needs(Known(tables, records, {}, {}, rulings, ruled, 0), days, source)
    for key, detail in damages.items():
        needs[key] = Need(*key, Reason.DAMAGED, detail)
    if listed:
        for day, detail in _relisted(
            engine, tables[SCHEDULE].contract, dates, seen.statuses, listed
        ).items():
            needs.setdefault((SCHEDULE, day), Need(SCHEDULE, day, Reason.STALE, detail))
    needs |= _foreseen(engine, tables, dates, needs)
    return Standing(tables, dates, seen.statuses, needs)


def _doubtful(
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    seen: Overview,
    ruled: Collection[date],
) -> list[date]:
    """The dates of seasons with a date that is not settled."""
    years = {
        season_year(day)
        for day in dates
        if day in ruled or any((name, day) not in seen.settled for name in tables)
    }
    return [day for day in dates if season_year(day) in years]


def _records_of(
    engine: Engine, tables: Mapping[str, DatedTable], days: Sequence[date]
) -> dict[tuple[str, date], Attempt]:
    """The latest records of a season up to its last date, and of what reaches back before it."""
    start, last = season_start(days[0]), days[-1]
    read = {r.table for t in tables.values() for r in t.reads if r.scope.spans_seasons}
    first, before = history_start(Scope.TRAINING, start), start - timedelta(days=1)
    history = ledger.latest(engine, read, first, before, checks=False) if read else {}
    return history | ledger.latest(engine, tables, start, last, checks=False)


def _needs(known: Known, days: Sequence[date], source: str) -> dict[tuple[str, date], Need]:
    """What the records of a season's dates say must run, certificate by certificate."""
    needs = {}
    for table in known.tables.values():
        training = {r.relation for r in table.reads if r.scope is Scope.TRAINING}
        inputs = upstream_marks(known, table, days)
        for day in days:
            attempt = known.attempts.get((table.name, day))
            if need := _need(table, day, attempt, inputs[day], source, training):
                needs[table.name, day] = need
    return needs


def _need(
    table: DatedTable,
    day: date,
    attempt: Attempt | None,
    inputs: Mapping[str, str],
    source: str,
    training: Collection[str],
) -> Need | None:
    if attempt is None:
        return _missing(table.name, day)
    stale = _stale(table, attempt, inputs, source, training)
    ruled = attempt.status is not Status.FAILED and (
        inputs.get("rulings") != attempt.upstream.get("rulings")
    )
    changed = bool(stale) or ruled
    if ruled:
        what = "a waiver, acceptance or promotion that concerns it was given or revoked since"
        return Need(table.name, day, Reason.WAIVER, what)
    if not attempt.status.certified:
        detail = f"{attempt.status}: {attempt.message}"
        return Need(table.name, day, Reason.HELD, detail, changed, attempt.causes)
    if stale:
        return Need(table.name, day, Reason.STALE, stale)
    return None


def _damages(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    *,
    deep: bool,
) -> dict[tuple[str, date], str]:
    """Where the store does not hold what the ledger says it does."""
    asked = set(dates)
    damaged = {
        key: f"{found:,} rows are stored, the ledger says {said:,}"
        for key, (found, said) in miscounted(engine, tuple(tables), dates[0], dates[-1]).items()
        if key[1] in asked
    }
    for name, table in tables.items():
        stored_rows = stored(table.contract, dates[0], dates[-1])
        if deep:
            records = ledger.latest_records((name,), dates[0], dates[-1], "game_date, digest")
            found = digest_query(table.contract, f"({stored_rows}) AS stored")
            rows = engine.query(
                f"SELECT s.game_date FROM ({found}) AS s "
                f"JOIN ({records}) AS l ON l.game_date = s.game_date "
                f"WHERE s.digest <> COALESCE(l.digest, '{EMPTY_DIGEST}')"
            )
            for day in asked.intersection(rows["game_date"].to_pylist()):
                damaged.setdefault((name, day), "the stored rows are not those that were published")
        if isinstance(table.produce, FromPython) and table.produce.lost:
            lost = table.produce.lost(engine.query(stored_rows))
            damaged |= {(name, day): detail for day, detail in lost.items() if day in asked}
    return damaged


def _relisted(
    engine: Engine,
    schedule: Contract,
    dates: Sequence[date],
    statuses: Mapping[tuple[str, date], Status],
    listed: Callable[[int], Coverage],
) -> dict[date, str]:
    """The certified dates on which the source lists other games now."""
    rows = engine.query(
        "SELECT game_date, game_id FROM "
        f"({stored(schedule, dates[0], dates[-1])}) AS s WHERE status <> 'POSTPONED'"
    )
    known: dict[date, set[str]] = defaultdict(set)
    for row in rows.to_pylist():
        known[row["game_date"]].add(row["game_id"])
    relisted = {}
    for year, season in groupby(dates, season_year):
        covered = listed(year)
        for day in season:
            status = statuses.get((SCHEDULE, day))
            if status is None or not status.certified:
                continue
            games = covered.games.get(day, frozenset())
            if games != known[day]:
                added, gone = sorted(games - known[day]), sorted(known[day] - games)
                told = [f"{', '.join(added)} new"] if added else []
                told += [f"{', '.join(gone)} gone"] if gone else []
                relisted[day] = f"the source lists other games there now: {'; '.join(told)}"
    return relisted


def _foreseen(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    dates: Sequence[date],
    needs: Mapping[tuple[str, date], Need],
) -> dict[tuple[str, date], Need]:
    """The certified dates that will be held once they run again, because something they read is.

    What must run and is not held itself is taken to pass: it may turn out otherwise.
    """
    foreseen: dict[tuple[str, date], Need] = {}
    for year, season in groupby(dates, season_year):
        days = list(season)
        if all(season_year(day) != year for _, day in needs):
            continue
        start = season_start(days[0])
        known = Known.of(engine, tables, tuple(tables), start, days[-1])
        for table in tables.values():
            found = ready(known, table, days)
            waiting = _held_games(found)
            for day in days:
                key = (table.name, day)
                need, attempt = needs.get(key), known.attempts.get(key)
                held = (
                    waiting.get(day)
                    or _no_longer_waived(known, table, day)
                    or _history_lost(known, table, day, days)
                )
                runs = need is not None and need.changed
                if table.name == SCHEDULE or not held:
                    if runs:
                        known.foreseen[key] = {}
                    continue
                if attempt is not None and attempt.status.certified:
                    known.foreseen[key] = held
                    first = next(iter(held.values()))
                    causes = tuple(dict.fromkeys(one.cause for one in held.values()))
                    detail = f"will be held: {first.reason}"
                    if need is not None and need.reason is not Reason.STALE:
                        foreseen[key] = replace(
                            need, detail=f"{need.detail}; {detail}", causes=causes
                        )
                    else:
                        foreseen[key] = Need(table.name, day, Reason.HELD, detail, causes=causes)
    return foreseen


def _history_lost(
    known: Known, table: DatedTable, day: date, days: Sequence[date]
) -> dict[str, Held]:
    """Why a date in warm-up for want of history is not any more: its history has a hole."""
    attempt = known.attempts.get((table.name, day))
    if attempt is None or attempt.status is not Status.WARMUP:
        return {}
    gap = history_gap(known, table, day, days)
    return {WHOLE_DATE: gap} if gap else {}


def _no_longer_waived(known: Known, table: DatedTable, day: date) -> dict[str, Held]:
    """The games of a date that were waived when it was built and are no longer."""
    waived = known.waived(table)
    told = "its waiver was revoked"
    return {
        game.game_id: Held(
            f"{game.game_id}: {told}", Cause(table.name, day, game.game_id, REVOKED, told)
        )
        for game in known.verdicts.get((table.name, day), {}).values()
        if game.verdict is Verdict.WAIVED and game.game_id not in waived
    }


def _held_games(found: Readiness) -> dict[date, dict[str, Held]]:
    """By date and game, what it waits for; under ``WHOLE_DATE`` what it waits for as a whole."""
    held: dict[date, dict[str, Held]] = defaultdict(dict)
    for game in found.games:
        if game.state == "held" and game.cause is not None:
            held[game.game_date][game.game_id] = Held(f"{game.label}: {game.reason}", game.cause)
    return held | {day: {WHOLE_DATE: whole} for day, whole in found.held_dates.items()}


def plan(standing: Standing, tried: Collection[tuple[str, date]] = frozenset()) -> list[Need]:
    """What must run, in the order of the graph, down to what depends on it on the same date.

    Left out are dates that would come out as they did: those ``tried``, and those that wait for
    something upstream, unless their inputs have changed since.
    """
    due = {
        key: need
        for key, need in standing.needs.items()
        if need.changed or not (need.waits or key in tried)
    }
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


def runs(keys: Iterable[tuple[str, date]], tables: Iterable[str]) -> list[Run]:
    """The fewest range runs, by date, of exactly these tables and dates."""
    order = tuple(tables)
    wanted: dict[date, set[str]] = defaultdict(set)
    for name, day in keys:
        wanted[day].add(name)
    found: list[Run] = []
    for first, last in spans(wanted):
        for names, same in groupby(game_dates(first, last), lambda day: frozenset(wanted[day])):
            days = list(same)
            found.append(Run(days[0], days[-1], tuple(name for name in order if name in names)))
    return found


def corrected(standing: Standing, delivered: Mapping[str, Collection[date]]) -> Standing:
    """The same, and that the source delivers other rows now on some dates of raw tables."""
    detail = "the source delivers other rows now"
    needs = {
        (name, day): Need(name, day, Reason.STALE, detail)
        for name, days in delivered.items()
        for day in days
    }
    return replace(standing, needs={**needs, **standing.needs})


def repair(look: Callable[[], Standing], launch: Callable[[Sequence[Run]], None]) -> None:
    """Run what is needed, then what that made stale, until nothing is left to try.

    A date that is held again although its inputs are the same is not tried again.
    """
    tried: set[tuple[str, date]] = set()
    rounds = 0
    while (needs := plan(now := look(), tried)) and rounds <= 2 * len(now.tables):
        launch(runs((need.key for need in needs), now.tables))
        tried.update(need.key for need in needs)
        rounds += 1


def span(first: date, last: date) -> str:
    """One date, or first … last."""
    return f"{first}" if first == last else f"{first} … {last}"


def spanned(ranges: Iterable[tuple[date, date]]) -> str:
    """Some ranges, for people."""
    return ", ".join(span(*one) for one in ranges)


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


def _missing(table: str, day: date) -> Need:
    return Need(table, day, Reason.MISSING, "never attempted")


def _stale(
    table: DatedTable,
    attempt: Attempt,
    inputs: Mapping[str, str],
    source: str,
    training: Collection[str],
) -> str:
    """How the attempt differs from what would be computed now; empty if it does not."""
    if why := laxer(table.contract, attempt.contract_version, attempt.thresholds):
        return why
    if attempt.code_version != table.code_version:
        return f"computed by code {attempt.code_version}, now {table.code_version}"
    if isinstance(table.produce, FromSource) and attempt.source != source:
        return f"read from {attempt.source}, the source is now {source}"
    if attempt.status is Status.FAILED:
        return ""  # nothing was read by an attempt that failed, so it cannot tell
    if attempt.upstream == inputs:
        return ""
    ignored = {"rulings"} | {name for name in training if name not in attempt.upstream}
    differing = sorted(
        name
        for name in {*inputs, *attempt.upstream} - ignored
        if inputs.get(name) != attempt.upstream.get(name)
    )
    if not differing:
        return ""
    told = ", ".join(
        f"{name.removesuffix('_before')} of earlier dates" if name.endswith("_before") else name
        for name in differing
    )
    return f"changed since: {told}"
