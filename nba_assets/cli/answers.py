"""Commands that only ask: ``status``, ``plan``, ``certify``, ``quarantine``.

They do not import Dagster, so that they answer at once.
"""

from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from nba_assets.certification import ledger
from nba_assets.cli import console
from nba_assets.cli.health import not_watched
from nba_assets.cli.options import (
    DAY,
    as_json_option,
    deep_option,
    everything_option,
    exit_with,
    period,
    print_json,
    table_named,
)
from nba_assets.cli.session import existing, no_warehouse
from nba_assets.deployment import Deployment
from nba_assets.operations import report
from nba_assets.operations.checkpoint import checkpoints
from nba_assets.operations.gates import CoverageGate, coverage_gates, every_date
from nba_assets.operations.plan import Standing, runs, span
from nba_assets.operations.plan import plan as what_must_run
from nba_assets.seasons import season_label

if TYPE_CHECKING:
    from nba_assets.engines.engine import Engine


@click.command()
@as_json_option
@everything_option
@click.option("--counts", is_flag=True, help="Show how many dates are in which state.")
@click.pass_obj
@period
def status(
    deployment: Deployment,
    *,
    dates: list[date],
    as_json: bool,
    everything: bool,
    counts: bool,
) -> None:
    """Is every past date complete? Yes or no, the gaps, coverage, and the model's error."""
    now = deployment.look(dates)
    if as_json:
        print_json(_status_record(deployment, now))
        return
    if not now.statuses:
        _nothing_yet(deployment, now)
        return
    show_report(deployment, now, everything=everything, counts=counts)
    with deployment.reading() as engine:
        newest = ledger.last_recorded(engine) if engine else None
    if newest:
        console.show(
            f"\nLatest attempt: {newest.recorded_at:%Y-%m-%d %H:%M} UTC, {newest.table_name} "
            f"{newest.game_date}, run {newest.run_id}."
        )


@click.command()
@as_json_option
@everything_option
@click.pass_obj
@period
def plan(
    deployment: Deployment,
    *,
    dates: list[date],
    as_json: bool,
    everything: bool,
) -> None:
    """What would run, and why: missing, held, waiver, stale, or because an input of it will run."""
    now = deployment.look(dates)
    needs = what_must_run(now)
    wanted = runs((need.key for need in needs), deployment.tables)
    if as_json:
        print_json(
            {
                "needs": [
                    {
                        "table": need.table_name,
                        "first": start,
                        "last": end,
                        "dates": number,
                        "reason": need.reason,
                        "detail": need.detail,
                    }
                    for need, start, end, number in console.need_ranges(needs)
                ],
                "runs": [
                    {"first": run.first, "last": run.last, "tables": run.tables} for run in wanted
                ],
            }
        )
    elif not needs and now.needs:
        click.echo(
            f"Nothing to run now: {console.plural(len(now.needs), 'table-date')} of "
            f"{span(dates[0], dates[-1])} wait for something upstream that has not "
            "changed; `nba-assets status` names it."
        )
    elif not needs:
        click.echo(f"Nothing to run: {span(dates[0], dates[-1])} is complete and up to date.")
    else:
        console.show(console.planned(needs, wanted, everything=everything))


@click.command()
@as_json_option
@everything_option
@deep_option
@click.pass_obj
@period
def certify(
    deployment: Deployment,
    *,
    dates: list[date],
    as_json: bool,
    everything: bool,
    deep: bool,
) -> None:
    """The gate: exits 0 only if every date is certified and up to date in every table.

    Beside this strict rule, usage_rate must be there on the required share of the rows with
    minutes > 0, overall and in every season (NBA_ASSETS_USAGE_RATE_COVERAGE_SEASON, 0.45).
    """
    now = deployment.look(dates, deep=deep)
    with deployment.reading() as engine:
        found = _gates(deployment, engine, now)
        records = checkpoints(engine, now) if as_json else []
    passed = all(gate.passed for gate in (every_date(now), *found))
    if as_json:
        print_json(
            {
                "certified": passed,
                "first": dates[0],
                "last": dates[-1],
                "gates": [
                    {
                        "period": gate.period,
                        "rows": gate.rows,
                        "with_usage_rate": gate.with_usage_rate,
                        "coverage": round(100 * gate.share, 2),
                        "required": round(100 * gate.required, 2),
                        "passed": gate.passed,
                    }
                    for gate in found
                ],
                "checkpoints": records,
            }
        )
    else:
        console.show(console.verdict(now))
        if found:
            console.show(console.coverages(found))
        if now.needs:
            console.show(console.causes(report.gaps(now), everything=everything))
        failed = ", ".join(gate.period for gate in found if not gate.passed)
        if failed:
            console.show(
                f"usage_rate coverage is below the gate: {failed}; see player_game_summary."
            )
        _show_watching(deployment)
        console.show(console.ruling(passed=passed))
    exit_with(passed=passed)


@click.group()
def quarantine() -> None:
    """What was rejected, with the reason and the rows."""


@quarantine.command("list")
@as_json_option
@everything_option
@click.option("--table", help="Only of this table.")
@click.option("--history", is_flag=True, help="Also what has been mended since.")
@click.pass_obj
@period
def quarantine_list(
    deployment: Deployment,
    *,
    dates: list[date],
    as_json: bool,
    everything: bool,
    table: str | None,
    history: bool,
) -> None:
    """What is rejected now: table, date, game, reason."""
    tables = (table_named(deployment, table),) if table else tuple(deployment.tables)
    with existing(deployment) as engine:
        now = deployment.look(dates).within(tables, set(dates))
        found = report.rejected(engine, now, closed=history)
    if as_json:
        print_json([vars(one) for one in found])
    elif not found:
        click.echo("Quarantine is empty." if history else "Nothing is in quarantine now.")
    else:
        console.show(console.rejections(found, everything=everything))


@quarantine.command("show")
@click.argument("table")
@click.argument("day", **DAY)
@click.option("--game", help="Only of this game id.")
@as_json_option
@everything_option
@click.pass_obj
def quarantine_show(
    deployment: Deployment,
    *,
    table: str,
    day: date,
    game: str | None,
    as_json: bool,
    everything: bool,
) -> None:
    """The rejected rows of a date, latest first."""
    table_named(deployment, table)
    with existing(deployment) as engine:
        found = report.rejected_rows(engine, table, day, game)
    if as_json:
        names = ("publication", "game_id", "reason", "row")
        print_json([dict(zip(names, one, strict=True)) for one in found])
        return
    if not found:
        click.echo(f"Nothing of {table} {day} was ever rejected.")
        return
    shown = found if everything else found[: console.SHOWN]
    for (publication, game_id, reason), alike in groupby(shown, lambda one: one[:3]):
        console.show(f"publication {publication}, {game_id or 'no game'}: {reason}")
        for _, _, _, content in alike:
            console.show(console.row(content), "")
    if len(shown) < len(found):
        console.show(
            f"… and {console.plural(len(found) - len(shown), 'row')} more; --all lists them"
        )


def _nothing_yet(deployment: Deployment, now: Standing) -> None:
    console.show(console.verdict(now))
    if deployment.warehouse.exists():
        console.show("Nothing of this period was ever built; run `nba-assets backfill`.")
    else:
        console.show(f"Nothing was built yet: {no_warehouse(deployment)}.")


def show_report(deployment: Deployment, now: Standing, *, everything: bool, counts: bool) -> None:
    """Whether all is complete, what is not and why, coverage, and the model's errors."""
    console.show(console.verdict(now))
    console.show(console.totals(now))
    console.show(console.states(now) if counts else console.matrix(now))
    gates, errors = _figures(deployment, now)
    if gates:
        console.show(console.coverages(gates))
    if errors:
        console.show(console.errors(errors))
    if now.needs:
        console.show(console.causes(report.gaps(now), everything=everything))
    _show_watching(deployment)
    console.show(f"\nData: {deployment.settings.warehouse_file.resolve()}; one view a table.")
    console.show(
        "UI: run `DAGSTER_HOME=$PWD dagster dev` in the checkout and open http://localhost:3000."
    )


def _show_watching(deployment: Deployment) -> None:
    if found := not_watched(deployment):
        console.show(console.unwatched([line for one in found for line in one.lines(one.facts)]))


def _gates(deployment: Deployment, engine: "Engine | None", now: Standing) -> list[CoverageGate]:
    required = deployment.settings.usage_rate_coverage_season
    return coverage_gates(engine, now.tables, now.dates, required)


def _figures(
    deployment: Deployment, now: Standing
) -> tuple[list[CoverageGate], list[report.PredictionError]]:
    """Coverage and the model's errors, where their tables are among those looked at."""
    with deployment.reading() as engine:
        gates = _gates(deployment, engine, now)
        if engine is None:
            return gates, []
        return gates, report.prediction_errors(engine, now.tables, now.dates)


def _status_record(deployment: Deployment, now: Standing) -> dict[str, Any]:
    gates, errors = _figures(deployment, now)
    return {
        "complete": not now.needs,
        "first": now.dates[0],
        "last": now.dates[-1],
        "warehouse": str(deployment.settings.warehouse_file.resolve()),
        "tables": [
            {"table": name, "season": season_label(year)}
            | {"dates": count.total()}
            | {state.lower(): count[state] for state in report.STATES}
            for (name, year), count in report.tally(now).items()
        ],
        "gaps": [vars(gap) for gap in report.gaps(now)],
        "usage_rate_coverage": [
            {"period": one.period, "rows": one.rows, "with_usage_rate": one.with_usage_rate}
            for one in gates
        ],
        "prediction_errors": [
            {"season": season_label(one.season_year), **vars(one)} for one in errors
        ],
    }
