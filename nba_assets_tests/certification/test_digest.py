"""The digest: equal for equal rows, different for any other."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from nba_assets.certification.digest import digest_query
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.contract import Column, Contract
from nba_assets.engines.duckdb_file import DuckDBEngine
from nba_assets.engines.engine import Load

CONTRACT = Contract(
    table="things",
    group="raw",
    description="One column of every type.",
    grain=("game_id",),
    columns=(
        Column("game_id", "STRING", "A text"),
        Column("game_date", "DATE", "The partition"),
        Column("name", "STRING", "Another text", nullable=True),
        Column("number", "INT64", "A whole number", nullable=True),
        Column("share", "FLOAT64", "A float", nullable=True),
        Column("home", "BOOL", "A flag", nullable=True),
        Column("at", "TIMESTAMP", "A moment", nullable=True),
    ),
)
DAY = date(2026, 1, 3)
MOMENT = datetime(2026, 1, 3, 23, 30, tzinfo=UTC)
TEXTS = st.text("ab|~\n:\\'1", max_size=4)
ROWS = st.fixed_dictionaries(
    {
        "game_id": TEXTS,
        "game_date": st.sampled_from([DAY, DAY + timedelta(days=1)]),
        "name": st.none() | TEXTS,
        "number": st.none() | st.integers(-(2**40), 2**40),
        "share": st.none() | st.integers(-(10**12), 10**12).map(lambda n: n / 10**6),
        "home": st.none() | st.booleans(),
        "at": st.none() | st.integers(0, 10**9).map(lambda n: MOMENT + timedelta(microseconds=n)),
    }
)
Row = dict[str, Any]
Digests = dict[date, tuple[str, int]]

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def digests() -> Iterator[Callable[[list[Row]], Digests]]:
    """Digest and number of rows by date."""
    connection = duckdb.connect()
    engine = DuckDBEngine(connection)

    def of(rows: list[Row]) -> Digests:
        engine.run([Load("things", pa.Table.from_pylist(rows, arrow_schema(CONTRACT)))])
        found = engine.query(digest_query(CONTRACT, "things")).to_pylist()
        return {row["game_date"]: (row["digest"], row["found"]) for row in found}

    yield of
    connection.close()


@quick
@given(rows=st.lists(ROWS, min_size=1, max_size=6), seed=st.randoms())
def test_the_order_of_rows_does_not_count(
    digests: Callable[[list[Row]], Digests], rows: list[Row], seed: Any
) -> None:
    shuffled = list(rows)
    seed.shuffle(shuffled)

    assert digests(shuffled) == digests(rows)


@quick
@given(one=ROWS, other=ROWS)
def test_different_rows_differ_whatever_their_texts(
    digests: Callable[[list[Row]], Digests], one: Row, other: Row
) -> None:
    assume(one != other)

    assert digests([one]) != digests([other])


@quick
@given(row=ROWS, other=ROWS, column=st.sampled_from(CONTRACT.column_names))
def test_every_column_counts(
    digests: Callable[[list[Row]], Digests], row: Row, other: Row, column: str
) -> None:
    changed = row | {column: other[column]}
    assume(changed != row)

    assert digests([row]) != digests([changed])


@quick
@given(row=ROWS, share=st.integers(-(10**6), 10**6), noise=st.floats(-4e-7, 4e-7))
def test_floats_count_to_six_decimals(
    digests: Callable[[list[Row]], Digests], row: Row, share: int, noise: float
) -> None:
    exact = row | {"share": share / 1000}

    assert digests([exact]) == digests([exact | {"share": exact["share"] + noise}])
    assert digests([exact]) != digests([exact | {"share": exact["share"] + 2e-6}])


@quick
@given(rows=st.lists(ROWS, min_size=1, max_size=5))
def test_every_row_counts_also_a_repeated_one(
    digests: Callable[[list[Row]], Digests], rows: list[Row]
) -> None:
    found, more = digests(rows), digests([*rows, rows[0]])
    day = rows[0]["game_date"]

    assert more[day] != found[day]
    assert more[day][1] == found[day][1] + 1
    assert {d: v for d, v in more.items() if d != day} == {
        d: v for d, v in found.items() if d != day
    }


def test_texts_do_not_run_into_each_other(digests: Callable[[list[Row]], Digests]) -> None:
    row = dict.fromkeys(CONTRACT.column_names) | {"game_date": DAY}

    def digest(game_id: str, name: str | None) -> Digests:
        return digests([row | {"game_id": game_id, "name": name}])

    assert digest("a", "~") != digest("a", None)
    assert digest("a", "") != digest("a", None)
    one_row = digests([row | {"game_id": "a", "name": "b\na|2026-01-03|b"}])
    two_rows = digests([row | {"game_id": "a", "name": "b"}] * 2)
    assert one_row[DAY][0] != two_rows[DAY][0]


def test_minus_zero_is_zero(digests: Callable[[list[Row]], Digests]) -> None:
    row = dict.fromkeys(CONTRACT.column_names) | {"game_date": DAY, "game_id": "a"}

    assert digests([row | {"share": 0.0}]) == digests([row | {"share": -0.0}])


def test_no_rows_have_no_digest(digests: Callable[[list[Row]], Digests]) -> None:
    assert digests([]) == {}
