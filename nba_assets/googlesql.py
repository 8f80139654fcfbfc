"""GoogleSQL: what of it may be used, and its rendering for DuckDB.

Every statement of the package is written once, in GoogleSQL. BigQuery runs it as it stands; for
DuckDB sqlglot transpiles it. The two engines differ silently in some places; here the differences
are either rewritten away (``_agree``) or refused (``lint``), and each has a golden test.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from nba_assets.errors import TransformError

if TYPE_CHECKING:
    from sqlglot import exp

ALLOWED_FUNCTIONS = frozenset(
    [
        "ABS",
        "ANY_VALUE",
        "AVG",
        "CASE",
        "CAST",
        "CEIL",
        "COALESCE",
        "CONCAT",
        "CORR",
        "COUNT",
        "COUNT_IF",
        "COUNTIF",
        "DATE_ADD",
        "DATE_DIFF",
        "DATE_SUB",
        "EXP",
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
        "MOD",
        "NULLIF",
        "POW",
        "POWER",
        "RANK",
        "REGEXP_LIKE",
        "ROUND",
        "ROW_NUMBER",
        "SAFE_DIVIDE",
        "SIGN",
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
        "UPPER",
        "VARIANCE",
        "VAR_SAMP",
        "AND",
        "OR",
    ]
)


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
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.db or table.name not in tables | ctes:
            raise TransformError(
                f"{table.sql('bigquery')} is not among the declared inputs "
                f"{', '.join(sorted(tables))}; declare it in the asset's reads"
            )
    for node in tree.walk():
        if isinstance(node, exp.Div) and not isinstance(node.parent, exp.SafeDivide):
            raise TransformError(
                f"{node.sql('bigquery')}: a division by zero raises on BigQuery and is infinite on "
                "DuckDB; write SAFE_DIVIDE"
            )
        if isinstance(node, exp.Interval) and not isinstance(
            node.parent, exp.DateAdd | exp.DateSub
        ):
            raise TransformError(f"{node.sql('bigquery')}: write DATE_ADD or DATE_SUB")
        if isinstance(node, exp.CountIf) and isinstance(node.parent, exp.Window):
            raise TransformError(f"{node.sql('bigquery')} OVER: write SUM(IF(condition, 1, 0))")
        if isinstance(node, exp.Extract) and node.name.upper() not in ("YEAR", "MONTH", "DAY"):
            raise TransformError(
                f"{node.sql('bigquery')}: only YEAR, MONTH and DAY mean the same on both engines"
            )
        if isinstance(node, exp.Func) and not isinstance(node, exp.Connector):
            name = (node.name if isinstance(node, exp.Anonymous) else node.sql_name()).upper()
            if name not in ALLOWED_FUNCTIONS:
                raise TransformError(
                    f"{name} is not among the functions known to agree on both engines; prove it "
                    "with a golden test and add it to ALLOWED_FUNCTIONS"
                )


@lru_cache(maxsize=1024)
def _render(sql: str, relations: tuple[tuple[str, str], ...]) -> str:
    return _agree(_substituted(_parse(sql), dict(relations))).sql("duckdb")


def render_duckdb(sql: str, relations: Mapping[str, str] | None = None) -> str:
    """A GoogleSQL statement for DuckDB, its unqualified tables replaced by ``relations``.

    Raises:
        TransformError: the statement does not parse.
    """
    return _render(sql, tuple(sorted((relations or {}).items())))


def render_bigquery(sql: str, relations: Mapping[str, str] | None = None) -> str:
    """The same statement for BigQuery: only the relations are put in."""
    return _substituted(_parse(sql), dict(relations or {})).sql("bigquery")


def _parse(sql: str) -> "exp.Expr":
    import sqlglot
    from sqlglot.errors import ParseError

    try:
        return sqlglot.parse_one(sql, read="bigquery")
    except ParseError as error:
        raise TransformError(f"not GoogleSQL: {error}\n{sql}") from error


def _substituted(tree: "exp.Expr", relations: dict[str, str]) -> "exp.Expr":
    from sqlglot import exp

    if not relations:
        return tree
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if not table.db and table.name in relations and table.name not in ctes:
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
