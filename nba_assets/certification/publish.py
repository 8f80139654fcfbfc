"""Write, audit, publish: builds dates of a table and records what became of each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from nba_assets.certification import ledger
from nba_assets.certification.audit import Violation, audit
from nba_assets.certification.certified import (
    ASKED,
    UNKNOWN,
    DueGame,
    Held,
    Known,
    Readiness,
    elsewhere,
    history_gap,
    history_start,
    reaches_back,
    ready,
    refuse_another_source,
    relation,
    stored,
)
from nba_assets.certification.decide import (
    GONE,
    LATE,
    Decision,
    Origin,
    as_restored,
    decide,
    failed,
    judge,
)
from nba_assets.certification.digest import EMPTY_DIGEST, digests
from nba_assets.certification.ledger import Attempt, Cause, Restoration
from nba_assets.certification.transaction import coming_rows, look, publish, what_is_stored
from nba_assets.certification.vacuum import refuse_beyond
from nba_assets.certification.versions import restorable, version_at, version_rows
from nba_assets.contracts.contract import SetRule, Severity, Unit
from nba_assets.contracts.dated_table import (
    Computed,
    DatedTable,
    FromPython,
    FromSource,
    FromSQL,
    Scope,
)
from nba_assets.contracts.teams import TEAMS
from nba_assets.errors import (
    BadInput,
    CannotRestore,
    ConcurrentChange,
    NbaAssetsError,
    SourceError,
    WarehouseError,
)
from nba_assets.seasons import FIRST_GAME_DATE, game_dates, season_label, season_start, season_year

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.certification.decide import Stored
    from nba_assets.engines.engine import Engine, Warehouse
    from nba_assets.sources.source import Delivery, Refused, Source


@dataclass(frozen=True)
class _Staged:
    """What a build has in hand before the session that publishes it."""

    rows: "pa.Table | None" = None
    refused: "tuple[Refused, ...]" = ()
    warmup: frozenset[date] = frozenset()
    """dates without rows because their history is too short"""
    upstream: Mapping[date, Mapping[str, str]] | None = None
    held: Mapping[date, Held] = field(default_factory=dict)
    """dates of which the source does not know what they must hold"""
    history: Sequence[date] = ()
    """the dates a history may have, ascending"""


class Publisher:
    """Builds dates of the tables of a graph in a warehouse."""

    def __init__(
        self,
        warehouse: "Warehouse",
        tables: Mapping[str, DatedTable],
        source: "Source",
        run_id: str,
        *,
        first_date: date = FIRST_GAME_DATE,
        on_built: Callable[[Sequence[Attempt]], None] | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._tables = tables
        self._source = source
        self._run_id = run_id
        self._first_date = first_date
        self._on_built = on_built

    def build(self, name: str, dates: Sequence[date]) -> list[Attempt]:
        """Build the dates of a table, all of one season, in ascending order.

        Returns one attempt a date, as recorded. A source or engine that raises makes the dates
        FAILED; it never stops the others.

        Raises:
            ValueError: the dates are not ascending dates of one season; nothing was done.
            NbaAssetsError: the warehouse is filled from another source, or cannot be reached.
        """
        ascending = all(before < after for before, after in pairwise(dates))
        if not dates or not ascending or season_year(dates[0]) != season_year(dates[-1]):
            raise ValueError(f"{name}: {dates} are not ascending dates of one season")
        table = self._tables[name]
        if isinstance(table.produce, FromSource):
            with self._warehouse.reading() as engine:
                refuse_another_source(engine, self._source.identity)
        attempts = self._attempts(table, dates)
        if self._on_built:
            self._on_built(attempts)
        return attempts

    def latest(self, name: str, dates: Sequence[date]) -> list[Attempt]:
        """What the ledger says of the dates that were ever tried; nothing is built."""
        with self._warehouse.reading() as engine:
            found = ledger.latest(engine, (name,), min(dates), max(dates))
        return [found[name, day] for day in dates if (name, day) in found]

    def differing(self, name: str, dates: Sequence[date]) -> list[date]:
        """The dates, all of one season, on which the source delivers other than is certified.

        It costs one read of the source and one query, and leaves one look and nothing else. What
        cannot be read or compared counts as differing: a build says what is wrong with it.

        Raises:
            AnotherSource: the warehouse is filled from another source.
        """
        table = self._tables[name]
        with self._warehouse.reading() as engine:
            refuse_another_source(engine, self._source.identity)
        try:
            staged = self._read(table, dates)
            with self._warehouse.writing() as engine:
                return self._compare(engine, table, dates, staged)
        except (SourceError, WarehouseError):
            return list(dates)

    def _compare(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> list[date]:
        self._load_dates(engine, dates)
        engine.load("delivered", staged.rows)
        of_dates = (
            "(SELECT * FROM delivered "
            "WHERE game_date IN (SELECT game_date FROM target_dates)) AS rows_of_dates"
        )
        delivered = digests(engine, table.contract, of_dates)
        attempts = ledger.latest(engine, (table.name,), dates[0], dates[-1], checks=False)
        refused = {row.game_date for row in staged.refused}
        rejected = ledger.restorations(engine, table.name)

        def differs(day: date) -> bool:
            attempt = attempts.get((table.name, day))
            if attempt is None or not attempt.status.certified or day in staged.held:
                return True
            taken = {attempt.digest or EMPTY_DIGEST, *rejected.get(day, ())}
            return day in refused or delivered.get(day, EMPTY_DIGEST) not in taken

        engine.transaction([look(table.contract, self._run_id, dates)])
        return [day for day in dates if differs(day)]

    def _attempts(self, table: DatedTable, dates: Sequence[date]) -> list[Attempt]:
        try:
            return self._build(table, dates)
        except SourceError as error:
            concerned = set(dates).intersection(error.dates or dates) or set(dates)
            attempts = []
            for fails, days in groupby(dates, concerned.__contains__):
                run = list(days)
                attempts += self._fail(table, run, error) if fails else self._attempts(table, run)
            return attempts
        except NbaAssetsError as error:
            return self._fail(table, dates, error)

    def _build(self, table: DatedTable, dates: Sequence[date]) -> list[Attempt]:
        staged = _Staged()
        if isinstance(table.produce, FromSource):
            staged = self._read(table, dates)
        elif isinstance(table.produce, FromPython):
            staged = self._compute(table, table.produce, dates)
        with self._warehouse.writing() as engine:
            wanted = set(dates)
            if isinstance(table.produce, FromSource) and ledger.source_identity(engine) is None:
                ledger.adopt(engine, self._source.identity, "the first source read")
            if table.name == "schedule":
                dates = self._with_moved(engine, table, dates, staged)
            concerned = set(dates)
            refused_rows = tuple(r for r in staged.refused if r.game_date in concerned)
            staged = replace(staged, refused=refused_rows)
            decisions = self._decided(engine, table, dates, staged)
            publish(engine, table.contract, decisions, staged.refused)
        return [one.attempt for one in decisions if one.attempt.game_date in wanted]

    def _decided(
        self,
        engine: "Engine",
        table: DatedTable,
        dates: Sequence[date],
        staged: _Staged,
        *,
        restoring: bool = False,
    ) -> list[Decision]:
        """Stage, audit and decide. What is restored may lack what has passed since."""
        known, found = self._begin(engine, table, dates, staged)
        if staged.upstream is not None and staged.upstream != found.upstream:
            raise ConcurrentChange(
                f"an input of {table.name} {dates[0]} … {dates[-1]} was republished while it "
                "was being computed; run it again"
            )
        late = self._stage(engine, table, dates, staged)
        now_stored = (
            what_is_stored(engine, table.contract, dates[0], dates[-1]) if found.previous else {}
        )
        if table.name == "schedule":
            found = self._listed(engine, found, staged, {} if restoring else now_stored)
            self._load_games(engine, found, found.warmup)
        audited = audit(
            engine,
            table.contract,
            self._rule_relations(table, dates),
            has_stored=bool(now_stored) and not restoring,
        )
        refused = [
            Violation("contract", "refused", Severity.ERROR, r.game_date, r.game_id, r.detail)
            for r in staged.refused
        ]
        audited = replace(audited, violations=(*audited.violations, *refused, *late))
        found = self._with_history(known, table, found, staged)
        judged = judge(table, dates, found, audited, now_stored)
        coming = coming_rows(engine, table.contract, judged)
        origin = self._origin(table)
        rejected = {} if restoring else ledger.restorations(engine, table.name)
        return [
            decide(table, one, found, coming.get(one.day), origin, rejected.get(one.day))
            for one in judged
        ]

    def restore(self, name: str, day: date, publication: int, reason: str, by: str) -> Attempt:
        """Make an earlier version of a date the current one again, if it passes today's audit.

        The version it replaces is not taken again when it is built once more; another one is.

        Raises:
            CannotRestore: there is no such version, its rows are gone, or it would not be
                certified now; nothing has changed.
            NbaAssetsError: as ``build``.
        """
        table = self._tables[name]
        with self._warehouse.writing() as engine:
            refuse_another_source(engine, self._source.identity)
            version = restorable(engine, table, day, publication)
            now = ledger.history(engine, name, day)[-1]
            staged = _Staged(version_rows(engine, table.contract, version))
            (decision,) = self._decided(engine, table, [day], staged, restoring=True)
            attempt = decision.attempt
            if not attempt.status.certified or attempt.digest != version.digest:
                raise CannotRestore(
                    f"{name} {day}: publication {version.publication} would not be certified now: "
                    f"{attempt.message or 'its rows are not those that were published'}"
                )
            restoration = Restoration(
                name,
                day,
                version.publication,
                version.digest or EMPTY_DIGEST,
                now.digest or EMPTY_DIGEST,
                reason,
                by,
            )
            decision = as_restored(decision, version, restoration)
            publish(engine, table.contract, [decision], also=[restoration.statement()])
        return decision.attempt

    def reproduce(
        self, name: str, day: date, publication: int | None = None
    ) -> "tuple[Attempt, pa.Table, pa.Table]":
        """The record of a version of a date, its rows, and the same computed once more.

        They are computed from the inputs as they were known when the version was published; which
        version, the date's as of ``publication`` or the current one.

        Raises:
            WarehouseError: there is no such version, it comes from a source, it was computed by
                other code, or a vacuum has removed what it was computed from.
        """
        table = self._tables[name]
        with self._warehouse.reading() as engine:
            history = ledger.history(engine, name, day)
            last = history[-1].publication if history else 0
            version = version_at(history, last if publication is None else publication)
            if version is None or isinstance(table.produce, FromSource):
                raise WarehouseError(
                    f"{name} {day} has no computed version to reproduce; `nba-assets history "
                    f"{name} {day}` lists what there is"
                )
            if version.code_version != table.code_version:
                raise WarehouseError(
                    f"{name} {day}: publication {version.publication} was computed by code "
                    f"{version.code_version}, now {table.code_version}: use that release"
                )
            as_of = version.publication - 1
            refuse_beyond(engine, as_of)
            rows = version_rows(engine, table.contract, version)
            self._begin(engine, table, [day], _Staged(), as_of)
            relations = self._relations(table, [day], as_of)
            names = ", ".join(table.contract.column_names)
            if isinstance(table.produce, FromSQL):
                again = engine.query(f"SELECT {names} FROM ({table.produce.query}) AS t", relations)
            else:
                queries = table.produce.queries.items()
                inputs = {key: engine.query(query, relations) for key, query in queries}
                again = table.produce.compute(inputs, [day]).rows.select(rows.column_names)
        order = [(column, "ascending") for column in table.contract.grain]
        return version, rows.sort_by(order), again.cast(rows.schema).sort_by(order)

    def _read(self, table: DatedTable, dates: Sequence[date]) -> _Staged:
        """What the source has; of a schedule all of the season, to tell a move from a loss."""
        first, last = dates[0], dates[-1]
        held: dict[date, Held] = {}
        if table.name == "schedule":
            first = season_start(first)
            last = first.replace(year=first.year + 1) - timedelta(days=1)
            held = self._beyond_what_is_published(dates)
        delivery = self._delivered(table.name, first, last, dates)
        if undated := delivery.rows["game_date"].null_count:
            raise BadInput(
                f"{self._source.name} delivered {undated} rows of {table.name} without a "
                f"game_date for {first} … {last}; which game they belong to is unknown"
            )
        return _Staged(delivery.rows, delivery.refused, held=held)

    def _delivered(self, table: str, first: date, last: date, dates: Sequence[date]) -> "Delivery":
        """A range; only the dates asked for where others of it cannot be read."""
        try:
            return self._source.read(table, first, last)
        except SourceError as error:
            if error.dates is None or set(dates) & set(error.dates):
                raise
            return self._source.read(table, dates[0], dates[-1])

    def _beyond_what_is_published(self, dates: Sequence[date]) -> dict[date, Held]:
        """Dates no published schedule covers: they are unknown, not empty."""
        year = season_year(dates[0])
        if year not in set(self._source.seasons()):
            told = f"{self._source.name} publishes no schedule of season {season_label(year)}"
            beyond: Collection[date] = dates
        else:
            covered = self._source.covers(year)
            told = (
                f"the schedule of season {season_label(year)} is known to {covered.through} only: "
                f"{covered.note}; what is after that is unknown, not empty"
            )
            beyond = [day for day in dates if day > covered.through]
        return {day: Held(told, Cause("schedule", day, None, UNKNOWN, told)) for day in beyond}

    def _compute(self, table: DatedTable, produce: FromPython, dates: Sequence[date]) -> _Staged:
        history = self._history(table, dates)
        with self._warehouse.reading() as engine:
            _, ready_games = self._begin(engine, table, dates, _Staged())
            relations = self._relations(table, dates)
            inputs = {
                name: engine.query(query, relations) for name, query in produce.queries.items()
            }
        computed: Computed = produce.compute(inputs, dates)
        return _Staged(computed.rows, (), computed.warmup, ready_games.upstream, history=history)

    def _history(self, table: DatedTable, dates: Sequence[date]) -> list[date]:
        """The published dates a training history of the dates may have."""
        if not any(read.scope is Scope.TRAINING for read in table.reads):
            return []
        seasons = set(self._source.seasons())
        first = max(history_start(Scope.TRAINING, dates[0]), self._first_date)
        return [day for day in game_dates(first, dates[-1]) if season_year(day) in seasons]

    def _with_history(
        self, known: Known, table: DatedTable, ready_games: Readiness, staged: _Staged
    ) -> Readiness:
        """Too little history is warm-up only where all there can be of it is certified."""
        held = dict(ready_games.held_dates)
        for day in staged.warmup:
            if day not in held and (gap := history_gap(known, table, day, staged.history)):
                held[day] = gap
        return replace(ready_games, held_dates=held, warmup=ready_games.warmup | staged.warmup)

    def _with_moved(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> Sequence[date]:
        """The dates, and those a game moved to or from: a move is published as one."""
        engine.load("delivered", staged.rows)
        self._load_dates(engine, dates)
        start = season_start(dates[0])
        end = date(start.year + 1, 9, 30)
        rows = engine.query(
            "SELECT DISTINCT o.game_date AS old_date, n.game_date AS new_date "
            f"FROM ({stored(table.contract, start, end)}) AS o JOIN delivered AS n "
            "ON n.game_id = o.game_id AND n.game_date <> o.game_date "
            "WHERE o.status <> 'POSTPONED' AND n.status <> 'POSTPONED' "
            "AND (o.game_date IN (SELECT game_date FROM target_dates) "
            "OR n.game_date IN (SELECT game_date FROM target_dates))"
        ).to_pylist()
        moved = {day for row in rows for day in row.values()} - set(dates)
        tried = ledger.latest(engine, (table.name,), start, end, checks=False) if moved else {}
        return sorted({*dates, *(day for day in moved if (table.name, day) in tried)})

    def _begin(
        self,
        engine: "Engine",
        table: DatedTable,
        dates: Sequence[date],
        staged: _Staged,
        as_of: int | None = None,
    ) -> tuple[Known, Readiness]:
        """Work out what can be built and leave it in temporary tables."""
        import pyarrow as pa

        self._load_dates(engine, dates)
        names = (*table.upstream_tables(), table.name)
        first = reaches_back(table, dates[0])
        known = Known.of(engine, self._tables, names, first, dates[-1], as_of=as_of)
        found = ready(known, table, dates)
        if staged.held:
            found = replace(found, held_dates={**found.held_dates, **staged.held})
        self._load_games(engine, found, found.warmup | staged.warmup)
        engine.load(
            "holes",
            pa.table(
                {
                    "team": pa.array([hole.team for hole in found.holes], pa.string()),
                    "game_date": pa.array([hole.game_date for hole in found.holes], pa.date32()),
                    "reason": pa.array(
                        [f"{hole.game}: {hole.held.reason}" for hole in found.holes], pa.string()
                    ),
                }
            ),
        )
        return known, found

    def _load_dates(self, engine: "Engine", dates: Sequence[date]) -> None:
        import pyarrow as pa

        engine.load("target_dates", pa.table({"game_date": pa.array(dates, pa.date32())}))

    def _load_games(self, engine: "Engine", found: Readiness, warmup: Collection[date]) -> None:
        import pyarrow as pa

        games = found.games
        engine.load(
            "scheduled_games",
            pa.table(
                {
                    "game_date": pa.array([g.game_date for g in games], pa.date32()),
                    "game_id": pa.array([g.game_id for g in games], pa.string()),
                    "home_team": pa.array([g.home_team for g in games], pa.string()),
                    "away_team": pa.array([g.away_team for g in games], pa.string()),
                    "state": pa.array([g.state for g in games], pa.string()),
                    "warmup": pa.array([g.game_date in warmup for g in games], pa.bool_()),
                }
            ),
        )
        engine.create("required_games", "SELECT * FROM scheduled_games WHERE state <> 'waived'")
        engine.create(
            "due_games", "SELECT * FROM scheduled_games WHERE state = 'ready' AND NOT warmup"
        )

    def _listed(
        self,
        engine: "Engine",
        found: Readiness,
        staged: _Staged,
        now_stored: "Mapping[date, Stored]",
    ) -> Readiness:
        """The games the schedule itself has, had, or could not be understood about."""
        games: dict[tuple[date, str], DueGame] = {}
        for row in staged.refused:
            if row.game_id is not None:
                home, away = row.teams or (None, None)
                games[row.game_date, row.game_id] = DueGame(
                    row.game_date, row.game_id, home, away, "ready"
                )
        moved = {
            row["game_id"]
            for row in engine.query(
                "SELECT DISTINCT game_id FROM delivered WHERE status <> 'POSTPONED'"
            ).to_pylist()
        }
        for day, held in now_stored.items():
            for game_id, (home, away) in held.games.items():
                if game_id not in moved:
                    games[day, game_id] = DueGame(day, game_id, home, away, GONE)
        rows = engine.query("SELECT game_date, game_id, home_team, away_team FROM staged")
        for row in rows.to_pylist():
            if row["game_id"] is not None:
                key = (row["game_date"], row["game_id"])
                home, away = row["home_team"], row["away_team"]
                if not {home, away} <= TEAMS:  # it may be anybody's game
                    home = away = None
                games[key] = DueGame(*key, home, away, "ready")
        return replace(found, games=[games[key] for key in sorted(games)])

    def _relations(
        self, table: DatedTable, dates: Sequence[date], as_of: int | None = None
    ) -> dict[str, str]:
        return {
            read.relation: relation(
                self._tables[read.table].contract, read.scope, dates[0], dates[-1], as_of
            )
            for read in table.reads
        }

    def _rule_relations(self, table: DatedTable, dates: Sequence[date]) -> dict[str, str]:
        rules = (rule for rule in table.contract.rules if isinstance(rule, SetRule))
        names = {name for rule in rules for name in rule.reads}
        if table.contract.records:
            names.update(table.contract.records.reads)
        relations = {
            name: relation(self._tables[name].contract, Scope.DATE, dates[0], dates[-1])
            for name in names
        }
        return (
            self._relations(table, dates)
            | relations
            | {
                "elsewhere": elsewhere(table.contract, dates[0]),
                "stored": stored(table.contract, dates[0], dates[-1], ASKED),
            }
        )

    def _stage(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> list[Violation]:
        """Make the rows of the due games ``staged``; returns what a waiver keeps out of it."""
        names = ", ".join(table.contract.column_names)
        if isinstance(table.produce, FromSQL) and staged.rows is None:
            relations = self._relations(table, dates)
            engine.create("staged", f"SELECT {names} FROM ({table.produce.query}) AS t", relations)
            return []
        engine.load("delivered", staged.rows)
        of_source = isinstance(table.produce, FromSource)
        undue = ""
        if of_source and table.contract.unit is Unit.GAME:
            key = "CONCAT(CAST(game_date AS STRING), game_id)"
            undue = (
                f"AND COALESCE({key} NOT IN "
                f"(SELECT {key} FROM scheduled_games WHERE state <> 'ready'), TRUE)"
            )
        engine.create(
            "staged",
            f"SELECT {names} FROM delivered "
            f"WHERE game_date IN (SELECT game_date FROM target_dates) {undue}",
        )
        if not undue or not ledger.rulings(engine).waivers:
            return []
        rows = engine.query(
            "SELECT d.game_date, d.game_id, COUNT(*) AS found FROM delivered AS d "
            "JOIN scheduled_games AS g ON g.game_date = d.game_date AND g.game_id = d.game_id "
            "WHERE g.state = 'waived' GROUP BY d.game_date, d.game_id"
        )
        return [
            Violation(
                "row_counts",
                LATE,
                Severity.WARN,
                row["game_date"],
                row["game_id"],
                f"{row['found']} rows of {row['game_id']} were delivered after it was waived; "
                "revoke the waiver to take them",
            )
            for row in rows.to_pylist()
        ]

    def _fail(
        self, table: DatedTable, dates: Sequence[date], error: NbaAssetsError
    ) -> list[Attempt]:
        """Record that nothing could be built, with the error as the reason."""
        message = f"{type(error).__name__}: {error}"
        with self._warehouse.writing() as engine:
            latest = ledger.latest(engine, (table.name,), dates[0], dates[-1])
            number = ledger.publication(engine)
            origin = self._origin(table)
            decisions = [
                failed(table, day, latest.get((table.name, day)), message, origin, number)
                for day in dates
            ]
            publish(engine, table.contract, decisions)
        return [decision.attempt for decision in decisions]

    def _origin(self, table: DatedTable) -> Origin:
        from_source = isinstance(table.produce, FromSource)
        return Origin(self._run_id, self._source.name if from_source else None)
