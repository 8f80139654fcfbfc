"""A piece of a season lived through with faults; `nba-assets rehearse` plays longer ones."""

from pathlib import Path

import pytest

from nba_assets.rehearsal.season import live
from nba_assets_tests.tiny_league import graph


@pytest.mark.slow
def test_some_days_of_faults_ends_complete_with_no_needless_run_and_no_idle_alarm(
    tmp_path: Path,
) -> None:
    lived = live(1, 6, tmp_path, graph(tmp_path, "player_features"))

    assert lived.broken == []
    assert lived.runs == lived.useful + lived.killed
    assert lived.moments >= 6
    assert sum(lived.episodes.values()) >= 3, "there was something to live through"
    assert lived.messages, "and something to tell"
    assert lived.messages[-1][1].splitlines()[-1].startswith("over: ")
