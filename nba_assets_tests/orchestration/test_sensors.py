"""The sensor in a real instance: what it asks for is run, and asked for once."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.certification.ledger import Status
from nba_assets.definitions import BEFORE_TIPOFF, build_defs
from nba_assets.errors import SourceUnavailable
from nba_assets.orchestration.launch import QUIET
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import open_instance
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class Service:
    """A deployment with its instance, and the sensor's cursor as the daemon keeps it."""

    def __init__(self, sandbox: Sandbox, home: Path) -> None:
        self.sandbox, self.cursor = sandbox, ""
        self.today = LAST
        self.instance = open_instance(home)
        settings = Settings(data_dir=sandbox.folder, first_date=SEASON_START)
        self.definitions = build_defs(
            settings,
            tables=sandbox.tables,
            source=sandbox.league,
            warehouse=sandbox.warehouse,
            today=lambda: self.today,
        )
        self.sensor = self.definitions.resolve_sensor_def("new_game_dates")

    def tick(self) -> list[dg.RunRequest]:
        """One evaluation; the cursor advances as the daemon advances it."""
        with dg.build_sensor_context(
            self.instance, cursor=self.cursor or None, definitions=self.definitions
        ) as context:
            result = self.sensor.evaluate_tick(context)
        self.cursor = result.cursor or self.cursor
        self.skipped = result.skip_message or ""
        return list(result.run_requests or ())

    def run(self, requests: list[dg.RunRequest]) -> None:
        """Run what was asked for, as the launcher does."""
        job = self.definitions.resolve_job_def("whole_graph")
        for request in requests:
            job.execute_in_process(
                run_config=QUIET,
                instance=self.instance,
                asset_selection=list(request.asset_selection or ()),
                tags=dict(request.tags),
                raise_on_error=False,
            )

    def close(self) -> None:
        """Let go of the instance."""
        self.instance.dispose()


@pytest.fixture
def service(empty: Sandbox, tmp_path: Path) -> Iterator[Service]:
    made = Service(empty, tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def living(built: Sandbox, tmp_path: Path) -> Iterator[Service]:
    """A service whose warehouse is complete."""
    made = Service(built, tmp_path / "home")
    yield made
    made.close()


def _range(request: dg.RunRequest) -> tuple[date, date]:
    return date.fromisoformat(request.tags[START]), date.fromisoformat(request.tags[END])


def test_the_last_days_are_one_run_and_then_there_is_nothing_to_do(service: Service) -> None:
    service.today = SLATES[2]

    requests = service.tick()

    assert [_range(request) for request in requests] == [(SEASON_START, SLATES[2])]
    assert [key.to_user_string() for key in requests[0].asset_selection or ()] == list(
        service.sandbox.tables
    )
    service.run(requests)
    assert {a.status.certified for a in service.sandbox.attempts("player_game_summary").values()}
    assert service.tick() == []
    service.cursor = ""
    assert service.tick() == [], "the ledger knows it, not the cursor"


def test_two_daemons_ask_by_the_same_key(service: Service) -> None:
    service.today = SLATES[2]
    first = service.tick()
    service.cursor = ""
    second = service.tick()

    assert [one.run_key for one in first] == [one.run_key for one in second]


def test_the_next_night_is_one_date(living: Service) -> None:
    league = living.sandbox.league
    played = [league.rows("schedule", game)[0].copy() for game in league.games(LAST)]
    for game in league.games(LAST):
        league.set_status(game, "SCHEDULED")

    (tonight,) = living.tick()
    assert _range(tonight) == (LAST, LAST)
    assert tuple(k.to_user_string() for k in tonight.asset_selection or ()) == BEFORE_TIPOFF
    living.run([tonight])
    assert living.tick() == []

    for row in played:
        league.patch("schedule", row["game_id"], row)
    league.set_status(played[0]["game_id"], "IN_PROGRESS")
    assert living.tick() == [], "one game is still played"
    league.patch("schedule", played[0]["game_id"], played[0])
    living.tick()
    assert living.tick() == []


def test_a_held_date_does_not_loop_and_heals_when_its_game_arrives(service: Service) -> None:
    service.today = SLATES[1]
    league, day = service.sandbox.league, SLATES[1]
    game = league.games(day)[0]
    rows = list(league.rows("team_box_scores", game))
    league.drop("team_box_scores", game)
    service.run(service.tick())
    assert service.sandbox.attempt("team_box_scores", day).status is Status.HELD
    assert service.tick() == []

    league.tables["team_box_scores"] += rows
    requests = service.tick()
    assert [_range(request) for request in requests] == [(day, day)]
    service.run(requests)
    assert service.sandbox.attempt("team_box_scores", day).status is Status.COMPLETE
    assert service.tick() == []


def test_a_tick_that_fails_forgets_nothing(service: Service) -> None:
    service.sandbox.league.errors["player_box_scores"] = SourceUnavailable("throttled")
    service.today = SLATES[2]
    with pytest.raises(SourceUnavailable, match="throttled"):
        service.tick()
    assert service.cursor == ""

    del service.sandbox.league.errors["player_box_scores"]
    assert [_range(request) for request in service.tick()] == [(SEASON_START, SLATES[2])]


def test_it_does_not_begin_in_the_middle_of_a_season_that_nobody_built(service: Service) -> None:
    """All it could build would be held, and stay red until somebody backfills."""
    assert service.today == LAST
    assert service.tick() == []
    assert "Run `nba-assets backfill` first" in service.skipped
    service.sandbox.build_all(last=LAST - timedelta(days=3))

    assert [_range(request) for request in service.tick()] == [(LAST - timedelta(days=2), LAST)]


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
    assert definitions.resolve_sensor_def("new_game_dates").default_status is expected
