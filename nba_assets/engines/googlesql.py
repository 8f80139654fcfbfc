"""GoogleSQL: what of it may be used, and its rendering for DuckDB.

Every statement of the package is written once, in GoogleSQL. BigQuery runs it as it stands; for
DuckDB sqlglot transpiles it. The two engines differ silently in some places; here the differences
are either rewritten away (``_agree``) or refused (``lint``), and each has a golden test.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from nba_assets.errors import TransformError

if TYPE_CHECKING:
    from sqlglot import exp

ALLOWED_FUNCTIONS = frozenset(
    [
        "ABS",
        "ANY_VALUE",
        "ARRAY_AGG",
        "AVG",
        "CASE",
        "CAST",
        "CEIL",
        "COALESCE",
        "CONCAT",
        "COUNT",
        "COUNT_IF",
        "COUNTIF",
        "DATE_ADD",
        "DATEDIFF",
        "DATE_SUB",
        "EXTRACT",
        "FIRST_VALUE",
        "FLOOR",
        "GREATEST",
        "IF",
        "LAG",
        "LAST_VALUE",
        "LEAD",
        "LEAST",
        "LENGTH",
        "LN",
        "LOGICAL_AND",
        "LOGICAL_OR",
        "LOWER",
        "MAX",
        "MD5",
        "MIN",
        "NULLIF",
        "RANK",
        "REGEXP_EXTRACT",
        "REGEXP_LIKE",
        "ROUND",
        "ROW_NUMBER",
        "SAFE_DIVIDE",
        "SIGN",
        "SPLIT",
        "SQRT",
        "STARTS_WITH",
        "STDDEV",
        "STDDEV_SAMP",
        "STRING_AGG",
        "GROUP_CONCAT",
        "SUBSTR",
        "SUBSTRING",
        "SUM",
        "TO_HEX",
        "LOWER_HEX",
        "TRIM",
        "UNIX_DATE",
        "UNNEST",
        "UPPER",
        "VARIANCE",
        "VAR_SAMP",
        "AND",
        "OR",
    ]
)


CORE_FUNCTIONS = ALLOWED_FUNCTIONS | {
    "ARRAY",
    "ERROR",
    "EXISTS",
    "JSON_EXTRACT_SCALAR",
    "STRUCT",
    "JSON_FORMAT",
    "UNIX_MICROS",
}
"""What the package's own statements may use beside: they have golden tests, too."""


_DATE = re.compile(r"DATE '(\d{4}-\d{2}-\d{2})'")


_ONCE = re.compile(r"TIMESTAMP '|publication <?= \d")
"""in statements that hardly come a second time"""


def quoted(value: str) -> str:
    """A GoogleSQL string literal."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def lint(sql: str, tables: frozenset[str]) -> None:
    """Refuse what the engines do not agree on, and tables that were not declared.

    Raises:
        TransformError: with the offending expression and what to write instead.
    """
    from sqlglot import exp

    tree = _parse(sql)
    if not isinstance(tree, exp.Query):
        raise TransformError(f"a transformation is one query, not: {tree.sql('bigquery')[:200]}")
    for table in tree.find_all(exp.Table):
        if table.db or (table.name not in tables and not _names_cte(table)):
            raise TransformError(
                f"{table.sql('bigquery')} is not among the declared inputs "
                f"{', '.join(sorted(tables))}; declare it in the asset's reads"
            )
    _refuse_disagreements(tree, ALLOWED_FUNCTIONS)


def lint_own(sql: str, relations: Mapping[str, str] | None = None) -> None:
    """Refuse what the engines do not agree on in a statement the package itself runs.

    Raises:
        TransformError: as ``lint``.
    """
    _refuse_disagreements(_substituted(_parse(sql), dict(relations or {})), CORE_FUNCTIONS)


def _refuse_disagreements(tree: "exp.Expr", functions: frozenset[str]) -> None:
    for node in tree.walk():
        if instead := _disagreement(node, functions):
            raise TransformError(f"{node.sql('bigquery')}: {instead}")


def _disagreement(node: "exp.Expr", functions: frozenset[str]) -> str | None:
    """Why the engines may not agree on an expression, and what to write instead."""
    from sqlglot import exp

    for kind, refused, instead in _refusals():
        if isinstance(node, kind) and refused(node):
            return instead
    if isinstance(node, exp.Func) and not isinstance(node, exp.Connector):
        name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).upper()
        if name not in functions:
            return (
                f"{name} is not among the functions known to agree on both engines; prove it "
                "with a golden test and add it to ALLOWED_FUNCTIONS"
            )
    return None


@lru_cache(maxsize=1)
def _refusals() -> "tuple[tuple[type[exp.Expr], Callable[[exp.Expr], bool], str], ...]":
    """Kinds of expressions, when each is refused, and what to write instead."""
    from sqlglot import exp

    return (
        (
            exp.Div,
            lambda _: True,
            "by zero raises on BigQuery and is infinite on DuckDB; write SAFE_DIVIDE",
        ),
        (
            exp.IntDiv,
            lambda _: True,
            "by zero raises on BigQuery and is NULL on DuckDB; write FLOOR(SAFE_DIVIDE(…))",
        ),
        (exp.Mod, lambda _: True, "by zero raises on BigQuery and is NULL on DuckDB"),
        (
            exp.Interval,
            lambda node: not isinstance(node.parent, exp.DateAdd | exp.DateSub),
            "write DATE_ADD or DATE_SUB",
        ),
        (
            exp.CountIf,
            lambda node: isinstance(node.parent, exp.Window),
            "not in a window; write SUM(IF(condition, 1, 0)) OVER",
        ),
        (
            exp.Extract,
            lambda node: node.name.upper() not in ("YEAR", "MONTH", "DAY"),
            "only YEAR, MONTH and DAY mean the same on both engines",
        ),
        (
            exp.DateDiff,
            lambda node: node.text("unit").upper() != "DAY",
            "only DAY counts the same on both engines",
        ),
        (exp.ArrayAgg, lambda node: isinstance(node.this, exp.Limit), "DuckDB has no LIMIT there"),
        (
            exp.GroupConcat,
            lambda node: node.find(exp.Order) is None,
            "the order is undefined; write ORDER BY",
        ),
        (
            exp.Substring,
            lambda node: not _is_positive(node.args.get("start")),
            "a start below 1 counts differently on the engines; write a positive literal",
        ),
        (
            exp.Cast,
            lambda node: node.is_type("BIGINT") and not _is_whole(node.this),
            "DuckDB rounds half to even; write CAST(ROUND(…) AS INT64)",
        ),
    )


def _is_positive(start: object) -> bool:
    from sqlglot import exp

    return isinstance(start, exp.Literal) and not start.is_string and float(start.name) >= 1


def _is_whole(value: "exp.Expr") -> bool:
    from sqlglot import exp

    whole = isinstance(value, exp.Round | exp.Floor | exp.Ceil | exp.Count | exp.CountIf | exp.Null)
    return whole or value.is_int


def _names_cte(table: "exp.Table") -> bool:
    """Whether a table's name is that of a WITH clause in whose scope it stands."""
    from sqlglot import exp

    own: exp.Expr | None = None
    within = table.parent
    while within is not None:
        if isinstance(within, exp.CTE):
            own = within
        elif isinstance(within, exp.Query):
            for cte in within.ctes:
                if cte is own:
                    break
                if cte.alias == table.name:
                    return True
        within = within.parent
    return False


@lru_cache(maxsize=1024)
def _render(sql: str, relations: tuple[tuple[str, str], ...]) -> str:
    return _agree(_substituted(_parse(sql), dict(relations))).sql("duckdb")


_PLACEHOLDER = re.compile(r"CAST\('(\d{4})-01-01' AS DATE\)")


def _placeholder(days: list[str], day: str) -> str:
    """A date that no season has, in the place of one that is remembered."""
    days.append(day)
    return f"{999 + len(days)}-01-01"


def render_duckdb(sql: str, relations: Mapping[str, str] | None = None) -> str:
    """A GoogleSQL statement for DuckDB, its unqualified tables replaced by ``relations``.

    Raises:
        TransformError: the statement does not parse.
    """
    return _render(sql, tuple(sorted((relations or {}).items())))


class DuckDBRenderer:
    """Renders statements as ``render_duckdb`` does, and remembers them in a file.

    Statements that differ only in their dates are one. A day's run executes some four hundred; to
    parse them anew in every process would take longer than to run them. What differs every time, by
    a moment or the number of a publication, is not remembered: the file would grow for ever.
    """

    def __init__(self, file: Path) -> None:
        """``file`` is written by ``save``; it may be deleted at any time."""
        self._file = file
        self._known: dict[str, str] | None = None
        self._learnt = False

    def __call__(self, sql: str, relations: Mapping[str, str] | None = None) -> str:
        """See ``render_duckdb``."""
        if any(map(_ONCE.search, (sql, *(relations or {}).values()))):
            return render_duckdb(sql, relations)
        days: list[str] = []

        def dateless(text: str) -> str:
            # Each occurrence on its own, so that a date and a range of dates are one statement.
            return _DATE.sub(lambda m: f"DATE '{_placeholder(days, m[1])}'", text)

        template = dateless(sql)
        templates = tuple((name, dateless(r)) for name, r in sorted((relations or {}).items()))
        key = hashlib.sha256(repr((template, templates)).encode()).hexdigest()
        known = self._read() if self._known is None else self._known
        if key not in known:
            known[key] = _render(template, templates)
            self._learnt = True

        def dated(found: re.Match[str]) -> str:
            number = int(found[1]) - 1000
            return f"CAST('{days[number]}' AS DATE)" if 0 <= number < len(days) else found[0]

        return _PLACEHOLDER.sub(dated, known[key])

    def save(self) -> None:
        """Write what was learnt; another process's file is replaced whole.

        It only saves time: where it cannot be written, the next process learns again.
        """
        if not self._learnt:
            return
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):
            draft.write_text(json.dumps({"version": _version(), "rendered": self._known}))
            draft.replace(self._file)
        self._learnt = False

    def _read(self) -> dict[str, str]:
        self._known = {}
        # What is damaged, or of another version, is as good as not there.
        with suppress(OSError, ValueError):
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(stored, dict) and stored.get("version") == _version():
                rendered = stored.get("rendered")
                self._known = rendered if isinstance(rendered, dict) else {}
        return self._known


@cache
def _version() -> str:
    """What rendering depends on: this module and sqlglot."""
    module = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"{metadata.version('sqlglot')}-{module}"


def render_bigquery(sql: str, relations: Mapping[str, str] | None = None) -> str:
    """The same statement for BigQuery: only the relations are put in."""
    return _substituted(_parse(sql), dict(relations or {})).sql("bigquery")


def _parse(sql: str) -> "exp.Expr":
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        return sqlglot.parse_one(sql, read="bigquery")
    except SqlglotError as error:
        raise TransformError(f"not GoogleSQL: {error}\n{sql}") from error


def _substituted(tree: "exp.Expr", relations: dict[str, str]) -> "exp.Expr":
    from sqlglot import exp

    if not relations:
        return tree
    inputs = [
        table
        for table in tree.find_all(exp.Table)
        if not table.db and table.name in relations and not _names_cte(table)
    ]
    for table in inputs:
        relation = exp.Subquery(
            this=_parse(relations[table.name]),
            alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name)),
        )
        if joins := table.args.get("joins"):
            relation.set("joins", joins)
        table.replace(relation)
    return tree


def _agree(tree: "exp.Expr") -> "exp.Expr":
    """Rewrite what DuckDB would silently compute differently from BigQuery."""
    from sqlglot import exp

    inner_first = reversed(list(tree.find_all(exp.CountIf, exp.DateAdd, exp.DateSub)))
    for node in inner_first:
        if isinstance(node, exp.CountIf):
            counted = exp.Coalesce(this=node.copy(), expressions=[exp.Literal.number(0)])
            node.replace(exp.cast(counted, "BIGINT", dialect="duckdb"))
        else:
            node.replace(exp.cast(node.copy(), "DATE"))
    return tree
