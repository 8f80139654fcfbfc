"""The operator's command: exit codes, what it runs, and what it says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import dagster as dg
import pytest
from click.testing import CliRunner
from dagster._cli.utils import get_possibly_temporary_instance_for_cli

from nba_assets.certification import ledger
from nba_assets.cli.main import main
from nba_assets.deployment import build_source
from nba_assets.settings import Settings
from nba_assets.sources.source import RAW_TABLES as RAW
from nba_assets_tests.cli.invoke import as_json, run, words
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox, TinyLeague

DAY = SLATES[7]
FIRST_DAYS = ("--to", SLATES[0].isoformat())
WHOLE = ("--to", LAST.isoformat())


def _commands(group: click.Group, before: str = "") -> Iterator[str]:
    """Every command and the commands in it, as they are typed."""
    for name, command in group.commands.items():
        yield f"{before}{name}"
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")


CHECKPOINT = {
    "table",
    "date",
    "status",
    "state",
    "expected_records",
    "actual_records",
    "completeness",
    "validation_passed",
}


@pytest.mark.parametrize("command", list(_commands(main)))
def test_every_command_explains_itself(empty: Sandbox, command: str) -> None:
    result = run(empty, *command.split(), "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--from", "3 January"], "--from"),
        (["status", "--season", "2030-31"], "2030-31"),
        (["status", "--season", "2025-26", "--to", "2025-10-05"], "exclude each other"),
        (["status", "--to", "2999-01-01"], "future"),
        (["status", "--from", "2001-10-01"], "the first partition is 2025-10-01"),
        (
            ["status", "--from", "2025-10-05", "--to", "2025-10-04"],
            "--from 2025-10-05 is after --to 2025-10-04",
        ),
        (["backfill", "--select", "shedule"], "shedule"),
        (["quarantine", "show", "shedule", "2025-10-05"], "shedule"),
        (["waive", "schedule", "0022500001"], "--reason"),
        (["waive", "schedule", "0022500001", "--reason", " "], "--reason"),
        (["nonsense"], "nonsense"),
    ],
)
def test_wrong_usage_exits_2_and_names_it(empty: Sandbox, arguments: list[str], said: str) -> None:
    result = run(empty, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_an_expected_error_is_one_message_and_exits_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBA_ASSETS_SOURCE", "files")
    monkeypatch.setenv("NBA_ASSETS_FILES_DIR", str(tmp_path / "nowhere"))
    result = CliRunner().invoke(main, ["status"])
    assert result.exit_code == 1
    assert "NBA_ASSETS_FILES_DIR" in result.stderr
    assert "Traceback" not in result.output


def test_settings_come_from_dotenv_as_in_dagster(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("NBA_ASSETS_SOURCE=files\nNBA_ASSETS_FILES_DIR=here\n")
    result = CliRunner().invoke(main, ["status"])
    assert "here" in result.stderr


def test_without_a_warehouse_nothing_is_made_and_the_way_on_is_told(tmp_path: Path) -> None:
    empty = Sandbox(tmp_path / "nowhere")
    status = run(empty, "status", *WHOLE)
    assert status.exit_code == 0
    assert status.stdout.startswith("No: ")
    assert "nba-assets backfill" in status.stdout
    assert as_json(empty, "status", *WHOLE)["complete"] is False
    assert run(empty, "certify", *WHOLE).exit_code == 1
    assert as_json(empty, "plan", *WHOLE)["runs"] == [
        {"first": "2025-10-01", "last": "2025-10-23", "tables": list(empty.tables)}
    ]
    nothing = run(empty, "quarantine", "list")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "there is no warehouse at " in nothing.stderr
    assert "No game is waived" in run(empty, "waivers").stdout
    for command in ("waive", "revoke"):
        reason = ["--reason", "x"] if command == "waive" else []
        refused = run(empty, command, "schedule", "0022500001", *reason)
        assert refused.exit_code == 1
        assert "nba-assets backfill" in refused.stderr
    assert not empty.folder.exists()


def test_a_warehouse_in_which_nothing_was_built_says_so(empty: Sandbox) -> None:
    result = run(empty, "status", *WHOLE)
    assert "Nothing of this period was ever built; run `nba-assets backfill`" in result.stdout


def test_status_answers_yes_when_every_date_is_complete(built: Sandbox) -> None:
    result = run(built, "status", *WHOLE)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].startswith("Yes: 2025-10-01 … 2025-10-23 (23 dates)")
    assert "100.00 %" in result.stdout
    assert str(built.folder) in words(result.stdout).replace(" ", "")
    assert "dagster dev" in result.stdout


def test_status_says_no_and_names_the_gap_its_cause_and_the_way_on(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    built.league.drop("team_box_scores", game)
    built.league.drop("player_box_scores", game)
    built.build_all(DAY, LAST)
    result = run(built, "status", *WHOLE)
    assert result.stdout.startswith("No: ")
    assert game in result.stdout
    assert "nba-assets repair" in result.stdout
    assert "nba-assets waive TABLE GAME_ID" in words(result.stdout)
    gaps = as_json(built, "status", *WHOLE)["gaps"]
    causes = {(gap["table_name"], gap["first"], gap["last"]) for gap in gaps if not gap["waits"]}
    day = DAY.isoformat()
    assert causes == {("player_box_scores", day, day), ("team_box_scores", day, day)}
    assert {gap["table_name"] for gap in gaps if gap["waits"]} >= {"team_form", "player_features"}


def test_status_counts_every_state(built: Sandbox) -> None:
    built.build_all(DAY, DAY, ("schedule",))
    tables = as_json(built, "status", *WHOLE)["tables"]
    schedule = next(one for one in tables if one["table"] == "schedule")
    assert schedule["season"] == "2025-26"
    assert (schedule["dates"], schedule["complete"], schedule["empty_ok"]) == (23, 12, 11)
    form = next(one for one in tables if one["table"] == "team_form")
    assert form["warmup"] == 2
    shown = run(built, "status", "--counts", *WHOLE)
    assert "empty_ok" in shown.stdout


def test_certify_passes_and_exports_a_checkpoint_for_every_date_of_every_table(
    built: Sandbox,
) -> None:
    assert run(built, "certify", *WHOLE).exit_code == 0
    record = as_json(built, "certify", *WHOLE)
    assert record["certified"] is True
    assert len(record["checkpoints"]) == 23 * len(built.tables)
    assert all(set(checkpoint) == CHECKPOINT for checkpoint in record["checkpoints"])
    slate = next(
        checkpoint
        for checkpoint in record["checkpoints"]
        if (checkpoint["table"], checkpoint["date"])
        == ("team_offense_game_summary", DAY.isoformat())
    )
    assert slate == {
        "table": "team_offense_game_summary",
        "date": DAY.isoformat(),
        "status": "success",
        "state": "COMPLETE",
        "expected_records": 6,
        "actual_records": 6,
        "completeness": 100.0,
        "validation_passed": True,
    }
    assert [gate["period"] for gate in record["gates"]] == ["2025-26", "overall"]
    assert all(gate["passed"] and gate["coverage"] == 100 for gate in record["gates"])


def test_certify_refuses_what_is_missing_or_stale(built: Sandbox) -> None:
    later = run(built, "certify", "--to", "2025-10-24")
    assert later.exit_code == 1
    assert "NOT CERTIFIED" in later.stdout
    game = built.league.games(DAY)[0]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    built.build("player_box_scores", DAY)
    record = as_json(built, "certify", *WHOLE)
    assert record["certified"] is False
    failed = [one for one in record["checkpoints"] if one["status"] == "failed"]
    assert {(one["table"], one["state"]) for one in failed} == {
        ("team_offense_game_summary", "STALE"),
        ("player_game_summary", "STALE"),
    }
    assert not any(one["validation_passed"] for one in failed)


def test_certify_refuses_coverage_below_the_gate_though_every_date_is_certified(
    built: Sandbox,
) -> None:
    with built.warehouse.writing() as engine:
        engine.transaction(["UPDATE store.player_game_summary SET usage_rate = NULL WHERE is_home"])
    assert run(built, "certify", *WHOLE).exit_code == 0, "about half is over the gate of 45 %"
    result = run(built, "certify", *WHOLE, usage_rate_coverage_season=0.6)
    assert result.exit_code == 1
    assert "below the gate: 2025-26, overall" in words(result.stdout)


def test_backfill_runs_through_dagster_and_says_so(empty: Sandbox) -> None:
    result = run(empty, "backfill", *FIRST_DAYS, "--select", "raw")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Yes: 2025-10-01 … 2025-10-03 (3 dates)")
    with get_possibly_temporary_instance_for_cli() as instance:
        (record,) = instance.get_runs()
        assert record.tags["dagster/asset_partition_range_start"] == "2025-10-01"
        assert record.tags["dagster/asset_partition_range_end"] == "2025-10-03"
        for table in RAW:
            assert instance.get_materialized_partitions(dg.AssetKey(table)) == {
                "2025-10-01",
                "2025-10-02",
                "2025-10-03",
            }


def test_a_backfill_of_what_is_unchanged_leaves_no_run_and_no_record(empty: Sandbox) -> None:
    raw = ("--to", SLATES[1].isoformat(), "--select", "raw")
    assert run(empty, "backfill", *raw).exit_code == 0
    with get_possibly_temporary_instance_for_cli() as instance:
        runs = {record.run_id for record in instance.get_runs()}
    recorded = "SELECT COUNT(*) AS n FROM ledger.attempts"
    records = empty.query(recorded)
    looks = empty.query("SELECT COUNT(*) AS n FROM ledger.looks")[0]["n"]

    again = run(empty, "backfill", *raw)

    assert again.exit_code == 0
    assert again.stdout.startswith("Yes: ")
    with get_possibly_temporary_instance_for_cli() as instance:
        assert {record.run_id for record in instance.get_runs()} == runs
    assert empty.query(recorded) == records
    assert empty.query("SELECT COUNT(*) AS n FROM ledger.looks")[0]["n"] == looks + len(RAW)


def _numbers(deployment: Sandbox) -> dict[tuple[str, date], int]:
    return {
        (name, day): attempt.attempt
        for name in deployment.tables
        for day, attempt in deployment.attempts(name).items()
    }


def test_a_backfill_builds_what_the_source_corrected_and_no_more(built: Sandbox) -> None:
    game = built.league.games(DAY)[1]
    built.league.correct(game, built.league.rows("player_box_scores", game)[0]["player_id"])
    before = _numbers(built)

    result = run(built, "backfill", *WHOLE)

    assert result.exit_code == 0, result.output
    again = {key for key, attempt in _numbers(built).items() if attempt != before[key]}
    assert {key for key in again if key[0] in RAW} == {
        ("player_box_scores", DAY),
        ("team_box_scores", DAY),
    }
    assert min(day for _, day in again) == DAY
    assert run(built, "plan", *WHOLE).stdout.startswith("Nothing to run")


def test_backfill_exits_1_when_a_date_is_not_complete_and_builds_the_others(
    empty: Sandbox,
) -> None:
    game = empty.league.games(SLATES[0])[0]
    empty.league.drop("team_box_scores", game)
    result = run(empty, "backfill", "--to", "2025-10-05", "--select", "schedule,team_box_scores")
    assert result.exit_code == 1
    assert result.stdout.startswith("No: ")
    assert game in result.stdout
    assert empty.attempt("team_box_scores", SLATES[1]).status == "COMPLETE"
    # A held date is no crash.
    assert "ended early" not in result.output


def test_a_crash_is_told_with_the_way_on(empty: Sandbox) -> None:
    empty.league.errors["team_box_scores"] = RuntimeError("a bug")
    result = run(empty, "backfill", *FIRST_DAYS, "--select", "raw")
    assert result.exit_code == 1
    assert "RuntimeError: a bug" in result.stderr
    assert "nba-assets repair" in result.stderr
    assert "Traceback" not in result.output


def test_repair_runs_the_plan_in_dagster_and_then_nothing_is_planned(built: Sandbox) -> None:
    game = built.league.games(LAST)[0]
    built.league.drop("team_box_scores", game)
    built.build("team_box_scores", LAST)
    built.league.tables = TinyLeague().tables
    planned = as_json(built, "plan", *WHOLE)["runs"]
    assert planned == [
        {
            "first": LAST.isoformat(),
            "last": LAST.isoformat(),
            "tables": [
                "team_box_scores",
                "team_offense_game_summary",
                "player_game_summary",
                "player_points_evaluation",
            ],
        }
    ]
    result = run(built, "repair", *WHOLE)
    assert result.exit_code == 0, result.output
    with get_possibly_temporary_instance_for_cli() as instance:
        (record,) = instance.get_runs()
        assert [key.to_user_string() for key in record.asset_selection or ()] != []
        assert {key.to_user_string() for key in record.asset_selection or ()} == set(
            planned[0]["tables"]
        )
    again = run(built, "plan", *WHOLE)
    assert again.exit_code == 0
    assert again.stdout.startswith("Nothing to run")


def test_plan_does_not_call_complete_what_only_waits(built: Sandbox) -> None:
    built.league.drop("player_box_scores", built.league.games(DAY)[0])
    built.league.drop("team_box_scores", built.league.games(DAY)[0])
    built.build_all(DAY, LAST)
    after = ("--from", LAST.isoformat(), "--to", LAST.isoformat())
    said = words(run(built, "plan", *after).stdout)
    assert said.startswith("Nothing to run now: ")
    assert "complete" not in said
    assert run(built, "status", *after).exit_code == 0
    assert run(built, "certify", *after).exit_code == 1


def test_plan_gives_table_dates_and_reason(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    built.league.drop("team_box_scores", game)
    built.build("team_box_scores", DAY)
    needs = as_json(built, "plan", *WHOLE)["needs"]
    assert {(need["table"], need["reason"]) for need in needs} == {
        ("team_box_scores", "held"),
        ("team_offense_game_summary", "stale"),
        ("player_game_summary", "upstream"),
        ("player_points_evaluation", "upstream"),
    }
    day = DAY.isoformat()
    assert {(need["first"], need["last"], need["dates"]) for need in needs} == {(day, day, 1)}
    shown = run(built, "plan", *WHOLE).stdout
    assert game in shown
    assert "1 date of 4 tables, in 1 run" in words(shown)


def test_a_game_without_players_is_held_waived_repaired_and_held_again(
    built: Sandbox,
) -> None:
    day, game = LAST, built.league.games(LAST)[0]
    built.league.drop("player_box_scores", game)
    built.build("player_box_scores", day)
    repair = ("repair", "--from", day.isoformat(), *WHOLE)
    assert run(built, *repair).exit_code == 1

    waived = run(
        built, "waive", "player_box_scores", game, "--reason", "never published", "--by", "ann"
    )
    assert waived.exit_code == 0, waived.output
    assert "nba-assets repair" in waived.stdout
    assert run(built, *repair).exit_code == 0
    assert built.attempt("player_game_summary", day).status == "WAIVED"
    assert "never published" in run(built, "waivers").stdout
    assert as_json(built, "waivers")[0]["ruled_by"] == "ann"

    twice = run(built, "waive", "player_box_scores", game, "--reason", "again")
    assert twice.exit_code == 1
    assert "waived already, by ann" in twice.stderr

    assert run(built, "revoke", "player_box_scores", game).exit_code == 0
    assert run(built, *repair).exit_code == 1
    assert built.attempt("player_game_summary", day).status == "HELD"
    assert run(built, "revoke", "player_box_scores", game).exit_code == 1
    assert "No game is waived" in run(built, "waivers").stdout
    assert len(as_json(built, "waivers", "--history")) == 1


def test_only_what_is_missing_can_be_waived(built: Sandbox) -> None:
    unknown = run(built, "waive", "team_box_scores", "0022599999", "--reason", "x")
    assert unknown.exit_code == 1
    assert "0022599999" in unknown.stderr
    game = built.league.games(DAY)[0]
    gone = built.league.games(LAST)[0]
    built.league.drop("player_box_scores", gone)
    built.build("player_box_scores", LAST)
    complete = run(built, "waive", "player_box_scores", gone, game, "--reason", "x")
    assert complete.exit_code == 1
    assert "nothing to waive" in complete.stderr
    assert as_json(built, "waivers") == [], "of several games all are waived, or none"


def test_quarantine_shows_reason_and_row_until_it_is_mended(built: Sandbox) -> None:
    game = built.league.games(DAY)[0]
    player = built.league.rows("player_box_scores", game, starter=True)[0]
    built.league.patch("player_box_scores", game, {"pts": 99}, player_id=player["player_id"])
    built.build("player_box_scores", DAY)
    (first, *_) = as_json(built, "quarantine", "list", *WHOLE)
    assert (first["table_name"], first["game_date"], first["game_id"]) == (
        "player_box_scores",
        DAY.isoformat(),
        game,
    )
    assert game in run(built, "quarantine", "list", *WHOLE).stdout
    show = ("quarantine", "show", "player_box_scores", DAY.isoformat())
    rows = as_json(built, *show, "--game", game)
    assert any(row["row"]["pts"] == 99 for row in rows)
    assert "more; --all lists them" in words(run(built, *show).stdout)
    built.league.tables = TinyLeague().tables
    built.build("player_box_scores", DAY)
    assert as_json(built, "quarantine", "list", *WHOLE) == []
    assert as_json(built, "quarantine", "list", "--history", *WHOLE) != []
    none = run(built, "quarantine", "show", "player_box_scores", LAST.isoformat())
    assert "ever rejected" in none.stdout


def test_status_imports_neither_dagster_nor_xgboost(built: Sandbox) -> None:
    with built.warehouse.writing() as engine:
        league = Settings(data_dir=built.folder, simulated_first_season=2025)
        source = build_source(league)
        ledger.adopt(engine, source.identity, "the process of this test knows no tiny league")
    code = (
        "import sys\n"
        "from nba_assets.cli.main import main\n"
        "for command in (['status'], ['plan'], ['certify'], ['waivers'], ['quarantine', 'list']):\n"
        "    try: main(command)\n"
        "    except SystemExit: pass\n"
        "found = {'dagster', 'xgboost', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {found}' if found else 0)\n"
    )
    done = _process([sys.executable, "-W", "error", "-c", code], built)
    assert done.returncode == 0, done.stderr
    assert "No: " in done.stdout


def test_the_installed_command_exits_as_promised(empty: Sandbox) -> None:
    command = str(Path(sys.executable).with_name("nba-assets"))
    assert _process([command, "--version"], empty).returncode == 0
    assert _process([command, "status", "--nonsense"], empty).returncode == 2
    gate = _process([command, "certify"], empty)
    assert (gate.returncode, gate.stderr) == (1, "")
    assert gate.stdout.startswith("No: ")


def _process(command: list[str], deployment: Sandbox) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {
        "NBA_ASSETS_DATA_DIR": str(deployment.folder),
        "NBA_ASSETS_FIRST_DATE": SEASON_START.isoformat(),
        "NBA_ASSETS_SIMULATED_FIRST_SEASON": "2025",
        "NBA_ASSETS_SIMULATED_SEASONS": "1",
    }
    return subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=False, env=environment, timeout=60
    )


def test_the_report_is_written_where_it_is_asked_for(built: Sandbox, tmp_path: Path) -> None:
    result = run(built, "report", "there.html", *WHOLE)
    assert result.exit_code == 0
    assert words(result.stdout) == f"Written: {tmp_path / 'there.html'}"
    assert "<h2>Every date of every table</h2>" in (tmp_path / "there.html").read_text()
    astray = run(built, "report", str(tmp_path / "no folder" / "there.html"), *WHOLE)
    assert astray.exit_code == 1
    assert "the report cannot be written: " in astray.stderr
    refused = run(Sandbox(tmp_path / "nowhere"), "report")
    assert refused.exit_code == 1
    assert "there is no warehouse at" in refused.stderr


def test_where_nothing_was_predicted_there_is_nothing_to_evaluate(built: Sandbox) -> None:
    result = run(built, "evaluate", *WHOLE)
    assert result.exit_code == 1
    assert "Nothing that was predicted from 2025-10-01 … 2025-10-23 was played." in result.stdout
    assert as_json(built, "evaluate", *WHOLE) == []
