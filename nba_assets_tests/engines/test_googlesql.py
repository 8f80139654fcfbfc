"""GoogleSQL on DuckDB: every known difference is rewritten away or refused."""

import json
import math
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from nba_assets.assets.graph import dated_tables
from nba_assets.certification.audit import column_rules
from nba_assets.certification.digest import digest_query
from nba_assets.contracts.contract import Contract, RowRule, SetRule
from nba_assets.contracts.dated_table import DatedTable, FromPython, FromSQL
from nba_assets.engines.googlesql import (
    DuckDBRenderer,
    lint,
    quoted,
    render_bigquery,
    render_duckdb,
)
from nba_assets.errors import TransformError

TABLES = dated_tables(Path("models"))
T = frozenset({"t"})
ONE_NULL = "(SELECT 1 AS x UNION ALL SELECT NULL AS x UNION ALL SELECT 2 AS x) AS t"
NONE = "(SELECT 1 AS x LIMIT 0) AS t"


@pytest.fixture
def run() -> Iterator[Callable[[str], Any]]:
    """Runs a GoogleSQL statement on DuckDB; one value, or a list of rows."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")

    def fetch(sql: str) -> Any:
        rows = connection.execute(render_duckdb(sql)).fetchall()
        return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows

    yield fetch
    connection.close()


GOLDEN: tuple[tuple[str, Any], ...] = (
    # COUNTIF of nothing is 0 on BigQuery, NULL on DuckDB as transpiled.
    (f"SELECT COUNTIF(x > 1) FROM {NONE}", 0),
    (f"SELECT COUNTIF(x > 1) FROM {ONE_NULL}", 1),
    (f"SELECT COUNTIF(x > 1) + COUNTIF(x > 0) FROM {NONE}", 0),
    (
        ("SELECT COUNTIF(d >= DATE_SUB(DATE '2026-01-08', INTERVAL 7 DAY)) FROM "
        "(SELECT DATE '2026-01-01' AS d UNION ALL SELECT DATE '2025-12-31' AS d) AS t"),
        1,
    ),
    (
        ("SELECT COUNTIF(d > DATE_ADD(DATE_SUB(DATE '2026-01-08', INTERVAL 7 DAY), INTERVAL 1 DAY))"
        " FROM (SELECT DATE '2026-01-01' AS d LIMIT 0) AS t"),
        0,
    ),
    # A date shifted by an interval stays a date; DuckDB makes it a timestamp.
    ("SELECT DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH)", date(2024, 2, 29)),
    ("SELECT DATE_SUB(DATE '2024-03-31', INTERVAL 1 MONTH)", date(2024, 2, 29)),
    ("SELECT DATE_SUB(DATE_ADD(DATE '2026-01-03', INTERVAL 1 DAY), INTERVAL 1 DAY)",
     date(2026, 1, 3)),
    ("SELECT DATE_DIFF(DATE '2026-01-03', DATE '2025-12-31', DAY)", 3),
    ("SELECT EXTRACT(YEAR FROM DATE '2026-01-03')", 2026),
    ("SELECT UNIX_DATE(DATE '1970-01-11')", 10),
    # NULL is the smallest value, in windows and out of them.
    (f"SELECT x FROM {ONE_NULL} ORDER BY x", [(None,), (1,), (2,)]),
    (f"SELECT x FROM {ONE_NULL} ORDER BY x DESC", [(2,), (1,), (None,)]),
    (f"SELECT x, ROW_NUMBER() OVER (ORDER BY x) FROM {ONE_NULL} ORDER BY 2",
     [(None, 1), (1, 2), (2, 3)]),
    (f"SELECT x, ROW_NUMBER() OVER (ORDER BY x DESC) FROM {ONE_NULL} ORDER BY 2",
     [(2, 1), (1, 2), (None, 3)]),
    (f"SELECT x, RANK() OVER (ORDER BY x) FROM {ONE_NULL} ORDER BY 2",
     [(None, 1), (1, 2), (2, 3)]),
    (f"SELECT x, LAG(x) OVER (ORDER BY x) FROM {ONE_NULL} ORDER BY x",
     [(None, None), (1, None), (2, 1)]),
    ((f"SELECT x, FIRST_VALUE(x) OVER (w ORDER BY x) FROM {ONE_NULL} WINDOW w AS (PARTITION BY 1) "
     "ORDER BY x"), [(None, None), (1, None), (2, None)]),
    # NULL swallows: DuckDB's own GREATEST, LEAST and CONCAT skip it.
    ("SELECT GREATEST(1, NULL)", None),
    ("SELECT LEAST(1, NULL)", None),
    ("SELECT GREATEST(1, 3, 2) - LEAST(4, 3)", 0),
    ("SELECT CONCAT('a', NULL, 'b')", None),
    ("SELECT CONCAT('a', CAST(NULL AS STRING))", None),
    ("SELECT CONCAT('a', 'b', 'c')", "abc"),
    ("SELECT 'a' || CAST(NULL AS STRING)", None),
    # Rounding goes half away from zero, of decimals and floats, also into integers.
    ("SELECT ROUND(2.5)", 3),
    ("SELECT ROUND(-2.5)", -3),
    ("SELECT ROUND(CAST(0.5 AS FLOAT64))", 1),
    ("SELECT ROUND(CAST(-1.5 AS FLOAT64))", -2),
    ("SELECT CAST(ROUND(CAST(2.5 AS FLOAT64)) AS INT64)", 3),
    ("SELECT CAST(FLOOR(CAST(2.5 AS FLOAT64)) AS INT64)", 2),
    ("SELECT SAFE_DIVIDE(7, 2)", 3.5),
    ("SELECT SAFE_DIVIDE(7, 0)", None),
    ("SELECT SAFE_DIVIDE(0, 0)", None),
    ("SELECT SAFE_DIVIDE(NULL, 2)", None),
    # Texts.
    (("SELECT STRING_AGG(x, ',' ORDER BY x) FROM (SELECT 'b' AS x UNION ALL SELECT 'a' AS x "
     "UNION ALL SELECT NULL AS x UNION ALL SELECT 'C' AS x) AS t"), "C,a,b"),
    (f"SELECT STRING_AGG(CAST(x AS STRING), ',' ORDER BY x DESC) FROM {ONE_NULL}", "2,1"),
    (f"SELECT STRING_AGG(CAST(x AS STRING), ',' ORDER BY x) FROM {NONE}", None),
    ("SELECT TO_HEX(MD5('abc'))", "900150983cd24fb0d6963f7d28e17f72"),
    ("SELECT UNIX_MICROS(TIMESTAMP '2026-01-03 23:30:00.123456+00')", 1767483000123456),
    (("SELECT TO_JSON_STRING(STRUCT(1 AS a, 'x' AS b, CAST(NULL AS STRING) AS c, "
     "DATE '2026-01-03' AS d, TRUE AS e))"),
     '{"a":1,"b":"x","c":null,"d":"2026-01-03","e":true}'),
    ("SELECT JSON_VALUE('{\"a\": 0.9, \"b\": \"x\"}', '$.a')", "0.9"),
    ("SELECT JSON_VALUE('{\"a\": 0.9}', '$.b')", None),
    (("SELECT part FROM (SELECT ['a', NULL, 'b'] AS parts) AS t CROSS JOIN UNNEST(parts) AS part "
      "WHERE part IS NOT NULL ORDER BY part"),
     [("a",), ("b",)]),
    (f"SELECT EXISTS(SELECT 1 FROM {NONE})", False),
    ("SELECT IF(1 = 1, 1, ERROR('never'))", 1),
    ("SELECT CAST(TRUE AS STRING)", "true"),
    ("SELECT CAST(DATE '2026-01-03' AS STRING)", "2026-01-03"),
    ("SELECT CAST(42 AS STRING)", "42"),
    ("SELECT SUBSTR('0022500777', 1, 3)", "002"),
    ("SELECT LENGTH('Dončić')", 6),
    ("SELECT UPPER('Dončić')", "DONČIĆ"),
    ("SELECT 'a' = 'A'", False),
    (("SELECT w FROM (SELECT 'b a' AS x) AS t CROSS JOIN UNNEST(SPLIT(x, ' ')) AS w ORDER BY w"),
     [("a",), ("b",)]),
    ("SELECT SPLIT('Dario Šarić', ' ')", ["Dario", "Šarić"]),
    (r"SELECT REGEXP_EXTRACT('Dario Šarić', r'\S+$')", "Šarić"),
    # Aggregates of one row and of none.
    ("SELECT STDDEV_SAMP(x) FROM (SELECT 1.0 AS x) AS t", None),
    ("SELECT VAR_SAMP(x) FROM (SELECT 1.0 AS x) AS t", None),
    ("SELECT VAR_SAMP(x) FROM (SELECT 1.0 AS x UNION ALL SELECT 3.0 AS x) AS t", 2.0),
    (f"SELECT AVG(x) FROM {ONE_NULL}", 1.5),
    (f"SELECT AVG(x) FROM {NONE}", None),
    (f"SELECT SUM(x) FROM {NONE}", None),
    (f"SELECT COUNT(*) FROM {NONE}", 0),
    (f"SELECT COUNT(x) FROM {ONE_NULL}", 2),
    (f"SELECT LOGICAL_AND(x > 0) FROM {ONE_NULL}", True),
    (f"SELECT LOGICAL_OR(x > 1) FROM {NONE}", None),
    ("SELECT ARRAY_AGG(x) FROM (SELECT 1 AS x) AS t", [1]),
    (f"SELECT COUNT(DISTINCT IF(x = 1, x, NULL)) FROM {ONE_NULL}", 1),
    # Conditions.
    ("SELECT IF(NULL, 1, 2)", 2),
    ("SELECT NULLIF(1, 1)", None),
    ("SELECT 2 IN (1, NULL)", None),
    ("SELECT COALESCE(NULL, 2)", 2),
    ("SELECT IF(NULL > 1, 'yes', 'no')", "no"),
)  # fmt: skip


@pytest.mark.parametrize(("sql", "value"), GOLDEN, ids=[sql for sql, _ in GOLDEN])
def test_duckdb_gives_the_value_bigquery_documents(
    run: Callable[[str], Any], sql: str, value: Any
) -> None:
    assert run(sql) == value


REFUSED = (
    ("SELECT 1 / x FROM t", "SAFE_DIVIDE"),
    ("SELECT SAFE_DIVIDE(1 / x, 2) FROM t", "SAFE_DIVIDE"),
    ("SELECT SAFE_DIVIDE(2, 1 / x) FROM t", "SAFE_DIVIDE"),
    ("SELECT DIV(7, x) FROM t", "by zero"),
    ("SELECT MOD(7, x) FROM t", "by zero"),
    ("SELECT POW(x, -1) FROM t", "POW"),
    ("SELECT EXP(x) FROM t", "EXP"),
    ("SELECT CORR(x, y) FROM t", "CORR"),
    ("SELECT d + INTERVAL 1 DAY FROM t", "DATE_ADD"),
    ("SELECT d - INTERVAL '1' DAY FROM t", "DATE_SUB"),
    ("SELECT DATE_TRUNC(d, MONTH) FROM t", "golden test"),
    ("SELECT TIMESTAMP_DIFF(a, b, HOUR) FROM t", "golden test"),
    ("SELECT DATE_DIFF(a, b, WEEK) FROM t", "only DAY"),
    ("SELECT DATE_DIFF(a, b, MONTH) FROM t", "only DAY"),
    ("SELECT EXTRACT(DAYOFWEEK FROM d) FROM t", "only YEAR, MONTH and DAY"),
    ("SELECT EXTRACT(ISOWEEK FROM d) FROM t", "only YEAR, MONTH and DAY"),
    ("SELECT EXTRACT(HOUR FROM d) FROM t", "only YEAR, MONTH and DAY"),
    ("SELECT COUNTIF(x > 1) OVER () FROM t", "SUM(IF("),
    ("SELECT CAST(x AS INT64) FROM t", "ROUND"),
    ("SELECT CAST(2.5 AS INT64)", "ROUND"),
    ("SELECT SUBSTR(x, 0, 2) FROM t", "positive literal"),
    ("SELECT SUBSTR(x, -3) FROM t", "positive literal"),
    ("SELECT SUBSTR(x, y) FROM t", "positive literal"),
    ("SELECT STRING_AGG(x) FROM t", "ORDER BY"),
    ("SELECT ARRAY_AGG(x LIMIT 1) FROM t", "LIMIT"),
    ("SELECT FARM_FINGERPRINT(x) FROM t", "golden test"),
    ("SELECT IEEE_DIVIDE(1, x) FROM t", "golden test"),
    ("SELECT SAFE_CAST(x AS DATE) FROM t", "golden test"),
    ("SELECT SAFE.LN(x) FROM t", "golden test"),
    ("SELECT FORMAT('%d', x) FROM t", "golden test"),
    ("SELECT MEDIAN(x) FROM t", "golden test"),
    ("SELECT epoch(x) FROM t", "golden test"),
    ("SELECT RAND()", "golden test"),
    ("SELECT CURRENT_DATE()", "golden test"),
    ("SELECT CURRENT_TIMESTAMP", "golden test"),
    ("SELECT GENERATE_UUID()", "golden test"),
    ("DELETE FROM t", "one query"),
    ("CREATE TABLE u AS SELECT 1 AS x", "one query"),
    ("SELECT 1; SELECT 2", "one query"),
    ("SELECT 'a", "not GoogleSQL"),
    ("SELECT FROM WHERE", "not GoogleSQL"),
)


@pytest.mark.parametrize(("sql", "instead"), REFUSED, ids=[sql for sql, _ in REFUSED])
def test_lint_refuses_what_the_engines_do_not_agree_on(sql: str, instead: str) -> None:
    with pytest.raises(TransformError, match=instead.replace("(", r"\(")):
        lint(sql, T)


def test_a_division_by_zero_is_silent_on_duckdb(run: Callable[[str], Any]) -> None:
    assert math.isinf(run("SELECT 1 / 0"))


UNDECLARED = (
    "SELECT * FROM u",
    "SELECT * FROM store.t",
    "SELECT * FROM project.dataset.t",
    "SELECT * FROM t JOIN u ON u.x = t.x",
    "SELECT (SELECT MAX(x) FROM u) FROM t",
    "SELECT * FROM t WHERE x IN (SELECT x FROM u)",
    "WITH a AS (SELECT * FROM u) SELECT * FROM a",
    "WITH u AS (SELECT * FROM u) SELECT * FROM u",
    "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM t) SELECT * FROM a",
    "SELECT * FROM (WITH u AS (SELECT 1 AS x) SELECT * FROM u) AS q JOIN u ON TRUE",
    "SELECT * FROM read_csv('u.csv')",
    "SELECT * FROM 'u.csv'",
)


@pytest.mark.parametrize("sql", UNDECLARED)
def test_lint_refuses_tables_that_were_not_declared(sql: str) -> None:
    with pytest.raises(TransformError, match="declare"):
        lint(sql, T)


@pytest.mark.parametrize(
    "sql",
    [
        "WITH a AS (SELECT * FROM t), b AS (SELECT * FROM a) SELECT * FROM b JOIN a ON TRUE",
        "WITH a AS (SELECT * FROM t) SELECT * FROM (SELECT * FROM a) AS q",
        "WITH a AS (SELECT 1 AS x) SELECT * FROM a UNION ALL SELECT * FROM a",
        "WITH t AS (SELECT * FROM t) SELECT * FROM t",
    ],
)
def test_lint_knows_the_scope_of_with(sql: str) -> None:
    lint(sql, T)


def test_relations_are_put_in_for_tables_and_keep_their_name(run: Callable[[str], Any]) -> None:
    sql = "SELECT t.x + u.x FROM t JOIN big AS u ON u.x > t.x"
    relations = {"t": "SELECT 1 AS x", "big": "SELECT 5 AS x"}

    assert duckdb.sql(render_duckdb(sql, relations)).fetchall() == [(6,)]
    assert "SELECT 5 AS x" in render_bigquery(sql, relations)


def test_a_with_clause_named_like_an_input_still_reads_the_input() -> None:
    sql = "WITH t AS (SELECT x + 1 AS x FROM t) SELECT x FROM t"

    rendered = render_duckdb(sql, {"t": "SELECT 1 AS x"})

    assert duckdb.sql(rendered).fetchall() == [(2,)]


def test_an_input_outside_the_scope_of_a_with_clause_is_put_in() -> None:
    sql = "SELECT q.x, t.x FROM (WITH t AS (SELECT 7 AS x) SELECT x FROM t) AS q CROSS JOIN t"

    rendered = render_duckdb(sql, {"t": "SELECT 1 AS x"})

    assert duckdb.sql(rendered).fetchall() == [(7, 1)]


def test_relations_of_stored_tables_are_left_alone() -> None:
    assert render_duckdb("SELECT x FROM store.t", {"t": "SELECT 1 AS x"}).endswith("FROM store.t")


@pytest.mark.parametrize("text", ["", "it's", "a\\b", "two\nlines", "\\'", "NBA «é»", "'; DROP"])
def test_quoted_text_comes_back(run: Callable[[str], Any], text: str) -> None:
    assert run(f"SELECT {quoted(text)}") == text


def _statements(table: DatedTable) -> Iterator[tuple[str, str, frozenset[str]]]:
    """What a table's transformation consists of: name, query and the tables it may name."""
    declared = frozenset(read.relation for read in table.reads)
    if isinstance(table.produce, FromSQL):
        yield table.name, table.produce.query, declared | {"due_games"}
    elif isinstance(table.produce, FromPython):
        for name, query in table.produce.queries.items():
            yield f"{table.name} {name}", query, declared | {"due_games"}


def _rules(table: DatedTable) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Every statement of a contract: name, query and the tables it may name."""
    contract: Contract = table.contract
    staged = frozenset({"staged"})
    declared = frozenset(read.relation for read in table.reads)
    of_rules = staged | {"due_games", "elsewhere", "holes", "stored", "delivered"} | declared
    own = (rule for rule in contract.rules if isinstance(rule, RowRule))
    for row_rule in (*column_rules(contract), *own):
        yield row_rule.name, f"SELECT 1 AS x FROM staged WHERE {row_rule.predicate}", staged
    for rule in contract.rules:
        if isinstance(rule, SetRule):
            yield rule.name, rule.query, of_rules | set(rule.reads)
    for figure in contract.figures:
        yield figure.name, f"SELECT {figure.expression} AS x FROM staged", staged
    if contract.records:
        reads = staged | {"due_games", "required_games"} | set(contract.records.reads)
        yield "records", contract.records.query, reads


STATEMENTS = [s for table in TABLES.values() for s in _statements(table)]
RULES = [
    (f"{table.name} {name}", query, reads)
    for table in TABLES.values()
    for name, query, reads in _rules(table)
]


@pytest.mark.parametrize(
    ("query", "tables"),
    [s[1:] for s in (*STATEMENTS, *RULES)],
    ids=[s[0] for s in STATEMENTS + RULES],
)
def test_every_transformation_and_rule_passes_the_lint(query: str, tables: frozenset[str]) -> None:
    lint(query, tables)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_declared_input_is_read(table: DatedTable) -> None:
    """The schedule reaches every table as ``due_games``; any other input must be named."""
    queries = [query for _, query, _ in _statements(table)]
    if not queries:
        assert {read.table for read in table.reads} <= {"schedule"}
        return
    for read in table.reads:
        declared = {other.relation for other in table.reads} - {read.relation} | {"due_games"}
        if read.relation != "schedule":
            assert any(_is_refused(query, frozenset(declared)) for query in queries), read


def _is_refused(query: str, tables: frozenset[str]) -> bool:
    try:
        lint(query, tables)
    except TransformError:
        return True
    return False


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_float_is_read_as_text_where_it_counts(table: DatedTable) -> None:
    """CAST(1.0 AS STRING) is "1" on BigQuery and "1.0" on DuckDB: fit for messages only."""
    grain = [table.contract.column(name).type for name in table.contract.grain]
    assert "FLOAT64" not in grain
    for column in table.contract.columns:
        if column.type == "FLOAT64":
            digest = digest_query(table.contract, "staged")
            assert f"CAST({column.name} AS STRING)" not in digest


def test_only_statements_that_come_again_are_remembered(tmp_path: Path) -> None:
    """A backup or a look a day, for years, must not grow what every command reads first."""
    file = tmp_path / "rendered_sql.json"
    render = DuckDBRenderer(file)
    for day in range(1, 29):
        render(f"SELECT x FROM t WHERE d = DATE '2026-01-{day:02}'")
        render(f"SELECT x FROM t WHERE publication <= {day}")
        render("SELECT x FROM r", {"r": f"SELECT x FROM t WHERE publication = {day}"})
        render(f"SELECT x FROM t WHERE moment < TIMESTAMP '2026-01-{day:02} 00:00:00+00'")
    render.save()

    (remembered,) = json.loads(file.read_text())["rendered"].values()
    assert "publication" not in remembered
    assert DuckDBRenderer(file)("SELECT x FROM t WHERE d = DATE '2026-02-03'") == (
        "SELECT x FROM t WHERE d = CAST('2026-02-03' AS DATE)"
    )


def test_a_date_and_a_range_of_dates_are_one_statement_and_texts_stay_texts(
    tmp_path: Path,
) -> None:
    file = tmp_path / "rendered_sql.json"
    render = DuckDBRenderer(file)
    for first, last in (("2026-01-01", "2026-01-01"), ("2025-12-30", "2026-01-01")):
        sql = f"SELECT '{first}' AS t FROM r WHERE d BETWEEN DATE '{first}' AND DATE '{last}'"
        relation = {"r": f"SELECT d FROM t WHERE d <> DATE '{last}' AND s <> '1000-01-01'"}
        assert render(sql, relation) == render_duckdb(sql, relation)
        assert render(sql.replace(f"'{first}' AS t", "'x' AS t"), relation)
    render.save()

    remembered = json.loads(file.read_text())["rendered"]
    assert len(remembered) == 3, "the text differs, the dates do not count"
