"""The commands about the warehouse as a whole."""

from pathlib import Path

from nba_assets_tests.cli.invoke import run, words
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox

TABLE = "player_box_scores"


def test_an_export_is_imported_and_certified(built: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "export"

    result = run(built, "export", str(folder))
    assert result.exit_code == 0
    number = built.query("SELECT publication FROM ledger.clock")[0]["publication"]
    assert f"19 tables as of publication {number}" in words(result.stdout)
    again = Sandbox(tmp_path / "again", league=built.league)
    result = run(again, "import", str(folder))
    assert result.exit_code == 0, result.stderr
    assert run(again, "certify", "--to", LAST.isoformat(), "--deep").exit_code == 0

    twice = run(again, "import", str(folder))
    assert twice.exit_code == 1
    assert "the warehouse is not empty" in twice.stderr


def test_a_vacuum_says_first_what_it_would_remove(built: Sandbox) -> None:
    game = built.league.games(SLATES[8])[0]
    player = built.league.rows(TABLE, game, status="PLAYED")[0]["player_id"]
    built.league.correct(game, player)
    built.build_all()

    assert "nothing to remove" in run(built, "vacuum", "--keep", "30").stdout
    dry = words(run(built, "vacuum", "--keep", "0").stdout)
    assert "Would be removed" in dry
    assert "run it again with --now" in dry
    assert len(built.history(TABLE, SLATES[8])) == 2
    done = words(run(built, "vacuum", "--keep", "0", "--now").stdout)
    assert "Removed: " in done
    assert "nothing to remove" in run(built, "vacuum", "--keep", "0").stdout
    assert run(built, "certify", "--to", LAST.isoformat(), "--deep").exit_code == 0


def test_migrate_leaves_a_current_warehouse_alone(built: Sandbox) -> None:
    result = run(built, "migrate")

    assert result.exit_code == 0
    assert "has schema version 2 already" in result.stdout
