"""``nba-assets explain``: why a player's points were predicted as they were."""

from datetime import date

import click

from nba_assets.cli import console
from nba_assets.cli.options import DAY, as_json_option, everything_option, exit_with, print_json
from nba_assets.cli.session import require_warehouse
from nba_assets.deployment import Deployment


@click.command()
@click.argument("player")
@click.argument("day", **DAY)
@as_json_option
@everything_option
@click.pass_obj
def explain(
    deployment: Deployment, *, player: str, day: date, as_json: bool, everything: bool
) -> None:
    """What each feature adds to the prediction of PLAYER, an id or a part of a name, on DATE.

    By what was known, from the certified features and the models in force; the shares and the base
    sum to the prediction. Exits 1 where there is none.
    """
    from nba_assets.operations.explanation import explanations

    require_warehouse(deployment)
    with deployment.reading() as engine:
        found = (
            explanations(engine, deployment.tables, deployment.models_dir, day, player)
            if engine
            else []
        )
    if as_json:
        print_json([one.record() for one in found])
    elif found:
        console.show(console.explained(found, everything=everything))
    else:
        click.echo(f"No prediction of {player} on {day} is certified.")
    exit_with(passed=bool(found))
