"""Write, audit, publish, end to end on the tiny league."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from nba_assets.certification.digest import EMPTY_DIGEST
from nba_assets.certification.ledger import WHOLE_DATE, Attempt, Status, Verdict
from nba_assets.contracts.contract import Due
from nba_assets.contracts.dated_table import Build, Computed, DatedTable, FromPython
from nba_assets.engines.duckdb_file import DuckDBEngine, DuckDBFile
from nba_assets.engines.engine import Load
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.seasons import game_dates
from nba_assets.sources.source import RAW_TABLES as RAW
from nba_assets.sources.source import Delivery, Refused
from nba_assets_tests.tiny_league import (
    FIRST_FEATURES,
    LAST,
    ONE_GAME,
    OPENER,
    SEASON_START,
    SLATES,
    Sandbox,
    TinyLeague,
)

DAY = SLATES[2]
NEXT = SLATES[3]
SUMMARIES = ("team_offense_game_summary", "player_game_summary")


def _statuses(attempts: Sequence[Attempt]) -> Counter[Status]:
    return Counter(attempt.status for attempt in attempts)


def _dates(deployment: Sandbox, table: str) -> set[date]:
    """The dates a reader finds in a table."""
    return {row["game_date"] for row in deployment.query(f"SELECT game_date FROM {table}")}


def test_a_season_becomes_complete_empty_or_warm_up(whole_season: Sandbox) -> None:
    days = (LAST - SEASON_START).days + 1
    played = {*SLATES, ONE_GAME}
    early = {day for day in played if day < FIRST_FEATURES}
    for table in whole_season.tables.values():
        attempts = whole_season.attempts(table.name)
        by_status = {
            status: {day for day, a in attempts.items() if a.status is status} for status in Status
        }
        warmup = set()
        if table.contract.group == "precompute":
            warmup = early
        elif table.contract.group == "models":
            warmup = played

        assert by_status[Status.COMPLETE] == played - warmup
        assert by_status[Status.WARMUP] == warmup
        assert len(by_status[Status.EMPTY_OK]) == days - len(played)
        assert _dates(whole_season, table.name) == played - warmup


def test_a_complete_date_says_what_it_was_made_of(whole_season: Sandbox) -> None:
    attempt = whole_season.attempt("team_offense_game_summary", DAY)

    assert attempt.checkpoint() == {
        "table": "team_offense_game_summary",
        "date": DAY.isoformat(),
        "status": "success",
        "state": "COMPLETE",
        "expected_records": 6,
        "actual_records": 6,
        "completeness": 100.0,
        "validation_passed": True,
    }
    table = whole_season.tables["team_offense_game_summary"]
    assert attempt.code_version == table.code_version
    assert attempt.contract_version == table.contract.version
    assert attempt.run_id == "run-1"
    assert attempt.upstream == {
        name: whole_season.attempt(name, DAY).certificate
        for name in ("schedule", "team_box_scores", "player_box_scores")
    }
    assert [check.name for check in attempt.checks] == list(table.contract.checks)
    assert all(check.passed for check in attempt.checks)
    assert whole_season.attempt("team_box_scores", DAY).source == "tiny_league"
    verdicts = whole_season.verdicts("team_offense_game_summary", DAY)
    assert [v.verdict for v in verdicts.values()] == [Verdict.CERTIFIED] * 3


def test_an_empty_date_is_certified_as_empty(whole_season: Sandbox) -> None:
    attempt = whole_season.attempt("player_box_scores", OPENER + timedelta(days=1))

    assert (attempt.status, attempt.stored_rows, attempt.digest) == (
        Status.EMPTY_OK, 0, EMPTY_DIGEST,
    )  # fmt: skip


def test_usage_rate_is_on_every_row_with_minutes(whole_season: Sandbox) -> None:
    (row,) = whole_season.query(
        "SELECT COUNTIF(minutes > 0) AS played, COUNTIF(usage_rate IS NOT NULL) AS covered "
        "FROM player_game_summary"
    )
    assert row["played"] == row["covered"] == 20 * (3 * len(SLATES) + 1)


def test_building_again_records_a_look_and_publishes_nothing(built: Sandbox) -> None:
    before = {name: built.attempts(name) for name in built.tables}
    store = built.query("SELECT * FROM store.player_game_summary ORDER BY game_id, player_id")
    verdicts = built.query("SELECT * FROM ledger.verdicts ORDER BY table_name, game_date, game_id")

    built.build_all(last=FIRST_FEATURES)

    assert before == {name: built.attempts(name) for name in built.tables}
    assert store == built.query(
        "SELECT * FROM store.player_game_summary ORDER BY game_id, player_id"
    )
    assert verdicts == built.query(
        "SELECT * FROM ledger.verdicts ORDER BY table_name, game_date, game_id"
    )


def test_what_the_source_delivers_otherwise_is_found_without_building(
    built: Sandbox,
) -> None:
    days = [SEASON_START, *SLATES]

    def differing(table: str) -> list[date]:
        return built.publisher().differing(table, days)

    assert not any(differing(name) for name in RAW)

    one, two, three, four = (built.league.games(day)[0] for day in SLATES[:4])
    built.league.patch("team_box_scores", one, {"minutes": 1e300})
    assert differing("team_box_scores") == days, "what cannot be compared is for the build to judge"
    built.league.drop("player_box_scores", two)
    built.league.refused["player_box_scores"] = [
        Refused(SLATES[2], three, "minutes is not a number", "{}")
    ]
    assert differing("player_box_scores") == [SLATES[1], SLATES[2]]
    built.league.set_status(four, "POSTPONED")
    assert differing("schedule") == [SLATES[3]]
    built.league.through = SLATES[9]
    assert differing("schedule") == [SLATES[3], SLATES[10]], "the last date is known no more"
    built.league.errors["player_availability"] = SourceUnavailable("down")
    assert differing("player_availability") == days


def test_a_correction_changes_its_date_and_no_other(built: Sandbox) -> None:
    game = built.league.game(DAY, "MIA")
    player = built.league.rows("player_box_scores", game, team="MIA", status="PLAYED")[0]
    before = {name: built.attempts(name) for name in SUMMARIES}
    built.league.correct(game, player["player_id"])

    built.build_all(tables=(*RAW, *SUMMARIES))

    for name in SUMMARIES:
        after = built.attempts(name)
        assert {d for d in after if after[d].digest != before[name][d].digest} == {DAY}
        assert {d for d in after if built.stored_attempt(after[d]) == 2} == {DAY}
    (row,) = built.query(
        "SELECT ast FROM player_game_summary "
        f"WHERE game_id = '{game}' AND player_id = {player['player_id']}"
    )
    assert row["ast"] == player["ast"]


def test_one_bad_date_leaves_the_others(empty: Sandbox) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.patch("player_box_scores", game, {"reb": 99}, team="BOS", starter=True)

    attempts = empty.build_all(last=NEXT, tables=(*RAW, *SUMMARIES))

    for name in ("player_box_scores", "player_game_summary"):
        bad = [a for a in attempts[name] if not a.status.certified]
        assert [a.game_date for a in bad] == [DAY]
        assert game in bad[0].message
        assert _dates(empty, name) == {OPENER, SLATES[1], NEXT}
    assert _statuses(attempts["player_box_scores"])[Status.QUARANTINED] == 1
    assert _statuses(attempts["player_game_summary"])[Status.HELD] == 1
    assert all(a.status.certified for a in attempts["team_offense_game_summary"])


def test_a_rejected_game_is_kept_in_quarantine_with_its_reason(empty: Sandbox) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.patch("player_box_scores", game, {"reb": 99}, team="BOS", starter=True)

    empty.build_all(last=DAY, tables=("schedule", "player_box_scores"))

    kept = empty.query("SELECT * FROM ledger.quarantine")
    assert len(kept) == 24
    assert {(r["table_name"], r["game_date"], r["game_id"]) for r in kept} == {
        ("player_box_scores", DAY, game)
    }
    assert all("rebounds_identity" in row["reason"] for row in kept)
    assert sum('"reb":99' in row["content"] for row in kept) == 5


def test_rows_of_a_game_the_schedule_does_not_have_are_kept_in_quarantine(
    empty: Sandbox,
) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.repeat("team_box_scores", game)
    for row in empty.league.rows("team_box_scores", game)[2:]:
        row["game_id"] = "0022599999"

    empty.build_all(last=DAY, tables=("schedule", "team_box_scores"))

    attempt = empty.attempt("team_box_scores", DAY)
    assert attempt.status is Status.QUARANTINED
    assert "unscheduled in 0022599999" in attempt.message
    kept = empty.query("SELECT game_id, reason FROM ledger.quarantine")
    assert [row["game_id"] for row in kept] == ["0022599999"] * 2
    assert all("unscheduled" in row["reason"] for row in kept)


def test_what_the_source_could_not_understand_holds_its_game_and_is_kept(
    empty: Sandbox,
) -> None:
    game = empty.league.game(DAY, "BOS")
    refusal = Refused(DAY, game, "minutes 'MM:SS' in box.csv row 7", '{"minutes": "MM:SS"}')
    empty.league.refused["player_box_scores"].append(refusal)

    empty.build_all(last=DAY, tables=("schedule", "player_box_scores"))

    attempt = empty.attempt("player_box_scores", DAY)
    assert attempt.status is Status.QUARANTINED
    assert refusal.detail in attempt.message
    assert empty.verdicts("player_box_scores", DAY)[game].verdict is Verdict.HELD
    assert {
        "game_id": game, "reason": refusal.detail, "content": refusal.row,
    } in empty.query("SELECT game_id, reason, content FROM ledger.quarantine")  # fmt: skip


@pytest.mark.parametrize("status", ["SCHEDULED", "IN_PROGRESS"])
def test_a_row_refused_of_a_game_that_is_not_final_is_no_error_yet(
    empty: Sandbox, status: str
) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.set_status(game, status)
    empty.league.refused["player_box_scores"].append(Refused(DAY, game, "half a row", "{}"))

    empty.build_all(last=DAY, tables=("schedule", "player_box_scores"))

    assert empty.attempt("player_box_scores", DAY).status is Status.PENDING


def test_a_waiver_ends_what_a_refused_row_holds(empty: Sandbox) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.refused["player_box_scores"].append(Refused(DAY, game, "torn page", "{}"))
    empty.build_all(last=DAY, tables=("schedule", "player_box_scores"))
    empty.waive("player_box_scores", game)

    (attempt,) = empty.build("player_box_scores", DAY)

    assert attempt.status is Status.WAIVED
    assert "arena" in attempt.message


def test_a_row_without_game_id_is_not_lost_beside_a_pending_game(empty: Sandbox) -> None:
    pending, game = empty.league.games(DAY)[:2]
    empty.league.set_status(pending, "IN_PROGRESS")
    empty.league.rows("player_box_scores", game)[0]["game_id"] = None

    empty.build_all(last=DAY, tables=("schedule", "player_box_scores"))

    attempt = empty.attempt("player_box_scores", DAY)
    assert attempt.status is Status.QUARANTINED
    assert "game_id_not_null" in attempt.message


def test_nan_from_a_source_rejects_its_game_and_nothing_else(empty: Sandbox) -> None:
    game = empty.league.game(DAY, "BOS")
    empty.league.patch("player_box_scores", game, {"minutes": float("nan")}, starter=True)
    empty.league.patch("team_box_scores", game, {"minutes": float("inf")}, team="BOS")

    attempts = empty.build_all(last=NEXT, tables=("schedule", "player_box_scores",
                                                  "team_box_scores"))  # fmt: skip

    for name in ("player_box_scores", "team_box_scores"):
        bad = [a for a in attempts[name] if not a.status.certified]
        assert [(a.game_date, a.status) for a in bad] == [(DAY, Status.QUARANTINED)]
        held = {g for g, v in empty.verdicts(name, DAY).items() if v.verdict is Verdict.HELD}
        assert held == {game}


def test_the_same_game_on_two_dates_is_refused_on_both(empty: Sandbox) -> None:
    """A postponed game that kept its row as if it would still be played."""
    game = empty.league.game(DAY, "BOS")
    moved = empty.league.rows("schedule", game)[0] | {"game_date": DAY + timedelta(days=1)}
    empty.league.tables["schedule"].append(moved)

    attempts = {a.game_date: a for a in empty.build("schedule", SEASON_START, NEXT)}

    bad = [day for day, attempt in attempts.items() if not attempt.status.certified]
    assert bad == [DAY, DAY + timedelta(days=1)]
    assert "scheduled_once" in attempts[DAY].message


def test_a_postponed_game_is_expected_on_its_new_date_only(empty: Sandbox) -> None:
    game = empty.league.game(DAY, "BOS")
    new = DAY + timedelta(days=1)
    row = empty.league.rows("schedule", game)[0]
    for table in RAW[1:]:
        empty.league.patch(table, game, {"game_date": new})
    empty.league.tables["schedule"].append(row | {"game_date": new})
    row.update(status="POSTPONED", home_points=None, away_points=None)

    attempts = empty.build_all(last=NEXT, tables=(*RAW, *SUMMARIES))

    for name, of_table in attempts.items():
        assert all(attempt.status.certified for attempt in of_table), name
    assert empty.attempt("team_box_scores", DAY).expected_records == 4
    assert empty.attempt("team_box_scores", new).expected_records == 2


def test_a_date_of_a_season_without_a_schedule_is_unknown_not_empty(empty: Sandbox) -> None:
    day = date(2024, 12, 25)

    empty.build_all(day, day, tables=RAW)

    attempt = empty.attempt("schedule", day)
    assert attempt.status is Status.HELD
    assert "2024-25" in attempt.message
    assert empty.attempt("player_box_scores", day).status is Status.HELD


@pytest.mark.parametrize("error", [SourceUnavailable("throttled"), BadInput("no column pts")])
def test_a_source_that_fails_leaves_what_is_stored(built: Sandbox, error: Exception) -> None:
    rows = built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")
    built.league.errors["team_box_scores"] = error

    attempts = built.build("team_box_scores", DAY, NEXT)

    assert _statuses(attempts) == {Status.FAILED: 3}
    for attempt in attempts:
        assert str(error) in attempt.message
        assert (attempt.attempt, built.stored_attempt(attempt)) == (2, 1)
        assert (
            attempt.stored_status is built.history("team_box_scores", attempt.game_date)[0].status
        )
    assert rows == built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")


def test_a_source_that_is_down_takes_no_later_window_with_it(built: Sandbox) -> None:
    built.league.errors["player_box_scores"] = SourceUnavailable("throttled")
    assert _statuses(built.build("player_box_scores", DAY, DAY)) == {Status.FAILED: 1}

    later = built.build("player_features", SLATES[-1], SLATES[-1])

    assert _statuses(later) == {Status.COMPLETE: 1}


def test_a_source_that_was_never_there_certifies_nothing(empty: Sandbox) -> None:
    empty.league.errors["player_box_scores"] = SourceUnavailable("throttled")

    empty.build_all(last=DAY, tables=(*RAW, *SUMMARIES))

    assert empty.attempt("player_box_scores", DAY).status is Status.FAILED
    attempt = empty.attempt("player_game_summary", DAY)
    assert attempt.status is Status.HELD
    assert "throttled" in attempt.message


def test_a_row_without_a_date_is_refused_before_anything_is_changed(built: Sandbox) -> None:
    rows = built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")
    read = built.league.read

    def undated(table: str, first: date, last: date) -> Delivery:
        rows = read(table, first, last).rows
        column = rows.schema.get_field_index("game_date")
        return Delivery(rows.set_column(column, "game_date", pa.nulls(len(rows), pa.date32())))

    built.league.read = undated  # type: ignore[method-assign]

    (attempt,) = built.build("team_box_scores", DAY, DAY)

    assert attempt.status is Status.FAILED
    assert "without a game_date" in attempt.message
    assert rows == built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")


def test_a_source_that_fails_for_some_dates_leaves_the_others(empty: Sandbox) -> None:
    class Flaky(TinyLeague):
        """Cannot deliver one date."""

        def read(self, table: str, first: date, last: date) -> Delivery:
            """All but one night of the team box scores."""
            if table == "team_box_scores" and first <= DAY <= last:
                raise BadInput("the file of the night is empty", dates=[DAY])
            return super().read(table, first, last)

    empty.league = Flaky()

    attempts = empty.build_all(last=NEXT, tables=("schedule", "team_box_scores"))

    of_table = attempts["team_box_scores"]
    assert [a.game_date for a in of_table] == sorted(a.game_date for a in of_table)
    assert [a.game_date for a in of_table if not a.status.certified] == [DAY]
    assert of_table[-1].status is Status.COMPLETE


OF_DAY = f"game_date = DATE '{DAY}'"
STORED = "store.team_box_scores"
MISHAPS = {
    "a row is lost": [f"DELETE FROM {STORED} WHERE team = 'BOS' AND {OF_DAY}"],
    "a date is lost": [f"DELETE FROM {STORED} WHERE {OF_DAY}"],
    "a row is doubled": [
        f"INSERT INTO {STORED} SELECT * FROM {STORED} WHERE team = 'BOS' AND {OF_DAY}",
    ],
    "a value is changed": [f"UPDATE {STORED} SET ast = ast + 1 WHERE team = 'BOS' AND {OF_DAY}"],
    "a value is nulled": [f"UPDATE {STORED} SET tov_with_team = NULL WHERE {OF_DAY}"],
    "the publication is another": [
        f"UPDATE {STORED} SET publication = publication + 1 WHERE {OF_DAY}",
    ],
    "one row is another": [
        f"DELETE FROM {STORED} WHERE team = 'BOS' AND {OF_DAY}",
        f"INSERT INTO {STORED} SELECT * FROM {STORED} WHERE team = 'MIA' AND {OF_DAY}",
    ],
}  # fmt: skip
"""What an engine might do between insert and read-back, as none should."""


class Careless(DuckDBFile):
    """Has a mishap in every transaction that inserts rows."""

    mishap: Sequence[str] = ()

    @contextmanager
    def writing(self) -> Iterator[DuckDBEngine]:
        """A session whose transactions go wrong."""
        with super().writing() as engine:
            start = engine.transaction

            def transaction(statements: Sequence[str], loads: Sequence[Load] = ()) -> None:
                done: list[str] = []
                for statement in statements:
                    done.append(statement)
                    if statement.startswith(f"INSERT INTO {STORED}"):
                        done += self.mishap
                start(done, loads)

            engine.transaction = transaction  # type: ignore[method-assign]
            yield engine


@pytest.mark.parametrize("mishap", MISHAPS)
def test_what_goes_wrong_on_the_way_is_noticed_and_nothing_is_published(
    built: Sandbox, mishap: str
) -> None:
    rows = built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")
    for game in built.league.games(DAY):
        built.league.correct(game, _someone(built, game))
    careless = Careless(built.folder / "warehouse.duckdb")
    careless.mishap = MISHAPS[mishap]
    publisher = built.publisher(warehouse=careless)

    attempts = publisher.build("team_box_scores", [SLATES[1], DAY, NEXT])

    assert _statuses(attempts) == {Status.FAILED: 3}
    assert all("read back" in attempt.message for attempt in attempts)
    assert rows == built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")
    assert [a.attempt for a in built.history("team_box_scores", DAY)] == [1, 2]

    (healed,) = built.build("team_box_scores", DAY)

    assert (healed.status, built.stored_attempt(healed)) == (Status.COMPLETE, 3)


def _someone(deployment: Sandbox, game: str) -> int:
    """A player of the game, of BOS if they play."""
    teams = deployment.league.teams(game)
    team = "BOS" if "BOS" in teams else teams[0]
    player = deployment.league.rows("player_box_scores", game, status="PLAYED", team=team)[0]
    return int(player["player_id"])


def test_an_input_that_changes_while_a_table_is_computed_is_noticed(built: Sandbox) -> None:
    """What was computed from the old input must not be stored as if from the new one."""
    tables = built.tables
    game = built.league.games(DAY)[0]
    original = tables["team_offense_game_summary"]

    def compute(inputs: Mapping[str, pa.Table], _: Build) -> Computed:
        built.league.correct(game, _someone(built, game))
        built.build("team_box_scores", DAY)
        return Computed(inputs["rows"])

    query = original.produce.query  # type: ignore[union-attr]
    table: DatedTable = replace(original, produce=FromPython({"rows": query}, compute, "1"))
    rows = built.query("SELECT * FROM team_offense_game_summary ORDER BY game_id, team")
    publisher = built.publisher(tables=tables | {table.name: table})

    (attempt,) = publisher.build(table.name, [DAY])

    assert attempt.status is Status.FAILED
    assert "ConcurrentChange" in attempt.message
    assert rows == built.query("SELECT * FROM team_offense_game_summary ORDER BY game_id, team")


def test_a_night_in_play_is_pending_then_completed(empty: Sandbox) -> None:
    late, *early = empty.league.games(DAY)
    final = empty.league.rows("schedule", late)[0].copy()
    empty.league.set_status(late, "IN_PROGRESS")
    empty.build_all(last=DAY, tables=(*RAW, *SUMMARIES))

    for name in ("player_box_scores", *SUMMARIES):
        attempt = empty.attempt(name, DAY)
        assert attempt.status is Status.PENDING
        assert late in attempt.message
        assert DAY not in _dates(empty, name)
        stored = empty.query(f"SELECT DISTINCT game_id FROM store.{name} "
                             f"WHERE game_date = DATE '{DAY}' ORDER BY game_id")  # fmt: skip
        assert [row["game_id"] for row in stored] == early

    empty.league.patch("schedule", late, final)
    empty.build_all(DAY, DAY, tables=(*RAW, *SUMMARIES))

    for name in ("player_box_scores", *SUMMARIES):
        assert empty.attempt(name, DAY).status is Status.COMPLETE
        assert DAY in _dates(empty, name)


def test_before_tip_off_only_the_features_are_built_and_playing_does_not_change_them(
    empty: Sandbox, whole_season: Sandbox
) -> None:
    league = empty.league
    before_tip_off = [name for name, t in empty.tables.items() if t.contract.due is Due.SCHEDULED]
    built = [name for name, t in empty.tables.items() if t.contract.group != "models"]
    played = [league.rows("schedule", game)[0].copy() for game in league.games(LAST)]
    for game in league.games(LAST):
        league.set_status(game, "SCHEDULED")
    empty.build_all(tables=built)
    evening = {name: empty.attempt(name, LAST) for name in built}
    for row in played:
        league.patch("schedule", row["game_id"], row)
    empty.build_all(LAST, LAST, tables=built)

    for name in built:
        early = name in before_tip_off
        assert evening[name].status is (Status.COMPLETE if early else Status.PENDING)
        after = empty.attempt(name, LAST)
        assert after.status is Status.COMPLETE
        assert after.digest == whole_season.attempt(name, LAST).digest
        if early and name != "schedule":
            assert empty.stored_attempt(after) == 1


def test_a_certified_version_survives_a_worse_delivery(built: Sandbox) -> None:
    rows = built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")
    lost, *_ = built.league.games(DAY)
    built.league.drop("team_box_scores", lost)

    (attempt,) = built.build("team_box_scores", DAY)

    assert attempt.status is Status.HELD
    assert (attempt.expected_records, attempt.actual_records) == (6, 4)
    assert attempt.completeness == pytest.approx(66.67)
    assert (built.stored_attempt(attempt), attempt.stored_status) == (1, Status.COMPLETE)
    assert rows == built.query("SELECT * FROM team_box_scores ORDER BY game_id, team")


def test_a_certificate_without_rows_is_never_given(built: Sandbox) -> None:
    """A game added to a stored date is not certified while another keeps the date from changing."""
    league = built.league
    added = {"game_id": "0022500099", "home_team": "CHI", "away_team": "DEN"}
    (old,) = league.games(ONE_GAME)
    for table, rows in league.tables.items():
        copies = [dict(row) for row in rows if row["game_id"] == old]
        league.tables[table] = rows + [_moved(row, added) for row in copies]
    league.patch("player_box_scores", old, {"reb": 99}, starter=True)

    built.build_all(ONE_GAME, ONE_GAME, tables=("schedule", "player_box_scores"))

    attempt = built.attempt("player_box_scores", ONE_GAME)
    assert (attempt.status, built.stored_attempt(attempt)) == (Status.QUARANTINED, 1)
    verdicts = built.verdicts("player_box_scores", ONE_GAME)
    stored = built.query("SELECT DISTINCT game_id FROM store.player_box_scores "
                         f"WHERE game_date = DATE '{ONE_GAME}'")  # fmt: skip
    certified = {game for game, v in verdicts.items() if v.verdict is Verdict.CERTIFIED}
    assert certified <= {row["game_id"] for row in stored}
    assert verdicts[added["game_id"]].reason


def _moved(row: dict[str, Any], game: Mapping[str, str]) -> dict[str, Any]:
    """A row of BOS against MIA as one of another game, of other players."""
    teams = {"BOS": game["home_team"], "MIA": game["away_team"]}
    moved = row | {"game_id": game["game_id"]}
    for name in ("team", "opponent", "home_team", "away_team"):
        if name in row:
            moved[name] = teams[row[name]]
    if "player_id" in row:
        moved["player_id"] = row["player_id"] + 5000
    return moved


def test_a_raised_contract_version_asks_for_every_date_again_and_touches_no_row(
    built: Sandbox,
) -> None:
    tables = built.tables
    old = tables["team_box_scores"]
    tables["team_box_scores"] = replace(old, contract=replace(old.contract, version=2))
    publisher = built.publisher(tables=tables)

    (held,) = publisher.build("team_offense_game_summary", [DAY])
    assert held.status is Status.COMPLETE  # the players' box score is enough
    (again,) = publisher.build("team_box_scores", [DAY])

    assert (again.status, built.stored_attempt(again)) == (Status.COMPLETE, 1)
    verdicts = built.verdicts("team_box_scores", DAY)
    assert {v.contract_version for v in verdicts.values()} == {2}


def test_a_day_without_a_verdict_game_by_game_has_one_as_a_whole(
    whole_season: Sandbox,
) -> None:
    assert set(whole_season.verdicts("player_points_model", DAY)) == {WHOLE_DATE}
    assert set(whole_season.verdicts("schedule", OPENER + timedelta(days=1))) == {WHOLE_DATE}


def test_quarantine_keeps_each_row_once_with_the_reason_of_its_own_date(
    empty: Sandbox,
) -> None:
    """One game delivered under two dates, wrong in another way on each."""
    league = empty.league
    game = league.games(DAY)[0]
    rows = league.rows("player_box_scores", game)
    league.tables["player_box_scores"] += [row | {"game_date": NEXT} for row in rows]
    league.patch("player_box_scores", game, {"pts": 109}, status="PLAYED", game_date=DAY)

    empty.build_all(last=NEXT, tables=("schedule", "player_box_scores"))

    kept = empty.query(
        "SELECT game_date, publication, reason, COUNT(*) AS found FROM ledger.quarantine "
        f"WHERE game_id = '{game}' GROUP BY game_date, publication, reason ORDER BY game_date"
    )
    by = {day: empty.attempt("player_box_scores", day).publication for day in (DAY, NEXT)}
    assert [(row["game_date"], row["publication"], row["found"]) for row in kept] == [
        (DAY, by[DAY], len(rows)),
        (NEXT, by[NEXT], len(rows)),
    ]
    assert "points_identity" in kept[0]["reason"]
    assert "unscheduled" in kept[1]["reason"]
    assert "points_identity" not in kept[1]["reason"]
    others = empty.query(f"SELECT COUNT(*) AS n FROM ledger.quarantine WHERE game_id <> '{game}'")
    assert others == [{"n": 0}], "what passed is not rejected"


def test_a_game_held_on_one_date_keeps_its_rows_on_the_date_it_moved_to(
    empty: Sandbox,
) -> None:
    league = empty.league
    game = league.game(DAY, "BOS")
    new = DAY + timedelta(days=1)
    for table in ("schedule", "player_box_scores"):
        league.patch(table, game, {"game_date": new})
    league.refused["schedule"].append(Refused(DAY, game, "torn", "{}", league.teams(game)))

    empty.build_all(last=new, tables=("schedule", "player_box_scores"))

    assert empty.attempt("player_box_scores", DAY).status is Status.HELD
    moved = empty.attempt("player_box_scores", new)
    assert (moved.status, moved.stored_rows) == (Status.COMPLETE, 24)


class Counting(DuckDBFile):
    """Counts round trips: calls of an engine, whatever they take along."""

    trips = 0

    def _counted(self, engine: DuckDBEngine) -> Any:
        warehouse = self

        class Counted:
            def __getattr__(self, name: str) -> Any:
                warehouse.trips += 1
                return getattr(engine, name)

        return Counted()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """A session whose calls are counted."""
        with super().writing() as engine:
            yield self._counted(engine)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A session whose calls are counted."""
        with super().reading() as engine:
            yield self._counted(engine)


def test_a_table_and_season_cost_five_round_trips_at_most_however_many_dates(
    empty: Sandbox,
) -> None:
    """Where a statement is a job of a second, a night is not to take minutes."""
    warehouse = Counting(empty.folder / "warehouse.duckdb", lock_timeout=30.0)
    publisher = empty.publisher(warehouse=warehouse)
    one, many = [SEASON_START], list(game_dates(OPENER, LAST))
    trips: dict[str, list[int]] = {}
    for dates in (one, many, many):
        for name in empty.tables:
            warehouse.trips = 0
            publisher.build(name, dates)
            trips.setdefault(name, []).append(warehouse.trips)

    assert all(counts[0] == counts[1] == counts[2] for counts in trips.values()), trips
    assert max(counts[0] for counts in trips.values()) == 5
    assert sum(counts[0] for counts in trips.values()) == 4 * len(trips) + 8
