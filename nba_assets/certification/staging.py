"""What a build lays out before it is judged: the dates, their games, the rows that arrived.

Everything is a temporary table of the session. ``target_dates`` are the dates of the build;
``scheduled_games`` every game of them with its state, ``required_games`` all but the waived,
``due_games`` the ready ones; ``holes`` the uncertified games of the windows that are read;
``delivered`` what a source or a computation delivered; ``arrived`` the rows of the table itself.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from nba_assets.certification.certified import DueGame, Hole, elsewhere, relation
from nba_assets.contracts.contract import SetRule, Unit
from nba_assets.contracts.dated_table import DatedTable, FromSource, FromSQL, Scope
from nba_assets.engines.engine import Create, Load, Query, Step

if TYPE_CHECKING:
    import pyarrow as pa


def input_relations(
    tables: Mapping[str, DatedTable],
    table: DatedTable,
    dates: Sequence[date],
    as_of: int | None = None,
) -> dict[str, str]:
    """The certified rows of each declared input, by the name transformations know it by."""
    return {
        read.relation: relation(tables[read.table].contract, read.scope, dates[0], dates[-1], as_of)
        for read in table.reads
    }


def rule_relations(
    tables: Mapping[str, DatedTable], table: DatedTable, dates: Sequence[date]
) -> dict[str, str]:
    """What the rules of a contract read beside temporary tables; see ``SetRule``."""
    rules = (rule for rule in table.contract.rules if isinstance(rule, SetRule))
    names = {name for rule in rules for name in rule.reads}
    if table.contract.records:
        names.update(table.contract.records.reads)
    of_dates = {
        name: relation(tables[name].contract, Scope.DATE, dates[0], dates[-1]) for name in names
    }
    return (
        input_relations(tables, table, dates)
        | of_dates
        | {
            "elsewhere": elsewhere(table.contract, dates[0]),
            "stored": "SELECT * FROM stored_rows",
        }
    )


def games_steps(
    dates: Sequence[date],
    games: Sequence[DueGame],
    holes: Sequence[Hole],
    warmup: Collection[date],
) -> list[Step]:
    """Lay out the dates and their games."""
    import pyarrow as pa

    of_games = {
        "game_date": pa.array([game.game_date for game in games], pa.date32()),
        "game_id": pa.array([game.game_id for game in games], pa.string()),
        "home_team": pa.array([game.home_team for game in games], pa.string()),
        "away_team": pa.array([game.away_team for game in games], pa.string()),
        "state": pa.array([game.state for game in games], pa.string()),
        "warmup": pa.array([game.game_date in warmup for game in games], pa.bool_()),
    }
    of_holes = {
        "team": pa.array([hole.team for hole in holes], pa.string()),
        "game_date": pa.array([hole.game_date for hole in holes], pa.date32()),
        "reason": pa.array([f"{hole.game}: {hole.held.reason}" for hole in holes], pa.string()),
    }
    ready = "state = 'ready' AND NOT warmup"
    return [
        Load("target_dates", pa.table({"game_date": pa.array(dates, pa.date32())})),
        Load("scheduled_games", pa.table(of_games)),
        Load("holes", pa.table(of_holes)),
        Create("required_games", "SELECT * FROM scheduled_games WHERE state <> 'waived'"),
        Create("due_games", f"SELECT * FROM scheduled_games WHERE {ready}"),
    ]


def arrived_steps(
    tables: Mapping[str, DatedTable],
    table: DatedTable,
    dates: Sequence[date],
    rows: "pa.Table | None",
) -> list[Step]:
    """Lay out the rows of a table: what its query yields, or those of ``rows`` of games due.

    Raises:
        ValueError: there are neither rows nor a query.
    """
    names = ", ".join(table.contract.column_names)
    if isinstance(table.produce, FromSQL) and rows is None:
        query = f"SELECT {names} FROM ({table.produce.query}) AS t"
        return [Create("arrived", query, input_relations(tables, table, dates))]
    if rows is None:
        raise ValueError(f"nothing of {table.name} was delivered")
    undue = ""
    if isinstance(table.produce, FromSource) and table.contract.unit is Unit.GAME:
        key = "CONCAT(CAST(game_date AS STRING), game_id)"
        undue = (
            f"AND COALESCE({key} NOT IN "
            f"(SELECT {key} FROM scheduled_games WHERE state <> 'ready'), TRUE)"
        )
    return [
        Load("delivered", rows),
        Create(
            "arrived",
            f"SELECT {names} FROM delivered "
            f"WHERE game_date IN (SELECT game_date FROM target_dates) {undue}",
        ),
    ]


DELIVERED_AFTER_WAIVER = Query(
    "SELECT d.game_date, d.game_id, COUNT(*) AS found FROM delivered AS d "
    "JOIN scheduled_games AS g ON g.game_date = d.game_date AND g.game_id = d.game_id "
    "WHERE g.state = 'waived' GROUP BY d.game_date, d.game_id"
)
"""The waived games that a source delivers after all."""
