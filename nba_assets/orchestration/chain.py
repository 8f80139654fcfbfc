"""The op that builds a selection of dated tables, and what it tells Dagster of each date.

Native steps hold back a whole range for one bad date, or let it pass. Here one op builds the tables
in order, each for all its dates: what was certified is materialized, date by date, with its check
results; at the end the run fails and names the rest. The ledger is the record; these events are its
picture in the UI.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from nba_assets.certification.digest import EMPTY_DIGEST
from nba_assets.certification.ledger import Attempt, Check, Status
from nba_assets.contracts.contract import Contract
from nba_assets.contracts.dated_table import DatedTable, FromSource, FromSQL
from nba_assets.operations.plan import span, spans
from nba_assets.orchestration.dagster_private import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    PARTITION_NAME_TAG,
    AssetCheckEvaluationTargetMaterializationData,
)
from nba_assets.seasons import season_year

if TYPE_CHECKING:
    from nba_assets.certification.publish import Publisher
    from nba_assets.certification.versions import Difference
    from nba_assets.operations.gates import CoverageGate

OWNER = "team:data-engineering"
"""who is asked about a table in the UI"""
MESSAGES_SHOWN = 20
TOLD_TOGETHER = 150
"""dates whose materializations and check results are recorded one after the other"""
SOURCE_CODE = Path(__file__).parents[1] / "assets"
COVERED = "player_game_summary"
SEASON_CHECK = "season_usage_rate"
"""the check of the table above that is about whole seasons"""
NOT_EVALUATED = "no row of the date reached the audit; see row_counts"
FROM_LEDGER = "nba_assets/from_ledger"
"""tag of a run that builds nothing, and tells what the ledger says of its dates"""
UNKNOWN = "the ledger has no record of it"


def build_chain(
    tables: Mapping[str, DatedTable],
    partitions: dg.DailyPartitionsDefinition,
    publisher: "Callable[[str], Publisher]",
    season_gates: "Callable[[], Sequence[CoverageGate]]",
    look: Callable[[str, date], Mapping[str, Any]],
) -> dg.AssetsDefinition:
    """The assets of all tables, computed by one op; ``publisher`` makes one for a run id.

    ``season_gates`` are those of ``certify``, of all that is certified when it is asked. ``look``
    gives the last certified date a run has of a table metadata beside what each date has.
    """
    with warnings.catch_warnings():
        # Partitioned checks are a preview in Dagster, which is pinned for their sake.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        checked = [check for table in tables.values() for check in check_specs(table, partitions)]
    checked += [season_check_spec() for name in tables if name == COVERED]

    @dg.multi_asset(
        name="dated_tables",
        specs=[asset_spec(table, partitions) for table in tables.values()],
        check_specs=checked,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def dated_tables(context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Builds the selected tables for the selected dates, in the order of the graph."""
        names = [name for name in tables if dg.AssetKey(name) in context.selected_asset_keys]
        whole = {key for key in context.selected_asset_check_keys if key.name == SEASON_CHECK}
        checks = context.selected_asset_check_keys - whole
        builder = publisher(context.run.run_id)
        recorded = _Recorded(context.instance)
        dates, is_named = _dates(context, partitions), _names_dates(context)
        _tag(context, dates)
        held: dict[str, list[Attempt]] = defaultdict(list)
        unknown: dict[str, list[date]] = defaultdict(list)
        build = builder.latest if FROM_LEDGER in context.run.tags else builder.build
        for _, season in groupby(dates, season_year):
            summary: list[str] = []
            season_dates = list(season)
            for name in names:
                attempts = build(name, season_dates)
                known = {attempt.game_date for attempt in attempts}
                unknown[name] += [day for day in season_dates if day not in known]
                if not attempts:
                    continue
                summary.append(_summary(name, attempts))
                inputs = _inputs(recorded, builder, tables[name], attempts)
                seen = _seen(builder, tables[name], attempts, look)
                # Together a part at a time, so that a run that is cancelled leaves few dates of
                # which one is told and not the other.
                for first in range(0, len(attempts), TOLD_TOGETHER):
                    part = attempts[first : first + TOLD_TOGETHER]
                    yield from _materializations(part, seen, inputs)
                    yield from _evaluations(recorded, part, checks, context.run.run_id)
                    yield from map(_observation, (a for a in part if not a.status.certified))
                held[name] += [a for a in attempts if not a.status.certified]
            # One line a season: each costs as much as the events of a date.
            context.log.info("\n".join(summary))
        for name in {key.asset_key.to_user_string() for key in checks}.difference(names):
            # A check run without its table repeats what the ledger says of the latest attempts.
            attempts = builder.latest(name, dates)
            if is_named and (never := sorted(set(dates).difference(a.game_date for a in attempts))):
                raise dg.Failure(
                    f"{name} was never run for {len(never)} dates, {never[0]} … {never[-1]}: there "
                    "is nothing to check; materialize them first",
                    allow_retries=False,
                )
            yield from _evaluations(recorded, attempts, checks)
            held[name] += [a for a in attempts if not a.status.certified]
        for key in checks:
            yield dg.Output(None, output_name=f"{key.asset_key.to_python_identifier()}_{key.name}")
        yield from (_season_result(key, season_gates()) for key in whole)
        if any(held.values()) or any(unknown.values()):
            failure, counts = _failure(held, unknown)
            context.instance.add_run_tags(context.run.run_id, {"not certified": counts})
            raise failure

    return dated_tables


def _tag(context: dg.AssetExecutionContext, dates: Sequence[date]) -> None:
    """The list of runs shows tags, and of a run over a range no other word of its dates."""
    if not context.has_partition_key:
        context.instance.add_run_tags(context.run.run_id, {"dates": span(dates[0], dates[-1])})


def _names_dates(context: dg.AssetExecutionContext) -> bool:
    """Whether the run is for some dates; "execute all checks" of the UI names none."""
    return bool(context.has_partition_key or context.has_partition_key_range)


def _dates(
    context: dg.AssetExecutionContext, partitions: dg.DailyPartitionsDefinition
) -> list[date]:
    """The dates of the run, ascending; every one for checks alone where none is named.

    Raises:
        Failure: a date that was named is no partition, for which Dagster would run another one; or
            tables are to be built and no date is named.
    """
    if not _names_dates(context):
        if context.selected_asset_keys:
            raise dg.Failure("name the dates to build: choose partitions", allow_retries=False)
        return [date.fromisoformat(key) for key in partitions.get_partition_keys()]
    named = (PARTITION_NAME_TAG, ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
    for key in (context.run.tags[tag] for tag in named if tag in context.run.tags):
        if not partitions.has_partition_key(key):
            raise dg.Failure(
                f"{key} is no partition: there are the dates from {partitions.start:%Y-%m-%d} to "
                "today, without July to September; nothing was run",
                allow_retries=False,
            )
    return sorted(date.fromisoformat(key) for key in context.partition_keys)


def asset_spec(table: DatedTable, partitions: dg.DailyPartitionsDefinition) -> dg.AssetSpec:
    """How the UI shows a table: its contract as description, columns, lineage."""
    contract = table.contract
    return dg.AssetSpec(
        table.name,
        deps=[
            dg.AssetDep(name, partition_mapping=dg.IdentityPartitionMapping())
            for name in table.upstream_tables()
        ],
        group_name=contract.group,
        description=f"{contract.description}\n\nGrain: {', '.join(contract.grain)}.",
        partitions_def=partitions,
        skippable=True,
        code_version=f"{contract.version}-{table.code_version}",
        kinds={*_kinds(table), "table"},
        owners=[OWNER],
        tags={"unit": contract.unit.value, "due": contract.due.value},
        metadata={
            "reference": dg.MetadataValue.path(f"docs/reference/tables.md#{table.name}"),
            "dagster/code_references": _source_code(contract),
            "dagster/column_schema": column_schema(contract),
            "dagster/table_name": table.name,
            **_lineage(contract),
        },
    )


def _source_code(contract: Contract) -> dg.CodeReferencesMetadataValue:
    """Where the table is written, which is not where its asset is made."""
    file = SOURCE_CODE / contract.group / f"{contract.table}.py"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.CodeReferencesMetadataValue(
            code_references=[
                dg.LocalFileCodeReference(file_path=f"{file}", line_number=1, label=file.name)
            ]
        )


def check_specs(
    table: DatedTable, partitions: dg.DailyPartitionsDefinition
) -> Iterator[dg.AssetCheckSpec]:
    """The blocking checks of a table, recorded for every date."""
    for name in table.contract.checks:
        yield dg.AssetCheckSpec(
            name,
            asset=table.name,
            blocking=True,
            partitions_def=partitions,
            description=check_description(table.contract, name),
        )


def season_check_spec() -> dg.AssetCheckSpec:
    """The gate of whole seasons, which no date has alone."""
    return dg.AssetCheckSpec(
        SEASON_CHECK,
        asset=COVERED,
        blocking=True,
        description=(
            "usage_rate is there on the required share of the certified rows with minutes > 0, in "
            "every season and overall: the gate of `nba-assets certify`."
        ),
    )


def _season_result(key: dg.AssetCheckKey, gates: "Sequence[CoverageGate]") -> dg.AssetCheckResult:
    """Nothing certified does not pass, but warns: a season begins with empty dates."""
    failed = [gate for gate in gates if not gate.passed]
    told = "; ".join(f"{gate.name}: {gate.told}" for gate in failed or gates[-1:])
    return dg.AssetCheckResult(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=bool(gates) and not failed,
        severity=dg.AssetCheckSeverity.ERROR if gates else dg.AssetCheckSeverity.WARN,
        description=told or "no certified row with minutes > 0: nothing to judge by",
        metadata={gate.period: round(100 * gate.share, 2) for gate in gates},
    )


def check_description(contract: Contract, name: str) -> str:
    """What a check of a table looks at, from its rules."""
    rules = [rule.name for rule in contract.rules if rule.check == name]
    purpose = {
        "row_counts": "Every game of the schedule is there, once, with as many records as expected",
        "contract": "Grain, types, NULLs, allowed values, bounds and identities of every row",
    }.get(name, name.replace("_", " ").capitalize())
    return f"{purpose}. Rules: {', '.join(dict.fromkeys(rules))}." if rules else f"{purpose}."


def column_schema(contract: Contract) -> dg.TableSchema:
    """The documented columns of a contract."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in contract.columns
        ]
    )


def _kinds(table: DatedTable) -> set[str]:
    """How the rows come to be."""
    match table.produce:
        case FromSource():
            return {"nba"}
        case FromSQL():
            return {"sql"}
    return {"python", "xgboost"}


def _lineage(contract: Contract) -> dict[str, Any]:
    by_column = {
        column.name: [
            dg.TableColumnDep(dg.AssetKey(origin.partition(".")[0]), origin.partition(".")[2])
            for origin in column.lineage
        ]
        for column in contract.columns
        if column.lineage
    }
    return {"dagster/column_lineage": dg.TableColumnLineage(by_column)} if by_column else {}


def _materializations(
    attempts: Sequence[Attempt],
    seen: Mapping[date, Mapping[str, Any]],
    inputs: Mapping[date, Mapping[str, str]],
) -> Iterator[dg.AssetMaterialization]:
    for attempt in attempts:
        day = attempt.game_date
        if attempt.status.certified:
            yield _materialization(attempt, seen.get(day, {}), inputs.get(day, {}))


class _Recorded:
    """The latest materialization of each date, as the event log numbers them; asked for once."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._instance = instance
        self._known: dict[str, dict[date, int | None]] = defaultdict(dict)

    def anew(self, table: str, days: Iterable[date]) -> Mapping[date, int | None]:
        """Asked for after more has been recorded."""
        wanted = list(days)
        found = self._instance.event_log_storage.get_latest_storage_id_by_partition(
            dg.AssetKey(table),
            dg.DagsterEventType.ASSET_MATERIALIZATION,
            {day.isoformat() for day in wanted},
        )
        self._known[table] |= {day: found.get(day.isoformat()) for day in wanted}
        return self._known[table]

    def known(self, table: str, days: Iterable[date]) -> Mapping[date, int | None]:
        """As it was when it was last asked for."""
        unknown = [day for day in days if day not in self._known[table]]
        return self.anew(table, unknown) if unknown else self._known[table]


def _inputs(
    recorded: _Recorded,
    builder: "Publisher",
    table: DatedTable,
    attempts: Sequence[Attempt],
) -> dict[date, dict[str, str]]:
    """By date the tags that say which version of each upstream table was read.

    By them the UI calls a date "unsynced" when one of these has another version, and only then.
    What reaches it from earlier dates the ledger alone knows: `nba-assets plan`.
    """
    days = [attempt.game_date for attempt in attempts if attempt.status.certified]
    upstream = table.upstream_tables()
    tags: dict[date, dict[str, str]] = defaultdict(dict)
    for (name, day), digest in builder.digests(upstream, days).items() if days else ():
        if pointer := recorded.known(name, days)[day]:
            tags[day] |= {
                f"{INPUT_DATA_VERSION_TAG_PREFIX}/{name}": data_version(digest),
                f"{INPUT_EVENT_POINTER_TAG_PREFIX}/{name}": str(pointer),
            }
    return tags


def _evaluations(
    recorded: _Recorded,
    attempts: Sequence[Attempt],
    selected: "set[dg.AssetCheckKey] | frozenset[dg.AssetCheckKey]",
    materialized_by: str | None = None,
) -> Iterator[dg.AssetCheckEvaluation]:
    # A later attempt that was not certified is told on the version that stands.
    stored = recorded.anew(attempts[0].table_name, [one.game_date for one in attempts])
    for attempt in attempts:
        looked = {check.name: check for check in attempt.checks}
        storage_id = stored[attempt.game_date]
        for key in selected:
            if key.asset_key.to_user_string() == attempt.table_name:
                check = looked.get(key.name) or Check(
                    key.name, passed=True, figures={"not_evaluated": NOT_EVALUATED}
                )
                # A run that found nothing new repeats the record of an earlier one.
                yield _evaluation(attempt, check, storage_id, materialized_by or attempt.run_id)


def _materialization(
    attempt: Attempt, seen: Mapping[str, Any], inputs: Mapping[str, str]
) -> dg.AssetMaterialization:
    metadata: dict[str, Any] = {
        # The plots of a table go by date; those of its checks by when they were recorded.
        **_figures(attempt),
        "dagster/partition_row_count": attempt.stored_rows,
        "status": attempt.status.value,
        "attempt": attempt.attempt,
    }
    if attempt.expected_records is not None and attempt.actual_records is not None:
        metadata["expected_records"] = attempt.expected_records
        metadata["actual_records"] = attempt.actual_records
    if attempt.completeness is not None:
        metadata["completeness"] = attempt.completeness
    if attempt.message:
        metadata["message"] = attempt.message
    metadata |= seen
    return dg.AssetMaterialization(
        attempt.table_name,
        partition=attempt.game_date.isoformat(),
        metadata=metadata,
        tags={
            "dagster/data_version": data_version(attempt.digest),
            "dagster/data_version_is_user_provided": "true",
            "dagster/code_version": f"{attempt.contract_version}-{attempt.code_version}",
            **inputs,
        },
    )


def _figures(attempt: Attempt) -> dict[str, float]:
    """All numbers of the checks of an attempt, but for those the record has itself."""
    return {
        name: value
        for check in attempt.checks
        for name, value in check.figures.items()
        if isinstance(value, int | float) and name not in ("rows", "expected", "actual")
    }


def data_version(digest: str | None) -> str:
    """The version Dagster shows of a date, from the digest of its rows."""
    return digest or EMPTY_DIGEST


def _observation(attempt: Attempt) -> dg.AssetObservation:
    """What the page of a red date says: that no readers see it, why, and what to ask next."""
    table, day = attempt.table_name, attempt.game_date
    causes = [
        f"- {cause.table_name} {cause.game_date} {cause.game_id or ''}: {cause.detail}"
        for cause in attempt.causes[:MESSAGES_SHOWN]
    ]
    figures = {
        name: getattr(attempt, name)
        for name in ("expected_records", "actual_records", "completeness")
        if getattr(attempt, name) is not None
    }
    return dg.AssetObservation(
        table,
        partition=day.isoformat(),
        metadata={
            "status": attempt.status.value,
            "attempt": attempt.attempt,
            **figures,
            "readers see": _seen_by_readers(attempt),
            "why": dg.MetadataValue.md("\n".join(causes) or attempt.message),
            "next": dg.MetadataValue.md(
                f"`nba-assets quarantine show {table} {day}`, `nba-assets history {table} {day}`; "
                f"once it is mended, `nba-assets repair --from {day} --to {day}`"
            ),
        },
    )


def _seen_by_readers(attempt: Attempt) -> str:
    if attempt.stored_status and attempt.stored_status.certified:
        return (
            f"the {attempt.stored_status} version of publication {attempt.stored_publication}, "
            "which this attempt does not replace"
        )
    return "nothing of this date"


def _seen(
    builder: "Publisher",
    table: DatedTable,
    attempts: Sequence[Attempt],
    look: Callable[[str, date], Mapping[str, Any]],
) -> dict[date, dict[str, Any]]:
    """By date what is worth a look: the first of its rows, and what a correction changed."""
    found: dict[date, dict[str, Any]] = defaultdict(dict)
    if certified := [one.game_date for one in attempts if one.status.certified]:
        last = certified[-1]
        found[last] |= look(table.name, last)
    if table.highlights:
        for day, rows in builder.highlights(attempts).items():
            found[day][table.highlights.title] = as_table(rows)
    for day, restated in builder.restated(attempts).items():
        found[day] |= _changes(restated)
    return found


def as_table(rows: Iterable[Mapping[str, Any]]) -> dg.TableMetadataValue:
    """Rows of the same columns as the UI shows them, with three decimals."""

    def short(value: Any) -> Any:
        return round(value, 3) if isinstance(value, float) else value

    return dg.MetadataValue.table(
        [dg.TableRecord({name: short(value) for name, value in row.items()}) for row in rows]
    )


def _changes(restated: "Difference") -> dict[str, Any]:
    """How a correction changed a certified date, before and after."""

    def named(row: Mapping[str, Any]) -> str:
        return " ".join(str(row[name]) for name in restated.grain)

    lines = [f"- came: {named(row)}" for row in restated.came]
    lines += [f"- went: {named(row)}" for row in restated.went]
    lines += [
        f"- {named(row)}: " + ", ".join(f"{name} {was} → {now}" for name, (was, now) in of.items())
        for row, of in restated.changed
    ]
    day = restated.new.game_date
    if len(lines) > MESSAGES_SHOWN:
        more = f"- … `nba-assets diff {restated.new.table_name} {day}` lists all {len(lines)}"
        lines = [*lines[:MESSAGES_SHOWN], more]
    return {
        "rows_came": len(restated.came),
        "rows_went": len(restated.went),
        "rows_changed": len(restated.changed),
        "changes": dg.MetadataValue.md("\n".join(lines)),
    }


def _evaluation(
    attempt: Attempt, check: Check, storage_id: int | None, run_id: str
) -> dg.AssetCheckEvaluation:
    """A check result of one date. The documented ``AssetCheckResult`` has no partition, and a
    blocking failure of one date would stop the step, so the event itself does not block.
    """
    metadata: dict[str, Any] = {
        name: value for name, value in check.figures.items() if value is not None
    }
    metadata["attempt"] = f"{attempt.attempt}"  # as a number it would be plotted
    if not attempt.status.certified:
        metadata["readers see"] = _seen_by_readers(attempt)
    shown = check.violations or check.warnings
    if shown:
        metadata["found"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in shown[:50]))
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(attempt.table_name),
        check_name=check.name,
        passed=check.passed,
        severity=(
            dg.AssetCheckSeverity.WARN
            if check.passed and check.warnings
            else dg.AssetCheckSeverity.ERROR
        ),
        # The log of a run lists the results of many dates and names none.
        description=f"{attempt.game_date}: {shown[0]}" if shown else f"{attempt.game_date}",
        metadata=metadata,
        partition=attempt.game_date.isoformat(),
        blocking=False,
        target_materialization_data=(
            AssetCheckEvaluationTargetMaterializationData(
                storage_id=storage_id,
                run_id=run_id,
                timestamp=attempt.recorded_at.timestamp(),
            )
            if storage_id is not None
            else None
        ),
    )


def _summary(name: str, attempts: Sequence[Attempt]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for attempt in attempts:
        counts[attempt.status.value] += 1
    listed = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    return f"{name} {attempts[0].game_date} … {attempts[-1].game_date}: {listed}"


def _failure(
    held: Mapping[str, Sequence[Attempt]], unknown: Mapping[str, Sequence[date]]
) -> tuple[dg.Failure, str]:
    """The end of a run in which not every date was certified, and its counts: the causes, then a
    count of what waits for them, then of what is not broken but still to be played.
    """
    everything = [attempt for attempts in held.values() for attempt in attempts]
    pending = [one for one in everything if one.status is Status.PENDING]
    broken = [one for one in everything if one.status is not Status.PENDING]
    causes = [one for one in broken if _is_cause(one)]
    waiting = [one for one in broken if not _is_cause(one)] if causes else []
    lines = [
        f"{name} {span(first, last)}: {UNKNOWN}"
        for name, days in unknown.items()
        for first, last in spans(days)
    ]
    for (name, status, message), alike in groupby(
        causes or broken, lambda one: (one.table_name, one.status, one.message)
    ):
        days = [attempt.game_date for attempt in alike]
        lines.append(f"{name} {span(days[0], days[-1])} {status}: {message}")
    shown = lines[:MESSAGES_SHOWN]
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more; `nba-assets status` lists them all")
    if waiting:
        shown.append(f"waiting for these: {_by_table(waiting)}")
    if pending:
        shown.append(f"not broken, but games are still to be played: {_by_table(pending)}")
    dates = sorted({one.game_date for one in everything}.union(*unknown.values()))
    states = Counter(one.status.value for one in everything)
    if missing := sum(map(len, unknown.values())):
        states["UNKNOWN"] = missing
    counts = ", ".join(f"{number} {status}" for status, number in sorted(states.items()))
    failure = dg.Failure(
        description=(
            f"{len(dates)} of the selected dates not certified in every selected table, "
            f"{span(dates[0], dates[-1])} ({counts}); what is named here "
            "was not published, all else was.\n" + "\n".join(shown)
        ),
        metadata={"held_dates": dg.MetadataValue.json([day.isoformat() for day in dates])},
        allow_retries=False,
    )
    return failure, counts


def _is_cause(attempt: Attempt) -> bool:
    """Whether something is wrong here, and not only upstream."""
    own = (cause.is_of(attempt.table_name, attempt.game_date) for cause in attempt.causes)
    return not attempt.causes or any(own)


def _by_table(attempts: Sequence[Attempt]) -> str:
    counts = Counter(attempt.table_name for attempt in attempts)
    return ", ".join(f"{name} {number}" for name, number in counts.items())
