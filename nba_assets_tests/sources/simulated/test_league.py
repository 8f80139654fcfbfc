"""The simulated league: what it promises about itself, and how near to a real season it is.

Bands of realism are wide around what was measured on the official box scores of 2021-22 to 2024-25;
the figure in a comment is the measured range.
"""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nba_assets.assets.raw.player_box_scores import STATISTICS
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import COUNTS
from nba_assets.contracts.contract import Contract, RowRule
from nba_assets.contracts.teams import TEAMS
from nba_assets.errors import SettingsError, SourceUnavailable
from nba_assets.seasons import EASTERN, eastern_date, season_year
from nba_assets.sources.simulated import league as simulated
from nba_assets.sources.simulated.calendar import SeasonDates, regular_season
from nba_assets.sources.simulated.league import GAME_DURATION, SimulatedLeague
from nba_assets.sources.simulated.season import CONTRACTS
from nba_assets.sources.source import RAW_TABLES

SEED, FIRST_SEASON = 2026, 2022
LATER = datetime(2030, 1, 1, tzinfo=UTC)
FIRST, LAST = date(2022, 10, 1), date(2024, 6, 30)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulated")


@pytest.fixture(scope="session")
def league(cache_dir: Path) -> SimulatedLeague:
    return SimulatedLeague(SEED, FIRST_SEASON, 2, cache_dir, now=LATER)


@pytest.fixture(scope="session")
def tables(league: SimulatedLeague) -> dict[str, pa.Table]:
    return {table: league.read(table, FIRST, LAST).rows for table in RAW_TABLES}


@pytest.fixture(scope="session")
def schedule(tables: dict[str, pa.Table]) -> pd.DataFrame:
    return _frame(tables["schedule"])


@pytest.fixture(scope="session")
def players(tables: dict[str, pa.Table]) -> pd.DataFrame:
    return _frame(tables["player_box_scores"])


@pytest.fixture(scope="session")
def played(players: pd.DataFrame) -> pd.DataFrame:
    return players[players["status"] == "PLAYED"]


@pytest.fixture(scope="session")
def teams(tables: dict[str, pa.Table]) -> pd.DataFrame:
    return _frame(tables["team_box_scores"])


@pytest.fixture(scope="session")
def final(schedule: pd.DataFrame) -> pd.DataFrame:
    return schedule[schedule["status"] == "FINAL"]


@pytest.fixture(scope="session")
def regular(final: pd.DataFrame) -> pd.DataFrame:
    return final[final["season_type"] == "Regular Season"]


def _frame(rows: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = rows.to_pandas()
    frame["game_date"] = pd.to_datetime(frame["game_date"])
    return frame


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=EASTERN)


def _appearances(games: pd.DataFrame) -> pd.DataFrame:
    """One row per team and game, sorted by team and date."""
    sides = [
        games[["game_date", "season", side]].rename(columns={side: "team"})
        for side in ("home_team", "away_team")
    ]
    return pd.concat(sides).sort_values(["team", "game_date"])


# Contracts


@pytest.mark.parametrize("table", RAW_TABLES)
def test_rows_are_what_the_contract_says(tables: dict[str, pa.Table], table: str) -> None:
    contract, rows = CONTRACTS[table], tables[table]
    assert rows.num_rows > 2000
    assert rows.schema == arrow_schema(contract)
    frame = rows.to_pandas()
    for column in contract.columns:
        values = frame[column.name]
        assert column.nullable or values.notna().all(), column.name
        if column.low is not None:
            assert values.min() >= column.low, column.name
        if column.high is not None:
            assert values.max() <= column.high, column.name
        if column.values:
            assert set(values.unique()) <= set(column.values), column.name
    assert not frame.duplicated(list(contract.grain)).any()
    assert (frame["source"] == "simulated").all()


@pytest.mark.parametrize(
    ("contract", "rule"),
    [
        pytest.param(contract, rule, id=f"{contract.table}-{rule.name}")
        for contract in CONTRACTS.values()
        for rule in contract.rules
        if isinstance(rule, RowRule)
    ],
)
def test_rows_keep_the_rules_of_the_contract(
    tables: dict[str, pa.Table], contract: Contract, rule: RowRule
) -> None:
    query = f"SELECT * FROM staged WHERE NOT COALESCE({rule.predicate}, FALSE)"
    with duckdb.connect() as connection:
        connection.register("staged", tables[contract.table])
        violations = connection.execute(
            sqlglot.transpile(query, read="bigquery", write="duckdb")[0]
        ).fetchall()
    assert violations == []


# Box scores


def test_every_final_game_has_its_rows_and_nothing_else_has(
    final: pd.DataFrame, players: pd.DataFrame, teams: pd.DataFrame, tables: dict[str, pa.Table]
) -> None:
    expected = final.set_index("game_id")
    for rows in (players, teams, _frame(tables["player_availability"])):
        assert set(rows["game_id"]) == set(expected.index)
        game = expected.loc[rows["game_id"]]
        assert (game["game_date"].to_numpy() == rows["game_date"].to_numpy()).all()
    assert (teams.groupby("game_id").size() == 2).all()
    for rows in (players, teams):
        game = expected.loc[rows["game_id"]]
        sides = np.where(rows["is_home"], game["home_team"], game["away_team"])
        assert (sides == rows["team"].to_numpy()).all()
        others = np.where(rows["is_home"], game["away_team"], game["home_team"])
        assert (others == rows["opponent"].to_numpy()).all()


def test_team_rows_are_the_sums_of_their_players(played: pd.DataFrame, teams: pd.DataFrame) -> None:
    sums = played.groupby(["game_id", "team"])[[*COUNTS, "minutes"]].sum()
    published = teams.set_index(["game_id", "team"])
    assert (sums[list(COUNTS)] == published.loc[sums.index, list(COUNTS)]).all(axis=None)
    np.testing.assert_allclose(sums["minutes"], published.loc[sums.index, "minutes"])
    assert (teams["tov_with_team"] >= teams["tov"]).all()
    assert (teams["tov_with_team"] > teams["tov"]).any()


def test_minutes_are_whole_seconds_and_sum_to_the_length_of_the_game(
    played: pd.DataFrame, teams: pd.DataFrame
) -> None:
    overtimes = (teams["minutes"] - 240) / 25
    assert (overtimes % 1 == 0).all()
    assert (overtimes.groupby(teams["game_id"]).nunique() == 1).all()
    seconds = played["minutes"] * 60
    np.testing.assert_allclose(seconds, seconds.round(), atol=1e-6)
    assert (played["minutes"] > 0).all()
    length = 48 + 5 * overtimes.groupby(teams["game_id"]).first()
    assert (played["minutes"].to_numpy() < length.loc[played["game_id"]].to_numpy()).all()


def test_scores_decide_games_and_equal_the_schedule(
    final: pd.DataFrame, teams: pd.DataFrame
) -> None:
    points = teams.pivot_table(index="game_id", columns="is_home", values="pts")
    assert (points[True] != points[False]).all()
    scores = final.set_index("game_id").loc[points.index]
    assert (scores["home_points"] == points[True]).all()
    assert (scores["away_points"] == points[False]).all()


def test_plus_minus_sums_to_five_times_the_margin(
    played: pd.DataFrame, teams: pd.DataFrame
) -> None:
    total = teams.groupby("game_id")["pts"].transform("sum")
    margin = (2 * teams["pts"] - total).set_axis(
        pd.MultiIndex.from_frame(teams[["game_id", "team"]])
    )
    sums = played.groupby(["game_id", "team"])["plus_minus"].sum()
    assert (sums == 5 * margin.loc[sums.index]).all()


def test_who_did_not_play_has_no_statistics(players: pd.DataFrame) -> None:
    absent = players[players["status"] != "PLAYED"]
    assert absent[list(STATISTICS)].isna().all(axis=None)
    assert set(absent["status"]) == {"DID_NOT_PLAY", "INACTIVE"}


def test_five_start_at_five_positions_and_nine_to_fifteen_play(
    players: pd.DataFrame, played: pd.DataFrame
) -> None:
    starters = players[players["starter"]]
    assert (starters["status"] == "PLAYED").all()
    by_team = starters.groupby(["game_id", "team"])["position"]
    assert (by_team.size() == 5).all()
    assert (by_team.nunique() == 5).all()
    assert set(starters["position"]) == {"PG", "SG", "SF", "PF", "C"}
    assert players[~players["starter"]]["position"].isna().all()
    assert played.groupby(["game_id", "team"]).size().between(9, 15).all()


def test_availability_is_the_inactive_list_of_the_box_score(
    players: pd.DataFrame, tables: dict[str, pa.Table]
) -> None:
    listed = _frame(tables["player_availability"])
    inactive = players[players["status"] == "INACTIVE"]
    key = ["game_id", "game_date", "team", "player_id", "player_name"]
    pd.testing.assert_frame_equal(
        listed[key].sort_values(key, ignore_index=True),
        inactive[key].sort_values(key, ignore_index=True),
    )
    assert listed["reason"].str.len().gt(0).all()
    assert listed["reason"].nunique() > 8


# The calendar


def test_a_season_has_every_game(final: pd.DataFrame) -> None:
    games = final.groupby(["season", "season_type"]).size().unstack()
    assert (games["Regular Season"] == 1230).all()
    assert (games["Play-In"] == 6).all()
    assert games["Playoffs"].between(60, 105).all()
    assert games["NBA Cup Final"].to_dict() == pytest.approx(
        {"2022-23": np.nan, "2023-24": 1}, nan_ok=True
    )
    assert final["game_id"].is_unique


def test_game_ids_are_official(schedule: pd.DataFrame) -> None:
    years = schedule["season"].str[2:4]
    assert (schedule["game_id"].str.len() == 10).all()
    assert (schedule["game_id"].str[3:5] == years).all()


def test_every_team_has_82_games_41_at_home(regular: pd.DataFrame) -> None:
    for _, season in regular.groupby("season"):
        assert season["home_team"].value_counts().to_dict() == dict.fromkeys(TEAMS, 41)
        assert season["away_team"].value_counts().to_dict() == dict.fromkeys(TEAMS, 41)
        pairs = season[["home_team", "away_team"]].apply(frozenset, axis=1)
        # four games within the division, four or three in the conference, two across
        assert pairs.value_counts().value_counts().to_dict() == {2: 225, 4: 150, 3: 60}


def test_nobody_plays_twice_a_day_or_three_days_running(final: pd.DataFrame) -> None:
    appearances = _appearances(final)
    gap = appearances.groupby("team")["game_date"].diff().dt.days
    assert gap.min() == 1
    back_to_back = gap == 1
    running = back_to_back & back_to_back.groupby(appearances["team"]).shift(fill_value=False)
    assert not running.any()
    # 13.4 to 15.0 a team and season
    assert 11 < back_to_back.sum() / 60 < 19


def test_dates_of_a_season(regular: pd.DataFrame, final: pd.DataFrame) -> None:
    expected = {
        "2022-23": (date(2022, 10, 18), date(2023, 4, 9)),
        "2023-24": (date(2023, 10, 24), date(2024, 4, 14)),
    }
    for season, games in regular.groupby("season"):
        count = games.groupby("game_date").size()
        assert (count.index.min().date(), count.index.max().date()) == expected[str(season)]
        assert 158 <= len(count) <= 167  # 160 to 165
        assert count.max() == count.iloc[-1] == 15
        year = int(str(season)[:4])
        assert count[pd.Timestamp(year, 12, 25)] == 5
        for off in ((year, 12, 24), (year, 11, 24 if year == 2022 else 23)):
            assert pd.Timestamp(*off) not in count.index
        assert count.index.to_series().diff().dt.days.max() == 7  # the All-Star break
    for _, games in final.groupby("season"):
        count = games.groupby("game_date").size()
        assert 0.25 < (count < 5).mean() < 0.42  # about a third
        assert (games["game_date"].max().month, games["game_date"].max().day >= 8) == (6, True)


@given(seed=st.integers(0, 2**32), year=st.integers(1996, 2060))
@settings(max_examples=15, deadline=None)
def test_any_seed_and_year_has_a_calendar(seed: int, year: int) -> None:
    dates = SeasonDates(year)
    fixtures = regular_season(dates, np.random.default_rng(seed))
    assert len(fixtures) == 1230
    days = {dates.date_of(day) for day in fixtures.day}
    assert not days & dates.without_games
    assert min(days) == dates.opener
    assert max(days) == dates.last_regular
    for team in range(30):
        own = np.sort(fixtures.day[(fixtures.home == team) | (fixtures.away == team)])
        assert (np.diff(own) > 0).all()
        assert (own[2:] - own[:-2] > 2).all()


def test_postponed_games_have_a_row_on_both_dates(schedule: pd.DataFrame) -> None:
    postponed = schedule[schedule["status"] == "POSTPONED"].set_index("game_id")
    assert (postponed.groupby("season").size().between(1, 5)).all()
    assert postponed[["home_points", "away_points"]].isna().all(axis=None)
    later = schedule[schedule["status"] == "FINAL"].set_index("game_id").loc[postponed.index]
    assert (later["game_date"] > postponed["game_date"]).all()
    assert (later["home_team"] == postponed["home_team"]).all()


def test_tip_offs_belong_to_the_game_date_in_the_east_not_in_utc(schedule: pd.DataFrame) -> None:
    eastern = schedule["tipoff_at"].dt.tz_convert(EASTERN)
    assert (eastern.dt.date == schedule["game_date"].dt.date).all()
    assert (schedule["tipoff_at"].dt.date != schedule["game_date"].dt.date).mean() > 0.3
    late, early = eastern.dt.hour >= 22, eastern.dt.hour < 18
    assert 0.1 < late.mean() < 0.25  # 0.15
    assert early[eastern.dt.dayofweek >= 5].mean() > 5 * early[eastern.dt.dayofweek < 5].mean()


def test_some_games_are_at_neutral_sites(final: pd.DataFrame) -> None:
    assert final.groupby("season")["neutral_site"].sum().between(4, 11).all()
    assert final[final["season_type"] == "NBA Cup Final"]["neutral_site"].all()


def test_playoff_series_end_with_the_fourth_win(final: pd.DataFrame) -> None:
    playoffs = final[final["season_type"] == "Playoffs"]
    home_won = playoffs["home_points"] > playoffs["away_points"]
    winner = playoffs["home_team"].where(home_won, playoffs["away_team"])
    series = playoffs["game_id"].str[:9]
    assert series.nunique() == 30
    for _, winners in winner.groupby(series):
        wins = winners.value_counts()
        assert wins.iloc[0] == 4
        assert winners.iloc[-1] == wins.index[0]
    champions = winner[series.str[7] == "4"].groupby(playoffs["season"]).agg(lambda w: w.mode()[0])
    assert len(champions) == 2


# Determinism


@pytest.mark.parametrize("table", RAW_TABLES)
def test_a_season_does_not_depend_on_how_many_are_asked_for(
    tmp_path: Path, tables: dict[str, pa.Table], table: str
) -> None:
    other = SimulatedLeague(SEED, FIRST_SEASON, 3, tmp_path, now=LATER)
    later_first = other.read(table, date(2023, 10, 1), date(2024, 6, 30)).rows
    both = tables[table]
    expected = both.filter(pa.compute.field("game_date") >= date(2023, 10, 1))
    assert later_first.equals(expected)


@given(first=st.dates(date(2022, 9, 1), date(2024, 8, 1)), days=st.integers(-1, 40))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.parametrize("table", RAW_TABLES)
def test_a_range_is_a_piece_of_the_whole(
    league: SimulatedLeague, tables: dict[str, pa.Table], table: str, first: date, days: int
) -> None:
    last = first + timedelta(days=days)
    inside = (pa.compute.field("game_date") >= first) & (pa.compute.field("game_date") <= last)
    delivery = league.read(table, first, last)
    assert delivery.rows.equals(tables[table].filter(inside))
    assert delivery.refused == ()


def test_another_seed_or_first_season_is_another_league(
    tmp_path: Path, tables: dict[str, pa.Table]
) -> None:
    opening = date(2022, 10, 18), date(2022, 10, 31)
    for other in (SimulatedLeague(SEED + 1, 2022, 1, tmp_path, LATER),
                  SimulatedLeague(SEED, 2021, 2, tmp_path, LATER)):  # fmt: skip
        rows = other.read("player_box_scores", *opening).rows
        assert rows.num_rows > 0
        assert not rows.equals(tables["player_box_scores"].slice(0, rows.num_rows))


def test_players_last_from_season_to_season_and_some_change_teams(played: pd.DataFrame) -> None:
    seasons = [_season_of(played, year) for year in (2022, 2023)]
    ids = [set(season["player_id"]) for season in seasons]
    assert 0.6 < len(ids[0] & ids[1]) / len(ids[0]) < 0.95
    assert played.groupby("player_id")["player_name"].nunique().eq(1).all()
    assert played.groupby("player_name")["player_id"].nunique().eq(1).all()
    for season in seasons:
        clubs = season.groupby("player_id")["team"].nunique()
        assert 40 < (clubs > 1).sum() < 130  # 70 to 81


# What is known when


def _known(cache_dir: Path, now: datetime) -> SimulatedLeague:
    return SimulatedLeague(SEED, FIRST_SEASON, 2, cache_dir, now=now)


def test_a_game_is_scheduled_then_in_progress_then_final(
    cache_dir: Path, schedule: pd.DataFrame
) -> None:
    game = schedule.iloc[300]
    day, tip_off = game["game_date"].date(), game["tipoff_at"].to_pydatetime()
    second = timedelta(seconds=1)
    for now, status in (
        (tip_off - second, "SCHEDULED"),
        (tip_off, "IN_PROGRESS"),
        (tip_off + GAME_DURATION - second, "IN_PROGRESS"),
        (tip_off + GAME_DURATION, "FINAL"),
    ):
        source = _known(cache_dir, now)
        row = _frame(source.read("schedule", day, day).rows).set_index("game_id")
        row = row.loc[game["game_id"]]
        assert row["status"] == status
        assert pd.notna(row["home_points"]) == pd.notna(row["away_points"]) == (status == "FINAL")
        for table in ("player_box_scores", "team_box_scores"):
            ids = source.read(table, day, day).rows["game_id"].to_pylist()
            assert (game["game_id"] in ids) == (status == "FINAL")


def test_the_inactive_list_appears_in_the_morning_of_the_game_date(
    cache_dir: Path, schedule: pd.DataFrame
) -> None:
    day = schedule.iloc[300]["game_date"].date()
    for now, published in ((_at(day, 8, 59), False), (_at(day, 9), True)):
        source = _known(cache_dir, now)
        for last in (day, day + timedelta(days=3)):
            assert (source.read("player_availability", day, last).rows.num_rows > 0) == published
        assert source.read("player_box_scores", day, day).rows.num_rows == 0


def test_what_is_published_never_changes_later_but_for_status_and_score(
    cache_dir: Path, tables: dict[str, pa.Table]
) -> None:
    now = _at(date(2023, 1, 20), 21)
    source = _known(cache_dir, now)
    for table in ("player_box_scores", "team_box_scores", "player_availability"):
        early = _frame(source.read(table, FIRST, LAST).rows)
        whole = _frame(tables[table])
        later = whole[whole["game_id"].isin(early["game_id"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(early, later)
    early = _frame(source.read("schedule", FIRST, LAST).rows)
    assert set(early["game_id"]) == set(tables["schedule"]["game_id"].to_pylist())
    assert early["game_date"].max() > pd.Timestamp(2024, 6, 1)
    assert (early[early["game_date"] > pd.Timestamp(2023, 1, 20)]["status"] == "SCHEDULED").all()


def test_a_postponement_is_known_at_noon_of_the_first_date(
    cache_dir: Path, schedule: pd.DataFrame
) -> None:
    moved = schedule[schedule["status"] == "POSTPONED"].iloc[0]
    day = moved["game_date"].date()

    def rows(now: datetime) -> list[tuple[date, str]]:
        found = _frame(_known(cache_dir, now).read("schedule", FIRST, LAST).rows)
        found = found[found["game_id"] == moved["game_id"]]
        return [(at.date(), status) for at, status in zip(found["game_date"], found["status"],
                                                          strict=True)]  # fmt: skip

    assert rows(_at(day, 11, 59)) == [(day, "SCHEDULED")]
    (first, before), (second, after) = rows(_at(day, 12))
    assert (first, before, after) == (day, "POSTPONED", "SCHEDULED")
    assert second > day
    assert rows(LATER) == [(day, "POSTPONED"), (second, "FINAL")]


def test_no_team_plays_twice_a_date_whenever_the_schedule_is_read(
    cache_dir: Path, schedule: pd.DataFrame
) -> None:
    for day in schedule[schedule["status"] == "POSTPONED"]["game_date"].dt.date:
        for now in (_at(day, 11), _at(day, 13)):
            read = _frame(_known(cache_dir, now).read("schedule", FIRST, LAST).rows)
            read = read[read["status"] != "POSTPONED"]
            assert not _appearances(read).duplicated(["team", "game_date"]).any()


def test_seasons_are_those_asked_for_or_up_to_now(tmp_path: Path) -> None:
    clock = [datetime(2024, 9, 30, 12, tzinfo=UTC)]
    source = SimulatedLeague(SEED, FIRST_SEASON, None, tmp_path, now=lambda: clock[0])
    assert list(source.seasons()) == [2022, 2023]
    clock[0] = datetime(2024, 10, 1, 12, tzinfo=UTC)
    assert list(source.seasons()) == [2022, 2023, 2024]
    assert list(SimulatedLeague(SEED, 2022, 2, tmp_path, clock[0]).seasons()) == [2022, 2023]
    unset = SimulatedLeague(SEED, 2022, None, tmp_path).seasons()
    assert unset[-1] == season_year(eastern_date(datetime.now(UTC)))


def test_dates_outside_the_published_seasons_have_no_rows(league: SimulatedLeague) -> None:
    for table in RAW_TABLES:
        for first, last in (
            (date(2020, 10, 1), date(2022, 9, 30)),
            (date(2024, 10, 1), date(2026, 6, 30)),
            (date(2023, 1, 5), date(2023, 1, 4)),
        ):
            rows = league.read(table, first, last).rows
            assert rows.num_rows == 0
            assert rows.schema == arrow_schema(CONTRACTS[table])


def test_what_cannot_be_asked_for(tmp_path: Path, league: SimulatedLeague) -> None:
    with pytest.raises(ValueError, match="is not a raw table; there are schedule"):
        league.read("player_features", FIRST, FIRST)
    naive = SimulatedLeague(SEED, FIRST_SEASON, 1, tmp_path, now=datetime(2023, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="without a time zone"):
        naive.read("schedule", FIRST, FIRST)
    with pytest.raises(SettingsError, match="at least one season"):
        SimulatedLeague(SEED, FIRST_SEASON, 0, tmp_path)
    with pytest.raises(SettingsError, match="seed of at least 0"):
        SimulatedLeague(-1, FIRST_SEASON, 1, tmp_path)


# The cache


def _opening_night(cache_dir: Path) -> pa.Table:
    source = SimulatedLeague(SEED, FIRST_SEASON, 1, cache_dir, now=LATER)
    return source.read("player_box_scores", date(2022, 10, 18), date(2022, 10, 18)).rows


def _damage(file: Path, how: str) -> None:
    content = bytearray(file.read_bytes())
    if how == "cut":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = bytearray()
    elif how == "flipped":
        for position in range(200, 2000, 7):
            content[position] ^= 0xFF
    file.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "empty", "flipped"])
def test_a_damaged_file_is_made_again(tmp_path: Path, how: str) -> None:
    expected = _opening_night(tmp_path)
    file = next(tmp_path.rglob("player_box_scores_2022.parquet"))
    size = file.stat().st_size
    _damage(file, how)
    assert _opening_night(tmp_path).equals(expected)
    assert file.stat().st_size == size


def test_a_file_stored_under_other_columns_is_made_again(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    expected = _opening_night(tmp_path)
    file = next(tmp_path.rglob("player_box_scores_2022.parquet"))
    pq.write_table(pq.read_table(file).drop_columns(["pf"]), file)
    assert _opening_night(tmp_path).equals(expected)


def test_a_finished_season_is_read_not_simulated(
    cache_dir: Path, tables: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: SimulatedLeague, year: int) -> None:
        raise AssertionError(year)

    monkeypatch.setattr(SimulatedLeague, "_store_season", refuse)
    assert _opening_night(cache_dir).num_rows > 0
    leftovers = [file.name for file in cache_dir.rglob("*") if file.is_file()]
    assert sorted(leftovers) == sorted(f"{t}_{y}.parquet" for t in RAW_TABLES for y in (2022, 2023))


def test_changed_code_does_not_read_older_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _opening_night(tmp_path)
    monkeypatch.setattr(simulated, "_code_digest", lambda: "changed")
    _opening_night(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_processes_share_a_cache(tmp_path: Path, tables: dict[str, pa.Table]) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        found = pool.map(_opening_night, [tmp_path] * 3)
    expected = tables["player_box_scores"].slice(0, found[0].num_rows)
    assert all(rows.equals(expected) for rows in found)
    assert not list(tmp_path.rglob(".*"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(SourceUnavailable, match=str(blocked)):
        _opening_night(blocked)


def test_a_season_is_quick_and_importing_costs_no_array_library(tmp_path: Path) -> None:
    start = time.perf_counter()
    _opening_night(tmp_path)
    assert time.perf_counter() - start < 5
    code = (
        "import sys, nba_assets.sources.simulated.league; "
        "print({'numpy', 'pyarrow'} & set(sys.modules))"
    )
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(simulated.__file__).parents[3])},
    )  # fmt: skip
    assert run.stdout.strip() == "set()"


# Realism


def _season_of(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    """The regular season of a start year."""
    return frame[frame["game_id"].str.startswith(f"002{year % 100}")]


FIGURES: dict[str, tuple[Callable[[pd.DataFrame], float], float, float]] = {
    "players": (lambda p: p["player_id"].nunique(), 500, 600),  # 539 to 572
    "players a team and game": (lambda p: len(p) / 2460, 10.2, 11.2),  # 10.5 to 10.7
    "mean points": (lambda p: p["pts"].mean(), 10.0, 11.4),  # 10.6 to 10.9
    "spread of points": (lambda p: p["pts"].std(), 8.0, 9.6),  # 8.8 to 9.0
    "share without a point": (lambda p: (p["pts"] == 0).mean(), 0.08, 0.15),  # 0.107 to 0.124
    "share with 30 points": (lambda p: (p["pts"] >= 30).mean(), 0.025, 0.055),  # 0.038 to 0.044
    "most points": (lambda p: p["pts"].max(), 48, 90),  # 61 to 73
    "spread of minutes": (lambda p: p["minutes"].std(), 10.0, 11.6),  # 10.8 to 11.1
    "share under 5 minutes": (lambda p: (p["minutes"] < 5).mean(), 0.05, 0.12),  # 0.068 to 0.092
    "appearances of seconds": (lambda p: (p["minutes"] < 0.5).sum(), 20, 250),  # 77 to 118
    "mean rebounds": (lambda p: p["reb"].mean(), 3.6, 4.5),  # 4.06 to 4.13
    "mean assists": (lambda p: p["ast"].mean(), 2.1, 2.8),  # 2.41 to 2.49
    "field goals made": (lambda p: p["fgm"].sum() / p["fga"].sum(), 0.45, 0.50),  # 0.467 to 0.475
    "threes made": (lambda p: p["fg3m"].sum() / p["fg3a"].sum(), 0.34, 0.385),  # 0.360 to 0.366
    "free throws made": (lambda p: p["ftm"].sum() / p["fta"].sum(), 0.75, 0.81),  # 0.780 to 0.784
    "threes of attempts": (lambda p: p["fg3a"].sum() / p["fga"].sum(), 0.34, 0.46),  # 0.387 to 0.42
    "spread of plus-minus": (lambda p: p["plus_minus"].std(), 9.5, 12.8),  # 11.1 to 11.7
}


@pytest.mark.parametrize("year", [2022, 2023])
@pytest.mark.parametrize("figure", FIGURES)
def test_players_look_real(played: pd.DataFrame, year: int, figure: str) -> None:
    measure, low, high = FIGURES[figure]
    assert low <= measure(_season_of(played, year)) <= high


@pytest.mark.parametrize("year", [2022, 2023])
def test_teams_and_games_look_real(teams: pd.DataFrame, players: pd.DataFrame, year: int) -> None:
    rows = _season_of(teams, year)
    margin = 2 * rows["pts"] - rows.groupby("game_id")["pts"].transform("sum")
    assert 110 < rows["pts"].mean() < 118  # 113.8 to 114.7
    assert 13 < margin.std() < 18  # 13.9 to 16.0
    assert 0.52 < (margin[rows["is_home"]] > 0).mean() < 0.61  # 0.543 to 0.580
    assert 0.03 < (rows["minutes"] > 240).mean() < 0.09  # 0.048 to 0.064
    assert 7 < (margin > 0).groupby(rows["team"]).sum().std() < 16  # 10.0 to 13.4
    absent = _season_of(players, year)["status"].value_counts() / len(rows)
    assert 1.6 < absent["DID_NOT_PLAY"] < 3.0  # 2.3 to 2.4
    assert 3.4 < absent["INACTIVE"] < 5.0  # 3.8 to 4.5


@pytest.mark.parametrize("year", [2022, 2023])
def test_points_are_as_hard_to_predict_as_real_ones(played: pd.DataFrame, year: int) -> None:
    rows = _season_of(played, year).sort_values(["player_id", "game_date"])
    points = rows.groupby("player_id")["pts"]
    season = points.transform(lambda s: s.shift().expanding().mean())
    last_10 = points.transform(lambda s: s.shift().rolling(10, 1).mean())
    last_5 = points.transform(lambda s: s.shift().rolling(5, 1).mean())
    rules = 0.35 * last_5 + 0.40 * last_10 + 0.25 * season

    def error(prediction: pd.Series) -> float:
        return float((rows["pts"] - prediction).abs().mean())

    assert 4.3 < error(season) < 5.0  # 4.62 to 4.70
    assert 4.3 < error(last_10) < 5.0  # 4.62 to 4.71
    assert 4.25 < error(rules) < 4.9  # 4.57 to 4.67
    assert error(rules) < error(season)
    minutes = rows["minutes"]
    a_minute = points.transform(lambda s: s.shift().expanding().sum()) / minutes.groupby(
        rows["player_id"]
    ).transform(lambda s: s.shift().expanding().sum())
    assert 3.4 < error(a_minute * minutes) < 4.2  # 3.74 to 3.80: minutes known in hindsight


@pytest.mark.parametrize("year", [2022, 2023])
def test_absent_team_mates_and_the_opponent_carry_signal(
    players: pd.DataFrame, teams: pd.DataFrame, year: int
) -> None:
    rows = _season_of(players, year).sort_values(["player_id", "game_date"])
    own_mean = rows.groupby("player_id")["pts"].transform("mean")
    stars_out = (
        rows[(rows["status"] == "INACTIVE") & (own_mean > 18)].groupby(["game_id", "team"]).size()
    )
    active = rows[rows["status"] == "PLAYED"]
    out = stars_out.reindex(pd.MultiIndex.from_frame(active[["game_id", "team"]])).fillna(0)
    surplus = (active["pts"] - own_mean[active.index]).to_numpy()
    regulars = own_mean[active.index].between(6, 18).to_numpy()
    more = surplus[regulars & (out > 0).to_numpy()].mean()
    usual = surplus[regulars & (out == 0).to_numpy()].mean()
    assert more - usual > 0.4
    allowed = _season_of(teams, year).groupby("opponent")["pts"].mean()
    against = allowed.loc[active["opponent"]].to_numpy()
    assert np.corrcoef(against[regulars], surplus[regulars])[0, 1] > 0.02
