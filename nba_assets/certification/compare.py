"""Whether what a source delivers now is what is certified, told without building anything."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from nba_assets.certification import ledger
from nba_assets.certification.certified import waiver_tables
from nba_assets.certification.digest import EMPTY_DIGEST, digest_query
from nba_assets.contracts.dated_table import DatedTable
from nba_assets.engines.engine import Engine, Load, Query

if TYPE_CHECKING:
    from nba_assets.sources.source import Delivery


def differing(
    engine: Engine,
    tables: Mapping[str, DatedTable],
    name: str,
    dates: Sequence[date],
    delivery: "Delivery",
) -> list[date]:
    """The dates, ascending, on which a table is not certified with exactly the rows of a delivery.

    Rows of waived games are not asked for, and a version that an operator has replaced by an
    earlier one counts as taken. Nothing is recorded.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = tables[name]
    waivers = waiver_tables(tables, table)
    waived = [w.game_id for w in ledger.rulings(engine).waivers if w.table_name in waivers]
    rows = delivery.rows
    of_dates = pc.is_in(rows["game_date"], pa.array(dates, pa.date32()))
    is_waived = pc.is_in(rows["game_id"], pa.array(waived, pa.string()))
    digests, records, restored = engine.run(
        [
            Load("delivered", rows.filter(pc.and_not(of_dates, is_waived))),
            Query(digest_query(table.contract, "delivered")),
            Query(ledger.records_query((name,), dates[0], dates[-1], checks=False)),
            Query(ledger.restorations_query((name,))),
        ]
    )
    delivered = {row["game_date"]: row["digest"] for row in digests.to_pylist()}
    attempts = ledger.attempts(records)
    rejected = ledger.rejected_versions(restored)
    refused = {row.game_date for row in delivery.refused}

    def differs(day: date) -> bool:
        attempt = attempts.get((name, day))
        if attempt is None or not attempt.status.certified or day in refused:
            return True
        taken = {attempt.digest or EMPTY_DIGEST, *rejected.get((name, day), ())}
        return delivered.get(day, EMPTY_DIGEST) not in taken

    return [day for day in dates if differs(day)]
