"""Launches range runs through Dagster, in this process, as its own command line does.

Events, check results and partitions land in the instance ``dagster dev`` shows.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.definitions import WHOLE_GRAPH, build_defs
from nba_assets.orchestration.chain import FROM_LEDGER
from nba_assets.orchestration.dagster_private import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    capture_interrupts,
    get_possibly_temporary_instance_for_cli,
)

if TYPE_CHECKING:
    from nba_assets.certification.ledger import Attempt
    from nba_assets.deployment import Deployment
    from nba_assets.operations.plan import Run


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Launched:
    """A run that has ended; ``crash`` is what went wrong besides dates not certified."""

    run_id: str
    crash: str | None


class Launcher:
    """Runs of a deployment in one Dagster instance."""

    def __init__(
        self,
        deployment: "Deployment",
        instance: dg.DagsterInstance,
        on_built: "Callable[[Sequence[Attempt]], None]",
    ) -> None:
        self._instance = instance
        self._job = build_defs(
            deployment.settings,
            tables=deployment.tables,
            source=deployment.source,
            warehouse=deployment.warehouse,
            on_built=on_built,
        ).resolve_job_def(WHOLE_GRAPH)

    def run(self, run: "Run", *, from_ledger: bool = False) -> Launched:
        """Run the tables for the dates of the range; what became of each is in the ledger.

        ``from_ledger`` builds nothing: what the ledger says of the dates is recorded once more.
        """
        with capture_interrupts():  # so that an interrupted run is recorded as ended
            result = self._job.execute_in_process(
                run_config=QUIET,
                instance=self._instance,
                asset_selection=[dg.AssetKey(name) for name in run.tables],
                tags={
                    ASSET_PARTITION_RANGE_START_TAG: run.first.isoformat(),
                    ASSET_PARTITION_RANGE_END_TAG: run.last.isoformat(),
                    **({FROM_LEDGER: "true"} if from_ledger else {}),
                },
                raise_on_error=False,
            )
        return Launched(result.run_id, None if result.success else _crash(result))


@contextmanager
def launcher(
    deployment: "Deployment", on_built: "Callable[[Sequence[Attempt]], None]"
) -> Iterator[Launcher]:
    """A launcher on the instance of this checkout."""
    with instance_here() as instance:
        yield Launcher(deployment, instance, on_built)


@contextmanager
def instance_here() -> Iterator[dg.DagsterInstance]:
    """The instance of this checkout, as ``dagster dev`` would choose it; a passing one without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        quiet = logging.getLogger("nba_assets.orchestration.launch")
        quiet.setLevel(logging.CRITICAL)
        with get_possibly_temporary_instance_for_cli("nba-assets", logger=quiet) as instance:
            yield instance


def is_seen_in_ui() -> bool:
    """Whether runs launched here outlive the process: else there is no instance to keep them."""
    return bool(os.environ.get("DAGSTER_HOME")) or Path("dagster.yaml").exists()


def _crash(result: dg.ExecuteInProcessResult) -> str | None:
    """What ended the run, if it was not the failure that names the held dates."""
    for event in result.get_step_failure_events():
        error = event.step_failure_data.error
        if error is not None:
            while error.cause is not None:
                error = error.cause
            if error.cls_name == dg.Failure.__name__:
                return None
            if error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
                return "interrupted"
            return error.message.strip()
    return "the run failed outside its step"
