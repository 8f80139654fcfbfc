"""The command ``health``, and the line that ``status`` and ``certify`` have of it."""

import json
import re
from pathlib import Path

import pytest

from nba_assets.cli import health
from nba_assets.errors import SourceUnavailable
from nba_assets_tests.cli.invoke import run, words
from nba_assets_tests.orchestration.service import evening
from nba_assets_tests.tiny_league import LAST, Sandbox

WHOLE = ("--from", "2025-10-01", "--to", f"{LAST}")


@pytest.fixture(autouse=True)
def _that_evening(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(health, "now", lambda: evening(LAST))
    monkeypatch.chdir(tmp_path)


def test_a_complete_warehouse_is_healthy(built: Sandbox) -> None:
    told = words(run(built, "health").stdout)
    assert told.startswith("Not healthy - Dagster shows 437 table-dates otherwise than the ledger")
    told = words(run(built, "sync").stdout)
    assert told.startswith("Shown otherwise than the ledger has it")
    assert re.search(
        r"schedule 2025\S+ … 2025\S+ \d+ dates shown as MISSING, the ledger says COMP", told
    )
    result = run(built, "health")
    assert result.exit_code == 0
    assert words(result.stdout) == (
        "Healthy Nothing looks after new dates by itself: NBA_ASSETS_AUTOMATION is off."
    )


def test_what_is_wrong_is_listed_and_red(built: Sandbox) -> None:
    game = built.league.games(LAST)[0]
    built.league.drop("team_box_scores", game)
    built.build_all(LAST, LAST)
    assert run(built, "sync").exit_code == 0
    result = run(built, "health", "--json")
    assert result.exit_code == 1
    record = json.loads(result.stdout)
    assert (record["healthy"], record["watching"]) == (False, False)
    (line,) = record["findings"]
    assert line.startswith(f"team_box_scores HELD {LAST}: ")


def test_a_source_that_is_down_is_not_health(built: Sandbox) -> None:
    built.league.errors["schedule"] = SourceUnavailable("down")
    result = run(built, "health")
    assert result.exit_code == 1
    assert "the source cannot be read: SourceUnavailable: down" in words(result.stdout)


def test_nobody_watching_is_red_and_status_and_certify_say_so_in_a_line(built: Sandbox) -> None:
    result = run(built, "health", automation=True)
    assert result.exit_code == 1
    assert "SENSOR never ran" in words(result.stdout)
    for command in ("status", "certify"):
        told = words(run(built, command, *WHOLE, automation=True).stdout)
        assert "Nothing looks after tonight: daemon: " in told
        assert "looks after" not in words(run(built, command, *WHOLE).stdout)
