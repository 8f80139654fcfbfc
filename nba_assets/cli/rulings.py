"""Commands by which an operator rules: waive, accept, revoke, adopt; and what was ruled."""

import getpass
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import click

from nba_assets.certification import ledger
from nba_assets.certification.certified import dates_of_game
from nba_assets.certification.ledger import Kind, Ruling, Verdict
from nba_assets.cli import console
from nba_assets.cli.options import as_json_option, dates_of, print_json, reason_of, table_named
from nba_assets.cli.session import writing
from nba_assets.contracts.contract import Unit
from nba_assets.contracts.dated_table import SCHEDULE
from nba_assets.deployment import Deployment
from nba_assets.operations import report
from nba_assets.operations.plan import Reason, span

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Cause
    from nba_assets.engines.engine import Engine


@click.command()
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
    table_named(deployment, table)
    reason = reason_of(reason)
    with writing(deployment) as engine:
        days = {game: _waivable(deployment, engine, table, game) for game in game_ids}
        ledger.rule(engine, [_ruling(Kind.WAIVE, table, game, reason, by) for game in days])
    for game, told in days.items():
        click.echo(f"Waived: {table} {game} of {told}.")
    _what_follows(deployment)


@click.command()
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
    table_named(deployment, table)
    reason = reason_of(reason)
    with writing(deployment) as engine:
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


@click.command()
@click.option("--reason", required=True, help="Why it is the same publication.")
@click.pass_obj
def adopt(deployment: Deployment, reason: str) -> None:
    """Declare that the configured source is the publication this warehouse is filled from.

    For a folder that was moved. Nothing is read; the next run compares what it delivers.
    """
    reason = reason_of(reason)
    identity = deployment.source.identity
    with writing(deployment, any_source=True) as engine:
        known = ledger.source_identity(engine)
        if known == identity:
            raise click.ClickException(f"the warehouse is filled from {identity} already")
        ledger.adopt(engine, identity, reason)
    click.echo(f"Adopted: {identity}, in place of {known or 'none'}.")


@click.command()
@as_json_option
@click.option("--history", is_flag=True, help="Also the revoked ones.")
@click.pass_obj
def waivers(deployment: Deployment, *, as_json: bool, history: bool) -> None:
    """The waivers in force."""
    with deployment.reading() as engine:
        rulings = ledger.rulings(engine) if engine else ledger.Rulings()
        late = report.late_games(engine) if engine else set()
    found = (
        [ruling for ruling in rulings.all if ruling.kind is Kind.WAIVE]
        if history
        else rulings.waivers
    )
    if as_json:
        print_json([{**vars(one), "delivered_since": one.game_id in late} for one in found])
    elif not found:
        click.echo("No game is waived." if not history else "No game was ever waived.")
    else:
        console.show(console.waivers(rulings, found, late))


@click.command()
@click.argument("table")
@click.argument("game_id")
@click.option("--reason", default="revoked", help="Why it ends.")
@click.option("--by", help="Who says so; the user's name unless given.")
@click.pass_obj
def revoke(deployment: Deployment, table: str, game_id: str, reason: str, by: str | None) -> None:
    """End the waiver of a game; it is held again when its date runs again."""
    with writing(deployment) as engine:
        if not _waiver(engine, table_named(deployment, table), game_id):
            raise click.ClickException(
                f"{table} {game_id} is not waived; `nba-assets waivers` lists what is"
            )
        ledger.rule(engine, [_ruling(Kind.REVOKE, table, game_id, reason_of(reason), by)])
    click.echo(f"Revoked: {table} {game_id}.")
    _what_follows(deployment)


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
    if contract.unit is Unit.DATE or table == SCHEDULE:
        raise click.ClickException(
            f"{table} cannot be waived by game: "
            + (
                "every table reads which games there are from it. Waive the game in the tables "
                "that miss it, or accept its loss with `nba-assets accept schedule GAME_ID`"
                if table == SCHEDULE
                else "it is certified by date"
            )
        )
    found = dates_of_game(engine, deployment.tables, game_id)
    if not found:
        raise click.ClickException(
            f"no game {game_id} is known; `nba-assets status` names the games that are missing"
        )
    first, last = min(found), max(found)
    games = ledger.verdicts(engine, (table,), first, last)
    verdicts = {game.verdict for game in games if game.game_id == game_id}
    if verdicts == {Verdict.CERTIFIED}:
        raise click.ClickException(
            f"{table} {game_id} of {span(first, last)} is certified: there is nothing to waive"
        )
    if known := _waiver(engine, table, game_id):
        raise click.ClickException(
            f"{table} {game_id} is waived already, by {known.ruled_by}: {known.reason}; "
            f"`nba-assets revoke {table} {game_id}` ends that"
        )
    return span(first, last)


def _what_follows(deployment: Deployment) -> None:
    """Say what a waiver, or its end, makes run."""
    dates = dates_of(deployment, None, None, ())
    needs = [n for n in deployment.look(dates).needs.values() if n.reason is Reason.WAIVER]
    days = len({need.game_date for need in needs})
    click.echo(
        f"It takes effect on {console.plural(days, 'date')} and on what waits for them with "
        "`nba-assets repair`; `nba-assets plan` shows what that runs."
    )
