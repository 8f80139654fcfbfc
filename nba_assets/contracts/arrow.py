"""Arrow types of declared columns: the one place where the two are mapped."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from nba_assets.contracts.contract import Contract


def arrow_schema(contract: "Contract") -> "pa.Schema":
    """The Arrow schema of a contract's columns; NULLs are the audit's to judge, none is barred."""
    return schema_of({column.name: column.type for column in contract.columns})


def rows_of(contract: "Contract", frame: "pd.DataFrame") -> "pa.Table":
    """The rows of a frame in the contract's columns; an empty one may lack them."""
    import pyarrow as pa

    schema = arrow_schema(contract)
    if frame.empty:
        return schema.empty_table()
    return pa.Table.from_pandas(frame[schema.names], schema, preserve_index=False)


def schema_of(columns: Mapping[str, str]) -> "pa.Schema":
    """The Arrow schema of columns by GoogleSQL type; what follows a type, as NOT NULL, is ignored.

    Raises:
        KeyError: a type is none of those a column may have.
    """
    import pyarrow as pa

    types = {
        "STRING": pa.string(),
        "INT64": pa.int64(),
        "FLOAT64": pa.float64(),
        "BOOL": pa.bool_(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us", tz="UTC"),
    }
    return pa.schema([(name, types[kind.split()[0]]) for name, kind in columns.items()])
