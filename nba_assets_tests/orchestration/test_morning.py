"""The morning plan in a real instance: what it certifies, predicts and says, and where it stops."""

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.definitions import build_defs
from nba_assets.errors import SettingsError
from nba_assets.seasons import EASTERN
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.service import Listener, Service, listening
from nba_assets_tests.tiny_league import BEFORE_TIPOFF, LAST, SLATES, Sandbox


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as server:
        yield server


def _service(sandbox: Sandbox, home: Path, hook: Listener) -> Service:
    service = Service(sandbox, home, webhook_url=f"{hook.url}hook", ping_url=f"{hook.url}alive")
    service.now = datetime.combine(LAST, time(9), EASTERN)
    return service


def _steps(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.step_key or "" for event in result.all_events if event.is_step_success]


def test_a_good_morning(empty: Sandbox, tmp_path: Path, hook: Listener) -> None:
    empty.build_all(last=LAST - timedelta(days=1))
    for game in empty.league.games(LAST):
        empty.league.set_status(game, "SCHEDULED")
    service = _service(empty, tmp_path / "home", hook)
    result = service.morning()

    assert result.success
    assert _steps(result) == ["show_the_ledger", "certify_yesterday", "predict_today", "summary"]
    assert {name for name in empty.tables if empty.history(name, LAST)} == set(BEFORE_TIPOFF)
    (text,) = (json.loads(body)["text"] for method, _, body in hook.heard if method == "POST")
    assert text.startswith(f"**{LAST}**: every gate passed, ")
    assert "every past date complete: 22 dates in 19 tables" in text
    assert [path for method, path, _ in hook.heard if method == "GET"] == ["/alive"]
    (stored,) = service.instance.get_records_for_run(
        result.run_id, of_type=dg.DagsterEventType.STEP_OUTPUT
    ).records[-1:]
    event = stored.event_log_entry.dagster_event
    assert event is not None
    assert event.step_output_data.metadata["summary"].value == text
    runs = service.instance.get_runs_count()
    assert service.morning().success
    assert service.instance.get_runs_count() == runs + 1, "what is predicted is not predicted again"
    service.close()


def test_it_stops_at_the_first_gate_that_fails_and_says_so(
    built: Sandbox, tmp_path: Path, hook: Listener
) -> None:
    game = built.league.games(SLATES[8])[0]
    built.league.drop("team_box_scores", game)
    built.build("team_box_scores", SLATES[8])
    service = _service(built, tmp_path / "home", hook)
    result = service.morning()

    assert not result.success
    assert _steps(result) == ["show_the_ledger"]
    ((method, _, body),) = hook.heard
    text = json.loads(body)["text"]
    assert method == "POST", "the dead-man's switch hears nothing"
    assert text.startswith("The morning plan stopped at: certify yesterday. every past date")
    assert f"team_box_scores {SLATES[8]} HELD: " in text
    (event,) = result.get_step_failure_events()
    raised = event.step_failure_data.user_failure_data
    assert raised is not None
    assert raised.description == text
    service.close()


def test_an_empty_warehouse_passes_no_gate(empty: Sandbox, tmp_path: Path, hook: Listener) -> None:
    service = _service(empty, tmp_path / "home", hook)
    assert not service.morning().success
    assert "stopped at: certify yesterday" in hook.heard[0][2]
    service.close()


def test_predictions_that_cannot_be_made_stop_it(
    empty: Sandbox, tmp_path: Path, hook: Listener
) -> None:
    empty.build_all(last=LAST - timedelta(days=1))
    league = empty.league
    for game in league.games(LAST):
        league.set_status(game, "SCHEDULED")
    league.patch("schedule", league.games(LAST)[0], {"home_team": "XXX"})
    service = _service(empty, tmp_path / "home", hook)
    result = service.morning()

    assert not result.success
    assert _steps(result) == ["show_the_ledger", "certify_yesterday"]
    assert "stopped at: predict today. schedule" in hook.heard[0][2]
    service.close()


def test_on_a_day_without_games_it_still_sums_up(
    built: Sandbox, tmp_path: Path, hook: Listener
) -> None:
    service = _service(built, tmp_path / "home", hook)
    service.now += timedelta(days=1)
    assert service.morning().success
    assert "0 player-games predicted" in hook.heard[0][2]
    service.close()


def test_it_is_asked_for_once_a_morning(built: Sandbox, tmp_path: Path, hook: Listener) -> None:
    service = _service(built, tmp_path / "home", hook)
    schedule = service.definitions.resolve_schedule_def("morning_plan")
    with dg.build_schedule_context(service.instance) as context:
        requests = [schedule.evaluate_tick(context).run_requests for _ in range(2)]
    keys = {one.run_key for found in requests for one in found or ()}
    assert keys == {f"morning_plan {LAST}"}
    assert schedule.execution_timezone == "America/New_York"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    service.close()


def test_a_switch_that_does_not_hear_raises_its_own_alarm(
    built: Sandbox, tmp_path: Path, hook: Listener
) -> None:
    service = Service(built, tmp_path / "home", ping_url=f"{hook.url}alive")
    service.now = datetime.combine(LAST, time(9), EASTERN) + timedelta(days=1)
    hook.status = 503
    result = service.morning()
    assert result.success
    assert [path for _, path, _ in hook.heard] == ["/alive"]
    service.close()


def test_what_is_no_cron_is_refused_with_the_name_of_its_setting() -> None:
    with pytest.raises(SettingsError, match=r"^NBA_ASSETS_MORNING: '9:00' is no cron schedule"):
        build_defs(Settings(morning="9:00"))
