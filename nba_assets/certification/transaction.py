"""The one transaction that publishes a range: rows, verdicts, ledger, quarantine, read-back."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.certified import ASKED, stored
from nba_assets.certification.decide import Decision, Judged, Stored
from nba_assets.certification.digest import digest_query
from nba_assets.certification.ledger import COLUMNS, Status
from nba_assets.contracts.arrow import schema_of
from nba_assets.contracts.contract import Contract, Unit
from nba_assets.contracts.dated_table import SCHEDULE
from nba_assets.engines.engine import Create, Load, Query, Step
from nba_assets.engines.googlesql import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.engines.engine import Engine
    from nba_assets.sources.source import Refused


def stored_steps(contract: Contract, first: date, last: date) -> list[Step]:
    """What to ask for what the store really holds of the target dates, whatever the ledger says."""
    columns = contract.column_names
    steps: list[Step] = [
        Create("stored_rows", stored(contract, first, last, ASKED)),
        Query(digest_query(contract, "stored_rows")),
    ]
    if contract.unit is Unit.GAME:
        teams = "CAST(NULL AS STRING) AS home_team, CAST(NULL AS STRING) AS away_team"
        if "home_team" in columns:
            teams = "MIN(home_team) AS home_team, MIN(away_team) AS away_team"
        elif "is_home" in columns and "opponent" in columns:
            teams = (
                "MIN(IF(is_home, team, opponent)) AS home_team, "
                "MIN(IF(is_home, opponent, team)) AS away_team"
            )
        games = "GROUP BY game_date, game_id"
        steps.append(Query(f"SELECT game_date, game_id, {teams} FROM stored_rows {games}"))
    return steps


def what_is_stored(contract: Contract, results: "Sequence[pa.Table]") -> dict[date, Stored]:
    """What ``stored_steps`` found."""
    games: dict[date, dict[str, tuple[str | None, str | None]]] = {}
    for row in results[1].to_pylist() if contract.unit is Unit.GAME else ():
        of_date = games.setdefault(row["game_date"], {})
        of_date[row["game_id"]] = (row["home_team"], row["away_team"])
    return {
        row["game_date"]: Stored(games.get(row["game_date"], {}), row["digest"])
        for row in results[0].to_pylist()
    }


def coming_rows(
    engine: "Engine", contract: Contract, judged: Sequence[Judged]
) -> dict[date, tuple[str, int]]:
    """Digest and number by date of the rows to be stored, which ``coming_rows`` then has.

    They are the staged rows of the games that passed, and of a date that never passed the stored
    rows of the games that once did.
    """
    names = ", ".join(f"s.{name}" for name in contract.column_names)
    on_game = "AND g.game_id = s.game_id" if contract.unit is Unit.GAME else ""
    kept = (
        f" UNION ALL SELECT {names} FROM stored_rows AS s JOIN kept_games AS g "
        "ON g.game_date = s.game_date AND g.game_id = s.game_id"
        if any(one.kept for one in judged)
        else ""
    )
    (found,) = engine.run(
        [
            _pairs("good_games", ((one.day, game) for one in judged for game in one.good)),
            _pairs("kept_games", ((one.day, game) for one in judged for game in one.kept)),
            Create(
                "coming_rows",
                f"SELECT {names} FROM staged AS s JOIN good_games AS g "
                f"ON g.game_date = s.game_date {on_game}{kept}",
            ),
            Query(digest_query(contract, "coming_rows")),
        ]
    )
    return {row["game_date"]: (row["digest"], row["found"]) for row in found.to_pylist()}


def _pairs(name: str, pairs: Iterable[tuple[date, str]]) -> Load:
    import pyarrow as pa

    listed = list(pairs)
    rows = {
        "game_date": pa.array([day for day, _ in listed], pa.date32()),
        "game_id": pa.array([game for _, game in listed], pa.string()),
    }
    return Load(name, pa.table(rows))


def publish(
    engine: "Engine",
    contract: Contract,
    decisions: Sequence[Decision],
    refused: "Sequence[Refused]" = (),
    also: Sequence[str] = (),
) -> None:
    """Make the decisions true, all or none; what they say that is not new leaves only a look.

    ``also`` are further statements of the same transaction.

    Raises:
        WarehouseError: what was read back is not what was to be stored, or another run published
            meanwhile; nothing has changed.
    """
    looked = look(
        contract, decisions[0].run_id, [decision.attempt.game_date for decision in decisions]
    )
    new = [decision for decision in decisions if decision.is_new]
    if not new:
        engine.transaction([LOOKED], [looked])
        return
    days = {decision.attempt.game_date for decision in new}
    kept = [row for row in refused if row.game_date in days]
    engine.transaction(
        [
            ledger.NEXT,
            *_data_statements(contract, new),
            *_told_statements(contract, new),
            *_ledger_statements(contract, new),
            *_quarantine_statements(contract, new, kept),
            *also,
            LOOKED,
        ],
        [*_loads(new), *([_refused(kept)] if kept else []), looked],
    )


LOOKED = (
    f"INSERT INTO ledger.looks ({', '.join(COLUMNS['looks'])}) "
    f"SELECT {', '.join(COLUMNS['looks'])} FROM new_look"
)
"""Records what ``look`` loads: all that an unchanged run leaves."""


def look(contract: Contract, run_id: str, dates: Sequence[date]) -> Load:
    """Who looked at which dates."""
    import pyarrow as pa

    row = {
        "run_id": run_id,
        "table_name": contract.table,
        "first_date": min(dates),
        "last_date": max(dates),
        "dates": len(dates),
        "looked_at": datetime.now(UTC),
    }
    return Load("new_look", pa.Table.from_pylist([row], schema_of(COLUMNS["looks"])))


def _refused(refused: "Sequence[Refused]") -> Load:
    import pyarrow as pa

    rows = {
        "game_date": pa.array([r.game_date for r in refused], pa.date32()),
        "game_id": pa.array([r.game_id for r in refused], pa.string()),
        "detail": pa.array([r.detail for r in refused], pa.string()),
        "content": pa.array([r.row for r in refused], pa.string()),
    }
    return Load("refused_rows", pa.table(rows))


def _loads(decisions: Sequence[Decision]) -> list[Load]:
    import pyarrow as pa

    attempts: list[dict[str, Any]] = [decision.attempt.as_row() for decision in decisions]
    replaced = [decision.attempt for decision in decisions if decision.replaces]
    verdicts = [
        game.as_row(decision.attempt.publication)
        for decision in decisions
        for game in decision.verdicts
    ]
    publishing = {
        "game_date": pa.array([a.game_date for a in replaced], pa.date32()),
        "publication": pa.array([a.publication for a in replaced], pa.int64()),
    }
    return [
        Load("new_attempts", pa.Table.from_pylist(attempts, schema_of(COLUMNS["attempts"]))),
        Load("publishing", pa.table(publishing)),
        Load("new_verdicts", pa.Table.from_pylist(verdicts, schema_of(COLUMNS["verdicts"]))),
    ]


def _data_statements(contract: Contract, decisions: Sequence[Decision]) -> Iterator[str]:
    """Add the dates that are replaced, then compare what is stored with what was to be."""
    if not any(decision.replaces for decision in decisions):
        return
    table = contract.table
    names = ", ".join(contract.column_names)
    coming = (
        f"SELECT {', '.join(f'c.{name}' for name in contract.column_names)}, p.publication "
        "FROM coming_rows AS c JOIN publishing AS p ON p.game_date = c.game_date"
    )
    back = (
        f"SELECT {names}, publication FROM store.{table} WHERE {_between(decisions)} "
        "AND publication IN (SELECT publication FROM publishing)"
    )
    yield f"INSERT INTO store.{table} ({names}, publication) {coming}"
    # No row more, none less, none other: as many, and each stored one is among the coming.
    yield (
        f"SELECT IF((SELECT COUNT(*) FROM ({back}) AS stored) = "
        f"(SELECT COUNT(*) FROM ({coming}) AS coming) "
        f"AND (SELECT COUNT(*) FROM ({back} EXCEPT DISTINCT {coming}) AS other) = 0 "
        f"AND (SELECT COUNT(*) FROM ({coming} EXCEPT DISTINCT {back}) AS lost) = 0, 1, "
        f"ERROR('{table}: what was read back is not what was staged; nothing was published'))"
    )


def _told_statements(contract: Contract, decisions: Sequence[Decision]) -> Iterator[str]:
    """Keep what is said of games that have not begun: it is never changed."""
    if not contract.kept_as_told or not any(decision.replaces for decision in decisions):
        return
    names = ", ".join(contract.column_names)
    of_table = ", ".join(f"t.{name}" for name in contract.column_names)
    now = f"TIMESTAMP '{datetime.now(UTC).isoformat()}'"
    yield (
        f"INSERT INTO told.{contract.table} ({names}, publication, told_at) "
        f"SELECT {of_table}, t.publication, {now} FROM store.{contract.table} AS t "
        "JOIN publishing AS p ON p.game_date = t.game_date AND p.publication = t.publication "
        "JOIN new_verdicts AS v ON v.game_date = t.game_date AND v.game_id = t.game_id "
        f"JOIN {SCHEDULE} AS s ON s.game_date = t.game_date AND s.game_id = t.game_id "
        f"WHERE v.verdict = 'certified' AND s.tipoff_at > {now}"
    )


def _ledger_statements(contract: Contract, decisions: Sequence[Decision]) -> Iterator[str]:
    table, between = contract.table, _between(decisions)
    verdicts, attempts = ", ".join(COLUMNS["verdicts"]), ", ".join(COLUMNS["attempts"])
    yield f"INSERT INTO ledger.verdicts ({verdicts}) SELECT {verdicts} FROM new_verdicts"
    yield f"INSERT INTO ledger.attempts ({attempts}) SELECT {attempts} FROM new_attempts"
    yield (
        "SELECT IF((SELECT COUNT(*) FROM ledger.attempts AS a JOIN new_attempts AS n "
        "ON n.table_name = a.table_name AND n.game_date = a.game_date AND n.attempt = a.attempt "
        f"WHERE a.{between}) = (SELECT COUNT(*) FROM new_attempts) "
        "AND (SELECT MAX(publication) FROM ledger.clock) = "
        "(SELECT MAX(publication) FROM new_attempts), 1, "
        f"ERROR('{table}: another run published meanwhile; nothing was published'))"
    )


def _quarantine_statements(
    contract: Contract, decisions: Sequence[Decision], refused: "Sequence[Refused]"
) -> Iterator[str]:
    """Keep what was rejected with the reason: rows of held games, rows of games the schedule does
    not have, and what the source could not understand.
    """
    table = quoted(contract.table)
    target = f"ledger.quarantine ({', '.join(COLUMNS['quarantine'])})"
    if any(decision.attempt.status is Status.QUARANTINED for decision in decisions):
        row = ", ".join(f"s.{name} AS {name}" for name in contract.column_names)
        game = "s.game_id" if "game_id" in contract.column_names else "CAST(NULL AS STRING)"
        on_game = "AND g.game_id = s.game_id" if contract.unit is Unit.GAME else ""
        yield (
            f"INSERT INTO {target} SELECT {table}, s.game_date, a.publication, {game}, "
            f"COALESCE(g.reason, a.message), TO_JSON_STRING(STRUCT({row})) FROM arrived AS s "
            "JOIN new_attempts AS a ON a.game_date = s.game_date "
            f"LEFT JOIN new_verdicts AS g ON g.game_date = s.game_date {on_game} "
            "WHERE a.status = 'QUARANTINED' AND (g.verdict IS NULL OR g.verdict = 'held')"
        )
    if refused:
        yield (
            f"INSERT INTO {target} SELECT {table}, r.game_date, a.publication, r.game_id, "
            "r.detail, r.content FROM refused_rows AS r JOIN new_attempts AS a "
            "ON a.game_date = r.game_date"
        )


def _between(decisions: Sequence[Decision]) -> str:
    dates = [decision.attempt.game_date for decision in decisions]
    return f"game_date BETWEEN DATE '{min(dates)}' AND DATE '{max(dates)}'"
