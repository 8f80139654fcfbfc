"""Many processes that open a fresh instance at once all find it whole."""

import shutil
import subprocess
import sys
from pathlib import Path

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
