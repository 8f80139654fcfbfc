"""The sensor that tells a human, in a real instance and over real HTTP."""

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from nba_assets.errors import SourceUnavailable
from nba_assets.operations.watch import PAUSES
from nba_assets.rehearsal.faults import SourceDown
from nba_assets.seasons import EASTERN
from nba_assets_tests.orchestration.service import Listener, Service, listening
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox


@pytest.fixture
def hook() -> Iterator[Listener]:
    with listening() as server:
        yield server


@pytest.fixture
def service(built: Sandbox, tmp_path: Path, hook: Listener) -> Iterator[Service]:
    built.up_to = "player_features"
    made = Service(built, tmp_path / "home", webhook_url=f"{hook.url}hook")
    yield made
    made.close()


def _texts(hook: Listener) -> list[str]:
    return [json.loads(body)["text"] for _, _, body in hook.heard]


def test_a_complete_warehouse_says_nothing(service: Service, hook: Listener) -> None:
    assert service.alert() == "nothing new; 0 findings stand"
    assert hook.heard == []


def test_a_late_game_is_told_once_and_when_it_is_over(service: Service, hook: Listener) -> None:
    league = service.sandbox.league
    game = league.games(LAST)[0]
    rows = list(league.rows("team_box_scores", game))
    league.drop("team_box_scores", game)
    service.settle()
    service.alert()
    (gone,) = _texts(hook)
    assert gone.startswith(f"team_box_scores HELD {LAST}: ")
    assert f"nba-assets accept team_box_scores {game}" in gone, "it vanished, and that is said"
    for _ in range(3):
        service.later(timedelta(minutes=5))
        service.alert()
    assert len(hook.heard) == 1

    league.tables["team_box_scores"] += rows
    service.settle()
    service.alert()
    assert _texts(hook)[1:] == [f"over: team_box_scores HELD {LAST}"]


def test_what_is_not_late_is_not_told_and_in_the_morning_it_is(
    service: Service, hook: Listener
) -> None:
    league = service.sandbox.league
    for game in league.games(LAST):
        league.set_status(game, "IN_PROGRESS")
    service.later(timedelta(hours=2))
    service.alert()
    assert hook.heard == []
    service.now = datetime.combine(LAST + timedelta(days=1), time(9), EASTERN)
    service.settle()
    service.alert()
    (text,) = _texts(hook)
    assert f"{LAST}" in text
    assert league.games(LAST)[0] in text


def test_that_no_further_try_follows_is_told(service: Service, hook: Listener) -> None:
    day, table = SLATES[9], "player_availability"
    service.faults.append(SourceDown(dates={day}, tables=(table,)))
    service.settle()
    service.alert()
    (text,) = _texts(hook)
    assert text.startswith(f"{table} FAILED {day}: SourceUnavailable: ")
    for pause in PAUSES:
        service.later(pause)
        service.settle()
    service.alert()
    assert _texts(hook)[-1].splitlines()[0].startswith(f"{table} given up {day}: every further try")
    told = len(hook.heard)
    service.alert()
    assert len(hook.heard) == told


def test_a_channel_that_fails_is_told_again_and_is_a_finding(
    service: Service, hook: Listener
) -> None:
    league = service.sandbox.league
    league.drop("team_box_scores", league.games(LAST)[0])
    service.settle()
    hook.status = 503
    assert "the webhook answered 503" in service.alert()
    assert len(hook.heard) == 1
    hook.status = 200
    service.alert()
    assert _texts(hook)[0] == _texts(hook)[1].splitlines()[0]
    service.alert()
    assert len(hook.heard) <= 3
    assert service.alert().startswith("nothing new")


def test_a_source_that_is_down_is_told_by_its_watcher_and_nothing_is_over(
    built: Sandbox, tmp_path: Path, hook: Listener
) -> None:
    built.up_to = "player_features"
    service = Service(built, tmp_path / "home", webhook_url=f"{hook.url}hook", automation=True)
    service.daemon.beat()
    league = built.league
    league.drop("team_box_scores", league.games(LAST)[0])
    service.settle()
    service.alert()
    assert len(hook.heard) == 1
    league.errors["schedule"] = SourceUnavailable("the source is down")
    for _ in range(3):
        service.later(timedelta(minutes=5))
        service.daemon.beat()
        with pytest.raises(SourceUnavailable):
            service.tick()
    service.alert()
    (text,) = _texts(hook)[1:]
    assert text.startswith("watch_game_dates: its ticks fail: the source is down. See the ticks")
    del league.errors["schedule"]
    service.settle()
    service.alert()
    assert _texts(hook)[2:] == ["over: watch_game_dates"]
    service.close()
