"""Many processes that open a fresh instance at once all find it whole."""

import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

CHECKOUT = Path(__file__).parents[2]
OPEN = """
import dagster as dg
with dg.DagsterInstance.get() as instance:
    assert instance.get_runs() == []
    assert instance.event_log_storage.get_records_for_run('none').records == []
    assert list(instance.all_instigator_state()) == []
    for storage in (instance.run_storage, instance.schedule_storage, instance.event_log_storage):
        current, head = storage.alembic_version()
        assert current == head, (storage, current, head)
"""


@pytest.mark.parametrize("processes", [8])
def test_17_processes_that_start_together_set_up_one_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    shutil.copy(CHECKOUT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    started = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", OPEN], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]

    assert [process.returncode for process in started] == [0] * processes, "\n".join(said)


def test_a_copy_of_the_file_elsewhere_writes_there_and_not_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    shutil.copy(CHECKOUT / "dagster.yaml", home)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.chdir(here)

    @dg.job
    def nothing() -> None:
        """Do nothing."""

    with dg.DagsterInstance.get() as instance:
        nothing.execute_in_process(instance=instance)
        with instance.compute_log_manager.capture_logs(["run", "compute_logs", "step"]):
            print("said")  # noqa: T201 - it is what is captured
    assert list(here.iterdir()) == []
    folders = {path.relative_to(home).parts[:2] for path in home.rglob("*.db")}
    assert folders == {(".dagster", "history"), (".dagster", "schedules")}
    assert (home / ".dagster" / "logs" / "run").is_dir()
