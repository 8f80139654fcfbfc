"""Three days through Dagster's real daemon: a late game, a correction, an outage of the source."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import dagster as dg
import pytest

from nba_assets.certification.ledger import Attempt, Status
from nba_assets.errors import SourceUnavailable
from nba_assets.orchestration.dagster_private import TickStatus
from nba_assets_tests.orchestration.loopback import running
from nba_assets_tests.orchestration.service import evening
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox


@pytest.mark.slow
def test_three_days_through_the_daemon(empty: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    home = empty.folder.parent  # the location reads data, league and clock there
    monkeypatch.setenv("LOOPBACK_FOLDER", f"{home}")
    empty.up_to = "player_features"
    monkeypatch.setenv("LOOPBACK_UP_TO", empty.up_to)
    from nba_assets_tests.orchestration.loopback_location import publish

    late, quiet, last = SLATES[9], SLATES[9] + timedelta(days=1), LAST
    league = empty.league
    empty.build_all(last=late - timedelta(days=1))
    game = league.games(late)[0]
    rows = list(league.rows("team_box_scores", game))
    league.drop("team_box_scores", game)

    def latest(table: str, day: date) -> Attempt | None:
        return empty.attempts(table).get(day)

    def stands(table: str, day: date, status: Status) -> Callable[[], bool]:
        def reached() -> bool:
            found = latest(table, day)
            return found is not None and found.status is status

        return reached

    def at(moment: datetime) -> None:
        publish(home, league, moment)

    at(evening(late))
    with running(home, automation=True) as loopback:
        loopback.until(stands("team_box_scores", late, Status.HELD), "the late game is held")
        league.tables["team_box_scores"] += rows
        at(evening(late) + timedelta(minutes=20))
        loopback.until(stands("player_features", late, Status.COMPLETE), "the date is whole")

        before = latest("player_box_scores", SLATES[8])
        assert before is not None
        corrected = league.games(SLATES[8])[0]
        player = league.rows("player_box_scores", corrected, status="PLAYED")[0]["player_id"]
        league.correct(corrected, player)
        at(evening(quiet))
        loopback.until(stands("player_features", quiet, Status.EMPTY_OK), "the quiet date is built")
        after = latest("player_box_scores", SLATES[8])
        assert after is not None
        assert after.digest != before.digest, "the correction was taken"

        league.errors["schedule"] = SourceUnavailable("the source is down")
        at(evening(last))
        monkeypatch.setenv("DAGSTER_HOME", f"{home}")
        with dg.DagsterInstance.from_config(f"{home}") as instance:

            def failed_ticks() -> int:
                (state,) = (
                    one for one in instance.all_instigator_state()
                    if one.instigator_name == "watch_game_dates"
                )  # fmt: skip
                return len(
                    instance.get_ticks(
                        state.instigator_origin_id,
                        state.selector_id,
                        statuses=[TickStatus.FAILURE],
                    )
                )

            loopback.until(lambda: failed_ticks() >= 2, "ticks fail while the source is down")
            del league.errors["schedule"]
            at(evening(last) + timedelta(minutes=20))
            loopback.until(stands("player_features", last, Status.COMPLETE), "all is caught up")
            runs = instance.get_runs()
            keys = [run.tags.get("dagster/run_key") for run in runs]

    assert len(keys) == len(set(keys)), "nothing was run twice"
    features = empty.attempts("player_features")
    assert all(features[day].status.certified for day in (late, quiet, last))
    assert 5 <= len(runs) <= 9, [run.tags.get("dagster/run_key") for run in runs]
