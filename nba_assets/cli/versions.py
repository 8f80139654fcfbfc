"""Commands about the versions of a date: ``history``, ``diff``, ``restore``, ``reproduce``."""

import getpass
from datetime import date
from typing import Any

import click

from nba_assets.certification import ledger
from nba_assets.certification.versions import difference
from nba_assets.cli import console
from nba_assets.cli.options import (
    DAY,
    as_json_option,
    everything_option,
    exit_with,
    print_json,
    reason_of,
    table_named,
)
from nba_assets.cli.session import existing, require_warehouse
from nba_assets.deployment import Deployment

_NUMBER: dict[str, Any] = {"type": click.IntRange(min=0), "metavar": "PUBLICATION"}


@click.command()
@click.argument("table")
@click.argument("day", **DAY)
@as_json_option
@click.pass_obj
def history(deployment: Deployment, *, table: str, day: date, as_json: bool) -> None:
    """Every record of a date, oldest first, and which of its versions is current."""
    table_named(deployment, table)
    with deployment.reading() as engine:
        found = ledger.history(engine, table, day) if engine else []
    if as_json:
        print_json([one.as_row() for one in found])
    elif found:
        console.show(console.history(found))
    else:
        click.echo(f"{table} {day} was never attempted.")


@click.command()
@click.argument("table")
@click.argument("day", **DAY)
@click.option("--from", "before", **_NUMBER, help="Of the version as of this publication.")
@click.option("--to", "after", **_NUMBER, help="To the version as of this one.")
@as_json_option
@everything_option
@click.pass_obj
def diff(
    deployment: Deployment,
    *,
    table: str,
    day: date,
    before: int | None,
    after: int | None,
    as_json: bool,
    everything: bool,
) -> None:
    """Rows of a date that came, went or changed, column by column.

    To the current version from the one before it, unless publications are named; `nba-assets
    history` lists them.
    """
    contract = deployment.tables[table_named(deployment, table)].contract
    with existing(deployment) as engine:
        found = difference(engine, contract, day, before, after)
    if as_json:
        print_json(
            {
                "from": found.old and found.old.publication,
                "to": found.new.publication,
                "came": found.came,
                "went": found.went,
                "changed": [
                    {
                        "row": row,
                        "columns": {
                            name: {"before": was, "after": now}
                            for name, (was, now) in columns.items()
                        },
                    }
                    for row, columns in found.changed
                ],
            }
        )
    else:
        console.show(console.difference(found, everything=everything))


@click.command()
@click.argument("table")
@click.argument("day", **DAY)
@click.option("--publication", **_NUMBER, required=True, help="As of which it was true.")
@click.option("--reason", required=True, help="Why that version is the true one.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def restore(
    deployment: Deployment, *, table: str, day: date, publication: int, reason: str, by: str | None
) -> None:
    """Make an earlier certified version of a date the current one again.

    It must pass today's audit, and what depends on it is out of date then. The version it replaces
    is not taken again when the source delivers it once more; any other one is.
    """
    table_named(deployment, table)
    reason = reason_of(reason)
    require_warehouse(deployment)
    publisher = deployment.publisher("nba-assets restore")
    restored = publisher.restore(table, day, publication, reason, by or getpass.getuser())
    click.echo(
        f"Restored: {table} {day} is what publication {restored.stored_publication} stored, "
        f"{console.plural(restored.stored_rows, 'row')}. `nba-assets repair` runs what depends "
        "on it; `nba-assets plan` shows what that is."
    )


@click.command()
@click.argument("table")
@click.argument("day", **DAY)
@click.option("--publication", **_NUMBER, help="Of the version as of this one, not the current.")
@click.pass_obj
def reproduce(deployment: Deployment, *, table: str, day: date, publication: int | None) -> None:
    """Compute a version of a date once more from its inputs as they were known then.

    Exits 0 exactly when the rows are the same to the bit. It explains an old prediction after later
    corrections; nothing is changed.
    """
    table_named(deployment, table)
    require_warehouse(deployment)
    version, rows, again = deployment.publisher("nba-assets reproduce").reproduce(
        table, day, publication
    )
    same = rows.equals(again)
    told = "are the same to the bit" if same else "differ"
    click.echo(
        f"{table} {day}, publication {version.publication} of {version.recorded_at:%Y-%m-%d %H:%M} "
        f"UTC: {console.plural(rows.num_rows, 'row')} computed from the inputs as of publication "
        f"{version.publication - 1} {told}."
    )
    exit_with(passed=same)
