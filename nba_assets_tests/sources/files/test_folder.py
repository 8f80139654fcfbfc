"""The files source on small folders: what is accepted, what is refused, and in which words."""

import json
import logging
import os
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import COUNTS
from nba_assets.contracts.contract import Contract
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.sources.files.folder import FilesSource
from nba_assets.sources.source import Delivery

Row = dict[str, Any]
Files = dict[str, list[Row]]

SEASON = "2024-25"
OPENING, NEXT, PLAYOFFS = date(2024, 10, 22), date(2024, 10, 23), date(2025, 4, 19)
FIRST, LAST = date(2024, 10, 1), date(2025, 6, 30)

BOS_NYK, LAL_MIN, DET_IND, PLAYOFF_GAME = "0022400061", "0022400062", "0022400063", "0042400111"
GAMES = (
    (BOS_NYK, OPENING, "Regular Season", "BOS", "NYK"),
    (LAL_MIN, OPENING, "Regular Season", "LAL", "MIN"),
    (DET_IND, NEXT, "Regular Season", "DET", "IND"),
    (PLAYOFF_GAME, PLAYOFFS, "Playoffs", "BOS", "MIA"),
)
LINE: Row = dict.fromkeys(COUNTS, 0) | {"fgm": 4, "fga": 9, "pts": 8, "tov": 2}
PLAYED, ABSENT = "player_box_2024-25", "player_dnp_2024-25"
SCHEDULED, TEAM_ROWS = "schedule_2024-25", "team_box_2024-25"


def sound_files() -> Files:
    """Four games; each team has two players who played, and one each ACTIVE and INACTIVE."""
    files: Files = {
        SCHEDULED: [],
        PLAYED: [],
        "player_box_playoffs_2024-25": [],
        ABSENT: [],
        TEAM_ROWS: [],
        "team_box_postseason_2024-25": [],
    }
    for game_id, day, season_type, home, away in GAMES:
        game: Row = {"game_id": game_id, "game_date": day, "season_type": season_type}
        files[SCHEDULED].append({**game, "home_team_abbr": home, "away_team_abbr": away})
        regular = season_type == "Regular Season"
        for team, opponent in ((home, away), (away, home)):
            side: Row = {**game, "team_abbr": team, "is_home": team == home}
            first_id = 1000 + 10 * len(files[ABSENT])
            for number in range(4):
                player: Row = {
                    **side,
                    "player_id": first_id + number,
                    "player_name": f"{team} {number}",
                }
                if number < 2:
                    played = "player_box" if regular else "player_box_playoffs"
                    files[f"{played}_{SEASON}"].append(
                        {**player, "opponent_abbr": opponent, "minutes": 24.0, **LINE}
                    )
                else:
                    status = "ACTIVE" if number == 2 else "INACTIVE"
                    files[ABSENT].append({**player, "status": status})
            team_file = "team_box" if regular else "team_box_postseason"
            files[f"{team_file}_{SEASON}"].append(
                {**side, "opponent_abbr": opponent, "minutes": 240.0, **LINE}
            )
    return files


def write(folder: Path, files: Files, extension: str = "parquet") -> FilesSource:
    for name, rows in files.items():
        table = pa.Table.from_pylist(rows)
        path = folder / f"{name}.{extension}"
        if extension == "csv":
            pa.csv.write_csv(table, path)
        else:
            pa.parquet.write_table(table, path)
    return FilesSource(folder)


def read(source: FilesSource, table: str, first: date = FIRST, last: date = LAST) -> Delivery:
    return source.read(table, first, last)


def games(delivery: Delivery) -> set[str]:
    return set(delivery.rows["game_id"].to_pylist())


@pytest.fixture(params=["parquet", "csv"])
def extension(request: pytest.FixtureRequest) -> str:
    return str(request.param)


CONTRACTS = (SCHEDULE, PLAYER_BOX_SCORES, TEAM_BOX_SCORES, PLAYER_AVAILABILITY)


@pytest.mark.parametrize(
    ("contract", "count"),
    list(zip(CONTRACTS, (4, 32, 8, 8), strict=True)),
    ids=[contract.table for contract in CONTRACTS],
)
def test_sound_files_become_contract_shaped_rows(
    tmp_path: Path, extension: str, contract: Contract, count: int
) -> None:
    delivery = read(write(tmp_path, sound_files(), extension), contract.table)

    assert delivery.refused == ()
    assert delivery.rows.num_rows == count
    assert delivery.rows.schema == arrow_schema(contract)
    assert set(delivery.rows["source"].to_pylist()) == {"files"}
    for column in contract.columns:
        if not column.nullable:
            assert delivery.rows[column.name].null_count == 0, column.name


def test_parquet_and_csv_mean_the_same(tmp_path: Path) -> None:
    sources = []
    for extension in ("parquet", "csv"):
        (tmp_path / extension).mkdir()
        sources.append(write(tmp_path / extension, sound_files(), extension))

    for contract in CONTRACTS:
        assert read(sources[0], contract.table) == read(sources[1], contract.table)


def test_a_schedule_without_status_lists_played_games(tmp_path: Path, extension: str) -> None:
    rows = read(write(tmp_path, sound_files(), extension), "schedule").rows.to_pylist()

    assert rows[0] == {
        "game_id": BOS_NYK,
        "game_date": OPENING,
        "season": SEASON,
        "season_type": "Regular Season",
        "status": "FINAL",
        "home_team": "BOS",
        "away_team": "NYK",
        "neutral_site": None,
        "tipoff_at": None,
        "home_points": None,
        "away_points": None,
        "source": "files",
    }
    assert {row["status"] for row in rows} == {"FINAL"}


def test_a_schedule_with_everything(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    for row in files[SCHEDULED]:
        row |= {
            "status": "POSTPONED",
            "tipoff_utc": datetime.combine(row["game_date"], datetime.min.time(), UTC).replace(
                hour=23, minute=30
            ),
            "home_pts": 110,
            "away_pts": 99,
            "neutral_site_flag": True,
        }
    row = read(write(tmp_path, files, extension), "schedule").rows.to_pylist()[0]

    assert row["status"] == "POSTPONED"
    assert row["tipoff_at"] == datetime(2024, 10, 22, 23, 30, tzinfo=UTC)
    assert (row["home_points"], row["away_points"], row["neutral_site"]) == (110, 99, True)


def test_those_who_did_not_play_are_rows_without_statistics(tmp_path: Path, extension: str) -> None:
    rows = read(write(tmp_path, sound_files(), extension), "player_box_scores").rows.to_pylist()
    one_side = [row for row in rows if (row["game_id"], row["team"]) == (BOS_NYK, "NYK")]

    assert [row["status"] for row in one_side] == ["PLAYED", "PLAYED", "DID_NOT_PLAY", "INACTIVE"]
    assert {(row["opponent"], row["is_home"]) for row in one_side} == {("BOS", False)}
    for row in one_side[2:]:
        assert {row[name] for name in ("minutes", *COUNTS, "plus_minus")} == {None}


def test_availability_is_the_inactive_list(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    for row in files[ABSENT]:
        row["reason"] = "Injury" if row["status"] == "INACTIVE" else None
    rows = read(write(tmp_path, files, extension), "player_availability").rows.to_pylist()

    assert {row["player_name"][-1] for row in rows} == {"3"}
    assert {row["reason"] for row in rows} == {"Injury"}


@pytest.mark.parametrize("ending", ["", "_part"])
def test_lines_are_numbered_by_bookmaker_and_may_be_of_a_part_of_a_season(
    tmp_path: Path, extension: str, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = sound_files()
    assert read(write(tmp_path, files, extension), "player_points_lines").rows.num_rows == 0
    assert "player_points_lines" not in caplog.text, "a season may go without"
    game = {"game_id": BOS_NYK, "game_date": OPENING, "season_type": "Regular Season"}
    player = {"player_id": 1000, "player_name": "BOS 0", "over_price": -115.0, "under_price": None}
    offers = (("second", 9.5), ("first", 8.5), ("second", 8.0), ("twice", 7.5), ("twice", 7.5))
    files[f"player_points_lines_{SEASON}{ending}"] = [
        {**game, **player, "bookmaker": bookmaker, "line": line} for bookmaker, line in offers
    ]
    delivery = read(write(tmp_path, files, extension), "player_points_lines")
    rows = delivery.rows.to_pylist()
    assert {(row["bookmaker"], row["offer"], row["line"]) for row in rows} == {
        ("first", 1, 8.5),
        ("second", 1, 8.0),
        ("second", 2, 9.5),
    }
    assert {(row["over_price"], row["under_price"]) for row in rows} == {(-115.0, None)}
    assert len(delivery.refused) == 2, "which of two like offers is one too many is not known"
    nowhere = {"game_id": None, "season_type": None, "bookmaker": "third", "line": 6.5}
    files[f"player_points_lines_{SEASON}{ending}"].append({**game, **player, **nowhere})
    again = read(write(tmp_path, files, extension), "player_points_lines")
    assert (again.rows, len(again.refused)) == (delivery.rows, 2), "a game called off has no id"
    assert "1 rows of player_points_lines" in caplog.text


def test_only_the_range_is_delivered(tmp_path: Path, extension: str) -> None:
    source = write(tmp_path, sound_files(), extension)

    for table in ("schedule", "player_box_scores", "team_box_scores", "player_availability"):
        assert games(source.read(table, NEXT, NEXT)) == {DET_IND}
        assert games(source.read(table, date(2024, 11, 1), date(2024, 11, 30))) == set()
        assert games(source.read(table, date(2019, 1, 1), date(2030, 1, 1))) == {
            BOS_NYK, LAL_MIN, DET_IND, PLAYOFF_GAME,
        }  # fmt: skip


def test_seasons_are_those_with_a_schedule(tmp_path: Path, extension: str) -> None:
    source = write(tmp_path, sound_files(), extension)
    write(tmp_path, {"player_box_2023-24": sound_files()[PLAYED]}, extension)
    (tmp_path / "schedule_2025-27.csv").touch()
    (tmp_path / "notes.txt").touch()

    assert source.seasons() == [2024]
    assert source.read("player_box_scores", date(2023, 10, 1), date(2024, 6, 30)).rows.num_rows == 0


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    files = sound_files()
    source = write(tmp_path, files)
    assert read(source, "team_box_scores").rows["pts"][0].as_py() == 8

    files[TEAM_ROWS][0]["pts"] = 10
    write(tmp_path, {TEAM_ROWS: files[TEAM_ROWS]})
    os.utime(tmp_path / f"{TEAM_ROWS}.parquet", ns=(1, 1))

    assert read(source, "team_box_scores").rows["pts"][0].as_py() == 10


# Values: every accepted spelling arrives as what it means.


@pytest.mark.parametrize(
    ("file", "column", "values", "table", "name", "meaning"),
    [
        (PLAYED, "minutes", "24:30", "player_box_scores", "minutes", 24.5),
        (PLAYED, "minutes", "PT24M30.00S", "player_box_scores", "minutes", 24.5),
        (PLAYED, "minutes_exact", 24.5, "player_box_scores", "minutes", 24.5),
        (PLAYED, "minutes_exact", None, "player_box_scores", "minutes", 24.0),
        (PLAYED, "game_id", 22400061, "player_box_scores", "game_id", BOS_NYK),
        (PLAYED, "game_id", 22400061.0, "player_box_scores", "game_id", BOS_NYK),
        (PLAYED, "pts", 8.0, "player_box_scores", "pts", 8),
        (PLAYED, "plus_minus", -12, "player_box_scores", "plus_minus", -12),
        (PLAYED, "starter", 1, "player_box_scores", "starter", True),
        (PLAYED, "starter", "false", "player_box_scores", "starter", False),
        (PLAYED, "is_home", 1.0, "player_box_scores", "is_home", True),
        (PLAYED, "position", "", "player_box_scores", "position", None),
        (PLAYED, "tov", None, "player_box_scores", "tov", None),
        (PLAYED, "pts", 1329, "player_box_scores", "pts", 1329),
        (PLAYED, "opponent_abbr", "NY", "player_box_scores", "opponent", "NYK"),
        (PLAYED, "game_date", datetime(2024, 10, 22), "player_box_scores", "game_date", OPENING),  # noqa: DTZ001
        (PLAYED, "game_date", "2024-10-22", "player_box_scores", "game_date", OPENING),
        (TEAM_ROWS, "tov_incl_team", 17.0, "team_box_scores", "tov_with_team", 17),
        (ABSENT, "game_id", 22400061, "player_availability", "game_id", BOS_NYK),
    ],
)
def test_accepted_spellings(
    tmp_path: Path,
    extension: str,
    *,
    file: str,
    column: str,
    values: object,
    table: str,
    name: str,
    meaning: object,
) -> None:
    files = sound_files()
    files[file] = [row | {column: values} for row in files[file] if row["game_id"] == BOS_NYK]

    delivery = read(write(tmp_path, files, extension), table, OPENING, OPENING)
    rows = [row for row in delivery.rows.to_pylist() if row["game_id"] == BOS_NYK]

    assert delivery.refused == ()
    assert rows
    assert {row[name] for row in rows if row.get("status", "PLAYED") == "PLAYED"} == {meaning}


def test_nan_is_no_value(tmp_path: Path) -> None:
    files = sound_files()
    for row in files[PLAYED]:
        row["tov"] = float("nan")
    delivery = read(write(tmp_path, files), "player_box_scores", OPENING, OPENING)

    assert delivery.refused == ()
    assert delivery.rows["tov"].null_count == delivery.rows.num_rows


def test_play_in_is_spelled_in_two_ways_and_exhibitions_are_left_out(
    tmp_path: Path, extension: str
) -> None:
    files = sound_files()
    schedule = files[SCHEDULED]
    schedule[3] |= {"game_id": "0052400101", "season_type": "PlayIn"}
    template = schedule[0]
    schedule += [
        template | {"game_id": "0032400001", "season_type": "All-Star", "home_team_abbr": "EST"},
        template | {"game_id": "0012400001", "season_type": "Preseason", "home_team_abbr": "FLA"},
    ]
    delivery = read(write(tmp_path, files, extension), "schedule")

    assert delivery.refused == ()
    assert games(delivery) == {BOS_NYK, LAL_MIN, DET_IND, "0052400101"}
    assert delivery.rows["season_type"].to_pylist().count("Play-In") == 1


def test_a_box_row_of_zeros_gives_way_to_did_not_play(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    absent = files[ABSENT][0]
    files[PLAYED].append(files[PLAYED][0] | absent | dict.fromkeys(COUNTS, 0) | {"minutes": 0.0})
    for row in files[PLAYED]:
        row.pop("status", None)
    delivery = read(write(tmp_path, files, extension), "player_box_scores")
    (row,) = [r for r in delivery.rows.to_pylist() if r["player_id"] == absent["player_id"]]

    assert delivery.refused == ()
    assert row["status"] == "DID_NOT_PLAY"
    assert row["minutes"] is None


def test_a_box_row_that_shows_play_is_believed(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    absent = {key: value for key, value in files[ABSENT][0].items() if key != "status"}
    files[PLAYED].append(files[PLAYED][0] | absent | {"minutes": 1.0})
    delivery = read(write(tmp_path, files, extension), "player_box_scores")
    (row,) = [r for r in delivery.rows.to_pylist() if r["player_id"] == absent["player_id"]]

    assert delivery.refused == ()
    assert row["status"] == "PLAYED"
    assert row["minutes"] == 1.0


# Rows in trouble are refused; the other games stand.

Spoil = Callable[[Files], None]


def setting(file: str, **values: object) -> Spoil:
    def spoil(files: Files) -> None:
        files[file][0] |= values

    return spoil


def repeating(file: str, **values: object) -> Spoil:
    def spoil(files: Files) -> None:
        files[file].append(files[file][0] | values)

    return spoil


def playing_while_absent(files: Files) -> None:
    playing = {key: value for key, value in files[ABSENT][0].items() if key != "status"}
    files[PLAYED].append(files[PLAYED][0] | playing | {"fta": 2})
    files[ABSENT][0]["status"] = "INACTIVE"


@pytest.mark.parametrize(
    ("table", "spoil", "count", "detail"),
    [
        ("schedule", setting(SCHEDULED, home_team_abbr="EST"), 1, "home_team_abbr: 'EST'"),
        ("schedule", setting(SCHEDULED, season_type="Summer League"), 1, "season_type"),
        ("schedule", setting(SCHEDULED, season_type=None), 1, "season_type: no value"),
        ("schedule", repeating(SCHEDULED), 2, "2 identical rows"),
        ("schedule", repeating(SCHEDULED, home_team_abbr="CHI"), 2, "2 contradicting rows"),
        ("player_box_scores", setting(PLAYED, team_abbr="BSN"), 1, "one of the thirty teams"),
        ("player_box_scores", setting(PLAYED, opponent_abbr=None), 1, "no value"),
        ("player_box_scores", setting(PLAYED, pts=8.5), 1, "8.5"),
        ("player_box_scores", setting(PLAYED, minutes=-1.0), 1, "minutes"),
        ("player_box_scores", setting(PLAYED, player_id=0), 1, "column player_id: "),
        ("player_box_scores", setting(PLAYED, player_name=None), 1, "player_name: no value"),
        ("player_box_scores", repeating(PLAYED), 2, "2 identical rows"),
        ("player_box_scores", repeating(PLAYED, pts=9), 2, "2 contradicting rows"),
        ("player_box_scores", setting(PLAYED, game_date=NEXT), 1, "expected 2024-10-22"),
        ("player_box_scores", setting(PLAYED, game_date=date(2019, 1, 5)), 1, "2019-01-05"),
        ("player_box_scores", playing_while_absent, 2, "2 contradicting rows"),
        ("player_box_scores", setting(ABSENT, status="OUT"), 1, "one of ACTIVE, INACTIVE"),
        ("player_box_scores", setting(ABSENT, team_abbr="CHI"), 1, "which has BOS and NYK"),
        ("player_box_scores", setting(ABSENT, game_date=NEXT), 1, "expected 2024-10-22"),
        ("player_availability", setting(ABSENT, team_abbr="BSN"), 1, "team_abbr: 'BSN'"),
        ("player_availability", repeating(ABSENT, status="INACTIVE"), 2, "contradicting"),
        ("team_box_scores", setting(TEAM_ROWS, team_abbr="BSN"), 1, "team_abbr: 'BSN'"),
        ("team_box_scores", setting(TEAM_ROWS, fga=9.25), 1, "fga: '?9.25'?, expected a whole"),
        ("team_box_scores", repeating(TEAM_ROWS), 2, "2 identical rows"),
        ("team_box_scores", setting(TEAM_ROWS, game_date=NEXT), 1, "on the schedule"),
    ],
)
def test_a_row_in_trouble_holds_its_game_only(
    tmp_path: Path, extension: str, *, table: str, spoil: Spoil, count: int, detail: str
) -> None:
    files = sound_files()
    spoil(files)
    source = write(tmp_path, files, extension)
    delivery = read(source, table, OPENING, OPENING)

    assert len(delivery.refused) == count
    for refused in delivery.refused:
        assert refused.game_date == OPENING
        assert refused.game_id == BOS_NYK
        assert re.search(detail, refused.detail)
        assert re.match(r"\w+_2024-25\.(csv|parquet) row \d+: ", refused.detail)
        assert json.loads(refused.row)["game_id"] == BOS_NYK
    untouched = read(source, table, NEXT, NEXT)
    assert games(delivery) >= {LAL_MIN}
    assert games(untouched) == {DET_IND}
    assert untouched.refused == ()


def test_a_row_with_several_troubles_is_refused_once(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    files[PLAYED][1] |= {"team_abbr": "EST", "pts": 8.5, "minutes": None}
    (refused,) = read(write(tmp_path, files, extension), "player_box_scores").refused

    assert "team_abbr" in refused.detail
    assert "pts" in refused.detail
    assert f"{PLAYED}.{extension} row 2: " in refused.detail
    assert json.loads(refused.row)["player_name"] == "BOS 1"


def test_a_row_without_a_game_holds_its_date(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    files[PLAYED][0]["game_id"] = "0000000000"
    (refused,) = read(write(tmp_path, files, extension), "player_box_scores").refused

    assert (refused.game_date, refused.game_id) == (OPENING, None)


def test_the_tip_off_tells_the_date(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    for row in files[SCHEDULED]:
        row["tipoff_utc"] = None
    late = datetime(2024, 10, 23, 2, 5, tzinfo=UTC)
    files[SCHEDULED][0]["tipoff_utc"] = late
    files[SCHEDULED][2]["tipoff_utc"] = late
    delivery = read(write(tmp_path, files, extension), "schedule")

    assert [(refused.game_id, refused.game_date) for refused in delivery.refused] == [
        (DET_IND, NEXT), (DET_IND, OPENING),
    ]  # fmt: skip
    assert "expected 2024-10-22" in delivery.refused[0].detail
    assert games(delivery) == {BOS_NYK, LAL_MIN, PLAYOFF_GAME}


def test_a_postponed_game_keeps_its_rows_on_the_new_date(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    for row in files[SCHEDULED]:
        row["status"] = "FINAL"
    files[SCHEDULED].append(files[SCHEDULED][2] | {"status": "POSTPONED", "game_date": OPENING})
    source = write(tmp_path, files, extension)

    assert read(source, "schedule").refused == ()
    assert games(source.read("schedule", OPENING, OPENING)) == {BOS_NYK, LAL_MIN, DET_IND}
    assert games(source.read("player_box_scores", OPENING, OPENING)) == {BOS_NYK, LAL_MIN}
    assert games(source.read("player_box_scores", NEXT, NEXT)) == {DET_IND}


def test_a_game_missing_from_the_schedule_is_left_to_the_audit(
    tmp_path: Path, extension: str
) -> None:
    files = sound_files()
    del files[SCHEDULED][0]
    source = write(tmp_path, files, extension)

    assert BOS_NYK in games(read(source, "team_box_scores"))
    players = read(source, "player_box_scores")
    assert set(
        players.rows.filter(pa.compute.field("game_id") == BOS_NYK)["status"].to_pylist()
    ) == {"PLAYED"}
    assert {refused.game_id for refused in players.refused} == {BOS_NYK}
    assert all("lacks the game" in refused.detail for refused in players.refused)


def test_a_missing_file_means_no_rows_and_says_so(
    tmp_path: Path, extension: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = sound_files()
    del files[PLAYED], files[TEAM_ROWS], files[ABSENT]
    source = write(tmp_path, files, extension)

    with caplog.at_level(logging.WARNING):
        assert games(read(source, "player_box_scores")) == {PLAYOFF_GAME}
        assert games(read(source, "team_box_scores")) == {PLAYOFF_GAME}
        assert games(read(source, "player_availability")) == set()
    warned = " ".join(record.getMessage() for record in caplog.records)
    for name in (PLAYED, TEAM_ROWS, ABSENT):
        assert f"no {name}.parquet or .csv in {tmp_path}" in warned
    assert "playoffs" not in warned


def test_playoff_files_are_not_missed_before_the_playoffs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = sound_files()
    del files["player_box_playoffs_2024-25"], files["team_box_postseason_2024-25"]
    for row in files[SCHEDULED]:
        row["status"] = "FINAL"
    files[SCHEDULED][3]["status"] = "SCHEDULED"
    source = write(tmp_path, files)

    with caplog.at_level(logging.WARNING):
        read(source, "player_box_scores")
        read(source, "team_box_scores")
    assert caplog.records == []


# Files that cannot be understood as a whole.


def refusal(source: FilesSource, table: str) -> str:
    with pytest.raises(BadInput) as raised:
        read(source, table)
    return str(raised.value)


@pytest.mark.parametrize(
    ("table", "file", "column"),
    [
        ("schedule", SCHEDULED, "home_team_abbr"),
        ("player_box_scores", PLAYED, "tov"),
        ("player_box_scores", PLAYED, "minutes"),
        ("player_box_scores", ABSENT, "status"),
        ("team_box_scores", TEAM_ROWS, "opponent_abbr"),
        ("player_availability", ABSENT, "player_id"),
    ],
)
def test_missing_column(tmp_path: Path, extension: str, table: str, file: str, column: str) -> None:
    files = sound_files()
    for row in files[file]:
        del row[column]
    message = refusal(write(tmp_path, files, extension), table)

    assert message.startswith(f"{table}: ")
    assert f"{file}.{extension} has no column {column}; it has game_id" in message


@pytest.mark.parametrize(
    ("table", "file", "column", "values"),
    [
        ("player_box_scores", PLAYED, "pts", "many"),
        ("player_box_scores", PLAYED, "team_abbr", 1610612738),
        ("player_box_scores", PLAYED, "minutes", "n/a"),
        ("player_box_scores", PLAYED, "is_home", "vs."),
        ("schedule", SCHEDULED, "game_id", "BOS@NYK"),
        ("schedule", SCHEDULED, "game_date", datetime(2024, 10, 23, 2, 5, tzinfo=UTC)),
        ("schedule", SCHEDULED, "game_date", "10/22/2024"),
    ],
)
def test_column_of_the_wrong_type(
    tmp_path: Path, extension: str, *, table: str, file: str, column: str, values: object
) -> None:
    files = sound_files()
    for row in files[file]:
        row[column] = values
    message = refusal(write(tmp_path, files, extension), table)

    assert f"{table}: " in message
    assert f"{file}.{extension} column {column}: no value can be understood" in message
    assert "expected" in message


def test_column_of_lists(tmp_path: Path) -> None:
    files = sound_files()
    for row in files[PLAYED]:
        row["pts"] = [8]

    assert "column pts: no value" in refusal(write(tmp_path, files), "player_box_scores")


@pytest.mark.parametrize("day", [None, "2024-02-30", datetime(2024, 10, 22, 22, 5)])  # noqa: DTZ001
@pytest.mark.parametrize(
    ("table", "file"), [("schedule", SCHEDULED), ("player_box_scores", ABSENT)]
)
def test_row_without_a_usable_date(
    tmp_path: Path, extension: str, table: str, file: str, day: object
) -> None:
    files = sound_files()
    for row in files[file]:
        moment = datetime.combine(row["game_date"], datetime.min.time())
        row["game_date"] = moment if isinstance(day, datetime) else moment.date().isoformat()
    files[file][1]["game_date"] = day
    message = refusal(write(tmp_path, files, extension), table)

    assert f"{file}.{extension} row 2, column game_date: " in message
    assert "expected a US Eastern date" in message


def test_rows_of_another_season(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    files[PLAYED][0] |= {"game_id": "0022300061", "game_date": date(2023, 10, 24)}
    message = refusal(write(tmp_path, files, extension), "player_box_scores")

    assert "game 0022300061 of 2023-10-24 is neither in the season 2024-25 nor on its" in message


def test_schedule_of_another_season(tmp_path: Path, extension: str) -> None:
    files = sound_files()
    files[SCHEDULED][1]["game_date"] = date(2023, 10, 24)
    message = refusal(write(tmp_path, files, extension), "schedule")

    assert f"{SCHEDULED}.{extension} row 2: game date 2023-10-24 is not in the season" in message


@pytest.mark.parametrize("table", ["schedule", "player_box_scores"])
def test_damaged_files(tmp_path: Path, extension: str, table: str) -> None:
    source = write(tmp_path, sound_files(), extension)
    path = tmp_path / f"{SCHEDULED if table == 'schedule' else ABSENT}.{extension}"
    whole = path.read_bytes()

    path.write_bytes(b"")
    assert f"{table}: {path} has zero bytes" in refusal(source, table)
    path.write_bytes(whole[: len(whole) // 2].rpartition(b",")[0] or whole[:50])
    cut = {"csv": "does not end in a line break", "parquet": "is truncated or no parquet file"}
    assert f"{table}: {path} {cut[extension]}" in refusal(source, table)
    path.write_bytes(b"\x00\xff\xfe" * 100)
    assert str(path) in refusal(source, table)
    path.unlink()
    path.mkdir()
    assert f"{path} is a folder" in refusal(source, table)


def test_no_rows(tmp_path: Path, extension: str) -> None:
    source = write(tmp_path, sound_files(), extension)
    empty = pa.Table.from_pylist(sound_files()[PLAYED]).slice(0, 0)
    if extension == "csv":
        pa.csv.write_csv(empty, tmp_path / f"{PLAYED}.csv")
    else:
        pa.parquet.write_table(empty, tmp_path / f"{PLAYED}.parquet")

    assert f"{PLAYED}.{extension} has no rows" in refusal(source, "player_box_scores")


def test_blank_csv(tmp_path: Path) -> None:
    source = write(tmp_path, sound_files(), "csv")
    (tmp_path / f"{PLAYED}.csv").write_text("\n\n")

    assert f"{PLAYED}.csv" in refusal(source, "player_box_scores")


def test_doubled_column(tmp_path: Path) -> None:
    source = write(tmp_path, sound_files(), "csv")
    path = tmp_path / f"{TEAM_ROWS}.csv"
    path.write_text(path.read_text().replace('"fga"', '"pts"'))

    assert "has the column pts twice" in refusal(source, "team_box_scores")


def test_a_csv_as_spreadsheets_save_it(tmp_path: Path) -> None:
    source = write(tmp_path, sound_files(), "csv")
    path = tmp_path / f"{TEAM_ROWS}.csv"
    sound = read(source, "team_box_scores")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert read(source, "team_box_scores") == sound


def test_both_extensions(tmp_path: Path) -> None:
    source = write(tmp_path, sound_files())
    write(tmp_path, {TEAM_ROWS: sound_files()[TEAM_ROWS]}, "csv")
    message = refusal(source, "team_box_scores")

    assert f"{TEAM_ROWS}.parquet and {TEAM_ROWS}.csv" in message
    assert read(source, "player_box_scores").rows.num_rows


def test_a_folder_without_a_schedule(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no file such as schedule_2024-25"):
        FilesSource(tmp_path).seasons()
    with pytest.raises(BadInput, match="NBA_ASSETS_FILES_DIR"):
        FilesSource(tmp_path / "nowhere").read("schedule", FIRST, LAST)


def test_an_unknown_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'games' is not one of schedule"):
        read(write(tmp_path, sound_files()), "games")


# What may pass.


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path, sound_files())

    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(SourceUnavailable, match=rf"{SCHEDULED}\.parquet cannot be opened now"):
        read(source, "schedule")


def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path, sound_files())
    read_bytes = Path.read_bytes

    def growing(path: Path) -> bytes:
        data = read_bytes(path)
        with path.open("ab") as file:
            file.write(b"more")
        return data

    monkeypatch.setattr(Path, "read_bytes", growing)
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        read(source, "schedule")


def _with_value(folder: Path, file: str, column: str, array: pa.Array) -> FilesSource:
    """The sound files, one column of one of them replaced."""
    source = write(folder, sound_files())
    path = folder / f"{file}.parquet"
    table = pa.parquet.read_table(path)
    index = table.column_names.index(column)
    pa.parquet.write_table(table.set_column(index, column, array), path)
    return source


def test_18_a_minute_of_400_digits_is_refused(tmp_path: Path) -> None:
    rows = [row["minutes"] for row in sound_files()[PLAYED]]
    for huge in ("9" * 400, "9" * 400 + ":30", "PT" + "9" * 400 + "M"):
        minutes = pa.array([huge, *(str(value) for value in rows[1:])])

        (refused,) = read(
            _with_value(tmp_path, PLAYED, "minutes", minutes), "player_box_scores"
        ).refused

        assert "expected minutes such as" in refused.detail


def test_18_bytes_that_are_no_text_make_a_bad_file(tmp_path: Path) -> None:
    count = len(sound_files()[PLAYED])
    names = pa.array([b"\xff\xfe"] * count, pa.binary())
    broken = pa.Array.from_buffers(pa.string(), count, names.buffers())

    with pytest.raises(BadInput, match=rf"{PLAYED}\.parquet is truncated or no parquet file.*UTF8"):
        read(_with_value(tmp_path, PLAYED, "player_name", broken), "player_box_scores")


def test_18_a_date_no_calendar_has_names_its_row(tmp_path: Path) -> None:
    files = sound_files()
    days = [(row["game_date"] - date(1970, 1, 1)).days for row in files[PLAYED]]
    dates = pa.array([72_000_000, *days[1:]], pa.int32()).cast(pa.date32())

    with pytest.raises(BadInput, match=r"row 1, column game_date: .*out of range.*expected a US"):
        read(_with_value(tmp_path, PLAYED, "game_date", dates), "player_box_scores")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("\n", "\r"), "does not end in a line break"),
        (lambda text: text.replace("\n", "\r") + "\n", "truncated or no csv file"),
        (lambda text: text[:-2], "does not end in a line break"),
        (lambda text: text + '"', "does not end in a line break"),
    ],
    ids=["carriage returns", "and one line break", "cut inside its last value", "open quote"],
)
def test_18_a_csv_file_that_is_cut_or_has_no_lines_is_a_bad_file(
    tmp_path: Path, change: Callable[[str], str], told: str
) -> None:
    source = write(tmp_path, sound_files(), "csv")
    path = tmp_path / f"{PLAYED}.csv"
    path.write_text(change(path.read_text()))

    with pytest.raises(BadInput, match=told):
        read(source, "player_box_scores")


def test_18_a_file_of_exhibition_rows_only_has_nothing_to_give(tmp_path: Path) -> None:
    files = sound_files()
    for row in files[PLAYED]:
        row["season_type"] = "All-Star"

    delivery = read(write(tmp_path, files), "player_box_scores")

    assert delivery.refused == ()
    assert "PLAYED" not in {
        status
        for status, game in zip(
            delivery.rows["status"].to_pylist(), delivery.rows["game_id"].to_pylist(), strict=True
        )
        if game == BOS_NYK
    }


def test_02_a_season_that_is_not_whole_is_known_to_its_last_listed_game(tmp_path: Path) -> None:
    covered = write(tmp_path, sound_files()).covers(2024)

    assert covered.through == PLAYOFFS
    assert covered.note == "files lists 3 of 1,230 regular-season games"
    assert covered.games[OPENING] == {BOS_NYK, LAL_MIN}


def test_10_another_folder_is_another_publication(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    assert FilesSource(tmp_path / "a").identity != FilesSource(tmp_path / "b").identity
    assert FilesSource(tmp_path / "a").identity == FilesSource(tmp_path / "b" / ".." / "a").identity


def test_16_a_refused_row_of_the_schedule_keeps_its_teams(tmp_path: Path) -> None:
    files = sound_files()
    for row in files[SCHEDULED]:
        row["status"] = "FINAL"
    files[SCHEDULED][0]["status"] = "Fnal"

    (refused,) = read(write(tmp_path, files), "schedule").refused

    assert refused.teams == ("BOS", "NYK")
