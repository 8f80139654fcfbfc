"""Jobs for a hand in the UI: the commands ``repair`` and ``sync`` at a click.

Dagster's own "re-execute from failure" starts a run for every gap between failed dates, and what
reaches a date from earlier ones it does not know.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.operations.plan import Run
from nba_assets.operations.plan import repair as repair_until_done
from nba_assets.operations.report import named_gaps
from nba_assets.orchestration.picture import sync
from nba_assets.seasons import eastern_date

if TYPE_CHECKING:
    from nba_assets.deployment import Deployment


def show_the_ledger(deployment: "Callable[[], Deployment]") -> dg.OpDefinition:
    """The op that has Dagster show what the ledger says; of the job ``sync`` and the morning."""

    @dg.op(out=dg.Out(dg.Nothing))
    def show_the_ledger(context: dg.OpExecutionContext) -> None:
        """Records in Dagster what the ledger says, where the two differ; builds nothing."""
        found = sync(deployment(), context.instance)
        counts = Counter((name, told) for (name, _), told in found.items())
        lines = [f"- {name}: {number} dates {told}" for (name, told), number in counts.items()]
        text = "\n".join(lines) or "Dagster showed every date as the ledger has it."
        context.log.info(text)
        context.add_output_metadata({"shown otherwise": dg.MetadataValue.md(text)})

    return show_the_ledger


def jobs_by_hand(
    deployment: "Callable[[], Deployment]",
    show: dg.OpDefinition,
    now: Callable[[], datetime],
) -> list[dg.JobDefinition]:
    """The jobs ``repair`` and ``sync``; what they have run are runs of their own."""

    @dg.op(out=dg.Out(dg.Nothing))
    def run_what_must_run(context: dg.OpExecutionContext) -> None:
        """What is missing, held or stale, then what that made stale, until all is tried."""
        _repair(context, deployment(), eastern_date(now()) - timedelta(days=1))

    @dg.job(
        executor_def=dg.in_process_executor,
        description=(
            "What `nba-assets repair` does, on all past dates: runs what `nba-assets plan` lists, "
            "in as few runs as can be. Fails while a date is not complete."
        ),
    )
    def repair() -> None:
        run_what_must_run()

    @dg.job(
        name="sync",
        executor_def=dg.in_process_executor,
        description=(
            "What `nba-assets sync` does: where Dagster shows other than the ledger says, records "
            "what the ledger says once more."
        ),
    )
    def sync_job() -> None:
        show()

    return [repair, sync_job]


def _repair(context: dg.OpExecutionContext, deployment: "Deployment", last: date) -> None:
    from nba_assets.orchestration.launch import Launcher

    launcher = Launcher(deployment, context.instance, lambda _: None)

    def launch(batch: Sequence[Run]) -> None:
        for run in batch:
            launched = launcher.run(run)
            told = f"run {launched.run_id}: {run.first} … {run.last}, {', '.join(run.tables)}"
            context.log.info(told)
            if launched.crash:
                raise dg.Failure(f"{told}: {launched.crash}", allow_retries=False)

    dates = deployment.past_dates(last)
    repair_until_done(lambda: deployment.look(dates), launch)
    if (left := deployment.look(dates)).needs:
        raise dg.Failure(f"not complete: {named_gaps(left)}", allow_retries=False)
