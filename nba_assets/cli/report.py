"""``nba-assets report``: a page a person would rather look at than read."""

from datetime import date
from pathlib import Path

import click

from nba_assets.cli.options import period
from nba_assets.cli.session import require_warehouse
from nba_assets.deployment import Deployment
from nba_assets.seasons import now


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="report.html")
@click.pass_obj
@period
def report(deployment: Deployment, *, dates: list[date], file: Path) -> None:
    """Write a page with every date of every table as a coloured cell, coverage and the model.

    One HTML file, report.html unless another is named, that needs nothing beside it. Point at a
    cell to see its date, and why it is not complete.
    """
    require_warehouse(deployment)
    page = deployment.page(dates, now())
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"the report cannot be written: {error}") from error
    click.echo(f"Written: {file.resolve()}")
