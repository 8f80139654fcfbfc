"""The state machine: anything may happen to the source, anything is built, and the book must agree.

Run long with ``scripts/harness EXAMPLES [SEED]``.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt, Kind, Ruling
from nba_assets.certification.publish import Publisher
from nba_assets.certification.vacuum import dead, remove
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.operations.plan import Reason, Run, Standing, plan, repair, standing
from nba_assets_tests.harness.book import Book, frozen
from nba_assets_tests.harness.mini_graph import (
    DATES,
    EMPTY_DATE,
    RAW,
    TEAMS,
    MiniLeague,
    Row,
    graph,
)
from nba_assets_tests.memory_warehouse import MemoryWarehouse

BOXES = ("box", "second_box")
NAMES = tuple(graph())
GAMES = tuple(f"00225{number:05d}" for number in range(1, 11))
NEW = "0022599999"
days = st.sampled_from(DATES)
games = st.sampled_from(GAMES)
boxes = st.sampled_from(BOXES)


class Season(RuleBasedStateMachine):
    """One warehouse, one source, one book."""

    def __init__(self) -> None:
        super().__init__()
        self.league, self.book = MiniLeague(), Book()
        self.version, self.scoring = 1, 0.0
        self.warehouse = MemoryWarehouse(table.contract for table in graph().values())
        self.runs = 0

    def teardown(self) -> None:
        """Let go of the memory."""
        self.warehouse.close()

    @property
    def tables(self) -> dict[str, DatedTable]:
        """The graph as it is judged now."""
        return graph(version=self.version, scoring=self.scoring)

    def look(self, *, deep: bool = False) -> Standing:
        """What the product says of every date."""
        with self.warehouse.reading() as engine:
            return standing(
                engine,
                self.tables,
                DATES,
                self.league.name,
                listed=self.league.covers,
                deep=deep,
            )

    def latest(self) -> dict[tuple[str, date], Attempt]:
        """The latest attempts at every date."""
        with self.warehouse.reading() as engine:
            return ledger.latest(engine, NAMES, DATES[0], DATES[-1])

    def run(self, names: Iterable[str], first: date, last: date) -> None:
        """Build tables for dates, in the warehouse and in the book."""
        self.runs += 1
        publisher = Publisher(
            self.warehouse, self.tables, self.league, f"run {self.runs}", first_date=DATES[0]
        )
        first, last = sorted((first, last))
        span = [day for day in DATES if first <= day <= last]
        for name in names:
            publisher.build(name, span)
            self.book.build(self.league, name, span)

    # The source.

    @rule(game=games, tables=st.sets(st.sampled_from(RAW), min_size=1))
    def drop(self, game: str, tables: set[str]) -> None:
        """A game is gone from some publications, perhaps with its schedule."""
        for table in tables:
            self.league.tables[table] = [
                row for row in self.league.tables[table] if row["game_id"] != game
            ]

    @rule(game=games, table=st.sampled_from((*BOXES, "absences")))
    def drop_a_row(self, game: str, table: str) -> None:
        """One row of a game is gone."""
        rows = self.league.tables[table]
        mine = [row for row in rows if row["game_id"] == game]
        if mine:
            rows.remove(mine[0])

    @rule(game=games, table=st.sampled_from(RAW))
    def duplicate(self, game: str, table: str) -> None:
        """A row stands there twice."""
        rows = self.league.tables[table]
        rows += [dict(row) for row in rows if row["game_id"] == game][:1]

    @rule(game=games, table=boxes, points=st.integers(1, 9))
    def correct(self, game: str, table: str, points: int) -> None:
        """Points are corrected."""
        for row in self.league.tables[table]:
            if row["game_id"] == game:
                row["pts"] = 20 + points

    @rule(game=games, table=boxes, value=st.sampled_from((-1, 61, 2**63 - 1, -(2**63))))
    def absurd(self, game: str, table: str, value: int) -> None:
        """One value is beyond all bounds."""
        for row in self.league.tables[table]:
            if row["game_id"] == game:
                row["pts"] = value
                return

    @rule(game=games, table=boxes)
    def lose_a_value(self, game: str, table: str) -> None:
        """A value is no longer published."""
        for row in self.league.tables[table]:
            if row["game_id"] == game:
                row["extra"] = None

    @rule()
    def revert(self) -> None:
        """Everything is as it first was."""
        self.league.tables = MiniLeague().tables
        self.league.through = MiniLeague().through

    @rule()
    def add(self) -> None:
        """The empty date has a game now."""
        if all(row["game_id"] != NEW for row in self.league.tables["schedule"]):
            self.league.add(NEW, EMPTY_DATE, TEAMS[0], TEAMS[1], 30)

    @rule(game=games, day=days, tables=st.sampled_from((RAW, ("schedule",), BOXES)))
    def reschedule(self, game: str, day: date, tables: tuple[str, ...]) -> None:
        """A game moves to another date, its box scores with it or not."""
        for table in tables:
            for row in self.league.tables[table]:
                if row["game_id"] == game:
                    row["game_date"] = day

    @rule(game=games, status=st.sampled_from(("SCHEDULED", "IN_PROGRESS", "POSTPONED", "FINAL")))
    def status(self, game: str, status: str) -> None:
        """A game is not final yet, or not any more."""
        scores = MiniLeague().tables["schedule"]
        (first,) = (row for row in scores if row["game_id"] == game)
        for row in self.league.tables["schedule"]:
            if row["game_id"] == game:
                row["status"] = status
                for name in ("home_points", "away_points"):
                    row[name] = first[name] if status == "FINAL" else None

    @rule(day=days)
    def shrink(self, day: date) -> None:
        """The publication ends earlier than it did, schedule and all."""
        for table in RAW:
            self.league.tables[table] = [
                row for row in self.league.tables[table] if row["game_date"] <= day
            ]
        self.league.through = day

    # The operator.

    @initialize(first=days, last=days)
    def begin(self, first: date, last: date) -> None:
        """Part of the season is there, or nothing."""
        self.run(NAMES, first, last)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), first=days, last=days)
    def build(self, names: set[str], first: date, last: date) -> None:
        """Some tables are built for some dates, in the graph's order."""
        self.run([name for name in NAMES if name in names], first, last)

    @rule()
    def build_everything(self) -> None:
        """The whole season is built."""
        self.run(NAMES, DATES[0], DATES[-1])

    @rule(table=st.sampled_from((*BOXES, "summary", "form")), game=games, moment=st.datetimes())
    def waive(self, table: str, game: str, moment: datetime) -> None:
        """A held game is waived, whatever the clock says."""
        held = any(
            found.verdicts.get(game) == "held"
            for (name, _), found in self.book.entries.items()
            if name == table
        )
        if held and (table, game) not in self.book.waived:
            self._rule(Ruling(Kind.WAIVE, table, game, "why", "me", moment.replace(tzinfo=UTC)))
            self.book.waived.add((table, game))

    @precondition(lambda self: self.book.waived)
    @rule(data=st.data(), moment=st.datetimes())
    def revoke(self, data: st.DataObject, moment: datetime) -> None:
        """A waiver ends."""
        table, game = data.draw(st.sampled_from(sorted(self.book.waived)))
        self._rule(Ruling(Kind.REVOKE, table, game, "why", "me", moment.replace(tzinfo=UTC)))
        self.book.waived.remove((table, game))

    @rule()
    def accept(self) -> None:
        """What is gone is accepted, all of it."""
        rules = ("nothing_vanishes", "still_listed")
        for (table, day), attempt in self.latest().items():
            for cause in attempt.causes:
                if cause.is_of(table, day) and cause.rule in rules and cause.game_id:
                    finding = f"{cause.rule}: {cause.detail}"
                    now = datetime.now(UTC)
                    self._rule(
                        Ruling(Kind.ACCEPT, table, cause.game_id, "why", "me", now, day, finding)
                    )
                    gone = self.book.entries[table, day].vanished
                    self.book.accepted[table, day, cause.game_id] = gone[cause.game_id]

    def _rule(self, ruling: Ruling) -> None:
        with self.warehouse.writing() as engine:
            ledger.rule(engine, [ruling])

    @rule()
    def raise_the_contract(self) -> None:
        """The contract of ``summary`` gets another version."""
        self.version += 1
        self.book.version = self.version

    @rule(scoring=st.sampled_from((0.0, 0.22, 0.25)))
    def judge_by(self, scoring: float) -> None:
        """A threshold is made stricter, or laxer."""
        self.scoring = self.book.scoring = scoring

    @rule(table=st.sampled_from(NAMES), day=days)
    def tamper(self, table: str, day: date) -> None:
        """Rows are deleted behind the ledger."""
        if day not in self._visible(table):
            return
        with self.warehouse.writing() as engine:
            engine.transaction([f"DELETE FROM store.{table} WHERE game_date = DATE '{day}'"])
        self.book.damaged.add((table, day))

    @rule()
    def vacuum(self) -> None:
        """What was superseded goes, and nothing else: the invariants are asked after it."""
        with self.warehouse.writing() as engine:
            found = dead(engine, [t.contract for t in self.tables.values()], timedelta(0))
            remove(engine, found)

    @rule()
    def mend(self) -> None:
        """All is read again and repair ends; what is complete then equals a clean rebuild."""
        self.run(RAW, DATES[0], DATES[-1])
        rounds = 0

        def launch(batch: Iterable[Run]) -> None:
            nonlocal rounds
            rounds += 1
            for one in batch:
                self.run(one.tables, one.first, one.last)

        repair(self.look, launch)
        assert rounds <= len(NAMES) + 2, f"repair took {rounds} rounds"
        now = self.look(deep=True)
        left = {key: need for key, need in now.needs.items() if need.changed}
        assert left == {}, left
        assert plan(now, set(now.needs)) == []
        for key, entry in self.book.entries.items():
            assert (key in now.needs) == (not entry.complete), (key, now.needs.get(key))
        if not now.needs and not self.book.accepted:
            self._equals_a_clean_rebuild()

    def _equals_a_clean_rebuild(self) -> None:
        clean = Season()
        clean.league, clean.version, clean.scoring = self.league, self.version, self.scoring
        clean.book.version, clean.book.scoring = self.version, self.scoring
        for table, game in self.book.waived:
            clean._rule(Ruling(Kind.WAIVE, table, game, "why", "me", datetime.now(UTC)))
            clean.book.waived.add((table, game))
        clean.run(NAMES, DATES[0], DATES[-1])
        for name in NAMES:
            ours, fresh = self._visible(name), clean._visible(name)
            if name in ("trained", "forecast"):
                # A model stays what it was trained on, and so does what it foretold.
                outlived = {day for day in ours if self.book.outlived(day)}
                ours = {day: rows for day, rows in ours.items() if day not in outlived}
                fresh = {day: rows for day, rows in fresh.items() if day not in outlived}
            assert ours == fresh, name
        clean.teardown()

    def _visible(self, table: str) -> dict[date, Any]:
        """What readers see of each date of a table that has rows."""
        by_day: dict[date, list[Row]] = {}
        with self.warehouse.reading() as engine:
            for row in engine.query(f"SELECT * FROM {table}").to_pylist():
                by_day.setdefault(row["game_date"], []).append(row)
        return {day: frozen(rows) for day, rows in by_day.items()}

    # What must hold whatever happened.

    @invariant()
    def the_book_agrees(self) -> None:
        """Readers see what passed, the ledger and the book agree, what is wrong is named."""
        now, attempts = self.look(), self.latest()
        assert now.statuses == {key: attempt.status for key, attempt in attempts.items()}
        visible = {name: self._visible(name) for name in NAMES}
        for (table, day), entry in self.book.entries.items():
            key = (table, day)
            attempt = attempts.get(key)
            assert attempt is not None, f"{key} was built and the ledger does not know"
            said = (attempt.status.value, attempt.message)
            assert attempt.status.certified == entry.complete, (key, said, entry)
            if key in self.book.damaged:
                assert now.needs[key].reason is Reason.DAMAGED, (key, now.needs.get(key))
                continue
            assert visible[table].get(day, ()) == self.book.visible(table, day), (key, said)
            named = {cause.game_id for cause in attempt.causes}
            assert entry.wrong <= named, (key, entry.wrong, said)
            if key not in now.needs:
                assert table == "schedule" or self.book.is_current(table, day), (key, said)
            elif now.needs[key].reason is Reason.STALE and table not in RAW:
                assert not self.book.is_current(table, day), (key, now.needs[key])
