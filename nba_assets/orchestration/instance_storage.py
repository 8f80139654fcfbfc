"""Dagster's SQLite run and schedule storages, set up by one process at a time.

Each creates its tables when it is first opened, and so does every other process that opens it at
that moment: alembic then stamps twice, and one of them dies, or the database has two heads for
good. Here whoever comes first holds a lock file until the tables are there. Name Dagster's own
classes in ``dagster.yaml`` to go back; the files are the same.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

from nba_assets.orchestration.dagster_private import (
    ConfigurableClassData,
    SqliteRunStorage,
    SqliteScheduleStorage,
)


@contextmanager
def one_at_a_time(base_dir: str) -> Iterator[None]:
    """Let no other process open the storage in ``base_dir`` meanwhile."""
    folder = Path(base_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".opening").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class LockedSqliteRunStorage(SqliteRunStorage):
    """``SqliteRunStorage`` that one process at a time opens."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Build the storage an entry of ``dagster.yaml`` asks for."""
        with one_at_a_time(config_value["base_dir"]):
            return cls.from_local(inst_data=inst_data, **config_value)


class LockedSqliteScheduleStorage(SqliteScheduleStorage):
    """``SqliteScheduleStorage`` that one process at a time opens."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Build the storage an entry of ``dagster.yaml`` asks for."""
        with one_at_a_time(config_value["base_dir"]):
            return cast("Self", cls.from_local(inst_data=inst_data, **config_value))
