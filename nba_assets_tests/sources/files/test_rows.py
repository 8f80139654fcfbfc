"""Rows of one file: which are understood, which are refused and where they lie, which end it."""

import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.sources.files.kinds import KINDS
from nba_assets.sources.files.rows import SeasonFile, groups, parse, together


def _columns() -> dict[str, str]:
    """The columns of a schedule by the name a file gives them, with a value each."""
    values = {
        "game_id": "0022500001",
        "game_date": "2025-10-21",
        "season_type": "Regular Season",
        "status": "FINAL",
        "home_team": "OKC",
        "away_team": "HOU",
    }
    columns = KINDS["schedule"].columns
    return {column.name: values.get(name, "") for name, column in columns.items()}


def _file(folder: Path, *changes: dict[str, str], end: str = "\n") -> SeasonFile:
    """A schedule of one row a change, each otherwise good."""
    rows = [_columns() | {"season_type": "Regular Season"} | change for change in changes]
    names = list(rows[0])
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    path = folder / "schedule_2025-26.csv"
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return _found(path)


def _found(path: Path) -> SeasonFile:
    stat = path.stat()
    return SeasonFile("schedule", path, stat.st_mtime_ns, stat.st_size)


def _name(column: str) -> str:
    return KINDS["schedule"].columns[column].name


def test_a_row_is_understood_value_by_value(tmp_path: Path) -> None:
    batch = parse("schedule", _file(tmp_path, {}))

    (row,) = batch.rows.to_pylist()
    assert row["game_date"] == date(2025, 10, 21)
    assert (row["game_id"], row["home_team"], row["away_team"]) == ("0022500001", "OKC", "HOU")
    assert (row["file"], row["row"]) == (0, 0)
    assert batch.troubles == {}


def test_a_value_that_cannot_be_understood_refuses_its_row_and_names_its_place(
    tmp_path: Path,
) -> None:
    other = {_name("game_id"): "0022500002", _name("home_team"): "???"}
    batch = parse("schedule", _file(tmp_path, {}, other))

    delivery = batch.delivery(SCHEDULE, np.ones(2, dtype=bool))

    assert delivery.rows["game_id"].to_pylist() == ["0022500001"]
    (refused,) = delivery.refused
    assert (refused.game_date, refused.game_id, refused.teams) == (
        date(2025, 10, 21),
        "0022500002",
        None,
    )
    assert refused.detail.startswith("schedule_2025-26.csv row 2: column ")
    assert "'???'" in refused.detail
    assert json.loads(refused.row)[_name("home_team")] == "???"


def test_exhibition_rows_are_left_out_and_counted(tmp_path: Path) -> None:
    exhibition = {_name("season_type"): "Preseason", _name("game_id"): "0012500001"}
    batch = parse("schedule", _file(tmp_path, exhibition, {}))

    assert batch.rows["row"].to_pylist() == [1], "the row keeps its number in the file"


def test_a_row_without_a_date_ends_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"row 2, column .*could be missing on any date"):
        parse("schedule", _file(tmp_path, {}, {_name("game_date"): "someday"}))


def test_a_column_of_which_nothing_is_understood_ends_the_file(tmp_path: Path) -> None:
    bad = {_name("status"): "¿?"}
    with pytest.raises(BadInput, match="no value can be understood"):
        parse("schedule", _file(tmp_path, bad, bad))


def test_a_file_cut_inside_its_last_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        parse("schedule", _file(tmp_path, {}, end=""))


def test_a_file_that_changes_while_it_is_read_is_being_written(tmp_path: Path) -> None:
    file = _file(tmp_path, {})
    os.utime(file.path, ns=(file.modified_ns + 1, file.modified_ns + 1))

    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        parse("schedule", file)


def test_a_file_that_is_gone_may_come_back(tmp_path: Path) -> None:
    file = _file(tmp_path, {})
    file.path.unlink()

    with pytest.raises(SourceUnavailable, match="cannot be opened now"):
        parse("schedule", file)


def test_batches_are_one_and_keep_their_places(tmp_path: Path) -> None:
    first = parse("schedule", _file(tmp_path, {}))
    (tmp_path / "more").mkdir()
    bad = {_name("home_team"): "???"}
    second = parse("schedule", _file(tmp_path / "more", {}, bad))

    batch = together([first, second])

    assert batch.rows["file"].to_pylist() == [0, 1, 1]
    assert list(batch.troubles) == [2]
    assert batch.place(batch.rows.to_pylist()[2]) == "schedule_2025-26.csv row 2"


def test_rows_are_grouped_by_equal_values_and_never_by_a_missing_one() -> None:
    rows = pa.table({"game": ["a", "b", "a", None, None], "team": ["x", "x", "x", "x", "x"]})

    found = sorted(group.tolist() for group in groups(rows, ["game", "team"]))

    assert found == [[0, 2], [1]]
    assert groups(rows.slice(0, 0), ["game"]) == []
