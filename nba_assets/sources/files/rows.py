"""Rows of the files: loading one, understanding its values, and keeping track of what is refused.

Values are parsed once per distinct value, so a season costs a fraction of a second; only rows in
trouble are looked at one by one. What the rows mean for a table is decided in ``files``.
"""

import csv
import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.contract import Contract
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.sources.files.kinds import KINDS, NAME, NOT_COUNTED, REFERENCE, FileColumn
from nba_assets.sources.source import Delivery, Refused

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    import pyarrow as pa

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SeasonFile:
    """A file as it was found; a changed one is another one, which is what makes caching safe."""

    stem: str
    path: Path
    modified_ns: int
    size: int


def unavailable(table: str, path: Path, error: OSError) -> SourceUnavailable:
    """The error for a file or folder the operating system does not hand out now."""
    return SourceUnavailable(
        f"{table}: {path} cannot be opened now ({error.strerror}). Check its permissions and "
        "whether it is being written, then run again"
    )


def bad_file(table: str, path: Path, found: str, remedy: str) -> BadInput:
    """The error for a file of which nothing can be used."""
    return BadInput(f"{table}: {path} {found}. {remedy}; {REFERENCE} has the schema")


def _load(table: str, file: SeasonFile) -> "pa.Table":
    """A file's rows as delivered. CSV values are all text: no type is guessed.

    The bytes are read first, so that an error of the operating system (which may pass) and one of
    the format (which will not) cannot be taken for each other.
    """
    import pyarrow as pa
    import pyarrow.csv as pc
    import pyarrow.parquet as pq

    path = file.path
    try:
        data = path.read_bytes()
        stat = path.stat()
    except IsADirectoryError as error:
        raise bad_file(table, path, "is a folder", "Deliver a file") from error
    except OSError as error:
        raise unavailable(table, path, error) from error
    if (stat.st_mtime_ns, stat.st_size) != (file.modified_ns, file.size):
        raise SourceUnavailable(
            f"{table}: {path} changed while it was read, so it is being written. Run again when "
            "that is done"
        )
    if not data:
        raise bad_file(table, path, "has zero bytes", "Deliver it again, or remove it")
    if path.suffix == ".csv" and not data.endswith(b"\n"):
        raise bad_file(
            table,
            path,
            "does not end in a line break, so its last row may be cut off",
            "Deliver it again, whole",
        )
    try:
        if path.suffix == ".csv":
            first_line = data.partition(b"\n")[0].decode("utf-8-sig")
            header = next(csv.reader([first_line]), [])
            rows = pc.read_csv(
                pa.BufferReader(data),
                convert_options=pc.ConvertOptions(
                    column_types=dict.fromkeys(header, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        else:
            rows = pq.ParquetFile(pa.BufferReader(data)).read()
        rows.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, csv.Error) as error:
        raise bad_file(
            table,
            path,
            f"is truncated or no {path.suffix[1:]} file: {error}",
            "Deliver it again",
        ) from error
    doubled = {name for name in rows.column_names if rows.column_names.count(name) > 1}
    if doubled:
        raise bad_file(
            table, path, f"has the column {', '.join(sorted(doubled))} twice", "Deliver it once"
        )
    if not rows.num_rows:
        raise bad_file(table, path, "has no rows", "Deliver it again, or remove it")
    return rows.combine_chunks()


class Batch:
    """Understood rows of one file or several, and what is wrong with some of them.

    ``rows`` has the names of ``FileKind.columns``, with NULL for what was not understood, and the
    row's place: ``file`` (an index into ``delivered``) and ``row`` (from 0). A refused row holds
    back its own date, or those in ``holds``.
    """

    def __init__(self, delivered: "Sequence[tuple[str, pa.Table]]", rows: "pa.Table") -> None:
        self.delivered = delivered
        self.rows = rows
        self.troubles: dict[int, list[str]] = defaultdict(list)
        self.holds: dict[int, tuple[date, ...]] = {}

    def refuse(self, position: int, trouble: str) -> None:
        """Refuse the row at a position of ``rows``."""
        self.troubles[position].append(trouble)

    def place(self, row: Mapping[str, Any]) -> str:
        """File and number of one of ``rows``, for a message."""
        return f"{self.delivered[row['file']][0]} row {row['row'] + 1}"

    def delivery(self, contract: Contract, keep: "np.ndarray[Any, Any]") -> Delivery:
        """The good rows among those to keep in the contract's shape, and the refused ones."""
        import pyarrow as pa

        schema = arrow_schema(contract)
        good = keep.copy()
        good[list(self.troubles)] = False
        rows = self.rows.filter(pa.array(good))
        columns = [
            rows[name] if name in rows.column_names else pa.nulls(len(rows))
            for name in schema.names[:-1]
        ]
        source = pa.array([NAME]).take(pa.array([0] * len(rows), pa.int32()))
        table = pa.table([*columns, source], names=schema.names).cast(schema)
        return Delivery(table, tuple(self._refused()))

    def _refused(self) -> Iterable[Refused]:
        import pyarrow as pa

        positions = pa.array(sorted(self.troubles), pa.int64())
        names = ["file", "row", "game_date", "game_id"]
        names += [name for name in ("home_team", "away_team") if name in self.rows.column_names]
        places = self.rows.select(names).take(positions)
        rows = places.to_pylist()
        delivered = {}
        for file, (_, table) in enumerate(self.delivered):
            numbers = pa.array([row["row"] for row in rows if row["file"] == file], pa.int64())
            columns = [as_python(column) for column in table.take(numbers).columns]
            delivered[file] = iter(
                [
                    dict(zip(table.column_names, row, strict=True))
                    for row in zip(*columns, strict=True)
                ]
            )
        for position, row in zip(positions.to_pylist(), rows, strict=True):
            detail = f"{self.place(row)}: {'; '.join(self.troubles[position])}"
            content = _as_json(next(delivered[row["file"]]))
            for day in self.holds.get(position, (row["game_date"],)):
                yield Refused(day, row["game_id"], detail, content, _teams(row))


def _teams(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Home and away team of a refused row, where both could be understood."""
    home, away = row.get("home_team"), row.get("away_team")
    return (home, away) if home and away else None


def _as_json(row: Mapping[str, object]) -> str:
    """A row as JSON, which has neither dates nor NaN: they become text."""
    texts = {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
    return json.dumps(texts, default=str, ensure_ascii=False)


def together(batches: Sequence[Batch]) -> Batch:
    """One batch of several."""
    import pyarrow as pa

    tables = []
    for number, batch in enumerate(batches):
        file = pa.array([number] * len(batch.rows), pa.int32())
        index = batch.rows.column_names.index("file")
        tables.append(batch.rows.set_column(index, "file", file))
    whole = Batch(
        [entry for batch in batches for entry in batch.delivered],
        pa.concat_tables(tables, promote_options="permissive").combine_chunks(),
    )
    before = 0
    for batch in batches:
        for position, troubles in batch.troubles.items():
            whole.troubles[before + position] = troubles
        for position, days in batch.holds.items():
            whole.holds[before + position] = days
        before += len(batch.rows)
    return whole


def _is_no_value(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def as_python(array: "pa.Array | pa.ChunkedArray") -> list[object]:
    """The values of an array; as text those Python has no value for, such as the year 200000."""
    try:
        values: list[object] = array.to_pylist()
    except (ValueError, OverflowError):
        values = [_scalar(value) for value in array]
    return values


def _scalar(value: "pa.Scalar") -> object:
    import pyarrow as pa

    try:
        return value.as_py()
    except (ValueError, OverflowError):
        return value.cast(pa.string()).as_py()


def _understand(
    array: "pa.Array", understand: Callable[[object], object]
) -> "tuple[pa.Array, np.ndarray[Any, Any]]":
    """What an array means, and which of its values cannot be understood.

    Every distinct value is understood once. NULL, NaN and empty text are no value.
    """
    import numpy as np
    import pyarrow as pa

    encoded = array.dictionary_encode()
    meanings: list[object] = []
    wrong: list[int] = []
    for code, value in enumerate(as_python(encoded.dictionary)):
        meaning = None
        if not _is_no_value(value):
            try:
                meaning = understand(value)
            except ValueError:
                wrong.append(code)
        meanings.append(meaning)
    bad = np.isin(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), wrong)
    return pa.array(meanings).take(encoded.indices), bad


def _expected(understand: Callable[[object], object]) -> str:
    """What a function understands, in its own words."""
    try:
        understand(None)
    except ValueError as error:
        return str(error)
    return "a value"


def _counted(table: str, file: SeasonFile, delivered: "pa.Table") -> "np.ndarray[Any, Any]":
    """Which rows are of counted games; those that may name no game are left out if they do not."""
    import numpy as np

    counted = np.array([kind not in NOT_COUNTED for kind in delivered["season_type"].to_pylist()])
    if not KINDS[file.stem].optional:
        return counted
    of_a_game = delivered["game_id"].is_valid().to_numpy()
    if without := int((counted & ~of_a_game).sum()):
        logger.warning(
            "%s: %d rows of %s name no game and are left out", table, without, file.path.name
        )
    both: np.ndarray[Any, Any] = counted & of_a_game
    return both


def parse(table: str, file: SeasonFile) -> Batch:
    """A file's rows of counted games, understood; exhibition rows are left out on purpose.

    Raises:
        SourceUnavailable: the file cannot be opened now.
        BadInput: it is no such file, is empty, lacks a column, has a column of which no value can
            be understood, or a row without a usable date.
    """
    import numpy as np
    import pyarrow as pa

    delivered = _load(table, file)
    columns = KINDS[file.stem].columns
    path = file.path
    missing = [
        column.name
        for column in columns.values()
        if not column.optional and column.name not in delivered.column_names
    ]
    if missing:
        raise bad_file(
            table,
            path,
            f"has no column {', '.join(missing)}; it has {', '.join(delivered.column_names)}",
            "Deliver it with every column",
        )

    counted = _counted(table, file, delivered)
    numbers = np.flatnonzero(counted)
    rows = delivered.filter(pa.array(counted)).combine_chunks()
    understood: dict[str, pa.Array] = {
        "file": pa.array([0] * len(rows), pa.int32()),
        "row": pa.array(numbers, pa.int64()),
    }
    troubles: list[tuple[int, str]] = []

    for name, column in columns.items():
        if column.name not in rows.column_names:
            understood[name] = pa.nulls(len(rows))
            continue
        array = rows[column.name].combine_chunks()
        try:
            meaning, bad = _understand(array, column.understand)
        except pa.ArrowNotImplementedError:
            raise _bad_column(table, path, column, str(array.type)) from None
        understood[name] = meaning
        if bad.sum() > 1 and meaning.null_count == len(meaning):
            first = int(bad.argmax())
            (example,) = as_python(array[first : first + 1])
            raise _bad_column(table, path, column, f"{array.type} such as {example!r}")
        if not column.nullable:
            bad |= meaning.is_null().to_numpy(zero_copy_only=False)
        for position in np.flatnonzero(bad).tolist():
            (value,) = as_python(array[position : position + 1])
            found = "no value" if value is None else repr(value)
            expected = _expected(column.understand)
            if name == "game_date":
                raise bad_file(
                    table,
                    path,
                    f"row {numbers[position] + 1}, column {column.name}: {found}, expected "
                    f"{expected}",
                    "A row without its date could be missing on any date: correct it",
                )
            troubles.append((position, f"column {column.name}: {found}, expected {expected}"))

    batch = Batch([(path.name, delivered)], pa.table(understood))
    for position, trouble in troubles:
        batch.refuse(position, trouble)
    return batch


def _bad_column(table: str, path: Path, column: FileColumn, found: str) -> BadInput:
    return bad_file(
        table,
        path,
        f"column {column.name}: no value can be understood ({found}), expected "
        f"{_expected(column.understand)}",
        "Deliver the column in that form",
    )


def groups(rows: "pa.Table", names: Sequence[str]) -> "list[np.ndarray[Any, Any]]":
    """Positions of the rows that share their values of some columns, group by group.

    A row without one of the values belongs to no group.
    """
    import numpy as np

    keys = np.zeros(len(rows), dtype=np.int64)
    known = np.ones(len(rows), dtype=bool)
    for name in names:
        encoded = rows[name].combine_chunks().dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        known &= codes >= 0
        keys = keys * (len(encoded.dictionary) + 1) + codes
    positions = np.flatnonzero(known)
    order = positions[np.argsort(keys[positions], kind="stable")]
    starts = np.flatnonzero(np.diff(keys[order])) + 1
    return np.split(order, starts) if len(order) else []
