"""The morning plan: certify yesterday, predict today, say how things stand; stop at what fails."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.errors import AlertNotDelivered, SettingsError
from nba_assets.operations.gates import Gate, gates
from nba_assets.operations.plan import Standing, runs
from nba_assets.operations.plan import plan as what_must_run
from nba_assets.operations.report import PredictionError, named_gaps, prediction_errors
from nba_assets.orchestration.alerts import MORNING
from nba_assets.orchestration.channels import channels, ping
from nba_assets.orchestration.dagster_private import is_valid_cron_schedule
from nba_assets.seasons import EASTERN, eastern_date, is_game_date, season_label, season_year
from nba_assets.settings import PREFIX

if TYPE_CHECKING:
    from nba_assets.deployment import Deployment


def morning_plan(
    deployment: "Callable[[], Deployment]",
    before_tipoff: Sequence[str],
    show: dg.OpDefinition,
    now: Callable[[], datetime],
    *,
    running: bool,
    cron: str,
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The job, of one op for each of its steps, and the schedule that runs it every morning.

    Raises:
        SettingsError: ``cron`` is no cron schedule.
    """

    @dg.op(ins={"shown": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def certify_yesterday(context: dg.OpExecutionContext) -> None:
        """Every gate of `nba-assets certify`, on every past date."""
        _certify(context, deployment(), now())

    @dg.op(ins={"certified": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def predict_today(context: dg.OpExecutionContext) -> None:
        """Features, the model where it is due, and predictions of today's games."""
        _predict(context, deployment(), eastern_date(now()), set(before_tipoff))

    @dg.op(ins={"predicted": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
    def summary(context: dg.OpExecutionContext) -> None:
        """How things stand, to every channel; the dead-man's switch hears that all is well."""
        _sum_up(context, deployment(), now())

    @dg.job(
        name=MORNING,
        executor_def=dg.in_process_executor,
        description=(
            "Certifies every past date, predicts today, and sums up; stops at the first gate that "
            "fails and says so."
        ),
    )
    def job() -> None:
        summary(predict_today(certify_yesterday(show())))

    if not is_valid_cron_schedule(cron):
        raise SettingsError(f"{PREFIX}MORNING: {cron!r} is no cron schedule, like '0 9 * * *' is")

    @dg.schedule(
        name=MORNING,
        job=job,
        cron_schedule=cron,
        execution_timezone=EASTERN.key,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    def schedule(_: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(run_key=f"{MORNING} {eastern_date(now())}")

    return job, schedule


def _certify(context: dg.OpExecutionContext, deployment: "Deployment", moment: datetime) -> None:
    past, found = _past(deployment, moment)
    context.add_output_metadata({"gates": dg.MetadataValue.md(_gates(found))})
    if failed := [gate for gate in found if not gate.passed]:
        told = "; ".join(f"{gate.name}: {gate.told}" for gate in failed)
        raise _stopped(context, deployment, "certify yesterday", f"{told}. {named_gaps(past)}")


def _predict(
    context: dg.OpExecutionContext, deployment: "Deployment", today: date, tables: set[str]
) -> None:
    from nba_assets.orchestration.launch import Launcher

    if not is_game_date(today) or season_year(today) not in deployment.source.seasons():
        return
    needs = what_must_run(_today(deployment, today, tables))
    for run in runs((need.key for need in needs if need.table_name in tables), deployment.tables):
        launched = Launcher(deployment, context.instance, lambda _: None).run(run)
        context.log.info("run %s: %s", launched.run_id, ", ".join(run.tables))
    left = _today(deployment, today, tables)
    if left.needs:
        raise _stopped(context, deployment, "predict today", named_gaps(left))


def _sum_up(context: dg.OpExecutionContext, deployment: "Deployment", moment: datetime) -> None:
    past, found = _past(deployment, moment)
    today = eastern_date(moment)
    errors: list[PredictionError] = []
    predicted = 0
    with deployment.reading() as engine:
        if engine:
            errors = prediction_errors(engine, past.tables, past.dates)
            predicted = engine.query(
                f"SELECT game_date FROM player_points_predictions WHERE game_date = DATE '{today}' "
                "AND information_set = 'morning'"
            ).num_rows
    text = _summary(today, found, errors, predicted)
    page = deployment.settings.data_dir / "report.html"
    page.write_text(deployment.page(past.dates, moment), encoding="utf-8")
    context.add_output_metadata(
        {"summary": dg.MetadataValue.md(text), "report": dg.MetadataValue.path(page.resolve())}
    )
    _send(context, deployment, text)
    try:
        if ping(deployment.settings):
            context.log.info("the dead-man's switch was told")
    except AlertNotDelivered as error:
        # Not hearing is what it is there for: it raises the alarm itself.
        context.log.warning("%s", error)


def _past(deployment: "Deployment", moment: datetime) -> tuple[Standing, list[Gate]]:
    settings = deployment.settings
    yesterday = eastern_date(moment) - timedelta(days=1)
    now = deployment.look(deployment.past_dates(yesterday))
    with deployment.reading() as engine:
        return now, gates(engine, now, settings.usage_rate_coverage_season)


def _today(deployment: "Deployment", day: date, tables: set[str]) -> Standing:
    return deployment.look([day]).within(tables, {day})


def _stopped(
    context: dg.OpExecutionContext, deployment: "Deployment", step: str, told: str
) -> dg.Failure:
    text = f"The morning plan stopped at: {step}. {told}"
    _send(context, deployment, text)
    return dg.Failure(text, allow_retries=False)


def _send(context: dg.OpExecutionContext, deployment: "Deployment", text: str) -> None:
    """To every channel that takes it; that one does not is the alerts' to tell."""
    for send in channels(deployment.settings, context.log.info).values():
        try:
            send(text)
        except AlertNotDelivered as error:
            context.log.warning("%s; it was not told: %s", error, text)


def _gates(found: Sequence[Gate]) -> str:
    rows = [f"| {'passed' if g.passed else '**failed**'} | {g.name} | {g.told} |" for g in found]
    return "\n".join(["| | gate | figures |", "|---|---|---|", *rows])


def _summary(
    today: date, found: Sequence[Gate], errors: Sequence[PredictionError], predicted: int
) -> str:
    lines = [f"**{today}**: every gate passed, {predicted} player-games predicted.", ""]
    lines += [f"- {gate.name}: {gate.told}" for gate in found]
    newest = max((one.season_year for one in errors), default=None)
    lines += [
        f"- {season_label(one.season_year)}, {one.predictor}: mean error {one.mae:.3f} points on "
        f"{one.player_games:,} player-games"
        for one in errors
        if one.season_year == newest and one.population == "all"
    ]
    return "\n".join(lines)
