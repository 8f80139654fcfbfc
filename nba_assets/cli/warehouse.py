"""Commands about the warehouse as a whole: ``export``, ``import``, ``vacuum``, ``migrate``."""

from datetime import timedelta
from pathlib import Path

import click

from nba_assets.certification import backup, schema
from nba_assets.certification.migrations import VERSION
from nba_assets.certification.vacuum import dead, remove
from nba_assets.cli import console
from nba_assets.cli.session import existing, require_warehouse, writing
from nba_assets.deployment import Deployment
from nba_assets.operations.models_folder import unused

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--as-of",
    type=click.IntRange(min=0),
    metavar="PUBLICATION",
    help="What the warehouse was then; what it is now unless given.",
)
@click.pass_obj
def export(deployment: Deployment, folder: Path, as_of: int | None) -> None:
    """Write all tables as Parquet, with the ledger and the model files beside them.

    `nba-assets import` makes an empty warehouse of it again: it is the backup.
    """
    contracts = [table.contract for table in deployment.tables.values()]
    with existing(deployment) as engine:
        made = backup.export(engine, contracts, folder, deployment.models_dir, as_of)
    click.echo(
        f"Exported: {folder.resolve()}, {console.plural(sum(made.rows.values()), 'row')} of "
        f"{console.plural(len(made.rows), 'table')} as of publication {made.publication}."
    )


@click.command("import")
@click.argument("folder", type=_FOLDER)
@click.pass_obj
def import_(deployment: Deployment, folder: Path) -> None:
    """Fill an empty warehouse with an export; all of it, or nothing.

    Every row is compared with what its ledger vouches for.
    """
    contracts = [table.contract for table in deployment.tables.values()]
    with deployment.store.writing() as engine:
        made = backup.bring_in(engine, contracts, folder, deployment.models_dir)
    click.echo(
        f"Imported: {console.plural(sum(made.rows.values()), 'row')} of "
        f"{console.plural(len(made.rows), 'table')} as of publication {made.publication}. "
        "`nba-assets status` shows where it stands."
    )


@click.command()
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    required=True,
    metavar="DAYS",
    help="Versions superseded within so many days stay.",
)
@click.option("--now", is_flag=True, help="Remove it; without this it is only said.")
@click.pass_obj
def vacuum(deployment: Deployment, *, keep: int, now: bool) -> None:
    """Remove versions of dates that were superseded for longer; never a current row.

    What was removed can be restored, compared and reproduced no more. Files of models no version
    names any more, and of fits that were not used since, go as well; so do the logs of runs that
    ended before, and results of checks that have newer ones. The UI shows the same dates.
    """
    from nba_assets.orchestration.launch import instance_here
    from nba_assets.orchestration.retention import old, remove_old

    contracts = [table.contract for table in deployment.tables.values()]
    with writing(deployment) as engine:
        found = dead(engine, contracts, timedelta(days=keep))
        if now and (found.versions or found.verdicts):
            remove(engine, found)
        files = unused(engine, deployment.models_dir, timedelta(days=keep))
    console.show(console.dead(found, removed=now))
    console.show(console.unused_files(files, removed=now))
    if now:
        for file in files:
            file.unlink(missing_ok=True)
    with instance_here() as instance:
        history = old(instance, timedelta(days=keep))
        if now:
            remove_old(instance, timedelta(days=keep))
    console.show(console.old_history(history, removed=now))


@click.command()
@click.pass_obj
def migrate(deployment: Deployment) -> None:
    """Bring a warehouse made by an older release to this one's schema, whole or not at all."""
    require_warehouse(deployment)
    contracts = [table.contract for table in deployment.tables.values()]
    found = schema.migrate(deployment.warehouse, contracts)
    if found == VERSION:
        click.echo(f"The warehouse has schema version {VERSION} already.")
    else:
        click.echo(
            f"Migrated: the warehouse has schema version {VERSION} now, {found} before. "
            "`nba-assets certify --deep` compares every row with the ledger."
        )
