"""What Dagster loads: the one place that knows every part."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.assets.chain import build_chain
from nba_assets.assets.graph import dated_tables
from nba_assets.partitions import game_date_partitions
from nba_assets.settings import Settings
from nba_assets.warehouse.duckdb_file import DuckDBFile
from nba_assets.warehouse.publish import Publisher

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nba_assets.sources.source import Source
    from nba_assets.warehouse.dated_table import DatedTable
    from nba_assets.warehouse.warehouse import Warehouse

BEFORE_TIPOFF = (
    "schedule",
    "player_availability",
    "team_form",
    "player_features",
    "player_points_model",
    "player_points_predictions",
)
"""What can be certified before a date's games are played."""


def build_source(settings: Settings) -> "Source":
    """The configured source."""
    if settings.source == "files":
        from nba_assets.sources.files import FilesSource

        return FilesSource(settings.files_dir or Path())
    from nba_assets.sources.simulated import SimulatedLeague

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
    return dated_tables(settings.data_dir / "models")


def build_publisher(
    settings: Settings,
    run_id: str,
    *,
    tables: "Mapping[str, DatedTable] | None" = None,
    source: "Source | None" = None,
    warehouse: "Warehouse | None" = None,
) -> Publisher:
    """What builds dates of the tables on behalf of a run, its store prepared."""
    tables = tables or build_tables(settings)
    warehouse = warehouse or build_warehouse(settings)
    warehouse.prepare(table.contract for table in tables.values())
    return Publisher(
        warehouse, tables, source or build_source(settings), settings.thresholds, run_id
    )


def build_defs(
    settings: Settings | None = None,
    *,
    tables: "Mapping[str, DatedTable] | None" = None,
    source: "Source | None" = None,
    warehouse: "Warehouse | None" = None,
) -> dg.Definitions:
    """The definitions of a deployment; a test overrides pieces instead of patching them."""
    settings = settings or Settings.from_environment()
    chosen = tables or build_tables(settings)

    def publisher(run_id: str) -> Publisher:
        return build_publisher(settings, run_id, tables=chosen, source=source, warehouse=warehouse)

    chain = build_chain(chosen, game_date_partitions(settings.first_date), publisher)
    return dg.Definitions(
        assets=[chain],
        jobs=[
            dg.define_asset_job(
                "whole_graph", dg.AssetSelection.all(), description="Every table of a date."
            ),
            dg.define_asset_job(
                "before_tipoff",
                dg.AssetSelection.assets(*BEFORE_TIPOFF),
                description="Features and predictions of a date whose games are still to come.",
            ),
        ],
        executor=dg.in_process_executor,
    )


defs = build_defs()
