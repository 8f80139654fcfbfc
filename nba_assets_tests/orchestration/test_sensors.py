"""The sensor in a real instance: what it asks for is run, and asked for once."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.certification.ledger import Status
from nba_assets.definitions import build_defs
from nba_assets.errors import BadInput, SourceUnavailable
from nba_assets.operations.watch import PAUSES
from nba_assets.rehearsal.faults import SourceDown
from nba_assets.seasons import EASTERN
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.service import Service, evening
from nba_assets_tests.tiny_league import (
    BEFORE_TIPOFF,
    LAST,
    ONE_GAME,
    SEASON_START,
    SLATES,
    Sandbox,
)

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def service(empty: Sandbox, tmp_path: Path) -> Iterator[Service]:
    empty.up_to = "player_features"
    made = Service(empty, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def living(built: Sandbox, tmp_path: Path) -> Iterator[Service]:
    """A service whose warehouse is complete."""
    built.up_to = "player_features"
    made = Service(built, tmp_path / "home")
    yield made
    made.close()


def _range(request: dg.RunRequest) -> tuple[date, date]:
    return date.fromisoformat(request.tags[START]), date.fromisoformat(request.tags[END])


def _tables(request: dg.RunRequest) -> tuple[str, ...]:
    return tuple(key.to_user_string() for key in request.asset_selection or ())


def test_the_last_days_are_one_run_and_then_there_is_nothing_to_do(service: Service) -> None:
    service.now = evening(SLATES[2])

    requests = service.tick()

    assert [_range(request) for request in requests] == [(SEASON_START, SLATES[2])]
    assert _tables(requests[0]) == tuple(service.sandbox.tables)
    service.run(requests)
    assert {a.status.certified for a in service.sandbox.attempts("player_game_summary").values()}
    assert service.tick() == []
    service.forget()
    assert service.tick() == [], "the ledger knows it, not the cursor"


def test_two_daemons_ask_by_the_same_key(service: Service) -> None:
    service.now = evening(SLATES[2])
    assert service.tick()
    service.forget()
    assert service.tick() == []


def test_it_waits_for_whatever_runs(service: Service) -> None:
    service.now = evening(SLATES[2])
    run = service.instance.create_run_for_job(service.definitions.resolve_job_def("whole_graph"))

    assert service.tick() == []
    assert run.run_id in service.skipped
    service.instance.delete_run(run.run_id)
    assert len(service.tick()) == 1


def test_the_next_night_is_one_date(living: Service) -> None:
    league = living.sandbox.league
    played = [league.rows("schedule", game)[0].copy() for game in league.games(LAST)]
    for game in league.games(LAST):
        league.set_status(game, "SCHEDULED")
    living.sandbox.build_all(LAST, LAST)

    for row in played:
        league.patch("schedule", row["game_id"], row)
    league.set_status(played[0]["game_id"], "IN_PROGRESS")
    assert living.tick() == [], "one game is still played"
    league.patch("schedule", played[0]["game_id"], played[0])
    (tonight,) = living.tick()
    assert _range(tonight) == (LAST, LAST)
    living.run([tonight])
    assert living.settle() == 0


def test_tonight_is_predicted_before_the_games_and_again_when_lists_arrive(
    empty: Sandbox, tmp_path: Path
) -> None:
    empty.build_all(last=LAST - timedelta(days=1))
    service = Service(empty, tmp_path / "home")
    service.now = datetime.combine(LAST, time(12), EASTERN)
    league = empty.league
    for game in league.games(LAST):
        league.set_status(game, "SCHEDULED")

    (before,) = service.tick()
    assert (_range(before), _tables(before)) == ((LAST, LAST), BEFORE_TIPOFF)
    service.run([before])
    first = empty.attempt("expected_roster", LAST)
    assert service.settle() == 0
    game = league.games(LAST)[0]
    listed = league.rows("player_availability", game)[0]["player_id"]
    league.drop("player_availability", game, player_id=listed)
    assert service.settle() == 1
    again = empty.attempt("expected_roster", LAST)
    assert again.digest != first.digest
    assert "player_box_scores" not in {name for name in empty.tables if empty.history(name, LAST)}
    service.close()


def test_a_held_date_does_not_loop_and_heals_when_its_game_arrives(service: Service) -> None:
    service.now, service.built = evening(SLATES[1]), SLATES[1]
    league, day = service.sandbox.league, SLATES[1]
    game = league.games(day)[0]
    rows = list(league.rows("team_box_scores", game))
    league.drop("team_box_scores", game)
    service.run(service.tick())
    assert service.sandbox.attempt("team_box_scores", day).status is Status.HELD
    service.settle()
    for _ in range(3):
        service.later(timedelta(minutes=15))
        assert service.tick() == []

    league.tables["team_box_scores"] += rows
    requests = service.tick()
    assert [_range(request) for request in requests] == [(day, day)]
    service.run(requests)
    assert service.sandbox.attempt("team_box_scores", day).status is Status.COMPLETE
    assert service.settle() == 0


def test_a_correction_restates_its_date_and_what_depends_on_it(living: Service) -> None:
    league, day = living.sandbox.league, SLATES[8]
    assert living.settle() == 0
    before = living.sandbox.attempts("player_features")
    game = league.games(day)[0]
    player = league.rows("player_box_scores", game, status="PLAYED")[0]["player_id"]
    league.correct(game, player)

    (first,) = living.tick()
    assert _range(first) == (day, day)
    living.run([first])
    later = living.tick()
    assert all(_range(request)[0] > day for request in later)
    living.run(later)
    assert living.settle() == 0, "two rounds reach all that depends on it"
    after = living.sandbox.attempts("player_features")
    restated = {d for d in before if before[d].publication != after[d].publication}
    assert restated
    assert min(restated) > day

    told = living.metadata("player_box_scores", day)
    assert told["rows_changed"].value == 1
    assert f"{game} {player}: ast " in str(told["changes"].value)
    assert "rows_changed" not in living.metadata("schedule", day)


def test_what_vanishes_turns_its_date_red_by_name_and_once(living: Service) -> None:
    league, day = living.sandbox.league, SLATES[9]
    game = league.games(day)[0]
    gone = league.rows("player_box_scores", game, status="PLAYED")[-1]
    league.drop("player_box_scores", game, player_id=gone["player_id"])

    living.run(living.tick())
    red = living.sandbox.attempt("player_box_scores", day)
    assert not red.status.certified
    assert red.stored_status is Status.COMPLETE, "the certified version stays"
    assert str(gone["player_id"]) in red.message
    assert living.settle(), "what reads it is held as well"
    assert living.settle() == 0

    league.tables["player_box_scores"].append(gone)
    living.run(living.tick())
    assert living.sandbox.attempt("player_box_scores", day).status is Status.COMPLETE
    living.settle()


def test_a_game_moved_to_another_date_is_a_move(living: Service) -> None:
    league = living.sandbox.league
    (game,) = league.games(ONE_GAME)
    for table in league.tables:
        league.patch(table, game, {"game_date": ONE_GAME + timedelta(days=2)})
    living.settle()

    schedule = living.sandbox.attempts("schedule")
    assert schedule[ONE_GAME].status is Status.EMPTY_OK
    assert schedule[ONE_GAME + timedelta(days=2)].status is Status.COMPLETE


def test_unchanged_data_leaves_no_record_no_run_and_no_look(living: Service) -> None:
    def counts() -> list[object]:
        return [
            living.sandbox.query(f"SELECT COUNT(*) AS n FROM ledger.{table}")
            for table in ("attempts", "looks", "verdicts", "clock")
        ]

    living.tick()
    before = counts()
    for _ in range(5):
        living.later(timedelta(minutes=10))
        assert living.tick() == []
    assert counts() == before
    assert living.instance.get_runs_count() == 0


def test_what_raised_is_tried_again_after_growing_pauses_and_then_no_more(
    living: Service,
) -> None:
    league, day = living.sandbox.league, SLATES[9]
    table = "player_availability"
    living.faults.append(SourceDown(dates={day}, tables=(table,)))
    first = living.tick()
    assert [_range(request) for request in first] == [(day, day)]
    living.run(first)
    assert living.sandbox.attempt("player_availability", day).status is Status.FAILED
    assert living.tick() == []

    for pause in PAUSES:
        living.later(pause - timedelta(minutes=1))
        assert living.tick() == []
        living.later(timedelta(minutes=1))
        requests = living.tick()
        assert [_range(request) for request in requests] == [(day, day)]
        living.run(requests)
    living.later(timedelta(days=3))
    assert living.tick() == []

    living.faults.clear()
    living.sandbox.build_all(SLATES[9], LAST)
    assert living.sandbox.attempt(table, day).status is Status.COMPLETE
    assert living.tick() == []
    game = league.games(day)[0]
    league.correct(game, league.rows("player_box_scores", game, status="PLAYED")[0]["player_id"])
    living.now = evening(LAST)
    assert [_range(one) for one in living.tick()] == [(day, day)], (
        "mended by hand, it is looked after again"
    )


def test_a_run_that_dies_before_its_first_record_is_asked_for_again(service: Service) -> None:
    service.now = evening(SLATES[2])
    (lost,) = service.tick()
    assert service.tick() == []
    service.later(PAUSES[0])
    (again,) = service.tick()

    assert (_range(again), _tables(again)) == (_range(lost), _tables(lost))
    assert again.run_key != lost.run_key


def test_a_source_that_cannot_be_understood_is_said_once(living: Service) -> None:
    league = living.sandbox.league
    living.now = datetime.combine(LAST, time(1), EASTERN)
    league.errors["team_box_scores"] = BadInput("the column fga is gone")
    assert living.settle()
    assert living.sandbox.attempt("team_box_scores", LAST).status is Status.FAILED
    for _ in range(4):
        living.later(timedelta(hours=5))
        assert living.tick() == []

    del league.errors["team_box_scores"]
    living.settle()
    assert living.sandbox.attempt("team_box_scores", LAST).status is Status.COMPLETE


def test_a_tick_that_fails_forgets_nothing(service: Service) -> None:
    service.sandbox.league.errors["player_box_scores"] = SourceUnavailable("throttled")
    service.now = evening(SLATES[2])
    with pytest.raises(SourceUnavailable, match="throttled"):
        service.tick()
    assert service.daemon.cursors == {}

    del service.sandbox.league.errors["player_box_scores"]
    assert [_range(request) for request in service.tick()] == [(SEASON_START, SLATES[2])]


def test_it_does_not_begin_in_the_middle_of_a_season_that_nobody_built(service: Service) -> None:
    """All it could build would be held, and stay red until somebody backfills."""
    assert service.tick() == []
    assert "Run `nba-assets backfill` first" in service.skipped
    service.sandbox.build_all(last=LAST - timedelta(days=12))

    assert [_range(request) for request in service.tick()] == [(LAST - timedelta(days=11), LAST)]


def test_a_waived_game_that_arrives_late_does_not_loop(living: Service) -> None:
    league, day = living.sandbox.league, SLATES[9]
    game = league.games(day)[0]
    rows = {name: list(league.rows(name, game)) for name in ("team_box_scores",)}
    living.sandbox.league.drop("team_box_scores", game)
    living.settle()
    living.sandbox.waive("team_box_scores", game)
    living.settle()
    league.tables["team_box_scores"] += rows["team_box_scores"]
    living.settle()
    living.later(timedelta(days=1))
    assert living.tick() == []


def test_game_by_game_a_date_is_built_as_its_games_end(empty: Sandbox, tmp_path: Path) -> None:
    empty.build_all(last=LAST - timedelta(days=1))
    service = Service(empty, tmp_path / "home", game_by_game=True)
    league = empty.league
    finals = {game: league.rows("schedule", game)[0].copy() for game in league.games(LAST)}
    first, second, third = finals
    league.set_status(second, "IN_PROGRESS")
    league.set_status(third, "IN_PROGRESS")

    assert service.settle() == 1
    assert empty.attempt("player_game_summary", LAST).status is Status.PENDING
    assert empty.verdicts("player_game_summary", LAST)[first].verdict == "certified"
    league.patch("player_box_scores", third, {"pf": 3}, status="PLAYED")
    assert service.settle() == 0, "what changes in a game in play does not count"
    league.patch("schedule", second, finals[second])
    assert service.settle() == 1
    league.patch("schedule", third, finals[third])
    assert service.settle() == 1
    assert empty.attempt("player_game_summary", LAST).status is Status.COMPLETE
    service.close()


def test_a_game_that_never_ends_does_not_keep_its_date_waiting_for_ever(
    empty: Sandbox, tmp_path: Path
) -> None:
    empty.build_all(last=LAST - timedelta(days=1))
    service = Service(empty, tmp_path / "home")
    stuck, good, _ = empty.league.games(LAST)
    empty.league.set_status(stuck, "IN_PROGRESS")
    assert service.settle() == 0
    service.later(timedelta(hours=12))
    assert service.settle()
    assert empty.attempt("player_game_summary", LAST).status is Status.PENDING
    assert empty.verdicts("player_game_summary", LAST)[good].verdict == "certified"
    assert service.settle() == 0
    service.close()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, dg.DefaultSensorStatus.STOPPED),
        ({"automation": True}, dg.DefaultSensorStatus.RUNNING),
        ({"source": "files", "files_dir": "x"}, dg.DefaultSensorStatus.RUNNING),
        ({"source": "files", "files_dir": "x", "automation": False},
         dg.DefaultSensorStatus.STOPPED),
    ],
)  # fmt: skip
def test_it_runs_by_itself_where_there_is_something_to_watch(
    given: dict[str, object], expected: dg.DefaultSensorStatus
) -> None:
    definitions = build_defs(Settings.model_validate(given))
    assert definitions.resolve_sensor_def("watch_game_dates").default_status is expected
