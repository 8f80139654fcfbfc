"""Commands that run the graph: ``backfill`` and ``repair``."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import click

from nba_assets.certification import ledger
from nba_assets.cli import console
from nba_assets.cli.answers import show_report
from nba_assets.cli.options import (
    deep_option,
    everything_option,
    exit_with,
    period,
    selected,
)
from nba_assets.contracts.dated_table import FromSource
from nba_assets.deployment import Deployment
from nba_assets.operations.plan import (
    Reason,
    Run,
    Standing,
    corrected,
    span,
)
from nba_assets.operations.plan import (
    repair as repair_until_done,
)
from nba_assets.seasons import game_dates, season_label, season_year, today

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Attempt
    from nba_assets.orchestration.launch import Launcher


@click.command()
@click.option(
    "--select",
    default="",
    metavar="TABLES",
    help="Tables or groups (raw, analytics, precompute, models), comma-separated; all by default.",
)
@everything_option
@click.pass_obj
@period
def backfill(
    deployment: Deployment,
    *,
    dates: list[date],
    select: str,
    everything: bool,
) -> None:
    """Build a period through Dagster, all published dates up to yesterday by default.

    What is certified, up to date, and delivered by the source as it was, is looked at and left as
    it is. Exits 0 exactly when every date ended complete or expectedly empty.
    """
    tables = selected(deployment, select)
    delivered = _differing(deployment, dates, tables)

    def look() -> Standing:
        now = corrected(deployment.look(dates), delivered).within(tables, set(dates))
        delivered.clear()  # what was said once has been launched
        return now

    with _launched(deployment) as launch:
        repair_until_done(look, launch)
    _conclude(deployment, dates, tables, everything=everything)


@click.command()
@everything_option
@deep_option
@click.pass_obj
@period
def repair(
    deployment: Deployment,
    *,
    dates: list[date],
    everything: bool,
    deep: bool,
) -> None:
    """Run what `nba-assets plan` lists, then what that made stale, until nothing is left to try.

    Exits 0 exactly when every date of the period ended complete or expectedly empty.
    """
    with _launched(deployment) as launch:
        repair_until_done(lambda: deployment.look(dates, deep=deep), launch)
    _conclude(deployment, dates, tuple(deployment.tables), everything=everything)


@click.command()
@click.pass_obj
def sync(deployment: Deployment) -> None:
    """Have Dagster show what the ledger says, where it shows anything else; builds nothing.

    For after a run was cancelled, an asset was wiped, or the warehouse was filled or repaired from
    elsewhere. Exits 0 exactly when the two agree in the end.
    """
    from nba_assets.orchestration.launch import instance_here
    from nba_assets.orchestration.picture import contradictions
    from nba_assets.orchestration.picture import sync as record

    _warn_unseen()
    with instance_here() as instance:
        console.show(console.contradictions(found := record(deployment, instance)))
        left = contradictions(deployment, instance) if found else {}
    if left:
        console.show(console.contradictions(left))
    exit_with(passed=not left)


def _warn_unseen() -> None:
    from nba_assets.orchestration.launch import is_seen_in_ui

    if not is_seen_in_ui():
        console.console(stderr=True).print(
            "No DAGSTER_HOME and no dagster.yaml here: these runs will not show in the UI.",
            style="yellow",
        )


def _differing(
    deployment: Deployment, dates: Sequence[date], tables: Sequence[str]
) -> dict[str, list[date]]:
    """By raw table, the dates that were built and on which the source delivers something else."""
    raw = [name for name in tables if isinstance(deployment.tables[name].produce, FromSource)]
    with deployment.reading() as engine:
        built = (
            ledger.latest(engine, raw, dates[0], dates[-1], checks=False) if engine and raw else {}
        )
    if not built:
        return {}
    publisher = deployment.publisher("nba-assets backfill")
    return {
        name: [
            day
            for _, season in groupby((d for d in dates if (name, d) in built), season_year)
            for day in publisher.differing(name, list(season))
        ]
        for name in raw
    }


@contextmanager
def _launched(
    deployment: Deployment,
) -> "Iterator[Callable[[Sequence[Run]], None]]":
    """What launches runs, with a progress bar; a crash of one ends the command."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from nba_assets.orchestration.launch import launcher

    _warn_unseen()
    err = console.console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("starting", total=0)

        def on_built(attempts: "Sequence[Attempt]") -> None:
            line = _built(attempts)
            progress.update(task, advance=1, description=line)
            if not err.is_terminal:
                err.print(line)

        with launcher(deployment, on_built) as made:

            def launch(batch: Sequence[Run]) -> None:
                steps = sum(_steps(run) for run in batch)
                progress.update(task, total=(progress.tasks[0].total or 0) + steps)
                for run in batch:
                    _launch(made, run)

            yield launch


def _launch(made: "Launcher", run: Run) -> None:
    launched = made.run(run)
    if launched.crash:
        raise click.ClickException(
            f"run {launched.run_id} of {span(run.first, run.last)} ended early: "
            f"{launched.crash}. What was certified before stays; `nba-assets repair` continues."
        )


def _steps(run: Run) -> int:
    """Tables times seasons: as often as ``on_built`` is called."""
    return len(run.tables) * len({season_year(day) for day in game_dates(run.first, run.last)})


def _built(attempts: "Sequence[Attempt]") -> str:
    bad = sum(not attempt.status.certified for attempt in attempts)
    last = attempts[-1]
    told = f", {bad} not certified" if bad else ""
    return (
        f"{last.table_name} {season_label(season_year(last.game_date))}: "
        f"{console.plural(len(attempts), 'date')}{told}"
    )


def _conclude(
    deployment: Deployment, dates: Sequence[date], tables: Sequence[str], *, everything: bool
) -> None:
    """The summary of what a command built; exits 1 unless all of it is complete."""
    known = deployment.past_dates(today() - timedelta(days=1))
    whole = deployment.look(sorted({*known, *dates}))
    now = whole.within(tables, set(dates))
    show_report(deployment, now, everything=everything, counts=False)
    others = [
        key
        for key, need in whole.needs.items()
        if key not in now.needs and need.reason in (Reason.STALE, Reason.WAIVER)
    ]
    if others:
        days = sorted({day for _, day in others})
        console.show(
            f"Beyond what ran, {console.plural(len(others), 'table-date')} of "
            f"{span(days[0], days[-1])} are out of date: `nba-assets repair`.",
        )
    exit_with(passed=not now.needs)
