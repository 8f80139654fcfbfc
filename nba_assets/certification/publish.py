"""Write, audit, publish: builds dates of a table and records what became of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, pairwise, product
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.audit import Violation, audit_steps, audited
from nba_assets.certification.certified import (
    Held,
    Known,
    Readiness,
    certified_rows,
    history_gap,
    history_start,
    reaches_back,
    ready,
    refuse_another_source,
    stored,
    training_mark,
)
from nba_assets.certification.compare import differing
from nba_assets.certification.decide import (
    LATE,
    Decision,
    Origin,
    as_restored,
    decide,
    failed,
    judge,
)
from nba_assets.certification.digest import EMPTY_DIGEST
from nba_assets.certification.ledger import Attempt, Restoration
from nba_assets.certification.schedule import (
    beyond_what_is_published,
    games_listed,
    with_moved,
)
from nba_assets.certification.staging import (
    DELIVERED_AFTER_WAIVER,
    arrived_steps,
    games_steps,
    input_relations,
    rule_relations,
)
from nba_assets.certification.transaction import (
    LOOKED,
    coming_rows,
    look,
    publish,
    stored_steps,
    what_is_stored,
)
from nba_assets.certification.vacuum import refuse_beyond
from nba_assets.certification.versions import (
    Difference,
    difference,
    restorable,
    version_at,
    version_rows,
)
from nba_assets.contracts.contract import Severity
from nba_assets.contracts.dated_table import (
    SCHEDULE,
    Build,
    Computed,
    DatedTable,
    FromPython,
    FromSource,
    FromSQL,
    Scope,
)
from nba_assets.engines.engine import Query, Step
from nba_assets.errors import (
    AnotherSource,
    BadInput,
    CannotRestore,
    ConcurrentChange,
    NbaAssetsError,
    SourceError,
    WarehouseError,
)
from nba_assets.seasons import FIRST_GAME_DATE, game_dates, season_start, season_year
from nba_assets.sources.source import Delivery

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.engines.engine import Engine, Warehouse
    from nba_assets.sources.source import Refused, Source


@dataclass(frozen=True)
class _Staged:
    """What a build has in hand before the session that publishes it."""

    rows: "pa.Table | None" = None
    refused: "tuple[Refused, ...]" = ()
    warmup: frozenset[date] = frozenset()
    """dates without rows because their history is too short"""
    known: Known | None = None
    """what it was computed from"""
    held: Mapping[date, Held] = field(default_factory=dict)
    """dates of which the source does not know what they must hold"""
    history: Sequence[date] = ()
    """the dates a history may have, ascending"""
    listed_before: "Sequence[Mapping[str, Any]]" = ()
    """of a schedule: the games of the season as they are stored"""

    @property
    def delivered(self) -> "pa.Table":
        """The rows of a source.

        Raises:
            ValueError: they come from the warehouse itself.
        """
        if self.rows is None:
            raise ValueError("nothing was delivered")
        return self.rows


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
        self._built: dict[tuple[str, date], Attempt] = {}

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
        attempts = self._attempts(self._tables[name], dates)
        self._built |= {(name, one.game_date): one for one in attempts}
        if self._on_built:
            self._on_built(attempts)
        return attempts

    def digests(self, names: Sequence[str], dates: Sequence[date]) -> dict[tuple[str, date], str]:
        """Of the rows stored of dates of tables, where there ever was an attempt.

        What this publisher built itself it knows; the rest is one query.
        """
        found = {key: self._built[key] for key in product(names, dates) if key in self._built}
        if len(found) < len(names) * len(dates):
            with self._warehouse.reading() as engine:
                latest = ledger.latest(engine, names, min(dates), max(dates), checks=False)
            found = {key: latest[key] for key in product(names, dates) if key in latest} | found
        return {key: one.digest or EMPTY_DIGEST for key, one in found.items()}

    def latest(self, name: str, dates: Sequence[date]) -> list[Attempt]:
        """What the ledger says of the dates that were ever tried; nothing is built."""
        with self._warehouse.reading() as engine:
            found = ledger.latest(engine, (name,), min(dates), max(dates))
        return [found[name, day] for day in dates if (name, day) in found]

    def restated(self, attempts: Sequence[Attempt], at_most: int = 20) -> dict[date, Difference]:
        """What attempts of this run at a table changed on dates that had been certified before.

        It costs some queries a date, so that of more than ``at_most`` dates nothing is told.
        """
        replaced = [one for one in self._stored(attempts) if one.attempt > 1]
        if not 0 < len(replaced) <= at_most:
            return {}
        contract = self._tables[replaced[0].table_name].contract
        found = {}
        with self._warehouse.reading() as engine:
            for one in replaced:
                with suppress(WarehouseError):  # what was there before may have been damaged
                    found[one.game_date] = difference(engine, contract, one.game_date)
        return {day: one for day, one in found.items() if one.old and one.old.status.certified}

    def highlights(
        self, attempts: Sequence[Attempt], at_most: int = 20
    ) -> dict[date, list[dict[str, Any]]]:
        """The highlights of the certified dates of attempts at a table; of few dates."""
        made = [one for one in attempts if one.status.certified]
        if not 0 < len(made) <= at_most:
            return {}
        table = self._tables[made[0].table_name]
        if (what := table.highlights) is None:
            return {}
        names = ", ".join(what.columns)
        first, last = made[0].game_date, made[-1].game_date
        with self._warehouse.reading() as engine:
            rows = engine.query(
                f"SELECT game_date, {names} FROM {table.name} WHERE {what.where} QUALIFY "
                f"ROW_NUMBER() OVER (PARTITION BY game_date ORDER BY {what.order_by}) "
                f"<= {what.at_most} ORDER BY game_date, {what.order_by}",
                {table.name: certified_rows(table.contract, first, last)},
            ).to_pylist()
        found: dict[date, list[dict[str, Any]]] = {one.game_date: [] for one in made}
        for row in rows:
            if (day := row.pop("game_date")) in found:
                found[day].append(row)
        return {day: listed for day, listed in found.items() if listed}

    def _stored(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Those by which this run stored a certified version."""
        return [
            one
            for one in attempts
            if one.run_id == self._run_id
            and one.stored_publication == one.publication
            and one.status.certified
        ]

    def differing(self, name: str, dates: Sequence[date]) -> list[date]:
        """The dates, all of one season, on which the source delivers other than is certified.

        It costs one read of the source and one query, and leaves one look and nothing else. What
        cannot be read or compared counts as differing: a build says what is wrong with it.

        Raises:
            AnotherSource: the warehouse is filled from another source.
        """
        table = self._tables[name]
        try:
            staged = self._read(table, dates)
            with self._warehouse.writing() as engine:
                return self._compare(engine, table, dates, staged)
        except (SourceError, WarehouseError):
            return list(dates)

    def _compare(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> list[date]:
        refuse_another_source(ledger.source_identity(engine), self._source.identity)
        delivery = Delivery(staged.delivered, staged.refused)
        differ = set(differing(engine, self._tables, table.name, dates, delivery))
        engine.transaction([LOOKED], [look(table.contract, self._run_id, dates)])
        return [day for day in dates if day in differ or day in staged.held]

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
        except AnotherSource:
            raise
        except NbaAssetsError as error:
            return self._fail(table, dates, error)

    def _build(self, table: DatedTable, dates: Sequence[date]) -> list[Attempt]:
        staged = _Staged()
        if isinstance(table.produce, FromSource):
            staged = self._read(table, dates)
        elif isinstance(table.produce, FromPython):
            staged = self._compute(table, table.produce, dates)
        wanted = set(dates)
        with self._warehouse.writing() as engine:
            if table.name == SCHEDULE:
                known, staged = self._season(engine, table, dates, staged)
                dates = with_moved(dates, staged.delivered, staged.listed_before, known)
            else:
                known = staged.known or self._known(engine, table, dates)
            also = [*self._claim(table, known.source), *_begun(table, known)]
            concerned = set(dates)
            refused = tuple(row for row in staged.refused if row.game_date in concerned)
            staged = replace(staged, refused=refused)
            decisions = self._decided(engine, table, dates, staged, known)
            publish(engine, table.contract, decisions, staged.refused, also)
        return [one.attempt for one in decisions if one.attempt.game_date in wanted]

    def _claim(self, table: DatedTable, source: str | None) -> list[str]:
        """The statement by which the first source read claims the warehouse.

        Raises:
            AnotherSource: it is filled from another one.
        """
        if not isinstance(table.produce, FromSource):
            return []
        refuse_another_source(source, self._source.identity)
        if source is not None:
            return []
        return [ledger.adoption(self._source.identity, "the first source read")]

    def _known(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], as_of: int | None = None
    ) -> Known:
        names = (*table.upstream_tables(), table.name)
        first = reaches_back(table, dates[0])
        wanted = (table.name, dates[0])
        return Known.of(engine, self._tables, names, first, dates[-1], checks=wanted, as_of=as_of)

    def _season(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> tuple[Known, _Staged]:
        """What is known of the schedule of a season, and the games that are stored of it."""
        first = season_start(dates[0])
        last = first.replace(year=first.year + 1) - timedelta(days=1)
        columns = "game_date, game_id, home_team, away_team, status"
        games = f"SELECT {columns} FROM ({stored(table.contract, first, last)}) AS s"
        *results, listed = engine.run(
            [
                *Known.queries(
                    self._tables, (table.name,), first, last, checks=(table.name, first)
                ),
                Query(games),
            ]
        )
        known = Known.read(self._tables, results)
        return known, replace(staged, listed_before=listed.to_pylist())

    def _decided(
        self,
        engine: "Engine",
        table: DatedTable,
        dates: Sequence[date],
        staged: _Staged,
        known: Known,
        *,
        restoring: bool = False,
    ) -> list[Decision]:
        """Stage, audit and decide. What is restored may lack what has passed since."""
        contract = table.contract
        found = ready(known, table, dates)
        if staged.held:
            found = replace(found, held_dates={**found.held_dates, **staged.held})
        if table.name == SCHEDULE:
            before = () if restoring else staged.listed_before
            listed = games_listed(dates, staged.delivered, staged.refused, before)
            found = replace(found, games=listed)
        warmup = found.warmup | staged.warmup
        waivers = isinstance(table.produce, FromSource) and known.rulings.waivers
        late: list[Step] = [DELIVERED_AFTER_WAIVER] if waivers else []
        in_store = stored_steps(contract, dates[0], dates[-1])
        results = engine.run(
            [
                *games_steps(dates, found.games, found.holes, warmup),
                *arrived_steps(self._tables, table, dates, staged.rows),
                Query(ledger.PUBLICATION),
                *late,
                *in_store,
                *audit_steps(
                    contract,
                    rule_relations(self._tables, table, dates),
                    has_stored=bool(found.previous) and not restoring,
                ),
            ]
        )
        if ledger.publication_of(results.pop(0)) != known.publication:
            # Somebody published while this was being computed: it counts if it reads the same.
            now = self._known(engine, table, dates)
            if staged.known is None or ready(now, table, dates).upstream != found.upstream:
                raise _republished(table, dates)
            return self._decided(engine, table, dates, staged, now)
        delivered = results.pop(0).to_pylist() if late else []
        asked = sum(isinstance(step, Query) for step in in_store)
        now_stored = what_is_stored(contract, results[:asked])
        due = {
            (game.game_date, game.game_id)
            for game in found.games
            if game.state == "ready" and game.game_date not in warmup
        }
        audit = audited(contract, results[asked:], due)
        audit = replace(audit, violations=(*audit.violations, *_refused(staged), *_late(delivered)))
        found = self._with_history(known, table, found, staged)
        judged = judge(table, dates, found, audit, now_stored)
        coming = coming_rows(engine, contract, judged)
        origin = self._origin(table)
        rejected = {} if restoring else known.rejected
        return [
            decide(
                table, one, found, coming.get(one.day), origin, rejected.get((table.name, one.day))
            )
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
            refuse_another_source(ledger.source_identity(engine), self._source.identity)
            version = restorable(engine, table, day, publication)
            now = ledger.history(engine, name, day)[-1]
            staged = _Staged(version_rows(engine, table.contract, version))
            known = self._known(engine, table, [day])
            (decision,) = self._decided(engine, table, [day], staged, known, restoring=True)
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
            known = self._known(engine, table, [day], as_of)
            found = ready(known, table, [day])
            relations = input_relations(self._tables, table, [day], as_of)
            games = games_steps([day], found.games, found.holes, found.warmup)
            names = ", ".join(table.contract.column_names)
            if isinstance(table.produce, FromSQL):
                query = f"SELECT {names} FROM ({table.produce.query}) AS t"
                (again,) = engine.run([*games, Query(query, relations)])
            else:
                build = self._asked(known, table, table.produce, [day])
                inputs, _ = self._inputs(engine, table.produce, build, games, relations)
        if isinstance(table.produce, FromPython):
            computed = table.produce.compute(inputs, build)
            again = computed.rows.select(rows.column_names)
        order = [(column, "ascending") for column in table.contract.grain]
        return version, rows.sort_by(order), again.cast(rows.schema).sort_by(order)

    def _read(self, table: DatedTable, dates: Sequence[date]) -> _Staged:
        """What the source has; of a schedule all of the season, to tell a move from a loss."""
        first, last = dates[0], dates[-1]
        held: dict[date, Held] = {}
        if table.name == SCHEDULE:
            first = season_start(first)
            last = first.replace(year=first.year + 1) - timedelta(days=1)
            held = beyond_what_is_published(self._source, dates)
        delivery = self._delivered(table.name, first, last, dates)
        if undated := delivery.rows["game_date"].null_count:
            raise BadInput(
                f"{self._source.name} delivered {undated} rows of {table.name} without a "
                f"game_date for {first} … {last}; which game they belong to is unknown"
            )
        return _Staged(delivery.rows, delivery.refused, held=held)

    def _delivered(self, table: str, first: date, last: date, dates: Sequence[date]) -> Delivery:
        """A range; only the dates asked for where others of it cannot be read."""
        try:
            return self._source.read(table, first, last)
        except SourceError as error:
            if error.dates is None or set(dates) & set(error.dates):
                raise
            return self._source.read(table, dates[0], dates[-1])

    def _compute(self, table: DatedTable, produce: FromPython, dates: Sequence[date]) -> _Staged:
        with self._warehouse.reading() as engine:
            known = self._known(engine, table, dates)
            found = ready(known, table, dates)
            relations = input_relations(self._tables, table, dates)
            build = self._asked(known, table, produce, dates)
            games = games_steps(dates, found.games, found.holes, found.warmup)
            inputs, publication = self._inputs(engine, produce, build, games, relations)
            if publication != known.publication:
                # What is kept of the inputs must be kept as what they were known as.
                now = ready(self._known(engine, table, dates), table, dates)
                if now.upstream != found.upstream:
                    raise _republished(table, dates)
        computed: Computed = produce.compute(inputs, build)
        return _Staged(
            computed.rows,
            warmup=computed.warmup,
            known=known,
            history=self._history(table, dates),
        )

    @staticmethod
    def _asked(
        known: Known, table: DatedTable, produce: FromPython, dates: Sequence[date]
    ) -> Build:
        start = history_start(Scope.TRAINING, dates[0])

        @cache
        def mark(first: date, before: date) -> str:
            return training_mark(known, table, max(first, start), before)

        def configuration(day: date) -> str:
            promoted = known.rulings.promoted(table.name, day)
            return (promoted and promoted.finding) or produce.configuration

        return Build(dates, mark, configuration)

    @staticmethod
    def _inputs(
        engine: "Engine",
        produce: FromPython,
        build: Build,
        games: Sequence[Step],
        relations: Mapping[str, str],
    ) -> "tuple[dict[str, pa.Table], int]":
        """The results of the queries a computation needs, and the publication after them."""
        spared = produce.spared(build)
        queries = {name: query for name, query in produce.queries.items() if name not in spared}
        asked = [Query(query, relations) for query in queries.values()]
        *results, number = engine.run([*games, *asked, Query(ledger.PUBLICATION)])
        return dict(zip(queries, results, strict=True)), ledger.publication_of(number)

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

    def _fail(
        self, table: DatedTable, dates: Sequence[date], error: NbaAssetsError
    ) -> list[Attempt]:
        """Record that nothing could be built, with the error as the reason."""
        with self._warehouse.writing() as engine:
            records, number, source = engine.run(
                [
                    Query(ledger.records_query((table.name,), dates[0], dates[-1])),
                    Query(ledger.PUBLICATION),
                    Query(ledger.SOURCE),
                ]
            )
            if isinstance(table.produce, FromSource):
                refuse_another_source(ledger.source_of(source), self._source.identity)
            latest, last = ledger.attempts(records), ledger.publication_of(number)
            origin = self._origin(table)
            decisions = [
                failed(table, day, latest.get((table.name, day)), error, origin, last)
                for day in dates
            ]
            publish(engine, table.contract, decisions)
        return [decision.attempt for decision in decisions]

    def _origin(self, table: DatedTable) -> Origin:
        from_source = isinstance(table.produce, FromSource)
        return Origin(self._run_id, self._source.name if from_source else None)


def _begun(table: DatedTable, known: Known) -> list[str]:
    """The statement by which the first build of a table records what it is computed by."""
    begins_with = table.produce.configuration if isinstance(table.produce, FromPython) else ""
    if not begins_with or known.rulings.promotions(table.name):
        return []
    return [ledger.first_configuration(table.name, begins_with, datetime.now(UTC))]


def _refused(staged: _Staged) -> Iterator[Violation]:
    """The rows the source could not understand."""
    for row in staged.refused:
        yield Violation(
            "contract", "refused", Severity.ERROR, row.game_date, row.game_id, row.detail
        )


def _late(delivered: Iterable[Mapping[str, Any]]) -> Iterator[Violation]:
    """The games that were delivered after they were waived."""
    for row in delivered:
        yield Violation(
            "row_counts",
            LATE,
            Severity.WARN,
            row["game_date"],
            row["game_id"],
            f"{row['found']} rows of {row['game_id']} were delivered after it was waived; "
            "revoke the waiver to take them",
        )


def _republished(table: DatedTable, dates: Sequence[date]) -> ConcurrentChange:
    return ConcurrentChange(
        f"an input of {table.name} {dates[0]} … {dates[-1]} was republished while it was being "
        "computed; run it again"
    )
