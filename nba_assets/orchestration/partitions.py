"""The daily partitions: US Eastern game dates, today included, without the off-season."""

from datetime import date

import dagster as dg

from nba_assets.seasons import FIRST_GAME_DATE, OFF_SEASON_MONTHS


def game_date_partitions(first: date = FIRST_GAME_DATE) -> dg.DailyPartitionsDefinition:
    """Every day from ``first`` to today outside July to September.

    Only the static off-season is excluded: a change of exclusions changes the identity of the
    partitions. A day without games stays a partition and is certified as empty.
    """
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(),
        timezone="America/New_York",
        end_offset=1,
        exclusions=[f"0 0 * {OFF_SEASON_MONTHS[0]}-{OFF_SEASON_MONTHS[-1]} *"],
    )
