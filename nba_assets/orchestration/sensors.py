"""What starts runs by itself: a sensor that keeps every date as the source has it.

It decides from the source and the ledger. Its cursor remembers what was last asked for a date, so
that what is held is not run again while the source has nothing else, and what fails not too often.
Without the cursor, held dates are run once more; the run key drops what was run before.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.certification import ledger
from nba_assets.operations.source_now import read, watched
from nba_assets.operations.watch import Block, due, remembered, to_look_at, to_remember
from nba_assets.orchestration.dagster_private import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from nba_assets.seasons import eastern_date, season_start

if TYPE_CHECKING:
    from nba_assets.deployment import Deployment

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


WATCHER = "watch_game_dates"


def watch_game_dates(
    job: str,
    deployment: "Callable[[], Deployment]",
    before_tipoff: tuple[str, ...],
    now: Callable[[], datetime],
    *,
    running: bool,
    seconds: int,
) -> dg.SensorDefinition:
    """A sensor that runs a job for what ``operations.watch`` says is due.

    A tick that fails leaves the cursor, so that nothing it should have asked for is lost.
    """

    @dg.sensor(
        name=WATCHER,
        job_name=job,
        minimum_interval_seconds=seconds,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            "Runs what is not certified, or certified otherwise than the source has it now: dates "
            "whose games are over, corrected ones with what depends on them, and what can be known "
            "of today's games before they begin. Waits for games in play, and for runs to end."
        ),
    )
    def watch_game_dates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        unfinished = context.instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED), limit=1)
        if unfinished:
            run = unfinished[0].dagster_run
            return dg.SkipReason(f"waits for run {run.run_id}, which is {run.status.value}")
        moment, chosen = now(), deployment()
        settings = chosen.settings
        today = eastern_date(moment)
        recent = max(today - timedelta(days=settings.watched_days), settings.first_date)
        since = _tended_since(chosen, recent)
        if since is None:
            return dg.SkipReason(
                f"nothing was ever built, and the season of {recent} began before: what could be "
                "built of it now would be held. Run `nba-assets backfill` first"
            )
        standing = chosen.look(chosen.past_dates(today, since=since))
        asked = remembered(context.cursor)
        recent_dates = [day for day in standing.dates if day >= recent]
        looked_at = to_look_at(standing, recent_dates, asked, moment)
        readings = read(chosen.source, chosen.tables, looked_at)
        with chosen.reading() as engine:
            found = watched(
                engine, chosen.tables, readings, timedelta(hours=settings.expected_hours)
            )
        ripe = due(
            standing, found, before_tipoff, asked, moment, game_by_game=settings.game_by_game
        )
        cursor = to_remember(ripe.asked)
        if not ripe.blocks:
            return dg.SensorResult(
                skip_reason=f"nothing to do from {since} to {today}", cursor=cursor
            )
        return dg.SensorResult([_request(block) for block in ripe.blocks], cursor=cursor)

    return watch_game_dates


def _tended_since(deployment: "Deployment", recent: date) -> date | None:
    """The first date that is kept complete: the first there ever was a record of.

    Before there is any, the first recent one, unless its season has earlier ones that its windows
    would lack: the first build of a warehouse is an operator's.
    """
    with deployment.reading() as engine:
        first = ledger.first_date(engine) if engine else None
    if first is not None:
        return first
    begun = max(season_start(recent), deployment.settings.first_date)
    return recent if begun >= recent else None


def _request(block: Block) -> dg.RunRequest:
    """One run of the block; what was asked for with the same key is not run twice."""
    return dg.RunRequest(
        run_key=f"{block.first}…{block.last} {','.join(block.tables)} {block.key}",
        asset_selection=[dg.AssetKey(name) for name in block.tables],
        tags={
            ASSET_PARTITION_RANGE_START_TAG: block.first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: block.last.isoformat(),
        },
    )
