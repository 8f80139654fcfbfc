"""The status of every date in one query, and which dates that alone proves to be up to date.

A certified date is *settled* where it was judged by what is demanded now and no record of anything
it reads was published after its own: publication numbers are the order of all that was recorded, so
its inputs are still what it was computed from. What is not settled may be stale or not; ``plan``
finds out by comparing certificates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from nba_assets.certification import ledger
from nba_assets.certification.certified import history_start
from nba_assets.certification.ledger import Rulings, Status
from nba_assets.contracts.dated_table import SCHEDULE, DatedTable, FromSource, Scope
from nba_assets.engines.engine import Engine
from nba_assets.engines.googlesql import quoted


@dataclass(frozen=True)
class Overview:
    """The latest status of each table and date of a range, and the dates that are settled."""

    statuses: Mapping[tuple[str, date], Status]
    settled: frozenset[tuple[str, date]]


def overview(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    first: date,
    last: date,
    source: str,
    rulings: Rulings,
) -> Overview:
    """Read it; ``source`` is the name of the one configured now.

    What a date reads reaches back further than the range, and so does the query.
    """
    since = history_start(Scope.TRAINING, first)
    standards = " UNION ALL ".join(_standards(tables, source))
    edges = " UNION ALL ".join(_edges(tables)) or (
        "SELECT '' AS table_name, '' AS input, '' AS scope"
    )
    rows = engine.query(
        f"""
        WITH latest AS ({ledger.latest_records(tables, since, last)}),
        standards AS ({standards}),
        edges AS ({edges}),
        published AS (
            SELECT
                table_name,
                game_date,
                publication,
                MAX(publication) OVER (
                    PARTITION BY
                        table_name, EXTRACT(YEAR FROM DATE_SUB(game_date, INTERVAL 9 MONTH))
                    ORDER BY game_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS in_window,
                MAX(publication) OVER (
                    PARTITION BY table_name
                    ORDER BY game_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS in_history
            FROM latest
        ),
        inputs AS (
            SELECT
                e.table_name,
                p.game_date,
                MAX(
                    CASE e.scope
                        WHEN 'date' THEN p.publication
                        WHEN 'window' THEN p.in_window
                        WHEN 'career' THEN p.in_history
                    END
                ) AS newest,
                MAX(IF(e.scope = 'training', p.in_history, NULL)) AS newest_of_history
            FROM edges AS e JOIN published AS p ON p.table_name = e.input
            GROUP BY e.table_name, p.game_date
        )
        SELECT
            l.table_name,
            l.game_date,
            l.status,
            COALESCE(
                l.validation_passed
                AND l.contract_version = s.contract_version
                AND l.code_version = s.code_version
                AND l.thresholds = s.thresholds
                AND COALESCE(l.source, '') = s.source
                AND COALESCE(i.newest, 0) < l.publication
                AND (l.status <> 'WARMUP' OR COALESCE(i.newest_of_history, 0) < l.publication)
                {" ".join(_promoted(tables, rulings))},
                FALSE
            ) AS settled
        FROM latest AS l
        JOIN standards AS s ON s.table_name = l.table_name
        LEFT JOIN inputs AS i ON i.table_name = l.table_name AND i.game_date = l.game_date
        WHERE l.game_date >= DATE '{first}'
        """
    )
    names, days, statuses, settled = (column.to_pylist() for column in rows.columns)
    keys = list(zip(names, days, strict=True))
    by_name = {status.value: status for status in Status}
    return Overview(
        dict(zip(keys, map(by_name.__getitem__, statuses), strict=True)),
        frozenset(key for key, proven in zip(keys, settled, strict=True) if proven),
    )


def _standards(tables: Mapping[str, DatedTable], source: str) -> Iterator[str]:
    """By table, what its records must have been judged by."""
    for table in tables.values():
        contract = table.contract
        origin = source if isinstance(table.produce, FromSource) else ""
        yield (
            f"SELECT {quoted(table.name)} AS table_name, "
            f"{contract.version} AS contract_version, "
            f"{quoted(table.code_version)} AS code_version, "
            f"{quoted(ledger.as_json(contract.blocking_thresholds))} AS thresholds, "
            f"{quoted(origin)} AS source"
        )


def _promoted(tables: Mapping[str, DatedTable], rulings: Rulings) -> Iterator[str]:
    """What must hold of the records of a table another configuration was promoted for."""
    for name in tables:
        for later in rulings.promotions(name)[1:]:
            yield (
                f"AND (l.table_name <> {quoted(name)} OR l.game_date < DATE '{later.game_date}' "
                f"OR l.publication > {later.publication})"
            )


def _edges(tables: Mapping[str, DatedTable]) -> Iterator[str]:
    """What each table reads, and of which dates."""
    for name, table in tables.items():
        if name == SCHEDULE:
            continue
        read = {(SCHEDULE, "date")}
        for edge in table.reads:
            read.add((edge.table, "date" if edge.scope.same_date else edge.scope.value))
        for upstream, scope in sorted(read):
            yield (
                f"SELECT {quoted(name)} AS table_name, {quoted(upstream)} AS input, "
                f"{quoted(scope)} AS scope"
            )
