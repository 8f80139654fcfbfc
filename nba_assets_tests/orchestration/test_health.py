"""The watcher watched: every way to stop looking after tonight is found within the hour."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.orchestration import health
from nba_assets.orchestration.alerts import ALERTS, MORNING
from nba_assets.orchestration.dagster_private import InstigatorStatus
from nba_assets.orchestration.health import DAEMONS, full, unwatched
from nba_assets.orchestration.sensors import WATCHER
from nba_assets.rehearsal.daemon import state, tell_beat, tell_state, tell_tick
from nba_assets.seasons import EASTERN
from nba_assets_tests.orchestration.dagster_runs import open_instance

NOW = datetime(2026, 1, 4, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = 60 * MINUTE


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One in which everything is at work."""
    with open_instance(tmp_path / "home") as made:
        _live(made, NOW - 3 * HOUR, NOW)
        yield made


def _live(instance: dg.DagsterInstance, since: datetime, until: datetime, *but: str) -> None:
    """Daemons beat, sensors and the schedule tick, but for those named."""
    moment = since
    while moment <= until:
        for name in DAEMONS:
            if name not in but:
                tell_beat(instance, name, moment)
        for name in (WATCHER, ALERTS):
            if name not in but:
                tell_tick(instance, state(name), moment)
        moment += 5 * MINUTE
    if MORNING not in but:
        tell_tick(instance, state(MORNING, schedule=True), until.replace(hour=14))


def _lines(instance: dg.DagsterInstance, moment: datetime = NOW) -> list[str]:
    found = unwatched(instance, (WATCHER, ALERTS), {MORNING: "0 9 * * *"}, moment)
    return [line for one in found for line in one.lines(one.facts)]


def test_nothing_is_wrong_where_everything_is_at_work(instance: dg.DagsterInstance) -> None:
    assert _lines(instance) == []


def _stops(name: str) -> Callable[[dg.DagsterInstance], None]:
    return lambda instance: _live(instance, NOW, NOW + HOUR, name)


def _switched_off(name: str, *, schedule: bool = False) -> Callable[[dg.DagsterInstance], None]:
    def stop(instance: dg.DagsterInstance) -> None:
        tell_state(instance, state(name, schedule=schedule, status=InstigatorStatus.STOPPED))
        _live(instance, NOW, NOW + HOUR, name)

    return stop


def _breaks(name: str) -> Callable[[dg.DagsterInstance], None]:
    def fail(instance: dg.DagsterInstance) -> None:
        _live(instance, NOW, NOW + HOUR, name)
        for minutes in range(0, 61, 5):
            tell_tick(
                instance, state(name), NOW + minutes * MINUTE, "SourceUnavailable: down\n  at"
            )

    return fail


def _daemon_raises(instance: dg.DagsterInstance) -> None:
    _live(instance, NOW, NOW + HOUR, "SENSOR")
    tell_beat(instance, "SENSOR", NOW + HOUR, "the code location cannot be loaded\n  at")


def _daemon_killed(instance: dg.DagsterInstance) -> None:
    _live(instance, NOW, NOW + HOUR, *DAEMONS, WATCHER, ALERTS, MORNING)


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        (_switched_off(WATCHER), f"{WATCHER}: it is switched off."),
        (_stops(WATCHER), f"{WATCHER}: its last tick was 2026-01-04 15:00 UTC."),
        (_breaks(WATCHER), f"{WATCHER}: its ticks fail: SourceUnavailable: down."),
        (_switched_off(ALERTS), f"{ALERTS}: it is switched off."),
        (_switched_off(MORNING, schedule=True), f"{MORNING}: it is switched off."),
        (_daemon_killed, "daemon: QUEUED_RUN_COORDINATOR is silent since 2026-01-04 15:00 UTC; "),
        (_stops("SCHEDULER"), "daemon: SCHEDULER is silent since 2026-01-04 15:00 UTC."),
        (_daemon_raises, "daemon: SENSOR raised: the code location cannot be loaded."),
    ],
)
def test_what_stops_is_found_within_an_hour(
    instance: dg.DagsterInstance, stop: Callable[[dg.DagsterInstance], None], told: str
) -> None:
    stop(instance)
    (line,) = _lines(instance, NOW + HOUR)
    assert line.startswith(told)


def test_a_schedule_that_is_gone_is_found_when_it_has_missed_its_morning(
    instance: dg.DagsterInstance,
) -> None:
    missed = datetime(2026, 1, 5, 9, tzinfo=EASTERN)
    _live(instance, NOW, missed + HOUR, MORNING)
    assert _lines(instance, missed + 30 * MINUTE) == []
    (line,) = _lines(instance, missed + HOUR)
    assert line.startswith(f"{MORNING}: its last tick was ")


def test_a_schedule_of_workdays_is_not_missed_on_a_sunday(instance: dg.DagsterInstance) -> None:
    sunday = NOW + 3 * HOUR
    tell_tick(instance, state(MORNING, schedule=True), datetime(2026, 1, 2, 14, tzinfo=UTC))
    _live(instance, NOW, sunday, MORNING)
    found = unwatched(instance, (WATCHER, ALERTS), {MORNING: "0 9 * * 1-5"}, sunday)
    assert list(found) == []


def test_a_tick_or_two_that_fail_are_no_news(instance: dg.DagsterInstance) -> None:
    for minutes in (1, 6):
        tell_tick(instance, state(WATCHER), NOW + minutes * MINUTE, "down")
    assert _lines(instance, NOW + 7 * MINUTE) == []


def test_an_instance_in_which_nothing_ever_ran(tmp_path: Path) -> None:
    with open_instance(tmp_path / "home") as empty:
        (line,) = _lines(empty)
        assert line.startswith("daemon: ")
        assert "never ran" in line
        for name in DAEMONS:
            tell_beat(empty, name, NOW)
        assert [line.partition(":")[0] for line in _lines(empty)] == [WATCHER, ALERTS, MORNING]


def test_what_was_just_switched_on_may_wait_for_its_first_tick(tmp_path: Path) -> None:
    with open_instance(tmp_path / "home") as young:
        _live(young, NOW, NOW, WATCHER, MORNING)
        tell_state(young, state(WATCHER, since=NOW - MINUTE))
        tell_state(young, state(MORNING, schedule=True, since=NOW - HOUR))
        assert _lines(young) == []
        _live(young, NOW, NOW + HOUR, WATCHER, MORNING)
        (line,) = _lines(young, NOW + HOUR)
        assert line.startswith(f"{WATCHER}: no tick since 2026-01-04 14:59 UTC.")


def test_the_state_of_an_earlier_code_location_does_not_count(
    instance: dg.DagsterInstance,
) -> None:
    old = state(WATCHER, location="elsewhere", status=InstigatorStatus.STOPPED)
    tell_tick(instance, old, NOW - 50 * HOUR)
    assert _lines(instance) == []


def test_a_run_that_hangs_is_found(instance: dg.DagsterInstance) -> None:
    @dg.job
    def nothing() -> None:
        """Do nothing."""

    run = instance.create_run_for_job(nothing)
    (record,) = instance.get_run_records()
    assert _lines(instance) == [] or record.create_timestamp > NOW
    later = record.create_timestamp + 7 * HOUR
    (line,) = (line for line in _lines(instance, later) if line.startswith("run "))
    assert line.startswith(f"run {run.run_id}: NOT_STARTED since ")


def test_a_disk_that_is_full_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(full(tmp_path / "not" / "there" / "yet")) == []
    monkeypatch.setattr(health, "FREE", 1 << 62)
    (finding,) = full(tmp_path)
    assert "GiB are free" in finding.facts[None, None]
