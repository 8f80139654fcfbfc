"""The one transaction that publishes a range: rows, verdicts, ledger, quarantine, read-back."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from nba_assets.contracts.contract import Contract, Unit
from nba_assets.googlesql import quoted
from nba_assets.warehouse.digest import digest_query
from nba_assets.warehouse.ledger import ATTEMPT_COLUMNS, Status

if TYPE_CHECKING:
    from nba_assets.sources.source import Refused
    from nba_assets.warehouse.decide import Decision, Judged
    from nba_assets.warehouse.warehouse import Engine


def staged_digests(
    engine: "Engine", contract: Contract, judged: "Sequence[Judged]"
) -> dict[date, tuple[str, int]]:
    """Digest and number of the staged rows that passed, by date."""
    import pyarrow as pa

    pairs = [(known.day, game) for known in judged for game in known.good]
    engine.load(
        "good_games",
        pa.table(
            {
                "game_date": pa.array([day for day, _ in pairs], pa.date32()),
                "game_id": pa.array([game for _, game in pairs], pa.string()),
            }
        ),
    )
    rows = engine.query(digest_query(contract, _good_rows(contract)))
    return {row["game_date"]: (row["digest"], row["found"]) for row in rows.to_pylist()}


def publish(
    engine: "Engine",
    contract: Contract,
    decisions: "Sequence[Decision]",
    refused: "Sequence[Refused]" = (),
) -> None:
    """Make the decisions true, all or none.

    Raises:
        WarehouseError: what was read back is not what was staged, or another run recorded the same
            attempt; nothing has changed.
    """
    _load(engine, decisions)
    if refused:
        _load_refused(engine, refused)
    engine.transaction(
        [
            *_data_statements(contract, decisions),
            *_ledger_statements(contract, decisions),
            *_quarantine_statements(contract, decisions, refused),
        ]
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


def _good_rows(contract: Contract) -> str:
    game = "AND g.game_id = s.game_id" if contract.unit is Unit.GAME else ""
    return (
        "(SELECT s.* FROM staged AS s JOIN good_games AS g "
        f"ON g.game_date = s.game_date {game}) AS good_rows"
    )


def _load(engine: "Engine", decisions: "Sequence[Decision]") -> None:
    import pyarrow as pa

    types = {
        "STRING": pa.string(),
        "DATE": pa.date32(),
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types[kind.split()[0]]) for name, kind in ATTEMPT_COLUMNS])
    attempts = [decision.attempt.as_row() for decision in decisions]
    engine.load("new_attempts", pa.Table.from_pylist(attempts, schema))
    replaced = [decision.attempt for decision in decisions if decision.replaces]
    engine.load(
        "publishing",
        pa.table(
            {
                "game_date": pa.array([a.game_date for a in replaced], pa.date32()),
                "attempt": pa.array([a.attempt for a in replaced], pa.int64()),
                "digest": pa.array([a.digest for a in replaced], pa.string()),
            }
        ),
    )
    games = [game for decision in decisions for game in decision.verdicts]
    engine.load(
        "new_games",
        pa.table(
            {
                "table_name": pa.array([g.table_name for g in games], pa.string()),
                "game_date": pa.array([g.game_date for g in games], pa.date32()),
                "game_id": pa.array([g.game_id for g in games], pa.string()),
                "verdict": pa.array([g.verdict.value for g in games], pa.string()),
                "contract_version": pa.array([g.contract_version for g in games], pa.int64()),
                "reason": pa.array([g.reason for g in games], pa.string()),
                "home_team": pa.array([g.home_team for g in games], pa.string()),
                "away_team": pa.array([g.away_team for g in games], pa.string()),
            }
        ),
    )


def _data_statements(contract: Contract, decisions: "Sequence[Decision]") -> Iterator[str]:
    """Swap the dates that are replaced, then compare what is stored with what was staged."""
    if not any(decision.replaces for decision in decisions):
        return
    table = contract.table
    replaced = f"{_between(decisions)} AND game_date IN (SELECT game_date FROM publishing)"
    names = ", ".join(contract.column_names)
    values = ", ".join(f"good_rows.{name}" for name in contract.column_names)
    yield f"DELETE FROM store.{table} WHERE {replaced}"
    yield (
        f"INSERT INTO store.{table} ({names}, attempt) SELECT {values}, p.attempt "
        f"FROM {_good_rows(contract)} JOIN publishing AS p ON p.game_date = good_rows.game_date"
    )
    # No row more, none less, none other: as many, and each stored one is among the staged.
    good = f"FROM {_good_rows(contract)} JOIN publishing AS p ON p.game_date = good_rows.game_date"
    yield (
        f"SELECT IF((SELECT COUNT(*) FROM store.{table} WHERE {replaced}) = "
        f"(SELECT COUNT(*) {good}) AND (SELECT COUNT(*) FROM ("
        f"SELECT {names} FROM store.{table} WHERE {replaced} "
        f"EXCEPT DISTINCT SELECT {values} {good}) AS other) = 0 AND (SELECT COUNT(*) FROM ("
        f"SELECT {values} {good} EXCEPT DISTINCT "
        f"SELECT {names} FROM store.{table} WHERE {replaced}) AS lost) = 0, 1, "
        f"ERROR('{table}: what was read back is not what was staged; nothing was published'))"
    )


def _ledger_statements(contract: Contract, decisions: "Sequence[Decision]") -> Iterator[str]:
    table, between = contract.table, _between(decisions)
    yield (
        f"DELETE FROM ledger.games WHERE table_name = {quoted(table)} AND {between} AND ("
        "game_date IN (SELECT game_date FROM new_attempts WHERE status <> 'FAILED') "
        "OR game_date IN (SELECT game_date FROM new_games))"
    )
    yield "INSERT INTO ledger.games SELECT * FROM new_games"
    if contract.unit is Unit.GAME and contract.records:
        # Where an earlier version stays, a game that is new to the date has no rows to certify.
        yield (
            "UPDATE ledger.games SET verdict = 'held', reason = 'passed, but its date keeps an "
            f"earlier version without it' WHERE table_name = {quoted(table)} AND {between} "
            "AND verdict = 'certified' AND game_date IN (SELECT game_date FROM new_attempts) "
            "AND CONCAT(CAST(game_date AS STRING), game_id) NOT IN (SELECT "
            f"CONCAT(CAST(game_date AS STRING), game_id) FROM store.{table} WHERE {between})"
        )
    yield "INSERT INTO ledger.attempts SELECT * FROM new_attempts"
    yield (
        "SELECT IF((SELECT COUNT(*) FROM ledger.attempts AS a JOIN new_attempts AS n "
        "ON n.table_name = a.table_name AND n.game_date = a.game_date AND n.attempt = a.attempt "
        f"WHERE a.{between}) = (SELECT COUNT(*) FROM new_attempts), 1, "
        f"ERROR('{table}: another run recorded the same attempt; nothing was published'))"
    )


def _quarantine_statements(
    contract: Contract, decisions: "Sequence[Decision]", refused: "Sequence[Refused]"
) -> Iterator[str]:
    """Keep what was rejected with the reason: rows of held games, rows of games the schedule does
    not have, and what the source could not understand.
    """
    table = quoted(contract.table)
    target = "ledger.quarantine (table_name, game_date, attempt, game_id, reason, content)"
    if any(decision.attempt.status is Status.QUARANTINED for decision in decisions):
        row = ", ".join(f"s.{name} AS {name}" for name in contract.column_names)
        game = "s.game_id" if "game_id" in contract.column_names else "CAST(NULL AS STRING)"
        on_game = "AND g.game_id IN (s.game_id, '*')" if contract.unit is Unit.GAME else ""
        yield (
            f"INSERT INTO {target} SELECT {table}, s.game_date, a.attempt, {game}, "
            f"COALESCE(g.reason, a.message), TO_JSON_STRING(STRUCT({row})) FROM arrived AS s "
            "JOIN new_attempts AS a ON a.game_date = s.game_date "
            f"LEFT JOIN new_games AS g ON g.game_date = s.game_date {on_game} "
            "WHERE a.status = 'QUARANTINED' AND (g.verdict IS NULL OR g.verdict = 'held')"
        )
    if refused:
        yield (
            f"INSERT INTO {target} SELECT {table}, r.game_date, a.attempt, r.game_id, r.detail, "
            "r.content FROM refused_rows AS r JOIN new_attempts AS a ON a.game_date = r.game_date"
        )


def _between(decisions: "Sequence[Decision]") -> str:
    dates = [decision.attempt.game_date for decision in decisions]
    return f"game_date BETWEEN DATE '{min(dates)}' AND DATE '{max(dates)}'"
