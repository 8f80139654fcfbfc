"""Sessions of commands on the warehouse, and what they find there."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from nba_assets.certification import ledger
from nba_assets.certification.certified import refuse_another_source
from nba_assets.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def no_warehouse(deployment: Deployment) -> str:
    """What to say where there is nothing yet."""
    return (
        f"there is no warehouse at {deployment.settings.warehouse_file.resolve()}; run "
        "`nba-assets backfill`, or set NBA_ASSETS_DATA_DIR to where it lies"
    )
