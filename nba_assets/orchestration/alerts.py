"""The sensor that tells a human: each finding once, in one message, and when it is over."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.errors import AlertNotDelivered, SourceError
from nba_assets.operations.findings import (
    Finding,
    Told,
    news,
    of_dates,
    of_drift,
    of_gates,
)
from nba_assets.operations.gates import coverage_gates
from nba_assets.operations.report import prediction_errors
from nba_assets.operations.watch import given_up, remembered
from nba_assets.orchestration.channels import channels
from nba_assets.orchestration.health import full, unwatched
from nba_assets.orchestration.sensors import WATCHER
from nba_assets.seasons import eastern_date

if TYPE_CHECKING:
    from nba_assets.deployment import Deployment

ALERTS = "alerts"
MORNING = "morning_plan"
RECENT = 28
"""dates the model's latest errors are told of"""


@dataclass(frozen=True)
class Found:
    """What is wrong; ``blind`` tells why dates could not be looked at, where they could not."""

    findings: Sequence[Finding]
    blind: str = ""


def findings(deployment: "Deployment", instance: dg.DagsterInstance, moment: datetime) -> Found:
    """All that is wrong at a moment: dates, gates, the model, the watcher, channels, the disk."""
    found: list[Finding] = []
    blind = ""
    try:
        found += _of_tables(deployment, instance, moment)
    except SourceError as error:
        blind = f"{type(error).__name__}: {error}"
    _, failed = _read(_cursor(instance, ALERTS))
    found += [
        Finding(
            f"channel {name}", "watching", {(None, None): told}, "Nobody is told there: mend it"
        )
        for name, told in failed.items()
    ]
    if deployment.settings.is_watching:
        found += watching(deployment, instance, moment)
    return Found([*found, *full(deployment.settings.data_dir)], blind)


def _of_tables(
    deployment: "Deployment", instance: dg.DagsterInstance, moment: datetime
) -> list[Finding]:
    settings = deployment.settings
    dates = deployment.past_dates(eastern_date(moment))
    now = deployment.look(dates)
    in_vain = given_up(now, remembered(_cursor(instance, WATCHER)))
    found = of_dates(now, in_vain, timedelta(hours=settings.expected_hours), moment)
    with deployment.reading() as engine:
        if engine and dates:
            found += of_gates(
                coverage_gates(engine, now.tables, dates, settings.usage_rate_coverage_season)
            )
            seasons, recent = (
                prediction_errors(engine, now.tables, days) for days in (dates, dates[-RECENT:])
            )
            found += of_drift(seasons, recent)
    return found


def watching(
    deployment: "Deployment", instance: dg.DagsterInstance, moment: datetime
) -> list[Finding]:
    """What keeps the deployment from looking after itself."""
    schedules = {MORNING: deployment.settings.morning}
    return list(unwatched(instance, (WATCHER, ALERTS), schedules, moment))


def _cursor(instance: dg.DagsterInstance, sensor: str) -> str | None:
    """What a sensor remembers."""
    for state in instance.all_instigator_state():
        if state.instigator_name == sensor:
            cursor: str | None = getattr(state.instigator_data, "cursor", None)
            return cursor
    return None


def alerts(
    deployment: "Callable[[], Deployment]",
    now: Callable[[], datetime],
    *,
    running: bool,
    seconds: int,
) -> dg.SensorDefinition:
    """A sensor that sends what is new in ``findings`` to every channel, and what is over.

    Its cursor is what each channel was told. One that fails is told again at the next tick, and the
    others are told that it fails. While the source is down nothing is over; that it is down is told
    when the watcher has failed on it for some ticks.
    """

    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=seconds,
        default_status=(
            dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED
        ),
        description=(
            "Tells the log, and the webhook and Slack where they are set up, what is late, held, "
            "gone, given up or no longer watched: each once, in one message, and when it is over."
        ),
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        chosen = deployment()
        found = findings(chosen, context.instance, now())
        told, _ = _read(context.cursor)
        failed: dict[str, str] = {}
        message = ""
        for name, send in channels(chosen.settings, context.log.warning).items():
            text, known = news(found.findings, told.get(name, {}), blind=bool(found.blind))
            try:
                if text:
                    send(text)
                    message = text
                told[name] = known
            except AlertNotDelivered as error:
                failed[name] = str(error)
        return dg.SensorResult(
            skip_reason="\n".join(
                [message or f"nothing new; {len(found.findings)} findings stand", *failed.values()]
            ),
            cursor=_written(told, failed),
        )

    return alerts


def _read(cursor: str | None) -> tuple[dict[str, Told], dict[str, str]]:
    """What each channel was told, and why those that took nothing did not."""
    stored = json.loads(cursor) if cursor else {"told": {}, "failed": {}}
    told: dict[str, Told] = {
        channel: {
            key: (
                title,
                frozenset((date.fromisoformat(d) if d else None, game) for d, game in facts),
            )
            for key, (title, facts) in findings.items()
        }
        for channel, findings in stored["told"].items()
    }
    failed: dict[str, str] = stored["failed"]
    return told, failed


def _written(told: Mapping[str, Told], failed: Mapping[str, str]) -> str:
    return json.dumps(
        {
            "told": {
                channel: {
                    key: (title, sorted((f"{day or ''}", game) for day, game in facts))
                    for key, (title, facts) in findings.items()
                }
                for channel, findings in told.items()
            },
            "failed": failed,
        }
    )
