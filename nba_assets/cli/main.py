"""The command ``nba-assets``: what an operator asks, and does.

What only asks does not import Dagster, so that it answers at once.
"""

import os
from collections.abc import Mapping, Sequence

import click
from dotenv import dotenv_values

from nba_assets.cli import (
    answers,
    console,
    evaluate,
    explain,
    health,
    report,
    rulings,
    runs,
    trial,
    versions,
    warehouse,
)
from nba_assets.cli.options import Commands, exit_with
from nba_assets.deployment import Deployment
from nba_assets.settings import Settings


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nba_assets")
@click.pass_context
def main(ctx: click.Context) -> None:
    """NBA box scores to certified daily tables and a model of player points.

    Settings come from NBA_ASSETS_* variables and, as in Dagster, from a file .env of the working
    directory, which wins.
    """
    if ctx.obj is None and not ctx.resilient_parsing:
        written = {
            name: value for name, value in dotenv_values(".env").items() if value is not None
        }
        for name in sorted(written.keys() & os.environ.keys()):
            if written[name] != os.environ[name]:
                console.console(stderr=True).print(f"{name} of .env wins over the one that is set.")
        ctx.obj = Deployment.selected(Settings.from_environment({**os.environ, **written}))


@click.command()
def incident() -> None:
    """Replay the night of 2026-01-03 in a store of its own: what is caught, named and repaired.

    Exits 0 exactly when every shape of the incident is caught.
    """
    from nba_assets.rehearsal.incident import replay

    exit_with(passed=replay(console.console()))


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other faults.")
@click.option("--days", type=click.IntRange(4, 200), default=40, show_default=True)
def rehearse(seed: int, days: int) -> None:
    """Live through days of a simulated season, with faults, in a store of its own.

    A virtual clock plays the daemon: the sensors, the morning plan and the alerts, while the source
    is late, wrong, corrected or down and runs are killed. Exits 0 exactly when in the end every
    date is complete, no run was needless, and nothing was told without a cause. Ten seconds a day.
    """
    from nba_assets.rehearsal.season import rehearse as play

    exit_with(passed=play(seed, days, console.console()))


PURPOSES: Mapping[str, Sequence[click.Command]] = {
    "Look": (
        answers.status,
        answers.certify,
        health.health,
        answers.plan,
        report.report,
        evaluate.evaluate,
        explain.explain,
    ),
    "The model": (trial.trial,),
    "Build": (runs.backfill, runs.repair, runs.sync),
    "What is not there": (
        answers.quarantine,
        rulings.waive,
        rulings.waivers,
        rulings.revoke,
        rulings.accept,
    ),
    "Versions": (versions.history, versions.diff, versions.restore, versions.reproduce),
    "The warehouse": (
        warehouse.export,
        warehouse.import_,
        warehouse.vacuum,
        warehouse.migrate,
        rulings.adopt,
    ),
    "Try it": (incident, rehearse),
}
for commands in PURPOSES.values():
    for command in commands:
        main.add_command(command)
main.purposes = {
    command.name or "": purpose for purpose, commands in PURPOSES.items() for command in commands
}
