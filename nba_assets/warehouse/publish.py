"""Write, audit, publish: builds dates of a table and records what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from nba_assets.contracts.contract import SetRule, Severity, Unit
from nba_assets.errors import BadInput, ConcurrentChange, NbaAssetsError, SourceError
from nba_assets.seasons import season_label, season_year
from nba_assets.warehouse import ledger
from nba_assets.warehouse.audit import Audit, Violation, audit
from nba_assets.warehouse.certified import Readiness, elsewhere, readiness, relation
from nba_assets.warehouse.dated_table import (
    Computed,
    DatedTable,
    FromPython,
    FromSource,
    FromSQL,
    Scope,
)
from nba_assets.warehouse.decide import Origin, decide, failed, judge
from nba_assets.warehouse.ledger import Attempt
from nba_assets.warehouse.transaction import publish, staged_digests

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.sources.source import Refused, Source
    from nba_assets.warehouse.warehouse import Engine, Warehouse


@dataclass(frozen=True)
class _Staged:
    """What a build has in hand before the session that publishes it."""

    rows: "pa.Table | None" = None
    refused: "tuple[Refused, ...]" = ()
    warmup: frozenset[date] = frozenset()
    upstream: Mapping[date, Mapping[str, str]] | None = None


class Publisher:
    """Builds dates of the tables of a graph in a warehouse."""

    def __init__(
        self,
        warehouse: "Warehouse",
        tables: Mapping[str, DatedTable],
        source: "Source",
        thresholds: Mapping[str, float],
        run_id: str,
        *,
        on_built: Callable[[Sequence[Attempt]], None] | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._tables = tables
        self._source = source
        self._thresholds = thresholds
        self._run_id = run_id
        self._on_built = on_built

    def build(self, name: str, dates: Sequence[date]) -> list[Attempt]:
        """Build the dates of a table, all of one season, in ascending order.

        Returns one attempt a date, as recorded. A source or engine that raises makes the dates
        FAILED; it never stops the others.
        """
        attempts = self._attempts(self._tables[name], dates)
        if self._on_built:
            self._on_built(attempts)
        return attempts

    def latest(self, name: str, dates: Sequence[date]) -> list[Attempt]:
        """What the ledger says of the dates that were ever tried; nothing is built."""
        with self._warehouse.reading() as engine:
            found = ledger.latest(engine, (name,), min(dates), max(dates))
        return [found[name, day] for day in dates if (name, day) in found]

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
            delivery = self._source.read(table.name, dates[0], dates[-1])
            if undated := delivery.rows["game_date"].null_count:
                raise BadInput(
                    f"{self._source.name} delivered {undated} rows of {table.name} without a "
                    f"game_date for {dates[0]} … {dates[-1]}; which game they belong to is unknown"
                )
            staged = _Staged(delivery.rows, delivery.refused)
        elif isinstance(table.produce, FromPython):
            staged = self._compute(table, table.produce, dates)
        with self._warehouse.writing() as engine:
            ready = self._begin(engine, table, dates)
            if staged.upstream is not None and staged.upstream != ready.upstream:
                raise ConcurrentChange(
                    f"an input of {table.name} {dates[0]} … {dates[-1]} was republished while it "
                    "was being computed; run it again"
                )
            self._stage(engine, table, dates, staged)
            relations = self._rule_relations(table, dates)
            found = audit(engine, table.contract, relations, self._thresholds)
            refused = [
                Violation("contract", "refused", Severity.ERROR, r.game_date, r.game_id, r.detail)
                for r in staged.refused
            ]
            found = replace(found, violations=(*found.violations, *refused))
            if table.name == "schedule":
                ready = self._known_seasons(ready, dates)
            ready = replace(ready, warmup=ready.warmup | staged.warmup)
            return self._publish(engine, table, dates, ready, found, staged.refused)

    def _compute(self, table: DatedTable, produce: FromPython, dates: Sequence[date]) -> _Staged:
        with self._warehouse.reading() as engine:
            ready = self._begin(engine, table, dates)
            relations = self._relations(table, dates)
            inputs = {
                name: engine.query(query, relations) for name, query in produce.queries.items()
            }
        computed: Computed = produce.compute(inputs, dates)
        return _Staged(computed.rows, (), computed.warmup, ready.upstream)

    def _known_seasons(self, ready: Readiness, dates: Sequence[date]) -> Readiness:
        """Hold dates of seasons without a published schedule: they are unknown, not empty."""
        seasons = set(self._source.seasons())
        held = {
            day: f"{self._source.name} publishes no schedule of season "
            f"{season_label(season_year(day))}"
            for day in dates
            if season_year(day) not in seasons
        }
        return replace(ready, held_dates=held)

    def _begin(self, engine: "Engine", table: DatedTable, dates: Sequence[date]) -> Readiness:
        """Work out what can be built and leave it in temporary tables."""
        import pyarrow as pa

        engine.load("target_dates", pa.table({"game_date": pa.array(dates, pa.date32())}))
        ready = readiness(engine, self._tables, table, dates)
        games = ready.games
        engine.load(
            "scheduled_games",
            pa.table(
                {
                    "game_date": pa.array([g.game_date for g in games], pa.date32()),
                    "game_id": pa.array([g.game_id for g in games], pa.string()),
                    "home_team": pa.array([g.home_team for g in games], pa.string()),
                    "away_team": pa.array([g.away_team for g in games], pa.string()),
                    "state": pa.array([g.state for g in games], pa.string()),
                    "warmup": pa.array([g.game_date in ready.warmup for g in games], pa.bool_()),
                }
            ),
        )
        engine.load(
            "holes",
            pa.table(
                {
                    "team": pa.array([team for team, _, _ in ready.holes], pa.string()),
                    "game_date": pa.array([day for _, day, _ in ready.holes], pa.date32()),
                    "reason": pa.array([reason for _, _, reason in ready.holes], pa.string()),
                }
            ),
        )
        engine.create("required_games", "SELECT * FROM scheduled_games WHERE state <> 'waived'")
        engine.create(
            "due_games", "SELECT * FROM scheduled_games WHERE state = 'ready' AND NOT warmup"
        )
        return ready

    def _relations(self, table: DatedTable, dates: Sequence[date]) -> dict[str, str]:
        return {
            read.relation: relation(
                self._tables[read.table].contract, read.scope, dates[0], dates[-1]
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
            | {"elsewhere": elsewhere(table.contract, dates[0])}
        )

    def _stage(
        self, engine: "Engine", table: DatedTable, dates: Sequence[date], staged: _Staged
    ) -> None:
        names = ", ".join(table.contract.column_names)
        if isinstance(table.produce, FromSQL):
            relations = self._relations(table, dates)
            engine.create("staged", f"SELECT {names} FROM ({table.produce.query}) AS t", relations)
            return
        engine.load("delivered", staged.rows)
        undue = ""
        if isinstance(table.produce, FromSource) and table.contract.unit is Unit.GAME:
            undue = (
                "AND COALESCE(game_id NOT IN "
                "(SELECT game_id FROM scheduled_games WHERE state <> 'ready'), TRUE)"
            )
        engine.create(
            "staged",
            f"SELECT {names} FROM delivered "
            f"WHERE game_date IN (SELECT game_date FROM target_dates) {undue}",
        )

    def _publish(
        self,
        engine: "Engine",
        table: DatedTable,
        dates: Sequence[date],
        ready: Readiness,
        found: Audit,
        refused: "Sequence[Refused]",
    ) -> list[Attempt]:
        judged = judge(table, dates, ready, found)
        digests = staged_digests(engine, table.contract, judged)
        origin = self._origin(table)
        decisions = [
            decide(table, known, ready, digests.get(known.day), origin) for known in judged
        ]
        publish(engine, table.contract, decisions, refused)
        return [decision.attempt for decision in decisions]

    def _fail(
        self, table: DatedTable, dates: Sequence[date], error: NbaAssetsError
    ) -> list[Attempt]:
        """Record that nothing could be built, with the error as the reason."""
        message = f"{type(error).__name__}: {error}"
        with self._warehouse.writing() as engine:
            latest = ledger.latest(engine, (table.name,), dates[0], dates[-1])
            origin = self._origin(table)
            decisions = [
                failed(table, day, latest.get((table.name, day)), message, origin) for day in dates
            ]
            publish(engine, table.contract, decisions)
        return [decision.attempt for decision in decisions]

    def _origin(self, table: DatedTable) -> Origin:
        from_source = isinstance(table.produce, FromSource)
        return Origin(self._run_id, self._source.name if from_source else None)
