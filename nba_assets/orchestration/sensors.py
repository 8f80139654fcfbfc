"""What starts runs by itself: a sensor that asks for new game dates.

It decides from the source and the ledger, never from what it did before: its cursor only remembers
which versions of a date were asked for, so that a date that is held is not run again and again
while the source has nothing else. Without the cursor, dates that are held are run once more, and
nothing else happens.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.operations.watch import Block, never_run, to_run, watched
from nba_assets.orchestration.dagster_private import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from nba_assets.seasons import game_dates, season_start

if TYPE_CHECKING:
    from nba_assets.deployment import Deployment


def new_game_dates(
    job: str,
    deployment: "Callable[[], Deployment]",
    before_tipoff: tuple[str, ...],
    today: Callable[[], date],
    *,
    running: bool,
) -> dg.SensorDefinition:
    """A sensor on the last ``watched_days`` and today that runs a job; see ``operations.watch``.

    A tick that fails leaves the cursor, so that nothing it should have asked for is lost.
    """

    @dg.sensor(
        name="new_game_dates",
        job_name=job,
        minimum_interval_seconds=300,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            "Runs the dates of the last days whose games are all final and that are not certified "
            "in every table, unbroken ones as one run; and what can be known of today's games "
            "before they begin, again whenever the source has anything new of them."
        ),
    )
    def new_game_dates(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        chosen = deployment()
        last = today()
        first = max(last - timedelta(days=chosen.settings.watched_days), chosen.settings.first_date)
        earlier = max(season_start(first), chosen.settings.first_date)
        before = list(game_dates(earlier, first - timedelta(days=1)))
        found = watched(chosen.source, list(game_dates(first, last)))
        asked = _read(context.cursor)
        with chosen.reading() as engine:
            missing = never_run(engine, before)
            blocks = to_run(engine, tuple(chosen.tables), before_tipoff, found, asked)
        if missing:
            return dg.SkipReason(
                f"{len(missing)} dates from {missing[0]} to {missing[-1]} were never run: without "
                "them the features of later dates are held. Run `nba-assets backfill` first"
            )
        if not blocks:
            return dg.SkipReason(f"nothing new from {first} to {last}")
        days = {
            one.day: one.fingerprint
            for one in found
            if any(block.first <= one.day <= block.last for block in blocks)
        }
        kept = {day: known for day, known in asked.items() if day >= first}
        return dg.SensorResult(
            [_request(block) for block in blocks], cursor=_written({**kept, **days})
        )

    return new_game_dates


def _request(block: Block) -> dg.RunRequest:
    """One run of the block; the same block with the same rows is never run twice."""
    return dg.RunRequest(
        run_key=f"{block.first}…{block.last} {','.join(block.tables)} {block.fingerprint}",
        asset_selection=[dg.AssetKey(name) for name in block.tables],
        tags={
            ASSET_PARTITION_RANGE_START_TAG: block.first.isoformat(),
            ASSET_PARTITION_RANGE_END_TAG: block.last.isoformat(),
        },
    )


def _read(cursor: str | None) -> dict[date, str]:
    stored: Mapping[str, str] = json.loads(cursor) if cursor else {}
    return {date.fromisoformat(day): known for day, known in stored.items()}


def _written(asked: Mapping[date, str]) -> str:
    return json.dumps({day.isoformat(): known for day, known in sorted(asked.items())})
