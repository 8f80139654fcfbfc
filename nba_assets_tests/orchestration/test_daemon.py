"""Three days through Dagster's real daemon: a late game, a correction, an outage of the source."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from nba_assets.certification.ledger import Attempt, Status
from nba_assets.errors import SourceUnavailable
from nba_assets.orchestration.dagster_private import TickStatus
from nba_assets_tests.orchestration.service import evening
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox

ROOT = Path(__file__).parents[2]
BOUND = 240
"""seconds any one thing may take"""


@contextmanager
def _daemon(home: Path) -> Iterator[Path]:
    """The daemon, in a process of its own; its log."""
    log = home / "daemon.log"
    (home / "workspace.yaml").write_text(
        "load_from:\n  - python_module: nba_assets_tests.orchestration.loopback_location\n"
    )
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NBA_ASSETS_")}
    environment |= {
        "DAGSTER_HOME": f"{home}",
        "LOOPBACK_FOLDER": f"{home}",
        "PYTHONPATH": f"{ROOT}",
    }
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            [Path(sys.executable).parent / "dagster-daemon", "run", "-w", "workspace.yaml"],
            cwd=home, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield log
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _until(true: Callable[[], bool], log: Path, what: str) -> None:
    end = time.monotonic() + BOUND
    while not true():
        assert time.monotonic() < end, f"not within {BOUND} s: {what}\n{log.read_text()[-3000:]}"
        time.sleep(0.5)


@pytest.mark.slow
def test_three_days_through_the_daemon(empty: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    home = empty.folder.parent  # the location reads data, league and clock there
    monkeypatch.setenv("LOOPBACK_FOLDER", f"{home}")
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
    with _daemon(home) as log:
        _until(stands("team_box_scores", late, Status.HELD), log, "the late game is held")
        league.tables["team_box_scores"] += rows
        at(evening(late) + timedelta(minutes=20))
        _until(stands("player_points_evaluation", late, Status.WARMUP), log, "the date is whole")

        before = latest("player_box_scores", SLATES[8])
        assert before is not None
        corrected = league.games(SLATES[8])[0]
        player = league.rows("player_box_scores", corrected, status="PLAYED")[0]["player_id"]
        league.correct(corrected, player)
        at(evening(quiet))
        _until(stands("player_features", quiet, Status.EMPTY_OK), log, "the quiet date is built")
        after = latest("player_box_scores", SLATES[8])
        assert after is not None
        assert after.digest != before.digest, "the correction was taken"

        league.errors["schedule"] = SourceUnavailable("the source is down")
        at(evening(last))
        monkeypatch.chdir(home)  # what dagster.yaml names is relative to where a process runs
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

            _until(lambda: failed_ticks() >= 2, log, "ticks fail while the source is down")
            del league.errors["schedule"]
            at(evening(last) + timedelta(minutes=20))
            _until(stands("player_points_evaluation", last, Status.WARMUP), log, "all is caught up")
            runs = instance.get_runs()
            keys = [run.tags.get("dagster/run_key") for run in runs]

    assert len(keys) == len(set(keys)), "nothing was run twice"
    features = empty.attempts("player_features")
    assert all(features[day].status.certified for day in (late, quiet, last))
    assert 5 <= len(runs) <= 9, [run.tags.get("dagster/run_key") for run in runs]
