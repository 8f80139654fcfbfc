"""What the settings select: source, warehouse, tables, and the publisher that joins them.

Free of dagster, so that commands which only ask the ledger start at once.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.assets.graph import dated_tables
from nba_assets.certification import ledger
from nba_assets.certification.certified import refuse_another_source
from nba_assets.certification.publish import Publisher
from nba_assets.certification.schema import prepare
from nba_assets.engines.duckdb_file import DuckDBFile
from nba_assets.operations.gates import gates
from nba_assets.operations.plan import Standing, past_dates, standing, untouched
from nba_assets.settings import Settings
from nba_assets.sources.source import Coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nba_assets.certification.ledger import Attempt
    from nba_assets.contracts.dated_table import DatedTable
    from nba_assets.engines.engine import Engine, Warehouse
    from nba_assets.sources.source import Source


def build_source(settings: Settings) -> "Source":
    """The configured source."""
    if settings.source == "files":
        from nba_assets.sources.files.folder import FilesSource

        return FilesSource(settings.files_dir or Path())
    from nba_assets.sources.simulated.league import SimulatedLeague

    return SimulatedLeague(
        seed=settings.simulated_seed,
        first_season=settings.simulated_first_season,
        seasons=settings.simulated_seasons,
        cache_dir=settings.data_dir / "simulated",
    )


def build_warehouse(settings: Settings) -> "Warehouse":
    """The configured warehouse."""
    return DuckDBFile(
        settings.warehouse_file,
        lock_timeout=settings.lock_timeout,
        memory_limit=settings.memory_limit,
    )


def build_tables(settings: Settings) -> "dict[str, DatedTable]":
    """The dated tables of the configured deployment."""
    return dated_tables(settings.models_dir, settings.thresholds, settings.device)


def build_publisher(
    settings: Settings,
    run_id: str,
    *,
    tables: "Mapping[str, DatedTable] | None" = None,
    source: "Source | None" = None,
    warehouse: "Warehouse | None" = None,
    on_built: "Callable[[Sequence[Attempt]], None] | None" = None,
) -> Publisher:
    """What builds dates of the tables on behalf of a run, its store prepared."""
    tables = tables or build_tables(settings)
    warehouse = warehouse or build_warehouse(settings)
    prepare(warehouse, (table.contract for table in tables.values()))
    return Publisher(
        warehouse,
        tables,
        source or build_source(settings),
        run_id,
        first_date=settings.first_date,
        on_built=on_built,
    )


@dataclass(frozen=True)
class Deployment:
    """The pieces a command works with."""

    settings: Settings
    tables: "Mapping[str, DatedTable]"
    source: "Source"
    warehouse: "Warehouse"

    @classmethod
    def selected(cls, settings: Settings) -> "Deployment":
        """The pieces the settings select."""
        return cls(
            settings, build_tables(settings), build_source(settings), build_warehouse(settings)
        )

    @property
    def models_dir(self) -> Path:
        """Where the model files lie."""
        return self.settings.models_dir

    @cached_property
    def store(self) -> "Warehouse":
        """The warehouse, its tables there and of the contracts."""
        prepare(self.warehouse, (table.contract for table in self.tables.values()))
        return self.warehouse

    @contextmanager
    def reading(self) -> "Iterator[Engine | None]":
        """A session that only reads, or None where there is no warehouse yet.

        Raises:
            AnotherSource: the warehouse is filled from another source.
        """
        if not self.warehouse.exists():
            yield None
            return
        with self.store.reading() as engine:
            refuse_another_source(ledger.source_identity(engine), self.source.identity)
            yield engine

    def past_dates(self, last: date, *, since: date | None = None) -> list[date]:
        """The dates of the seasons the source publishes, from the first partition or ``since``."""
        return past_dates(since or self.settings.first_date, last, self.source.seasons())

    def look(self, dates: "Sequence[date]", *, deep: bool = False) -> Standing:
        """Where dates stand; ``deep`` compares every stored row with what was published.

        Raises:
            AnotherSource: as ``reading``.
            SourceError: the source cannot tell what it publishes.
        """
        listed = self._listed()
        with self.reading() as engine:
            if engine is None:
                return untouched(self.tables, dates)
            return standing(engine, self.tables, dates, self.source.name, listed=listed, deep=deep)

    def page(self, dates: "Sequence[date]", moment: "datetime") -> str:
        """The report of the dates as one HTML page.

        Raises:
            AnotherSource, SourceError: as ``look``.
        """
        from nba_assets.operations.model_report import ModelReport, model_report
        from nba_assets.operations.page import Report, html

        now = self.look(dates)
        with self.reading() as engine:
            return html(
                Report(
                    title=f"nba_assets, {dates[0]} … {dates[-1]}",
                    now=now,
                    gates=gates(engine, now, self.settings.usage_rate_coverage_season),
                    model=model_report(engine, self.tables, self.models_dir, dates)
                    if engine
                    else ModelReport(),
                    written_at=moment,
                )
            )

    def _listed(self) -> "Callable[[int], Coverage]":
        """What the source lists of a season; nothing of one it does not publish."""
        published = set(self.source.seasons())

        def listed(year: int) -> Coverage:
            if year in published:
                return self.source.covers(year)
            return Coverage(date(year, 9, 30), {})

        return listed

    def publisher(self, run_id: str) -> Publisher:
        """What builds, and compares, dates of the tables on behalf of a run or a command."""
        return build_publisher(
            self.settings,
            run_id,
            tables=self.tables,
            source=self.source,
            warehouse=self.warehouse,
        )
