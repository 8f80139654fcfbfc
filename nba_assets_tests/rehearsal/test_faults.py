"""Each fault changes exactly what it says, where it says, and nothing else."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES
from nba_assets.assets.raw.player_points_lines import PLAYER_POINTS_LINES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.starting_lineups import STARTING_LINEUPS
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.contracts.arrow import arrow_schema
from nba_assets.contracts.box_score import COUNTS
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.rehearsal import faults
from nba_assets.rehearsal.faults import FAULTS, Fault, FaultySource
from nba_assets.sources.source import RAW_TABLES, Coverage, Delivery, games_listed

Row = dict[str, Any]
SCHEDULED, PLAYERS, TEAMS, ABSENT, STARTING, LINES = RAW_TABLES
FIRST, SECOND, THIRD = date(2024, 10, 22), date(2024, 10, 23), date(2024, 10, 24)
LAST = THIRD
SLATES = {
    FIRST: ["BOS-NYK", "LAL-MIN", "MIA-ORL"],
    SECOND: ["DET-IND", "BOS-MIN"],
    THIRD: ["NYK-MIA", "ORL-LAL", "IND-BOS", "MIN-DET"],
}
FIRST_GAME, SECOND_GAME, THIRD_GAME = "0022400001", "0022400002", "0022400003"


@cache
def league() -> dict[str, pa.Table]:
    """Nine consistent games on three dates: five players a team who played, one who did not."""
    rows: dict[str, list[Row]] = {table: [] for table in RAW_TABLES}
    matchups = [(day, game) for day, games in SLATES.items() for game in games]
    for number, (day, matchup) in enumerate(matchups, start=1):
        home, away = matchup.split("-")
        game: Row = {"game_id": f"00224{number:05d}", "game_date": day, "source": "memory"}
        points = {}
        for team, opponent in ((home, away), (away, home)):
            side = {**game, "team": team, "opponent": opponent, "is_home": team == home}
            lines = []
            for seat in range(1, 6):
                line = dict.fromkeys(COUNTS, 0) | {
                    "fgm": 2 + seat,
                    "fga": 8 + seat,
                    "fg3m": 1,
                    "fg3a": 3,
                    "ftm": 2 if team == home else 1,
                    "fta": 2,
                    "oreb": 1,
                    "dreb": seat,
                    "reb": 1 + seat,
                    "ast": seat - 1,
                    "tov": 2,
                    "pf": 3,
                }
                line["pts"] = 2 * line["fgm"] + line["fg3m"] + line["ftm"]
                minutes = 36.0 + 4 * seat
                lines.append(line | {"minutes": minutes})
                player_id = 100 * number + (0 if team == home else 10) + seat
                rows[PLAYERS].append(
                    {
                        **side,
                        **line,
                        "minutes": minutes,
                        "player_id": player_id,
                        "player_name": f"{team} {seat}",
                        "status": "PLAYED",
                        "plus_minus": 0,
                    }
                )
                named = {"player_id": player_id, "player_name": f"{team} {seat}"}
                rows[STARTING].append({**side, **named})
                rows[LINES].append({**side, **named, "bookmaker": "first", "offer": 1, "line": 4.5})
            absent: Row = {"player_id": player_id + 1, "player_name": f"{team} 6"}
            rows[PLAYERS].append({**side, **absent, "status": "INACTIVE"})
            rows[ABSENT].append({**side, **absent})
            total = {name: sum(line[name] for line in lines) for name in ("minutes", *COUNTS)}
            rows[TEAMS].append({**side, **total, "tov_with_team": total["tov"] + 1})
            points[team] = total["pts"]
        rows[SCHEDULED].append(
            {
                **game,
                "season": "2024-25",
                "season_type": "Regular Season",
                "status": "FINAL",
                "home_team": home,
                "away_team": away,
                "home_points": points[home],
                "away_points": points[away],
            }
        )
    contracts = (
        SCHEDULE,
        PLAYER_BOX_SCORES,
        TEAM_BOX_SCORES,
        PLAYER_AVAILABILITY,
        STARTING_LINEUPS,
        PLAYER_POINTS_LINES,
    )
    return {c.table: pa.Table.from_pylist(rows[c.table], arrow_schema(c)) for c in contracts}


class MemorySource:
    """The league, as a source."""

    name = identity = "memory"

    def covers(self, year: int) -> Coverage:
        """The whole season."""
        return Coverage(date(year + 1, 9, 30), games_listed(league()["schedule"]))

    def seasons(self) -> Sequence[int]:
        """One."""
        return [2024]

    def read(self, table: str, first: date, last: date) -> Delivery:
        """The rows of a range."""
        day = pa.compute.field("game_date")
        return Delivery(league()[table].filter((day >= first) & (day <= last)))


def disturbed(*injected: Fault) -> FaultySource:
    return FaultySource(MemorySource(), injected)


def rows(source: FaultySource | MemorySource, table: str, *days: date) -> list[Row]:
    first, last = (days[0], days[-1]) if days else (FIRST, LAST)
    delivery = source.read(table, first, last)
    assert delivery.rows.schema == league()[table].schema
    return list(delivery.rows.to_pylist())


def counted(found: Iterable[Row]) -> Counter[tuple[tuple[str, object], ...]]:
    return Counter(tuple(sorted(row.items())) for row in found)


def missing_and_added(fault: Fault, table: str, *days: date) -> tuple[list[Row], list[Row]]:
    before = counted(rows(MemorySource(), table, *days))
    after = counted(rows(disturbed(fault), table, *days))
    lost = [dict(row) for row in (before - after).elements()]
    return lost, [dict(row) for row in (after - before).elements()]


def changes(fault: Fault, table: str, *days: date) -> list[dict[str, tuple[object, object]]]:
    """Column by column, what became of each changed row of a table with a grain kept."""

    def key(row: Row) -> tuple[object, ...]:
        return row["game_id"], row.get("player_id"), row.get("is_home")

    lost, added = missing_and_added(fault, table, *days)
    assert sorted(map(key, lost), key=str) == sorted(map(key, added), key=str)
    pairs = zip(
        sorted(lost, key=lambda row: str(key(row))),
        sorted(added, key=lambda row: str(key(row))),
        strict=True,
    )
    return [
        {name: (old[name], new[name]) for name in old if old[name] != new[name]}
        for old, new in pairs
    ]


RAISES = {"source_down", "source_retired"}
EVERY = sorted(set(FAULTS) - RAISES)
# What they add lies on another day than what they touch, or in no game of the source.
ELSEWHERE = {
    "filed_under_next_date",
    "game_on_two_dates",
    "rows_of_another_date",
    "exhibition_game",
}


def test_the_league_is_consistent() -> None:
    for game in league()[SCHEDULED].to_pylist():
        for team, points in (("home_team", "home_points"), ("away_team", "away_points")):
            (side,) = [
                row
                for row in league()[TEAMS].to_pylist()
                if (row["game_id"], row["team"]) == (game["game_id"], game[team])
            ]
            assert side["pts"] == game[points]
            assert side["minutes"] == 240


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_reproduces(name: str) -> None:
    assert "Reproduces: " in (FAULTS[name].__doc__ or "")
    assert FAULTS[name]() == FAULTS[name]()
    with pytest.raises(AttributeError):
        FAULTS[name]().dates = ()  # type: ignore[misc]


def test_the_list_has_every_fault() -> None:
    classes = {
        value
        for value in vars(faults).values()
        if isinstance(value, type) and issubclass(value, Fault) and value is not Fault
    }
    assert set(FAULTS.values()) == classes


def test_without_faults_nothing_changes() -> None:
    for table in RAW_TABLES:
        assert disturbed().read(table, FIRST, LAST) == MemorySource().read(table, FIRST, LAST)
    assert disturbed().name == "memory"
    assert disturbed().seasons() == [2024]


@pytest.mark.parametrize("name", EVERY)
def test_every_fault_does_something(name: str) -> None:
    later = LAST + timedelta(days=7)
    assert any(
        any(missing_and_added(FAULTS[name](), table, FIRST, later)) for table in FAULTS[name].tables
    )


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=5)
@given(
    dates=st.none() | st.sets(st.sampled_from(list(SLATES))),
    games=st.none() | st.sets(st.sampled_from(league()[SCHEDULED]["game_id"].to_pylist())),
)
def test_nothing_else_is_touched(
    name: str, dates: set[date] | None, games: set[str] | None
) -> None:
    fault = FAULTS[name](dates=dates, games=games)
    for table in RAW_TABLES:
        lost, added = missing_and_added(fault, table)
        if table not in fault.tables:
            assert (lost, added) == ([], [])
        for row in lost if name in ELSEWHERE else lost + added:
            assert dates is None or row["game_date"] in dates
            assert games is None or row["game_id"] in games


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"rows_of_another_date"}))
@settings(max_examples=4)
@given(dates=st.none() | st.sets(st.sampled_from(list(SLATES))))
def test_a_range_reads_as_its_dates_do(name: str, dates: set[date] | None) -> None:
    source = disturbed(FAULTS[name](dates=dates))
    for table in RAW_TABLES:
        one_by_one = [row for day in SLATES for row in rows(source, table, day)]
        assert counted(rows(source, table)) == counted(one_by_one)


@settings(max_examples=25)
@given(names=st.lists(st.sampled_from(EVERY), min_size=2, max_size=4))
def test_faults_can_be_combined(names: list[str]) -> None:
    for table in RAW_TABLES:
        source = disturbed(*(FAULTS[name](dates={FIRST}) for name in names))
        assert source.read(table, FIRST, LAST) == source.read(table, FIRST, LAST)


def test_a_fault_is_refused_where_it_is_not_possible() -> None:
    with pytest.raises(ValueError, match="PartialTeamRow is not possible in schedule"):
        faults.PartialTeamRow(tables=[SCHEDULED])


# What each fault does, on the first date, which has three games.


def test_missing_games() -> None:
    lost, added = missing_and_added(faults.MissingGames(dates={FIRST}, keep=2), TEAMS)
    assert [row["game_id"] for row in lost] == [THIRD_GAME, THIRD_GAME]
    assert added == []


def test_only_teams() -> None:
    source = disturbed(faults.OnlyTeams(dates={FIRST}))
    assert [row["team"] for row in rows(source, TEAMS, FIRST)] == ["MIN", "MIA"]
    assert counted(rows(source, PLAYERS)) == counted(rows(MemorySource(), PLAYERS))


def test_empty_answer() -> None:
    source = disturbed(faults.EmptyAnswer(dates={FIRST}, tables=[SCHEDULED, TEAMS]))
    assert rows(source, TEAMS, FIRST) == rows(source, SCHEDULED, FIRST) == []
    assert len(rows(source, PLAYERS, FIRST)) == 36
    assert len(rows(source, TEAMS)) == 12


@pytest.mark.parametrize(
    ("fault", "error"),
    [(faults.SourceDown, SourceUnavailable), (faults.SourceRetired, BadInput)],
)
def test_source_down(fault: type[Fault], error: type[Exception]) -> None:
    source = disturbed(fault(dates={SECOND}, tables=[TEAMS]))
    with pytest.raises(error, match=r"team_box_scores: .* 2024-10-22 to 2024-10-24"):
        source.read(TEAMS, FIRST, LAST)
    assert len(rows(source, TEAMS, FIRST)) == 6
    assert len(rows(source, PLAYERS)) == 108
    with pytest.raises(error):
        disturbed(fault()).read(SCHEDULED, FIRST, FIRST)


def test_stale_answer() -> None:
    fault = faults.StaleAnswer(dates={FIRST})
    assert [set(change) for change in changes(fault, SCHEDULED)] == [
        {"status", "home_points", "away_points"}
    ] * 3
    assert rows(disturbed(fault), TEAMS, FIRST) == rows(disturbed(fault), PLAYERS, FIRST) == []
    assert len(rows(disturbed(fault), ABSENT, FIRST)) == 6


def test_late_game() -> None:
    fault = faults.LateGame(dates={FIRST})
    (change,) = changes(fault, SCHEDULED)
    assert change["status"] == ("FINAL", "IN_PROGRESS")
    for table in (PLAYERS, TEAMS):
        lost, added = missing_and_added(fault, table)
        assert {row["game_id"] for row in lost} == {THIRD_GAME}
        assert added == []


def test_duplicate_row() -> None:
    lost, added = missing_and_added(faults.DuplicateRow(dates={FIRST}), PLAYERS)
    assert lost == []
    assert [row["game_id"] for row in added] == [FIRST_GAME, SECOND_GAME, THIRD_GAME]


def test_repeated_game() -> None:
    fault = faults.RepeatedGame(games={FIRST_GAME}, times=1896)
    assert len(rows(disturbed(fault), TEAMS, FIRST)) == 4 + 2 * 1896


def test_minutes_lost() -> None:
    found = changes(faults.MinutesLost(dates={FIRST}), PLAYERS)
    assert len(found) == 30
    assert all(set(change) == {"minutes"} and change["minutes"][1] is None for change in found)


def test_absent_as_zero() -> None:
    found = changes(faults.AbsentAsZero(dates={FIRST}), PLAYERS)
    assert len(found) == 6
    expected = dict.fromkeys(("minutes", *COUNTS, "plus_minus"), (None, 0))
    assert all(change == expected for change in found)


def test_partial_team_row_is_consistent_in_itself() -> None:
    lost, added = missing_and_added(faults.PartialTeamRow(dates={FIRST}), TEAMS)
    assert len(lost) == len(added) == 6
    for row in added:
        assert row["minutes"] == 96
        assert 2 * row["fgm"] + row["fg3m"] + row["ftm"] == row["pts"]
        assert row["oreb"] + row["dreb"] == row["reb"]
        assert row["fg3m"] <= row["fgm"] <= row["fga"]
    assert missing_and_added(faults.PartialTeamRowBeside(dates={FIRST}), TEAMS) == ([], added)


def test_filed_under_next_date() -> None:
    fault = faults.FiledUnderNextDate(games={SECOND_GAME})
    assert {row["game_id"] for row in rows(disturbed(fault), TEAMS, FIRST)} == {
        FIRST_GAME, THIRD_GAME,
    }  # fmt: skip
    _, added = missing_and_added(fault, TEAMS, SECOND)
    assert {(row["game_id"], row["game_date"]) for row in added} == {(SECOND_GAME, SECOND)}


def test_rows_of_another_date() -> None:
    lost, added = missing_and_added(faults.RowsOfAnotherDate(dates={SECOND}), TEAMS, SECOND)
    assert lost == []
    assert counted(added) == counted(rows(MemorySource(), TEAMS, FIRST))


def test_game_on_two_dates() -> None:
    fault = faults.GameOnTwoDates(games={FIRST_GAME})
    (again,) = rows(disturbed(fault), SCHEDULED, FIRST + timedelta(days=7))
    assert again["game_id"] == FIRST_GAME
    assert missing_and_added(fault, SCHEDULED) == ([], [])


def test_postponed_still_final() -> None:
    fault = faults.PostponedStillFinal(games={FIRST_GAME})
    (change,) = changes(fault, SCHEDULED)
    assert set(change) == {"home_points", "away_points"}
    assert {row["game_id"] for row in missing_and_added(fault, TEAMS)[0]} == {FIRST_GAME}


def test_exhibition_game() -> None:
    fault = faults.ExhibitionGame(dates={FIRST, date(2025, 2, 16)})
    for table, count in ((SCHEDULED, 1), (PLAYERS, 20), (TEAMS, 2)):
        lost, added = missing_and_added(fault, table)
        assert (lost, len(added)) == ([], count)
        assert {row["game_id"] for row in added} == {"0032410221"}
        assert len(rows(disturbed(fault), table, date(2025, 2, 16))) == count
    for row in missing_and_added(fault, TEAMS)[1]:
        assert {row["team"], row["opponent"]} == {"EST", "WST"}
        assert 2 * row["fgm"] + row["fg3m"] + row["ftm"] == row["pts"]


def test_opponents_swapped_in_every_second_game() -> None:
    lost, added = missing_and_added(faults.OpponentsSwapped(dates={FIRST}), TEAMS)
    assert {row["game_id"] for row in lost + added} == {FIRST_GAME, THIRD_GAME}
    swapped = [row | {"team": row["opponent"], "opponent": row["team"]} for row in lost]
    assert counted(swapped) == counted(added)


def test_home_away_reversed_in_every_second_game() -> None:
    lost, added = missing_and_added(faults.HomeAwayReversed(dates={FIRST}), PLAYERS)
    assert {row["game_id"] for row in lost + added} == {FIRST_GAME, THIRD_GAME}
    assert counted(row | {"is_home": not row["is_home"]} for row in lost) == counted(added)


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        (faults.ValueOutOfRange(games={FIRST_GAME}), {"pts": (9, 1329)}),
        (faults.TurnoversMissing(games={FIRST_GAME}), {"tov": (2, None)}),
    ],
)
def test_one_value(fault: Fault, change: Row) -> None:
    assert changes(fault, PLAYERS) == [change]


def test_zero_denominator() -> None:
    found = changes(faults.ZeroDenominator(games={FIRST_GAME}), TEAMS)
    assert len(found) == 2
    assert {name for change in found for name in change} == {
        "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "tov", "pts",
    }  # fmt: skip
    assert {new for change in found for _, new in change.values()} == {0}


def test_unknown_team() -> None:
    fault = faults.UnknownTeam(games={FIRST_GAME})
    assert changes(fault, TEAMS) == [{"team": ("BOS", "XYZ")}]
    assert changes(fault, PLAYERS) == [{"team": ("BOS", "XYZ")}] * 6
    assert changes(fault, SCHEDULED) == [{"home_team": ("BOS", "XYZ")}]


def test_refused_row() -> None:
    source = disturbed(faults.RefusedRow(dates={FIRST}))
    delivery = source.read(TEAMS, FIRST, FIRST)
    assert [refused.game_id for refused in delivery.refused] == [
        FIRST_GAME, SECOND_GAME, THIRD_GAME,
    ]  # fmt: skip
    assert delivery.rows.num_rows == 3
    assert source.read(TEAMS, SECOND, LAST).refused == ()


def test_players_of_team_missing() -> None:
    lost, added = missing_and_added(faults.PlayersOfTeamMissing(games={FIRST_GAME}), PLAYERS)
    assert [row["team"] for row in lost] == ["BOS"] * 6
    assert added == []


def test_player_missing() -> None:
    lost, added = missing_and_added(faults.PlayerMissing(dates={FIRST}), PLAYERS)
    assert [(row["game_id"], row["status"]) for row in lost] == [
        (FIRST_GAME, "PLAYED"), (SECOND_GAME, "PLAYED"), (THIRD_GAME, "PLAYED"),
    ]  # fmt: skip
    assert added == []


def test_stat_correction_is_the_same_in_every_table() -> None:
    fault = faults.StatCorrection(games={FIRST_GAME})
    assert changes(fault, PLAYERS) == [{"fgm": (3, 4), "fga": (9, 10), "pts": (9, 11)}]
    assert changes(fault, TEAMS) == [{"fgm": (25, 26), "fga": (55, 56), "pts": (65, 67)}]
    assert changes(fault, SCHEDULED) == [{"home_points": (65, 67)}]


def team_sums(source: FaultySource | MemorySource) -> dict[tuple[str, str], list[float]]:
    sums: dict[tuple[str, str], list[float]] = {}
    for row in rows(source, PLAYERS):
        if row["status"] == "PLAYED":
            total = sums.setdefault((row["game_id"], row["team"]), [0.0] * 16)
            for place, name in enumerate(("minutes", *COUNTS)):
                total[place] += row[name]
    return sums


@pytest.mark.parametrize("name", ["assist_moved", "seconds_of_play", "usage_of_zero"])
def test_what_is_handed_to_a_team_mate_leaves_the_sums(name: str) -> None:
    faulty = team_sums(disturbed(FAULTS[name]()))
    for team, sums in team_sums(MemorySource()).items():
        assert faulty[team] == pytest.approx(sums)


def test_assist_moved() -> None:
    assert sorted(
        (change["ast"] for change in changes(faults.AssistMoved(games={FIRST_GAME}), PLAYERS)),
        key=str,
    ) == [(0, 1), (1, 0)]


def test_seconds_of_play() -> None:
    given_up, received = changes(faults.SecondsOfPlay(games={FIRST_GAME}), PLAYERS)
    assert given_up == {"minutes": (40.0, pytest.approx(1 / 60))}
    assert received == {"minutes": (44.0, pytest.approx(84 - 1 / 60))}


def test_usage_of_zero() -> None:
    lost, added = missing_and_added(faults.UsageOfZero(games={FIRST_GAME}), PLAYERS)
    (idle,) = [row for row in added if row["fga"] == 0]
    assert len(lost) == len(added) == 2
    assert idle["minutes"] == 40
    assert idle["fta"] == idle["tov"] == idle["pts"] == 0
    for row in added:
        assert 2 * row["fgm"] + row["fg3m"] + row["ftm"] == row["pts"]
