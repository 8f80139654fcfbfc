"""``nba-assets evaluate``: what the predictions of a period were worth."""

from datetime import date

import click

from nba_assets.cli import console
from nba_assets.cli.options import as_json_option, exit_with, period, print_json
from nba_assets.cli.session import writing
from nba_assets.deployment import Deployment


@click.command()
@as_json_option
@click.option(
    "--as-told", is_flag=True, help="What was told before tip-off, not what would be told now."
)
@click.pass_obj
@period
def evaluate(deployment: Deployment, *, dates: list[date], as_json: bool, as_told: bool) -> None:
    """The error of the predictions of a period beside every baseline, on the same player-games.

    With what chance makes of the difference (a bootstrap over days), how often the intervals held,
    and how often this period was looked at before: each look is recorded in the warehouse. Exits 1
    where nothing was predicted.
    """
    from nba_assets.operations.evaluation import evaluate as judge

    with writing(deployment) as engine:
        found = judge(engine, deployment.tables, dates[0], dates[-1], as_told=as_told)
    if as_json:
        print_json([record for one in found.evidence for record in one.records()])
    else:
        console.show(console.evaluation(found))
    exit_with(passed=bool(found.evidence))
