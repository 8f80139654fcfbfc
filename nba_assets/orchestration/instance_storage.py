"""Dagster's local storages: in the folder of their ``dagster.yaml``, opened one at a time.

A relative folder in ``dagster.yaml`` is one of DAGSTER_HOME, where that file lies; where the
variable is not set, Dagster reads the file of the working directory, and the folder is there. To
Dagster itself it is always one of the working directory, of which every process may have its own.

Run and schedule storage create their tables when they are first opened, and so does every other
process that opens them at that moment: alembic then stamps twice, and one of them dies, or the
database has two heads for good. Here whoever comes first holds a lock file until the tables are
there. Name Dagster's own classes in ``dagster.yaml`` to go back; the files are the same.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

from nba_assets.orchestration.dagster_private import (
    ConfigurableClassData,
    LocalComputeLogManager,
    SqliteRunStorage,
    SqliteScheduleStorage,
)


def in_home(folder: str) -> str:
    """A folder of ``dagster.yaml``, as a path."""
    return str(Path(os.environ.get("DAGSTER_HOME", "")).expanduser() / folder)


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
        base_dir = in_home(config_value["base_dir"])
        with one_at_a_time(base_dir):
            return cls.from_local(base_dir, inst_data)


class LockedSqliteScheduleStorage(SqliteScheduleStorage):
    """``SqliteScheduleStorage`` that one process at a time opens."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Build the storage an entry of ``dagster.yaml`` asks for."""
        base_dir = in_home(config_value["base_dir"])
        with one_at_a_time(base_dir):
            return cast("Self", cls.from_local(base_dir, inst_data))


class ComputeLogs(LocalComputeLogManager):
    """``LocalComputeLogManager`` in the folder of its ``dagster.yaml``."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Build what an entry of ``dagster.yaml`` asks for."""
        return cls(in_home(config_value["base_dir"]), inst_data=inst_data)
