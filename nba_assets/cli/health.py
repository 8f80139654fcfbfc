"""``nba-assets health``: is all that is past complete, and does something look after tonight?"""

from typing import TYPE_CHECKING

import click

from nba_assets.cli import console
from nba_assets.cli.options import as_json_option, exit_with, print_json
from nba_assets.deployment import Deployment
from nba_assets.seasons import now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nba_assets.operations.findings import Finding


@click.command()
@as_json_option
@click.pass_obj
def health(deployment: Deployment, *, as_json: bool) -> None:
    """Exits 0 exactly when nothing is late, held, gone or given up, and the watcher is at work.

    Daemons, the last ticks of sensors and schedules, hanging runs, the disk, every past date, the
    gates and the model's error: what alerts tell, all of it, whether it was told or not. And
    whether Dagster shows what the ledger says.
    """
    from nba_assets.orchestration.alerts import findings
    from nba_assets.orchestration.launch import instance_here, is_seen_in_ui
    from nba_assets.orchestration.picture import contradictions

    with instance_here() as instance:
        found = findings(deployment, instance, now())
        shown = contradictions(deployment, instance) if is_seen_in_ui() else {}
    lines = [f"the source cannot be read: {found.blind}"] if found.blind else []
    lines += [line for one in found.findings for line in one.lines(one.facts)]
    if shown:
        (name, day), told = next(iter(shown.items()))
        lines.append(
            f"Dagster shows {console.plural(len(shown), 'table-date')} otherwise than the ledger "
            f"has them, {name} {day} first: {told}. `nba-assets sync`"
        )
    watching = deployment.settings.is_watching
    if as_json:
        print_json({"healthy": not lines, "watching": watching, "findings": lines})
    else:
        console.show(console.health(lines, watching=watching))
    exit_with(passed=not lines)


def not_watched(deployment: Deployment) -> "Sequence[Finding]":
    """Why nothing looks after tonight; empty where something does, or nothing is meant to."""
    if not deployment.settings.is_watching:
        return []
    from nba_assets.orchestration.alerts import watching
    from nba_assets.orchestration.launch import instance_here

    with instance_here() as instance:
        return watching(deployment, instance, now())
