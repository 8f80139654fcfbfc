"""The digest of a date's rows: what says that a re-run changed nothing."""

from nba_assets.contracts.contract import Contract

EMPTY_DIGEST = "empty"
"""of a certified date without rows"""


def _content(contract: Contract) -> str:
    """A GoogleSQL expression for a row's content, the same on every engine."""
    parts = []
    for column in contract.columns:
        value = column.name
        if column.type == "FLOAT64":
            value = f"CAST(ROUND({value} * 1000000) AS INT64)"
        elif column.type == "TIMESTAMP":
            value = f"UNIX_MICROS({value})"
        elif column.type == "STRING":
            # With its length, so that no text can pass for two values or for NULL.
            value = f"CONCAT(CAST(LENGTH({value}) AS STRING), ':', {value})"
        parts.append(f"COALESCE(CAST({value} AS STRING), '~')")
    return "CONCAT(" + ", '|', ".join(parts) + ")"


def digest_query(contract: Contract, rows: str) -> str:
    """A query for ``game_date``, ``digest`` and ``found`` (rows) of a relation of the table.

    The digest does not depend on the order of the rows, on what published them, or on the engine;
    floats count to six decimals.
    """
    return (
        "SELECT game_date, TO_HEX(MD5(STRING_AGG(content, '' ORDER BY content))) AS digest, "
        f"COUNT(*) AS found FROM (SELECT game_date, TO_HEX(MD5({_content(contract)})) AS content "
        f"FROM {rows}) AS contents GROUP BY game_date"
    )
