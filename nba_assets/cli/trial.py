"""``nba-assets trial``: by which another configuration of the model takes the champion's place."""

import getpass
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import click

from nba_assets.cli import console
from nba_assets.cli.options import (
    DAY,
    Commands,
    as_json_option,
    exit_with,
    print_json,
    reason_of,
)
from nba_assets.cli.session import existing, writing
from nba_assets.deployment import Deployment
from nba_assets.modeling.information import InformationSet
from nba_assets.seasons import today


class _Window(click.ParamType[tuple[date, date]]):
    """A range of dates, such as 2024-02-04..2024-04-14."""

    name = "FROM..TO"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[date, date]:
        """See ``click.ParamType``."""
        try:
            first, last = map(date.fromisoformat, str(value).split(".."))
        except ValueError:
            self.fail(f"{value!r} is no range of dates such as 2024-02-04..2024-04-14", param, ctx)
        return first, last


@click.group(cls=Commands)
def trial() -> None:
    """Try another configuration of the model: declared first, scored once, promoted if better."""


@trial.command()
@click.option(
    "--of-release",
    is_flag=True,
    help="What this release would begin a new warehouse with: a challenger after an upgrade.",
)
@click.pass_obj
def champion(deployment: Deployment, *, of_release: bool) -> None:
    """The configuration in force today, to edit into a challenger."""
    from nba_assets.operations import trials

    with deployment.reading() as engine:
        found = (
            trials.of_release(deployment.tables)
            if of_release
            else trials.champion(engine, deployment.tables, today())
        )
    print_json(asdict(found))


@trial.command()
@click.argument("name")
@click.argument("challenger", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="What it should make better, and by what.")
@click.option(
    "--improves",
    multiple=True,
    type=click.Choice([known.value for known in InformationSet]),
    help="An information set it should be better in; repeat it for several, all unless given.",
)
@click.option(
    "--choosing",
    multiple=True,
    required=True,
    type=_Window(),
    help="Dates it must be better on; may be repeated.",
)
@click.option(
    "--elsewhere",
    multiple=True,
    required=True,
    type=_Window(),
    help="Dates it must do no harm on; may be repeated.",
)
@click.option("--takes-effect", **DAY, help="The Monday from this date on; the next unless given.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def declare(
    deployment: Deployment,
    *,
    name: str,
    challenger: Path,
    reason: str,
    improves: tuple[str, ...],
    choosing: tuple[tuple[date, date], ...],
    elsewhere: tuple[tuple[date, date], ...],
    takes_effect: date | None,
    by: str | None,
) -> None:
    """Write down what the configuration in the file CHALLENGER should improve, and on which dates.

    Nothing is scored. What is declared does not change, and takes effect, if it is promoted, after
    all dates it was judged on.
    """
    from nba_assets.operations import trials

    said = trials.Declaration(
        name,
        reason_of(reason),
        challenger.read_text(encoding="utf-8"),
        "",
        tuple(InformationSet(known) for known in improves) or tuple(InformationSet),
        choosing,
        elsewhere,
        takes_effect or today(),
    )
    with writing(deployment) as engine:
        found = trials.declare(engine, deployment.tables, said, by or getpass.getuser())
    console.show(console.declared(found))


@trial.command()
@click.argument("name")
@as_json_option
@click.option("--by", help="Who scores it; the user's name unless given.")
@click.pass_obj
def score(deployment: Deployment, *, name: str, as_json: bool, by: str | None) -> None:
    """Score a declared trial, once: the challenger is promoted, or the champion stays.

    Both on the same player-games; the challenger is trained anew every Monday, some three seconds a
    week and information set. Exits 0 exactly when the challenger is promoted.
    """
    from nba_assets.operations import trials

    found, outcome = trials.score(lambda: existing(deployment), deployment.tables, name)
    with writing(deployment) as engine:
        trials.conclude(engine, deployment.tables, found, outcome, by or getpass.getuser())
    if as_json:
        click.echo(outcome.text)
    else:
        console.show(console.outcome(found, outcome))
    exit_with(passed=outcome.promoted)


@trial.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why it will not be scored.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def withdraw(deployment: Deployment, *, name: str, reason: str, by: str | None) -> None:
    """End a declared trial that will not be scored; the record of it stays."""
    from nba_assets.operations import trials

    with writing(deployment) as engine:
        trials.withdraw(engine, name, reason_of(reason), by or getpass.getuser())
    click.echo(f"Withdrawn: trial {name}.")


@trial.command(name="list")
@as_json_option
@click.pass_obj
def list_(deployment: Deployment, *, as_json: bool) -> None:
    """Every trial there ever was, and what came of it."""
    from nba_assets.operations import trials

    with deployment.reading() as engine:
        found = trials.trials(engine) if engine else []
    if as_json:
        print_json([one.record() for one in found])
    elif found:
        console.show(console.trials(found))
    else:
        click.echo("No configuration was ever tried.")
