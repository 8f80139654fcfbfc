"""Every order in which two writers and a reader can take their sessions, one writer perhaps killed.

A session on the warehouse is indivisible: the lock sees to that. So what can happen is the order of
sessions. Each writer reads, then publishes ``box``, then publishes ``summary``, for two dates, one
of them from a corrected source; the reader looks once. A crash is a writer that dies before one of
the statements of its transaction.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from nba_assets.certification.publish import Publisher
from nba_assets.engines.duckdb_file import DuckDBEngine
from nba_assets.engines.engine import Load
from nba_assets.operations.plan import standing
from nba_assets_tests.harness.mini_graph import DATES, MiniLeague, graph
from nba_assets_tests.memory_warehouse import MemoryWarehouse

TABLES = ("box", "summary")
RANGE = DATES[:2]
SESSIONS = 2
"""of a writer: one to publish each table"""


class Killed(BaseException):
    """The end of a process."""


@dataclass
class Turnstile:
    """Lets sessions begin in one order only."""

    order: list[str]
    done: set[str] = field(default_factory=set)
    condition: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def turn(self, actor: str) -> Iterator[None]:
        """Wait for the actor's turn, and hand on when its session has ended."""
        with self.condition:
            assert self.condition.wait_for(lambda: self._next() in (actor, None), timeout=20)
        try:
            yield
        finally:
            with self.condition:
                if self.order and self._next() == actor:
                    self.order.pop(0)
                self.condition.notify_all()

    def leave(self, actor: str) -> None:
        """Wait for the actor no longer."""
        with self.condition:
            self.done.add(actor)
            self.condition.notify_all()

    def _next(self) -> str | None:
        while self.order and self.order[0] in self.done:
            self.order.pop(0)
        return self.order[0] if self.order else None


@dataclass
class Turns:
    """A warehouse whose sessions wait for their turn; its owner may be killed in one."""

    warehouse: MemoryWarehouse
    turnstile: Turnstile
    actor: str
    dies_at: tuple[int, int] | None = None
    """number of the transaction, and of the statement it is killed before"""
    transactions: int = 0

    def exists(self) -> bool:
        """See ``Warehouse``."""
        return True

    @contextmanager
    def writing(self) -> Iterator[DuckDBEngine]:
        """See ``Warehouse``."""
        with self.turnstile.turn(self.actor), self.warehouse.writing() as engine:
            start = engine.transaction

            def transaction(statements: Sequence[str], loads: Sequence[Load] = ()) -> None:
                if self.dies_at and self.dies_at[0] == self.transactions:
                    self.transactions += 1
                    connection = engine._connection
                    engine.run(loads)
                    connection.begin()
                    for statement in statements[: self.dies_at[1]]:
                        engine.query(statement)
                    raise Killed
                self.transactions += 1
                start(statements, loads)

            engine.transaction = transaction  # type: ignore[method-assign]
            yield engine

    @contextmanager
    def reading(self) -> Iterator[DuckDBEngine]:
        """See ``Warehouse``."""
        with self.turnstile.turn(self.actor), self.warehouse.writing() as engine:
            yield engine


def orders() -> Iterator[list[str]]:
    """Every order of the sessions of writers A and B and of one reader."""
    total = 2 * SESSIONS + 1
    for reader in range(total):
        rest = [place for place in range(total) if place != reader]
        for mine in combinations(rest, SESSIONS):
            yield ["R" if n == reader else "A" if n in mine else "B" for n in range(total)]


class Walk:
    """One warehouse that all orders are walked on, one after the other."""

    def __init__(self) -> None:
        self.tables = graph()
        self.warehouse = MemoryWarehouse(table.contract for table in self.tables.values())
        self.leagues = {"A": MiniLeague(), "B": MiniLeague()}
        for row in self.leagues["B"].tables["box"]:
            row["pts"] += 20
        first = Publisher(self.warehouse, self.tables, self.leagues["A"], "first")
        for name in self.tables:
            first.build(name, list(DATES))
        self.versions = {
            name: {row["game_date"]: {row["pts"], row["pts"] + 20} for row in self.rows(name)}
            for name in TABLES
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        """What readers see of the range."""
        with self.warehouse.reading() as engine:
            found: list[dict[str, Any]] = engine.query(
                f"SELECT * FROM {table} WHERE game_date <= DATE '{RANGE[-1]}' "
                "ORDER BY game_date, game_id, team"
            ).to_pylist()
        return found

    def go(self, order: Sequence[str], dies_at: tuple[int, int] | None = None) -> None:
        """Walk one order; with ``dies_at`` writer A is killed there.

        Raises:
            AssertionError: something was seen, or is left, that must not be.
        """
        turnstile = Turnstile(list(order))
        seen: list[Any] = []
        errors: list[BaseException] = []

        def write(actor: str) -> None:
            mine = dies_at if actor == "A" else None
            turns = Turns(self.warehouse, turnstile, actor, mine)
            publisher = Publisher(turns, self.tables, self.leagues[actor], f"run {actor}")
            try:
                for name in TABLES:
                    publisher.build(name, list(RANGE))
            except Killed:
                pass
            except BaseException as error:  # noqa: BLE001
                errors.append(error)
            finally:
                turnstile.leave(actor)

        def read() -> None:
            with Turns(self.warehouse, turnstile, "R").reading() as engine:
                seen.extend(
                    engine.query(f"SELECT game_date, pts, team, game_id FROM {name} WHERE "
                                 f"game_date <= DATE '{RANGE[-1]}'").to_pylist()
                    for name in TABLES
                )  # fmt: skip
            turnstile.leave("R")

        threads = [threading.Thread(target=write, args=(actor,)) for actor in "AB"]
        threads.append(threading.Thread(target=read))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
            assert not thread.is_alive(), order
        assert errors == [], (order, errors)
        assert len(seen) == len(TABLES)
        for rows in (*seen, *(self.rows(name) for name in TABLES)):
            self._is_one_version(rows, order)
        self._ledger_agrees(order)

    def _is_one_version(self, rows: Sequence[dict[str, Any]], order: Sequence[str]) -> None:
        of_league = {
            actor: {(row["game_id"], row["team"]): row["pts"] for row in league.tables["box"]}
            for actor, league in self.leagues.items()
        }
        assert len(rows) == 4 * len(RANGE), order
        is_a, is_b = (
            all(row["pts"] == of_league[actor][row["game_id"], row["team"]] for row in rows)
            for actor in "AB"
        )
        assert is_a or is_b, (order, "rows of two versions in one range")

    def _ledger_agrees(self, order: Sequence[str]) -> None:
        with self.warehouse.reading() as engine:
            now = standing(engine, self.tables, RANGE, "mini league", deep=True)
        box, summary = (self.rows(name) for name in TABLES)
        equal = [row["pts"] for row in box] == [row["pts"] for row in summary]
        stale = {key for key in now.needs if key[0] == "summary"}
        assert ("box", RANGE[0]) not in now.needs, order
        assert equal == (not stale), (order, "the ledger does not say what is stale")
