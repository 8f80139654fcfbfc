"""The one transaction that publishes a range: rows, verdicts, ledger, quarantine, read-back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from nba_assets.certification import ledger
from nba_assets.certification.certified import ASKED
from nba_assets.certification.certified import stored as stored_rows
from nba_assets.certification.decide import Decision, Judged, Stored
from nba_assets.certification.digest import digest_query, digests
from nba_assets.certification.ledger import COLUMNS, Status
from nba_assets.contracts.contract import Contract, Unit
from nba_assets.engines.googlesql import quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.engines.engine import Engine
    from nba_assets.sources.source import Refused


def what_is_stored(
    engine: "Engine", contract: Contract, first: date, last: date
) -> dict[date, Stored]:
    """What the store really holds of the target dates, whatever the ledger says."""
    engine.create("stored_rows", stored_rows(contract, first, last, ASKED))
    found_digests = digests(engine, contract, "stored_rows")
    games: dict[date, dict[str, tuple[str | None, str | None]]] = {}
    if contract.unit is Unit.GAME and found_digests:
        columns = contract.column_names
        teams = "CAST(NULL AS STRING) AS home_team, CAST(NULL AS STRING) AS away_team"
        if "home_team" in columns:
            teams = "MIN(home_team) AS home_team, MIN(away_team) AS away_team"
        elif "is_home" in columns and "opponent" in columns:
            teams = (
                "MIN(IF(is_home, team, opponent)) AS home_team, "
                "MIN(IF(is_home, opponent, team)) AS away_team"
            )
        rows = engine.query(
            f"SELECT game_date, game_id, {teams} FROM stored_rows GROUP BY game_date, game_id"
        )
        for row in rows.to_pylist():
            found = games.setdefault(row["game_date"], {})
            found[row["game_id"]] = (row["home_team"], row["away_team"])
    return {day: Stored(games.get(day, {}), digest) for day, digest in found_digests.items()}


def coming_rows(
    engine: "Engine", contract: Contract, judged: Sequence[Judged]
) -> dict[date, tuple[str, int]]:
    """Digest and number by date of the rows to be stored, which ``coming_rows`` then has.

    They are the staged rows of the games that passed, and of a date that never passed the stored
    rows of the games that once did.
    """
    _load_pairs(engine, "good_games", ((one.day, game) for one in judged for game in one.good))
    _load_pairs(engine, "kept_games", ((one.day, game) for one in judged for game in one.kept))
    names = ", ".join(f"s.{name}" for name in contract.column_names)
    on_game = "AND g.game_id = s.game_id" if contract.unit is Unit.GAME else ""
    kept = (
        f" UNION ALL SELECT {names} FROM stored_rows AS s JOIN kept_games AS g "
        "ON g.game_date = s.game_date AND g.game_id = s.game_id"
        if any(one.kept for one in judged)
        else ""
    )
    engine.create(
        "coming_rows",
        f"SELECT {names} FROM staged AS s JOIN good_games AS g "
        f"ON g.game_date = s.game_date {on_game}{kept}",
    )
    rows = engine.query(digest_query(contract, "coming_rows"))
    return {row["game_date"]: (row["digest"], row["found"]) for row in rows.to_pylist()}


def _load_pairs(engine: "Engine", name: str, pairs: Iterable[tuple[date, str]]) -> None:
    import pyarrow as pa

    listed = list(pairs)
    engine.load(
        name,
        pa.table(
            {
                "game_date": pa.array([day for day, _ in listed], pa.date32()),
                "game_id": pa.array([game for _, game in listed], pa.string()),
            }
        ),
    )


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
    new = [decision for decision in decisions if decision.is_new]
    if not new:
        engine.transaction([_look(contract, decisions)])
        return
    _load(engine, new)
    days = {decision.attempt.game_date for decision in new}
    kept = [row for row in refused if row.game_date in days]
    if kept:
        _load_refused(engine, kept)
    engine.transaction(
        [
            ledger.NEXT,
            *_data_statements(contract, new),
            *_ledger_statements(contract, new),
            *_quarantine_statements(contract, new, kept),
            *also,
            _look(contract, decisions),
        ]
    )


def _look(contract: Contract, decisions: Sequence[Decision]) -> str:
    dates = [decision.attempt.game_date for decision in decisions]
    return look(contract, decisions[0].run_id, dates)


def look(contract: Contract, run_id: str, dates: Sequence[date]) -> str:
    """The statement that records who looked at which dates: all that an unchanged run leaves."""
    columns = COLUMNS["looks"]
    now = datetime.now(UTC).isoformat()
    return (
        f"INSERT INTO ledger.looks ({', '.join(columns)}) VALUES ({quoted(run_id)}, "
        f"{quoted(contract.table)}, DATE '{min(dates)}', DATE '{max(dates)}', {len(dates)}, "
        f"TIMESTAMP '{now}')"
    )


def _load_refused(engine: "Engine", refused: "Sequence[Refused]") -> None:
    import pyarrow as pa

    engine.load(
        "refused_rows",
        pa.table(
            {
                "game_date": pa.array([r.game_date for r in refused], pa.date32()),
                "game_id": pa.array([r.game_id for r in refused], pa.string()),
                "detail": pa.array([r.detail for r in refused], pa.string()),
                "content": pa.array([r.row for r in refused], pa.string()),
            }
        ),
    )


def _schema(columns: Mapping[str, str]) -> "pa.Schema":
    """The Arrow schema of a table of the ledger."""
    import pyarrow as pa

    types = {
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(name, types[kind.split()[0]]) for name, kind in columns.items()])


def _load(engine: "Engine", decisions: Sequence[Decision]) -> None:
    import pyarrow as pa

    attempts: list[dict[str, Any]] = [decision.attempt.as_row() for decision in decisions]
    engine.load("new_attempts", pa.Table.from_pylist(attempts, _schema(COLUMNS["attempts"])))
    replaced = [decision.attempt for decision in decisions if decision.replaces]
    engine.load(
        "publishing",
        pa.table(
            {
                "game_date": pa.array([a.game_date for a in replaced], pa.date32()),
                "publication": pa.array([a.publication for a in replaced], pa.int64()),
            }
        ),
    )
    verdicts = [
        game.as_row(decision.attempt.publication)
        for decision in decisions
        for game in decision.verdicts
    ]
    engine.load("new_verdicts", pa.Table.from_pylist(verdicts, _schema(COLUMNS["verdicts"])))


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
