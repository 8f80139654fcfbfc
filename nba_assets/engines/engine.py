"""What an engine must offer. All SQL that passes here is GoogleSQL."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class Engine(Protocol):
    """An open session: temporary tables live as long as it does."""

    def query(self, sql: str, relations: Mapping[str, str] | None = None) -> "pa.Table":
        """The result of a SELECT whose unqualified tables are replaced by ``relations``."""
        ...

    def create(self, name: str, sql: str, relations: Mapping[str, str] | None = None) -> None:
        """A temporary table with the result of a SELECT; replaces one of the same name."""
        ...

    def load(self, name: str, rows: "pa.Table") -> None:
        """A temporary table with the rows; replaces one of the same name."""
        ...

    def transaction(self, statements: Sequence[str]) -> None:
        """Run all statements or, if one raises, none of them.

        Raises:
            WarehouseError: a statement failed; nothing has changed.
        """
        ...

    def columns(self) -> dict[tuple[str, str], dict[str, str]]:
        """The stored tables' columns and their GoogleSQL types, by schema and table."""
        ...


class Warehouse(Protocol):
    """A store that several processes share."""

    def exists(self) -> bool:
        """Whether anything was ever written to it."""
        ...

    def writing(self) -> AbstractContextManager[Engine]:
        """A session that may change the store; waits for other writers and readers."""
        ...

    def reading(self) -> AbstractContextManager[Engine]:
        """A session that may not change the store; waits for a writer."""
        ...
