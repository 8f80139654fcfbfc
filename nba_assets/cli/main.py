"""The command ``nba-assets``: what an operator asks, and does.

What only asks does not import Dagster, so that it answers at once.
"""

import getpass
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from dotenv import dotenv_values

from nba_assets.certification import ledger
from nba_assets.certification.certified import dates_of_games, refuse_another_source
from nba_assets.certification.ledger import Kind, Ruling, Verdict
from nba_assets.cli import console
from nba_assets.contracts.contract import Unit
from nba_assets.contracts.dated_table import FromSource
from nba_assets.deployment import Deployment
from nba_assets.engines.googlesql import quoted
from nba_assets.errors import NbaAssetsError
from nba_assets.operations import report
from nba_assets.operations.plan import (
    Reason,
    Run,
    Standing,
    corrected,
    past_dates,
    plan,
    repair,
    runs,
    standing,
    untouched,
)
from nba_assets.seasons import game_dates, season_label, season_year, today
from nba_assets.settings import Settings
from nba_assets.sources.source import Coverage

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Attempt, Cause
    from nba_assets.engines.engine import Engine
    from nba_assets.orchestration.launch import Launcher


class _Group(click.Group):
    """Commands whose expected errors are told in one message, not in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NbaAssetsError as error:
            raise click.ClickException(str(error)) from error


def _as_date(_: click.Context, __: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


_DAY: dict[str, Any] = {
    "type": click.DateTime(["%Y-%m-%d"]),
    "metavar": "DATE",
    "callback": _as_date,
}


def _period(command: Callable[..., None]) -> Callable[..., None]:
    """The options that choose dates."""
    for option in (
        click.option(
            "--season",
            "seasons",
            multiple=True,
            metavar="LABEL",
            help='A season, such as "2025-26"; repeat it for several.',
        ),
        click.option("--to", "last", **_DAY, help="Last date; yesterday unless given."),
        click.option(
            "--from", "first", **_DAY, help="First date; the first published unless given."
        ),
    ):
        command = option(command)
    return command


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
_everything = click.option("--all", "everything", is_flag=True, help="Shorten no list.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="nba_assets")
@click.pass_context
def main(ctx: click.Context) -> None:
    """NBA box scores to certified daily tables and a model of player points.

    Settings come from NBA_ASSETS_* variables and, as in Dagster, from a file .env of the working
    directory, which wins.
    """
    if ctx.obj is None and not ctx.resilient_parsing:
        environment = {**os.environ, **dotenv_values(".env")}
        given = {name: value for name, value in environment.items() if value is not None}
        ctx.obj = Deployment.selected(Settings.from_environment(given))


@main.command()
@_period
@click.option(
    "--select",
    default="",
    metavar="TABLES",
    help="Tables or groups (raw, analytics, precompute, models), comma-separated; all by default.",
)
@_everything
@click.pass_obj
def backfill(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    select: str,
    everything: bool,
) -> None:
    """Build a period through Dagster, all published dates up to yesterday by default.

    What is certified, up to date, and delivered by the source as it was, is looked at and left as
    it is. Exits 0 exactly when every date ended complete or expectedly empty.
    """
    dates = _dates(deployment, first, last, seasons)
    tables = _selected(deployment, select)
    delivered = _differing(deployment, dates, tables)

    def look() -> Standing:
        now = corrected(_look(deployment, dates), delivered).within(tables, set(dates))
        delivered.clear()  # what was said once has been launched
        return now

    with _launched(deployment) as launch:
        repair(look, launch)
    _conclude(deployment, dates, tables, everything=everything)


_deep = click.option(
    "--deep",
    is_flag=True,
    help="Compare every stored row with what was published, not counts only.",
)


@main.command("repair")
@_period
@_everything
@_deep
@click.pass_obj
def repair_command(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    everything: bool,
    deep: bool,
) -> None:
    """Run what `nba-assets plan` lists, then what that made stale, until nothing is left to try.

    Exits 0 exactly when every date of the period ended complete or expectedly empty.
    """
    dates = _dates(deployment, first, last, seasons)
    with _launched(deployment) as launch:
        repair(lambda: _look(deployment, dates, deep=deep), launch)
    _conclude(deployment, dates, tuple(deployment.tables), everything=everything)


@main.command()
@_period
@_as_json
@_everything
@click.option("--counts", is_flag=True, help="Show how many dates are in which state.")
@click.pass_obj
def status(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    as_json: bool,
    everything: bool,
    counts: bool,
) -> None:
    """Is every past date complete? Yes or no, the gaps, coverage, and the model's error."""
    dates = _dates(deployment, first, last, seasons)
    now = _look(deployment, dates)
    if as_json:
        _print_json(_status_record(deployment, now))
        return
    if not now.statuses:
        _nothing_yet(deployment, now)
        return
    _report(deployment, now, everything=everything, counts=counts)
    with _reading(deployment) as engine:
        newest = ledger.last_recorded(engine) if engine else None
    if newest:
        console.show(
            f"\nLatest attempt: {newest.recorded_at:%Y-%m-%d %H:%M} UTC, {newest.table_name} "
            f"{newest.game_date}, run {newest.run_id}."
        )


@main.command("plan")
@_period
@_as_json
@_everything
@click.pass_obj
def plan_command(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    as_json: bool,
    everything: bool,
) -> None:
    """What would run, and why: missing, held, waiver, stale, or because an input of it will run."""
    dates = _dates(deployment, first, last, seasons)
    now = _look(deployment, dates)
    needs = plan(now)
    wanted = runs(needs, deployment.tables)
    if as_json:
        _print_json(
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
            f"{console.span(dates[0], dates[-1])} wait for something upstream that has not "
            "changed; `nba-assets status` names it."
        )
    elif not needs:
        click.echo(
            f"Nothing to run: {console.span(dates[0], dates[-1])} is complete and up to date."
        )
    else:
        console.show(console.planned(needs, wanted, everything=everything))


@main.command()
@_period
@_as_json
@_everything
@_deep
@click.pass_obj
def certify(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    as_json: bool,
    everything: bool,
    deep: bool,
) -> None:
    """The gate: exits 0 only if every date is certified and up to date in every table.

    Beside this strict rule, usage_rate must be there on the required share of the rows with
    minutes > 0, overall and in every season (NBA_ASSETS_USAGE_RATE_COVERAGE_SEASON, 0.45).
    """
    dates = _dates(deployment, first, last, seasons)
    now = _look(deployment, dates, deep=deep)
    required = deployment.settings.usage_rate_coverage_season
    with _reading(deployment) as engine:
        found = report.coverage(engine, deployment.tables, dates) if engine else []
    gates = [
        {
            "period": label,
            "rows": rows,
            "with_usage_rate": with_rate,
            "coverage": round(100 * with_rate / rows, 2),
            "required": round(100 * required, 2),
            "passed": with_rate >= required * rows,
        }
        for label, rows, with_rate in console.coverage_lines(found)
    ]
    passed = not now.needs and all(gate["passed"] for gate in gates)
    if as_json:
        _print_json(
            {
                "certified": passed,
                "first": dates[0],
                "last": dates[-1],
                "gates": gates,
                "checkpoints": _checkpoints(deployment, now),
            }
        )
    else:
        console.show(console.verdict(now))
        if found:
            console.show(console.coverages(found, required))
        if now.needs:
            console.show(console.causes(report.gaps(now), everything=everything))
        failed = ", ".join(str(gate["period"]) for gate in gates if not gate["passed"])
        if failed:
            console.show(
                f"usage_rate coverage is below the gate: {failed}; see player_game_summary."
            )
        console.show(console.ruling(passed=passed))
    _exit(passed=passed)


@main.group()
def quarantine() -> None:
    """What was rejected, with the reason and the rows."""


@quarantine.command("list")
@_period
@_as_json
@_everything
@click.option("--table", help="Only of this table.")
@click.option("--history", is_flag=True, help="Also what has been mended since.")
@click.pass_obj
def quarantine_list(
    deployment: Deployment,
    *,
    first: date | None,
    last: date | None,
    seasons: tuple[str, ...],
    as_json: bool,
    everything: bool,
    table: str | None,
    history: bool,
) -> None:
    """What is rejected now: table, date, game, reason."""
    tables = (_table(deployment, table),) if table else tuple(deployment.tables)
    dates = _dates(deployment, first, last, seasons)
    now = _look(deployment, dates).within(tables, set(dates))
    with _reading(deployment) as engine:
        found = report.rejected(engine, now, closed=history) if engine else []
    if as_json:
        _print_json([vars(one) for one in found])
    elif not found:
        click.echo("Quarantine is empty." if history else "Nothing is in quarantine now.")
    else:
        console.show(console.rejections(found, everything=everything))


@quarantine.command("show")
@click.argument("table")
@click.argument("day", **_DAY)
@click.option("--game", help="Only of this game id.")
@_as_json
@_everything
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
    _table(deployment, table)
    with _reading(deployment) as engine:
        found = report.rejected_rows(engine, table, day, game) if engine else []
    if as_json:
        names = ("publication", "game_id", "reason", "row")
        _print_json([dict(zip(names, one, strict=True)) for one in found])
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


@main.command()
@click.argument("table")
@click.argument("game_ids", metavar="GAME_ID...", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why it will never be filled.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def waive(
    deployment: Deployment, table: str, game_ids: tuple[str, ...], reason: str, by: str | None
) -> None:
    """Declare that a game of a table will never be filled, so that what needs it may go on.

    Of several games all are waived, or none.
    """
    _table(deployment, table)
    reason = _reason(reason)
    with _writing(deployment) as engine:
        days = {game: _waivable(deployment, engine, table, game) for game in game_ids}
        ledger.rule(engine, [_ruling(Kind.WAIVE, table, game, reason, by) for game in days])
    for game, told in days.items():
        click.echo(f"Waived: {table} {game} of {told}.")
    _what_follows(deployment)


@main.command()
@click.argument("table")
@click.argument("game_ids", metavar="GAME_ID...", nargs=-1, required=True)
@click.option("--reason", required=True, help="Why what vanished is gone for good.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def accept(
    deployment: Deployment, table: str, game_ids: tuple[str, ...], reason: str, by: str | None
) -> None:
    """Accept that what once passed of a game is no longer delivered: the smaller version is true.

    It holds for what is missing now and for no later loss. Of several games all are accepted, or
    none.
    """
    _table(deployment, table)
    reason = _reason(reason)
    with _writing(deployment) as engine:
        found = {game: _vanished(engine, table, game) for game in game_ids}
        ledger.rule(
            engine,
            [
                replace(
                    _ruling(Kind.ACCEPT, table, game, reason, by),
                    game_date=cause.game_date,
                    finding=f"{cause.rule}: {cause.detail}",
                )
                for game, causes in found.items()
                for cause in causes
            ],
        )
    for game, causes in found.items():
        for cause in causes:
            click.echo(f"Accepted: {table} {game} of {cause.game_date}: {cause.detail}.")
    _what_follows(deployment)


@main.command()
@click.option("--reason", required=True, help="Why it is the same publication.")
@click.pass_obj
def adopt(deployment: Deployment, reason: str) -> None:
    """Declare that the configured source is the publication this warehouse is filled from.

    For a folder that was moved. Nothing is read; the next run compares what it delivers.
    """
    reason = _reason(reason)
    identity = deployment.source.identity
    with _writing(deployment, any_source=True) as engine:
        known = ledger.source_identity(engine)
        if known == identity:
            raise click.ClickException(f"the warehouse is filled from {identity} already")
        ledger.adopt(engine, identity, reason)
    click.echo(f"Adopted: {identity}, in place of {known or 'none'}.")


@main.command()
@_as_json
@click.option("--history", is_flag=True, help="Also the revoked ones.")
@click.pass_obj
def waivers(deployment: Deployment, *, as_json: bool, history: bool) -> None:
    """The waivers in force."""
    with _reading(deployment) as engine:
        rulings = ledger.rulings(engine) if engine else ledger.Rulings()
        late = report.late_games(engine) if engine else set()
    found = (
        [ruling for ruling in rulings.all if ruling.kind is Kind.WAIVE]
        if history
        else rulings.waivers
    )
    if as_json:
        _print_json([{**vars(one), "delivered_since": one.game_id in late} for one in found])
    elif not found:
        click.echo("No game is waived." if not history else "No game was ever waived.")
    else:
        console.show(console.waivers(rulings, found, late))


@main.command()
@click.argument("table")
@click.argument("game_id")
@click.option("--reason", default="revoked", help="Why it ends.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def revoke(deployment: Deployment, table: str, game_id: str, reason: str, by: str | None) -> None:
    """End the waiver of a game; it is held again when its date runs again."""
    with _writing(deployment) as engine:
        if not _waiver(engine, _table(deployment, table), game_id):
            raise click.ClickException(
                f"{table} {game_id} is not waived; `nba-assets waivers` lists what is"
            )
        ledger.rule(engine, [_ruling(Kind.REVOKE, table, game_id, _reason(reason), by)])
    click.echo(f"Revoked: {table} {game_id}.")
    _what_follows(deployment)


@main.command()
def incident() -> None:
    """Replay the night of 2026-01-03 in a store of its own: what is caught, named and repaired.

    Exits 0 exactly when every shape of the incident is caught.
    """
    from nba_assets.rehearsal.incident import replay

    _exit(passed=replay(console.console()))


def _dates(
    deployment: Deployment, first: date | None, last: date | None, seasons: Sequence[str]
) -> list[date]:
    """The partition dates asked for; all published ones up to yesterday unless anything is."""
    start = deployment.settings.first_date
    yesterday = today() - timedelta(days=1)
    published = deployment.source.seasons()
    if seasons:
        if first or last:
            raise click.UsageError("--season and --from/--to exclude each other")
        years = [_year(label, published) for label in seasons]
        dates = past_dates(start, yesterday, years)
    elif last:
        # What was named is meant: a date without a published schedule then stands as unknown.
        dates = list(game_dates(first or start, last))
        if last > today():
            raise click.UsageError(f"--to {last} lies in the future")
    else:
        dates = past_dates(first or start, yesterday, published)
    if first and first < start:
        raise click.UsageError(f"--from {first}: the first partition is {start}")
    if not dates:
        told = ", ".join(season_label(year) for year in published) or "no season"
        raise click.UsageError(
            f"the period has no partition date; {deployment.source.name} publishes {told}, "
            f"partitions begin {start}, end yesterday and leave out July to September"
        )
    return dates


def _year(label: str, published: Sequence[int]) -> int:
    for year in published:
        if re.fullmatch(rf"{season_label(year)}|{year}", label):
            return year
    known = ", ".join(season_label(year) for year in published)
    raise click.BadParameter(f"{label!r} is not one of {known}", param_hint="--season")


def _selected(deployment: Deployment, select: str) -> tuple[str, ...]:
    """The tables named, or of the groups named, in the order of the graph."""
    if not select:
        return tuple(deployment.tables)
    names = {name.strip() for name in select.split(",")}
    groups = {table.contract.group for table in deployment.tables.values()}
    for name in names - groups:
        _table(deployment, name)
    return tuple(
        name
        for name, table in deployment.tables.items()
        if name in names or table.contract.group in names
    )


def _table(deployment: Deployment, name: str) -> str:
    if name not in deployment.tables:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(deployment.tables)}")
    return name


@contextmanager
def _reading(deployment: Deployment) -> "Iterator[Engine | None]":
    """A session on the warehouse, or None where there is none yet."""
    if not deployment.settings.warehouse_file.exists():
        yield None
        return
    with deployment.store.reading() as engine:
        refuse_another_source(engine, deployment.source.identity)
        yield engine


@contextmanager
def _writing(deployment: Deployment, *, any_source: bool = False) -> "Iterator[Engine]":
    if not deployment.settings.warehouse_file.exists():
        raise click.ClickException(_no_warehouse(deployment))
    with deployment.store.writing() as engine:
        if not any_source:
            refuse_another_source(engine, deployment.source.identity)
        yield engine


def _look(deployment: Deployment, dates: Sequence[date], *, deep: bool = False) -> Standing:
    listed = _listed(deployment)
    with _reading(deployment) as engine:
        if engine is None:
            return untouched(deployment.tables, dates)
        return standing(
            engine, deployment.tables, dates, deployment.source.name, listed=listed, deep=deep
        )


def _differing(
    deployment: Deployment, dates: Sequence[date], tables: Sequence[str]
) -> dict[str, list[date]]:
    """By raw table, the dates that were built and on which the source delivers something else."""
    raw = [name for name in tables if isinstance(deployment.tables[name].produce, FromSource)]
    with _reading(deployment) as engine:
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


def _listed(deployment: Deployment) -> "Callable[[int], Coverage]":
    """What the source lists of a season; nothing of one it does not publish."""
    published = set(deployment.source.seasons())

    def listed(year: int) -> Coverage:
        if year in published:
            return deployment.source.covers(year)
        return Coverage(date(year, 9, 30), {})

    return listed


def _no_warehouse(deployment: Deployment) -> str:
    return (
        f"there is no warehouse at {deployment.settings.warehouse_file.resolve()}; run "
        "`nba-assets backfill`, or set NBA_ASSETS_DATA_DIR to where it lies"
    )


def _nothing_yet(deployment: Deployment, now: Standing) -> None:
    console.show(console.verdict(now))
    if deployment.settings.warehouse_file.exists():
        console.show("Nothing of this period was ever built; run `nba-assets backfill`.")
    else:
        console.show(f"Nothing was built yet: {_no_warehouse(deployment)}.")


def _reason(text: str) -> str:
    if not text.strip():
        raise click.BadParameter("a reason of some words", param_hint="--reason")
    return text.strip()


def _ruling(kind: Kind, table: str, game_id: str, reason: str, by: str | None) -> Ruling:
    return Ruling(kind, table, game_id, reason, by or getpass.getuser(), datetime.now(UTC))


def _waiver(engine: "Engine", table: str, game_id: str) -> Ruling | None:
    for waiver in ledger.rulings(engine).waivers:
        if (waiver.table_name, waiver.game_id) == (table, game_id):
            return waiver
    return None


def _vanished(engine: "Engine", table: str, game_id: str) -> "list[Cause]":
    """What the latest attempts found to be gone of a game.

    Raises:
        ClickException: nothing is.
    """
    found = [
        cause
        for attempt in ledger.latest(engine, (table,), date.min, date.max).values()
        for cause in attempt.causes
        if cause.is_of(table, attempt.game_date)
        and cause.game_id == game_id
        and cause.rule in report.VANISHING_RULES
    ]
    if not found:
        raise click.ClickException(
            f"nothing that passed of {table} {game_id} has vanished: there is nothing to accept; "
            "`nba-assets status` names what is held and why"
        )
    return found


def _waivable(deployment: Deployment, engine: "Engine", table: str, game_id: str) -> str:
    """The date of a game that may be waived.

    Raises:
        ClickException: it is unknown, certified, waived already, or nothing of it can be waived.
    """
    contract = deployment.tables[table].contract
    if contract.unit is Unit.DATE or table == "schedule":
        raise click.ClickException(
            f"{table} cannot be waived by game: "
            + (
                "every table reads which games there are from it. Waive the game in the tables "
                "that miss it, or accept its loss with `nba-assets accept schedule GAME_ID`"
                if table == "schedule"
                else "it is certified by date"
            )
        )
    found = dates_of_games(engine, deployment.tables, f"SELECT {quoted(game_id)} AS game_id")
    if not found:
        raise click.ClickException(
            f"no game {game_id} is known; `nba-assets status` names the games that are missing"
        )
    first, last = min(found[game_id]), max(found[game_id])
    games = ledger.verdicts(engine, (table,), first, last)
    verdicts = {game.verdict for game in games if game.game_id == game_id}
    if verdicts == {Verdict.CERTIFIED}:
        raise click.ClickException(
            f"{table} {game_id} of {console.span(first, last)} is certified: there is nothing to "
            "waive"
        )
    if known := _waiver(engine, table, game_id):
        raise click.ClickException(
            f"{table} {game_id} is waived already, by {known.ruled_by}: {known.reason}; "
            f"`nba-assets revoke {table} {game_id}` ends that"
        )
    return console.span(first, last)


def _what_follows(deployment: Deployment) -> None:
    """Say what a waiver, or its end, makes run."""
    dates = _dates(deployment, None, None, ())
    needs = [n for n in _look(deployment, dates).needs.values() if n.reason is Reason.WAIVER]
    days = len({need.game_date for need in needs})
    click.echo(
        f"It takes effect on {console.plural(days, 'date')} and on what waits for them with "
        "`nba-assets repair`; `nba-assets plan` shows what that runs."
    )


@contextmanager
def _launched(
    deployment: Deployment,
) -> "Iterator[Callable[[Sequence[Run]], None]]":
    """What launches runs, with a progress bar; a crash of one ends the command."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from nba_assets.orchestration.launch import is_seen_in_ui, launcher

    err = console.console(stderr=True)
    if not is_seen_in_ui():
        err.print(
            "No DAGSTER_HOME and no dagster.yaml here: these runs will not show in the UI.",
            style="yellow",
        )
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
            f"run {launched.run_id} of {console.span(run.first, run.last)} ended early: "
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
    known = past_dates(
        deployment.settings.first_date, today() - timedelta(days=1), deployment.source.seasons()
    )
    whole = _look(deployment, sorted({*known, *dates}))
    now = whole.within(tables, set(dates))
    _report(deployment, now, everything=everything, counts=False)
    others = [
        key
        for key, need in whole.needs.items()
        if key not in now.needs and need.reason in (Reason.STALE, Reason.WAIVER)
    ]
    if others:
        days = sorted({day for _, day in others})
        console.show(
            f"Beyond what ran, {console.plural(len(others), 'table-date')} of "
            f"{console.span(days[0], days[-1])} are out of date: `nba-assets repair`.",
        )
    _exit(passed=not now.needs)


def _report(deployment: Deployment, now: Standing, *, everything: bool, counts: bool) -> None:
    console.show(console.verdict(now))
    console.show(console.totals(now))
    console.show(console.states(now) if counts else console.matrix(now))
    rates, errors = _figures(deployment, now)
    if rates:
        console.show(console.coverages(rates, deployment.settings.usage_rate_coverage_season))
    if errors:
        console.show(console.errors(errors))
    if now.needs:
        console.show(console.causes(report.gaps(now), everything=everything))
    console.show(f"\nData: {deployment.settings.warehouse_file.resolve()}; one view a table.")
    console.show("UI: run `dagster dev` in the checkout and open http://localhost:3000.")


def _figures(
    deployment: Deployment, now: Standing
) -> tuple[list[report.Coverage], list[report.PredictionError]]:
    """Coverage and the model's errors, where their tables are among those looked at."""
    rates, errors = [], []
    with _reading(deployment) as engine:
        if engine and "player_game_summary" in now.tables:
            rates = report.coverage(engine, now.tables, now.dates)
        if engine and "player_points_evaluation" in now.tables:
            errors = report.prediction_errors(engine, now.tables, now.dates)
    return rates, errors


def _status_record(deployment: Deployment, now: Standing) -> dict[str, Any]:
    rates, errors = _figures(deployment, now)
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
            {"period": label, "rows": rows, "with_usage_rate": rated}
            for label, rows, rated in console.coverage_lines(rates)
        ],
        "prediction_errors": [
            {"season": season_label(one.season_year), **vars(one)} for one in errors
        ],
    }


def _keys(now: Standing) -> Iterator[tuple[str, date]]:
    return ((name, day) for name in now.tables for day in now.dates)


def _checkpoints(deployment: Deployment, now: Standing) -> list[dict[str, Any]]:
    first, last = now.dates[0], now.dates[-1]
    with _reading(deployment) as engine:
        attempts = ledger.latest(engine, now.tables, first, last, checks=False) if engine else {}
    return [_checkpoint(now, *key, attempts.get(key)) for key in _keys(now)]


def _checkpoint(now: Standing, table: str, day: date, attempt: "Attempt | None") -> dict[str, Any]:
    """The record of a date of a table: the attempt's own, unless it is missing or out of date."""
    need = now.needs.get((table, day))
    record = attempt.checkpoint() if attempt else dict(_NEVER, table=table, date=day.isoformat())
    if need:
        record |= {
            "status": "failed",
            "state": report.state(now, table, day),
            "validation_passed": False,
            "message": need.detail,
        }
    return record


_NEVER = {
    "table": "",
    "date": "",
    "status": "failed",
    "state": "MISSING",
    "expected_records": None,
    "actual_records": None,
    "completeness": None,
    "validation_passed": False,
}


def _print_json(record: object) -> None:
    click.echo(json.dumps(record, indent=2, default=str, ensure_ascii=False))


def _exit(*, passed: bool) -> None:
    click.get_current_context().exit(0 if passed else 1)
