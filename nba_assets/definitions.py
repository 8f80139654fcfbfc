"""What Dagster loads: the one place that knows every part."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from nba_assets.contracts.contract import Due
from nba_assets.deployment import (
    Deployment,
    build_publisher,
    build_source,
    build_tables,
    build_warehouse,
)
from nba_assets.operations.gates import coverage_gates
from nba_assets.orchestration.alerts import alerts
from nba_assets.orchestration.by_hand import jobs_by_hand, show_the_ledger
from nba_assets.orchestration.chain import build_chain
from nba_assets.orchestration.model_metadata import model_metadata
from nba_assets.orchestration.morning import morning_plan
from nba_assets.orchestration.partitions import game_date_partitions
from nba_assets.orchestration.sensors import watch_game_dates
from nba_assets.seasons import eastern_date
from nba_assets.seasons import now as eastern_now
from nba_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date, datetime

    from nba_assets.certification.ledger import Attempt
    from nba_assets.certification.publish import Publisher
    from nba_assets.contracts.dated_table import DatedTable
    from nba_assets.engines.engine import Warehouse
    from nba_assets.operations.gates import CoverageGate
    from nba_assets.sources.source import Source

WHOLE_GRAPH = "whole_graph"


def build_defs(
    settings: Settings | None = None,
    *,
    tables: "Mapping[str, DatedTable] | None" = None,
    source: "Source | None" = None,
    warehouse: "Warehouse | None" = None,
    on_built: "Callable[[Sequence[Attempt]], None] | None" = None,
    now: "Callable[[], datetime]" = eastern_now,
) -> dg.Definitions:
    """The definitions of a deployment; a test overrides pieces instead of patching them.

    ``on_built`` is told the attempts of a table and season as soon as they are recorded; ``now``
    is what sensors and schedules take for the current moment.
    """
    settings = settings or Settings.from_environment()
    chosen = tables or build_tables(settings)
    ahead = tuple(name for name, one in chosen.items() if one.contract.due is Due.SCHEDULED)

    def publisher(run_id: str) -> "Publisher":
        return build_publisher(
            settings,
            run_id,
            tables=chosen,
            source=source,
            warehouse=warehouse,
            on_built=on_built,
        )

    def deployment() -> Deployment:
        return Deployment(
            settings,
            chosen,
            source or build_source(settings),
            warehouse or build_warehouse(settings),
        )

    def season_gates() -> "list[CoverageGate]":
        built = deployment()
        dates = built.past_dates(eastern_date(now()))
        with built.reading() as engine:
            return coverage_gates(engine, chosen, dates, settings.usage_rate_coverage_season)

    def look(table: str, day: "date") -> dict[str, Any]:
        return model_metadata(deployment(), table, day)

    partitions = game_date_partitions(settings.first_date)
    chain = build_chain(chosen, partitions, publisher, season_gates, look)
    watching, seconds = settings.is_watching, settings.watch_seconds
    show = show_the_ledger(deployment)
    morning, every_morning = morning_plan(
        deployment, ahead, show, now, running=watching, cron=settings.morning
    )
    watcher = watch_game_dates(
        WHOLE_GRAPH, deployment, ahead, now, running=watching, seconds=seconds
    )
    return dg.Definitions(
        assets=[chain],
        jobs=[
            dg.define_asset_job(
                WHOLE_GRAPH, dg.AssetSelection.all(), description="Every table of a date."
            ),
            dg.define_asset_job(
                "before_tipoff",
                dg.AssetSelection.assets(*ahead),
                description="Features and predictions of a date whose games are still to come.",
            ),
            *jobs_by_hand(deployment, show, now),
            morning,
        ],
        schedules=[every_morning],
        sensors=[watcher, alerts(deployment, now, running=watching, seconds=seconds)],
        executor=dg.in_process_executor,
    )


defs = build_defs()
