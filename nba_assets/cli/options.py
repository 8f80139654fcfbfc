"""What commands have in common: options, the dates and tables they name, and how they end."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import wraps
from typing import Any

import click

from nba_assets.deployment import Deployment
from nba_assets.errors import NbaAssetsError
from nba_assets.operations.plan import past_dates
from nba_assets.seasons import game_dates, season_label, today


class Commands(click.Group):
    """Commands whose expected errors are told in one message, not in a traceback."""

    purposes: Mapping[str, str] = {}
    """of each command, the heading its help stands under"""

    def invoke(self, ctx: click.Context) -> Any:
        """See ``click.Group``."""
        try:
            return super().invoke(ctx)
        except NbaAssetsError as error:
            raise click.ClickException(str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See ``click.Group``; by what they are for, the first sentence of each in full."""
        purposes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for name in self.list_commands(ctx):
            if command := self.get_command(ctx, name):
                purposes[self.purposes.get(name, "Commands")].append(
                    (name, command.get_short_help_str(limit=1000))
                )
        for purpose in sorted(purposes, key=[*self.purposes.values(), "Commands"].index):
            with formatter.section(purpose):
                formatter.write_dl(purposes[purpose])


def _as_date(_: click.Context, __: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


DAY: dict[str, Any] = {
    "type": click.DateTime(["%Y-%m-%d"]),
    "metavar": "DATE",
    "callback": _as_date,
}


def period(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose dates, and the dates: all published ones by default.

    It stands below ``click.pass_obj``.
    """

    @click.option("--from", "first", **DAY, help="First date; the first published unless given.")
    @click.option("--to", "last", **DAY, help="Last date; yesterday unless given.")
    @click.option(
        "--season",
        "seasons",
        multiple=True,
        metavar="LABEL",
        help='A season, such as "2025-26"; repeat it for several.',
    )
    @wraps(command)
    def of_dates(
        deployment: Deployment,
        *,
        first: date | None,
        last: date | None,
        seasons: tuple[str, ...],
        **options: Any,
    ) -> None:
        command(deployment, dates=dates_of(deployment, first, last, seasons), **options)

    return of_dates


as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
everything_option = click.option("--all", "everything", is_flag=True, help="Shorten no list.")


deep_option = click.option(
    "--deep",
    is_flag=True,
    help="Compare every stored row with what was published, not counts only.",
)


def dates_of(
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
        if last > today():
            raise click.UsageError(f"--to {last} lies in the future")
        if first and first > last:
            raise click.UsageError(f"--from {first} is after --to {last}")
        # What was named is meant: a date without a published schedule then stands as unknown.
        dates = list(game_dates(first or start, last))
    elif first and first > yesterday:
        raise click.UsageError(
            f"--from {first} is after yesterday, where a period ends unless --to says otherwise"
            + (f"; for today add --to {first}" if first == today() else "")
        )
    else:
        dates = deployment.past_dates(yesterday, since=first)
    if first and first < start:
        raise click.UsageError(f"--from {first}: the first partition is {start}")
    if not dates:
        told = ", ".join(season_label(year) for year in published) or "no season"
        raise click.UsageError(
            f"from {first or start} to {last or yesterday} there is no partition date: July to "
            f"September has none, and {deployment.source.name} publishes {told}"
        )
    return dates


def _year(label: str, published: Sequence[int]) -> int:
    for year in published:
        if re.fullmatch(rf"{season_label(year)}|{year}", label):
            return year
    known = ", ".join(season_label(year) for year in published)
    raise click.BadParameter(f"{label!r} is not one of {known}", param_hint="--season")


def selected(deployment: Deployment, select: str) -> tuple[str, ...]:
    """The tables named, or of the groups named, in the order of the graph."""
    if not select:
        return tuple(deployment.tables)
    names = {name.strip() for name in select.split(",")}
    groups = {table.contract.group for table in deployment.tables.values()}
    for name in names - groups:
        table_named(deployment, name)
    return tuple(
        name
        for name, table in deployment.tables.items()
        if name in names or table.contract.group in names
    )


def table_named(deployment: Deployment, name: str) -> str:
    """The name of a table of the deployment.

    Raises:
        BadParameter: it has no such table.
    """
    if name not in deployment.tables:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(deployment.tables)}")
    return name


def reason_of(text: str) -> str:
    """The reason given, if it is one.

    Raises:
        BadParameter: it is blank.
    """
    if not text.strip():
        raise click.BadParameter("a reason of some words", param_hint="--reason")
    return text.strip()


def print_json(record: object) -> None:
    """Print a record for programs."""
    click.echo(json.dumps(record, indent=2, default=str, ensure_ascii=False))


def exit_with(*, passed: bool) -> None:
    """End the command with 0 or 1."""
    click.get_current_context().exit(0 if passed else 1)
