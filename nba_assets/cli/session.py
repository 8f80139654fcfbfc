"""Sessions of commands on the warehouse, and what they find there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import click

from nba_assets.certification import ledger
from nba_assets.certification.certified import refuse_another_source
from nba_assets.deployment import Deployment
from nba_assets.operations.plan import Standing, standing, untouched
from nba_assets.sources.source import Coverage

if TYPE_CHECKING:
    from nba_assets.engines.engine import Engine


def require_warehouse(deployment: Deployment) -> None:
    """Raise unless there is a warehouse.

    Raises:
        ClickException: there is none yet.
    """
    if not deployment.warehouse.exists():
        raise click.ClickException(no_warehouse(deployment))


@contextmanager
def existing(deployment: Deployment) -> "Iterator[Engine]":
    """A session that only reads.

    Raises:
        ClickException: there is no warehouse yet.
        AnotherSource: it is filled from another source.
    """
    with deployment.reading() as engine:
        if engine is None:
            raise click.ClickException(no_warehouse(deployment))
        yield engine


@contextmanager
def writing(deployment: Deployment, *, any_source: bool = False) -> "Iterator[Engine]":
    """A session that may change the warehouse.

    Raises:
        ClickException: there is none yet.
        AnotherSource: it is filled from another source, where that matters.
    """
    require_warehouse(deployment)
    with deployment.store.writing() as engine:
        if not any_source:
            refuse_another_source(ledger.source_identity(engine), deployment.source.identity)
        yield engine


def look_at(deployment: Deployment, dates: Sequence[date], *, deep: bool = False) -> Standing:
    """Where the dates stand; ``deep`` compares every stored row with what was published."""
    listed = _listed(deployment)
    with deployment.reading() as engine:
        if engine is None:
            return untouched(deployment.tables, dates)
        return standing(
            engine, deployment.tables, dates, deployment.source.name, listed=listed, deep=deep
        )


def _listed(deployment: Deployment) -> "Callable[[int], Coverage]":
    """What the source lists of a season; nothing of one it does not publish."""
    published = set(deployment.source.seasons())

    def listed(year: int) -> Coverage:
        if year in published:
            return deployment.source.covers(year)
        return Coverage(date(year, 9, 30), {})

    return listed


def no_warehouse(deployment: Deployment) -> str:
    """What to say where there is nothing yet."""
    return (
        f"there is no warehouse at {deployment.settings.warehouse_file.resolve()}; run "
        "`nba-assets backfill`, or set NBA_ASSETS_DATA_DIR to where it lies"
    )
