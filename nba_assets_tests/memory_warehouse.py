"""A warehouse without a file, for tests whose many small builds mostly open and close one."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from nba_assets.certification.schema import prepare
from nba_assets.contracts.contract import Contract
from nba_assets.engines.duckdb_file import DuckDBEngine


class MemoryWarehouse:
    """The real engine in memory; sessions share the store and nothing else."""

    def __init__(self, contracts: Iterable[Contract], file: Path | None = None) -> None:
        """Empty, or with what a warehouse file has."""
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        if file:
            self._connection.execute(f"ATTACH '{file}' AS source (READ_ONLY)")
            self._connection.execute("COPY FROM DATABASE source TO memory")
            self._connection.execute("DETACH source")
        prepare(self, contracts)

    def exists(self) -> bool:
        """See ``Warehouse``."""
        return True

    @contextmanager
    def writing(self) -> Iterator[DuckDBEngine]:
        """See ``Warehouse``; temporary tables live as long as the session."""
        session = self._connection.cursor()
        session.execute("SET TimeZone = 'UTC'")
        # For tables this small planning takes longer than running.
        session.execute("PRAGMA disable_optimizer")
        try:
            yield DuckDBEngine(session)
        finally:
            session.close()

    reading = writing

    def close(self) -> None:
        """Let go of the memory."""
        self._connection.close()
