"""The jobs for a hand in the UI do what the commands do."""

from pathlib import Path

import dagster as dg

from nba_assets_tests.orchestration.dagster_runs import colors, failure
from nba_assets_tests.orchestration.service import Service
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox


def _run(service: Service, job: str) -> dg.ExecuteInProcessResult:
    return service.definitions.resolve_job_def(job).execute_in_process(
        instance=service.instance, raise_on_error=False
    )


def test_repair_runs_what_must_run_and_fails_while_a_date_is_not_complete(
    built: Sandbox, tmp_path: Path
) -> None:
    game = built.league.games(SLATES[8])[0]
    rows = built.league.copy()
    built.league.drop("team_box_scores", game)
    built.build_all()
    service = Service(built, tmp_path / "home")
    runs = service.instance.get_runs_count()
    told = failure(_run(service, "repair"))
    assert told.startswith(f"not complete: team_box_scores {SLATES[8]} HELD: {game} (")
    assert service.instance.get_runs_count() - runs > 1

    service.close()
    mended = Service(Sandbox(built.folder, rows), tmp_path / "home")
    assert _run(mended, "repair").success
    assert set(colors(mended.instance, "team_box_scores", [SLATES[8]]).values()) == {"MATERIALIZED"}
    mended.close()


def test_sync_shows_what_the_ledger_says(built: Sandbox, tmp_path: Path) -> None:
    service = Service(built, tmp_path / "home")
    assert not colors(service.instance, "schedule", [LAST])
    for _ in range(2):
        runs = service.instance.get_runs_count()
        result = _run(service, "sync")
        assert result.success
        assert colors(service.instance, "schedule", [LAST]) == {LAST: "MATERIALIZED"}
    assert service.instance.get_runs_count() == runs + 1, "what agrees is not recorded again"
    service.close()
