"""What an engine must offer. All SQL that passes here is GoogleSQL."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Load:
    """A temporary table with the rows; replaces one of the same name."""

    name: str
    rows: "pa.Table"


@dataclass(frozen=True)
class Create:
    """A temporary table with the result of a SELECT; replaces one of the same name."""

    name: str
    query: str
    relations: Mapping[str, str] = field(default_factory=dict)
    """what stands in for unqualified tables"""


@dataclass(frozen=True)
class Query:
    """A SELECT whose result is wanted."""

    query: str
    relations: Mapping[str, str] = field(default_factory=dict)
    """what stands in for unqualified tables"""


Step = Load | Create | Query


class Engine(Protocol):
    """An open session: temporary tables live as long as it does.

    Every call is one round trip, whatever it takes along: where each is a job of a second, what
    belongs together goes together.
    """

    def run(self, steps: Sequence[Step]) -> "list[pa.Table]":
        """Take the steps in order; the results of the queries among them."""
        ...

    def query(self, sql: str, relations: Mapping[str, str] | None = None) -> "pa.Table":
        """The result of a SELECT whose unqualified tables are replaced by ``relations``."""
        ...

    def transaction(self, statements: Sequence[str], loads: Sequence[Load] = ()) -> None:
        """Run all statements or, if one raises, none of them; they may read what is loaded.

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
