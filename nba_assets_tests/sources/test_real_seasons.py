"""The files source on four real seasons of official box scores.

They are read where they lie: ``NBA_ASSETS_TEST_DATA``, or ``../shared/data/nba`` from the root.
"""

import os
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from nba_assets.contracts.box_score import COUNTS
from nba_assets.sources.files.folder import FilesSource
from nba_assets.sources.source import Delivery

FOLDER = Path(
    os.environ.get("NBA_ASSETS_TEST_DATA")
    or Path(__file__).parents[2].parent / "shared" / "data" / "nba"
)
SEASONS = (2021, 2022, 2023, 2024)

pytestmark = pytest.mark.skipif(
    not (FOLDER / "schedule_2021-22.parquet").is_file(),
    reason=f"no real seasons in {FOLDER}; set NBA_ASSETS_TEST_DATA to the folder that has them",
)

GAMES = {2021: (1230, 87), 2022: (1230, 84), 2023: (1230, 82), 2024: (1230, 84)}
"""Regular season and playoffs; six play-in games each come on top."""
CUP_FINAL_2023 = "0062300001"
"""The schedule of 2023-24 lacks it, while it has team rows and did-not-play rows."""

# The box score has the player in the game (two free throws, or a minute on court), the did-not-play
# list has him on the bench: the box score shows play and is believed.
PLAYED_AFTER_ALL = {
    2021: {"0022100151": "Bol Bol", "0042100401": "Aaron Nesmith"},
    2022: {"0022200012": "Zeke Nnaji"},
    2023: {},
    2024: {},
}


@pytest.fixture(scope="module")
def source() -> FilesSource:
    return FilesSource(FOLDER)


def season(source: FilesSource, table: str, year: int) -> Delivery:
    return source.read(table, date(year, 10, 1), date(year + 1, 9, 30))


def test_seasons(source: FilesSource) -> None:
    assert source.seasons() == list(SEASONS)


@pytest.mark.parametrize("year", SEASONS)
def test_schedule(source: FilesSource, year: int) -> None:
    delivery = season(source, "schedule", year)
    regular, playoffs = GAMES[year]
    expected = {"Regular Season": regular, "Playoffs": playoffs, "Play-In": 6}
    if year == 2024:
        expected["NBA Cup Final"] = 1

    assert delivery.refused == ()
    assert Counter(delivery.rows["season_type"].to_pylist()) == expected
    assert set(delivery.rows["status"].to_pylist()) == {"FINAL"}
    played = Counter(
        team
        for side in ("home_team", "away_team")
        for team, kind in zip(
            delivery.rows[side].to_pylist(), delivery.rows["season_type"].to_pylist(), strict=True
        )
        if kind == "Regular Season"
    )
    assert len(played) == 30
    assert set(played.values()) == {82}


@pytest.mark.parametrize(
    ("year", "played", "did_not_play", "inactive"),
    [
        (2021, 26039 + 1892 - 3, 5803 - 2, 10879),
        (2022, 25895 + 1728 - 1, 6288 - 1, 9623),
        (2023, 26401 + 1685, 6630 - 2, 11224 - 6),
        (2024, 26306 + 1804, 2679, 4665),
    ],
)
def test_player_rows(
    source: FilesSource, year: int, *, played: int, did_not_play: int, inactive: int
) -> None:
    delivery = season(source, "player_box_scores", year)

    assert Counter(delivery.rows["status"].to_pylist()) == {
        "PLAYED": played,
        "DID_NOT_PLAY": did_not_play,
        "INACTIVE": inactive,
    }
    for name in ("opponent", "minutes", *COUNTS):
        rows = delivery.rows.filter(pc.field("status") == "PLAYED")
        assert rows[name].null_count == 0


@pytest.mark.parametrize("year", SEASONS)
def test_refused_player_rows_are_known(source: FilesSource, year: int) -> None:
    refused = season(source, "player_box_scores", year).refused
    assert [row.game_id for row in refused] == ([CUP_FINAL_2023] * 8 if year == 2023 else [])
    assert all("lacks the game" in row.detail for row in refused)


@pytest.mark.parametrize("year", SEASONS)
def test_a_player_listed_twice_played_where_the_box_score_shows_it(
    source: FilesSource, year: int
) -> None:
    rows = season(source, "player_box_scores", year).rows.to_pylist()
    for game_id, name in PLAYED_AFTER_ALL[year].items():
        (row,) = (r for r in rows if r["game_id"] == game_id and r["player_name"] == name)
        assert row["status"] == "PLAYED"


@pytest.mark.parametrize("year", SEASONS)
def test_games_without_player_rows_are_truly_missing(source: FilesSource, year: int) -> None:
    players = season(source, "player_box_scores", year).rows.filter(pc.field("status") == "PLAYED")
    scheduled = season(source, "schedule", year).rows
    missing = scheduled.filter(pc.invert(pc.is_in(scheduled["game_id"], players["game_id"])))

    assert set(missing["season_type"].to_pylist()) <= {"Play-In", "NBA Cup Final"}
    assert len(missing) == (7 if year == 2024 else 6)


@pytest.mark.parametrize("year", SEASONS)
def test_team_rows_are_two_a_scheduled_game(source: FilesSource, year: int) -> None:
    delivery = season(source, "team_box_scores", year)
    scheduled = season(source, "schedule", year).rows
    sides = {
        (game["game_id"], game["game_date"], team, opponent, is_home)
        for game in scheduled.to_pylist()
        for team, opponent, is_home in (
            (game["home_team"], game["away_team"], True),
            (game["away_team"], game["home_team"], False),
        )
    }
    names = ("game_id", "game_date", "team", "opponent", "is_home")
    rows = list(zip(*(delivery.rows[name].to_pylist() for name in names), strict=True))

    assert delivery.refused == ()
    assert len(set(rows)) == len(rows)
    strangers = set(rows) - sides
    assert sides <= set(rows)
    assert {row[0] for row in strangers} == ({CUP_FINAL_2023} if year == 2023 else set())


@pytest.mark.parametrize("year", SEASONS)
def test_players_sum_to_their_team(source: FilesSource, year: int) -> None:
    players = season(source, "player_box_scores", year)
    held = [row.game_id for row in players.refused]
    rows = players.rows.filter(
        pc.invert(pc.is_in(players.rows["game_id"], pa.array(held, pa.string())))
    )
    rows = rows.filter(pc.field("status") == "PLAYED")
    sums = rows.group_by(["game_id", "team"]).aggregate(
        [(name, "sum") for name in ("minutes", *COUNTS)]
    )
    joined = sums.join(season(source, "team_box_scores", year).rows, ["game_id", "team"])

    assert len(joined) == 2 * sum(GAMES[year])
    for name in COUNTS:
        assert pc.all(pc.equal(joined[f"{name}_sum"], joined[name])).as_py(), name
    # Whole minutes a player, so a team's sum is off by a few; exact ones are from 2023-24 on.
    difference = pc.abs(pc.subtract(joined["minutes_sum"], joined["minutes"]))
    assert pc.max(difference).as_py() < 5


@pytest.mark.parametrize("year", SEASONS)
def test_availability_is_the_inactive_list(source: FilesSource, year: int) -> None:
    listed = season(source, "player_availability", year)
    inactive = season(source, "player_box_scores", year).rows.filter(
        pc.field("status") == "INACTIVE"
    )

    assert {row.game_id for row in listed.refused} == ({CUP_FINAL_2023} if year == 2023 else set())
    keys = ("game_id", "team", "player_id")
    assert listed.rows.select(keys).to_pylist() == inactive.select(keys).to_pylist()


def test_the_inactive_list_ends_before_the_season(source: FilesSource) -> None:
    days = season(source, "player_availability", 2024).rows["game_date"]

    assert pc.max(days).as_py() == date(2025, 1, 7)
    assert season(source, "player_box_scores", 2024).rows["game_id"].null_count == 0


@pytest.mark.parametrize("day", [date(2021, 10, 19), date(2024, 1, 3), date(2025, 4, 13)])
def test_a_date_is_what_its_season_has_on_it(source: FilesSource, day: date) -> None:
    for table in ("schedule", "player_box_scores", "team_box_scores", "player_availability"):
        whole = season(source, table, day.year if day.month > 9 else day.year - 1).rows

        assert source.read(table, day, day).rows == whole.filter(pc.field("game_date") == day)


def test_days_without_games(source: FilesSource) -> None:
    for day in (date(2021, 10, 1), date(2024, 2, 18), date(2024, 12, 24), date(2025, 7, 4)):
        delivery = source.read("schedule", day, day)
        assert (delivery.rows.num_rows, delivery.refused) == (0, ())
