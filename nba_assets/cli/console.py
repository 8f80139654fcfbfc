"""How plans and reports look on a terminal: what is wrong first, why, and what to do about it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nba_assets.operations.gates import CoverageGate
from nba_assets.operations.plan import Need, Run, span, spanned, spans
from nba_assets.operations.report import (
    STATES,
    Gap,
    PredictionError,
    Rejected,
    tally,
    told,
    total_by_state,
)
from nba_assets.seasons import season_label

if TYPE_CHECKING:
    from pathlib import Path

    from nba_assets.certification.ledger import Attempt, Ruling, Rulings
    from nba_assets.certification.vacuum import Dead
    from nba_assets.certification.versions import Difference
    from nba_assets.operations.evaluation import Evaluation
    from nba_assets.operations.explanation import Explanation
    from nba_assets.operations.plan import Standing
    from nba_assets.operations.trials import Outcome, Trial
    from nba_assets.orchestration.retention import Old

SHOWN = 12
"""lines of a list that is not asked for whole"""
WIDTH = 120
"""where the output is not a terminal"""
WIDEST = 1000
"""of a table of figures; lists with reasons in them are no tables"""
CUT = 240
"""characters of a reason that is not asked for whole"""
GOOD = ("COMPLETE", "EMPTY_OK", "WARMUP", "WAIVED")
COLOURS = {
    "PENDING": "yellow",
    "HELD": "yellow",
    "STALE": "yellow",
    "DAMAGED": "red",
    "MISSING": "yellow",
    "QUARANTINED": "red",
    "FAILED": "red",
}
ADVICE = {
    "QUARANTINED": "see the rows with `nba-assets quarantine show TABLE DATE`; when the source is "
    "mended, `nba-assets repair`; if it never will be, `nba-assets waive TABLE GAME_ID`",
    "FAILED": "mend what the message names, then `nba-assets repair`",
    "HELD": "when the source has it, `nba-assets repair`; if it never will, "
    "`nba-assets waive TABLE GAME_ID`; what vanished for good, `nba-assets accept TABLE GAME_ID`",
    "DAMAGED": "rows were changed behind the ledger; `nba-assets repair` stores them again",
    "PENDING": "games are not final yet; `nba-assets repair` after they are",
    "MISSING": "`nba-assets repair` runs them, or `nba-assets backfill --from --to` a part",
    "STALE": "`nba-assets repair`",
}


def console(*, stderr: bool = False) -> Console:
    """A console that uses the terminal's width, and enough of it where there is none."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = max(made.width, WIDTH)
    return made


def show(*parts: RenderableType) -> None:
    """Print tables and sentences unbroken, whatever the terminal: all of it can be copied."""
    out = console()
    for part in parts:
        if isinstance(part, Group):
            show(*part.renderables)
        elif isinstance(part, Table):
            whole = Measurement.get(out, out.options.update(max_width=WIDEST), part).maximum
            out.print(part, width=whole, crop=False, no_wrap=True)
        else:
            out.print(part, soft_wrap=True, markup=False)


def plural(number: int, one: str) -> str:
    """The number with its noun: 1 date, 2,417 dates."""
    return f"{number:,} {one}{'' if number == 1 else 's'}"


def verdict(standing: "Standing") -> Text:
    """The first line of a report: whether every date is complete."""
    days = standing.dates
    period = f"{span(days[0], days[-1])} ({plural(len(days), 'date')})"
    cells = len(days) * len(standing.tables)
    if not standing.needs:
        tables = plural(len(standing.tables), "table")
        waived = {day for (_, day), status in standing.statuses.items() if status == "WAIVED"}
        without = (
            f", {plural(len(waived), 'date')} but for waived games (`nba-assets waivers`)"
            if waived
            else ""
        )
        return Text(f"Yes: {period}: every date is complete in {tables}{without}.", "bold green")
    dates = len({day for _, day in standing.needs})
    return Text(
        f"No: {period}: {plural(dates, 'date')} not complete "
        f"({len(standing.needs):,} of {cells:,} table-dates).",
        "bold red",
    )


def ruling(*, passed: bool) -> Text:
    """The last line of the gate."""
    return Text("CERTIFIED", "bold green") if passed else Text("NOT CERTIFIED", "bold red")


def totals(standing: "Standing") -> Text:
    """How many table-dates are in which state, in one line."""
    total = total_by_state(standing)
    states = (f"{total[name]:,} {name.lower()}" for name in STATES if total[name])
    return Text(f"Table-dates: {', '.join(states)}.")


def matrix(standing: "Standing") -> RenderableType:
    """Tables by seasons: how many dates are complete, or of how many."""
    counts = tally(standing)
    years = sorted({year for _, year in counts})
    table = _plain_table("table")
    for year in years:
        table.add_column(season_label(year), justify="right")
    for name in standing.tables:
        table.add_row(name, *(_cell(counts[name, year]) for year in years))
    return _section("Dates complete", table)


def states(standing: "Standing") -> RenderableType:
    """Tables by seasons: how many dates are in which state."""
    counts = tally(standing)
    used = [state for state in STATES if any(count[state] for count in counts.values())]
    table = _plain_table("table", "season")
    for state in used:
        table.add_column(state.lower(), justify="right", style=COLOURS.get(state))
    for (name, year), count in counts.items():
        table.add_row(name, season_label(year), *(str(count[state] or "") for state in used))
    return _section("Dates by state", table)


def causes(gaps: Sequence[Gap], *, everything: bool) -> RenderableType:
    """The gaps that have a cause of their own, then what waits for them."""
    own = [gap for gap in gaps if not gap.waits]
    waiting = [gap for gap in gaps if gap.waits]
    parts: list[RenderableType] = [""]
    shown = own if everything else own[:SHOWN]
    for state, alike in groupby(sorted(shown, key=_by_state), lambda gap: gap.state):
        listed = list(alike)
        parts.append(Text(f"{state.lower()}: {ADVICE[state]}", COLOURS[state]))
        parts.append(_gaps(listed, everything=everything))
    if len(shown) < len(own):
        parts.append(_more(len(own) - len(shown), "range"))
    if waiting:
        by_table = Counter[str]()
        for gap in waiting:
            by_table[gap.table_name] += gap.dates
        told = ", ".join(f"{name} {number:,}" for name, number in by_table.items())
        parts.append(Text(f"waiting for these, and run with them by `nba-assets repair`: {told}"))
        if everything:
            parts.append(_gaps(waiting, everything=everything))
    return Group(*parts)


def coverages(gates: Sequence[CoverageGate]) -> RenderableType:
    """usage_rate coverage by season and overall, beside the gate."""
    table = _plain_table("season")
    for name in ("rows", "with usage_rate", "coverage"):
        table.add_column(name, justify="right")
    for gate in gates:
        share = Text(f"{100 * gate.share:.2f} %", "green" if gate.passed else "red")
        table.add_row(gate.period, f"{gate.rows:,}", f"{gate.with_usage_rate:,}", share)
    required = gates[0].required
    return _section(f"usage_rate on rows with minutes > 0 (gate: {required:.0%})", table)


def errors(found: Sequence[PredictionError]) -> RenderableType:
    """Mean absolute error of the model beside its baselines, by season."""
    everyone = [one for one in found if one.population == "all"]
    predictors = list(dict.fromkeys(one.predictor for one in everyone))
    predictors.sort(key=lambda name: name != "xgboost")
    table = _plain_table("season")
    for name in ("player-games", *predictors, "bias", "inside 80 % interval"):
        table.add_column(name, justify="right")
    for year, season in groupby(everyone, lambda one: one.season_year):
        by_name = {one.predictor: one for one in season}
        best = min(one.mae for one in by_name.values())
        model = by_name.get("xgboost")
        table.add_row(
            season_label(year),
            f"{next(iter(by_name.values())).player_games:,}",
            *(
                Text(f"{by_name[name].mae:.3f}", "green" if by_name[name].mae == best else "")
                if name in by_name
                else ""
                for name in predictors
            ),
            f"{model.bias:+.2f}" if model else "",
            f"{100 * model.within_80:.1f} %" if model and model.within_80 is not None else "",
        )
    return _section("Mean absolute error in points, same player-games", table)


def evaluation(found: "Evaluation") -> RenderableType:
    """What the predictions of a period were worth, a table a population."""
    period = span(found.first, found.last)
    if not found.evidence:
        told = "was told before tip-off" if found.as_told else "was predicted"
        return Text(f"Nothing that {told} from {period} was played.", "bold red")
    parts: list[RenderableType] = []
    for one in found.evidence:
        table = _plain_table("predictor")
        for name in ("player-games", "error", "rounded", "bias", "to rules core", "model minus it"):
            table.add_column(name, justify="right")
        model, core = one.scores[0], next(s for s in one.scores if s.predictor == "rules_core")
        for score in one.scores:
            against = model.against.get(score.predictor)
            table.add_row(
                score.predictor,
                f"{score.n:,}",
                f"{score.mae:.4f}",
                f"{score.mae_rounded:.4f}",
                f"{score.bias:+.3f}",
                f"{100 * (score.mae / core.mae - 1):+.2f} %",
                f"{against.low:+.3f} … {against.high:+.3f}" if against else "",
            )
        title = f"{period}, {one.population}, known by {one.information_set}: points, 90 % interval"
        parts.append(_section(title, table))
        parts.append(
            Text(
                f"Inside the 80 % interval {100 * one.covered_80:.1f} %, inside the 50 % interval "
                f"{100 * one.covered_50:.1f} %; by tenth of the predictions "
                + ", ".join(
                    f"{100 * d.covered_80:.0f}/{100 * d.covered_50:.0f}" for d in one.deciles
                )
                + "."
            )
        )
        if one.chances:
            told = ", ".join(f"{100 * c.said:.0f}/{100 * c.happened:.0f}" for c in one.chances)
            parts.append(Text(f"More points than the line, by fifth, said/happened: {told} %."))
    parts.append(
        Text(
            f"\n{plural(found.without_prediction, 'player-game')} of who had played in the season "
            "before had no prediction and are left out. hindsight_minutes knows the minutes he was "
            "to play: nothing honest is far below it."
        )
    )
    looks = found.looks
    parts.append(
        Text(
            f"Looked at {plural(looks.before, 'time')} before, with this one by "
            f"{plural(looks.models, 'model')}."
        )
    )
    return Group(*parts)


def explained(found: "Sequence[Explanation]", *, everything: bool) -> RenderableType:
    """Predictions as sums of what each feature adds."""
    parts: list[RenderableType] = []
    for one in found:
        table = _plain_table("feature")
        for name in ("value", "adds"):
            table.add_column(name, justify="right")
        table.add_row("base", "", f"{one.base:+.2f}")
        shown = one.shares if everything else one.shares[: 2 * SHOWN]
        for share in shown:
            value = "unknown" if share.value is None else f"{share.value:.4g}"
            table.add_row(share.feature, value, f"{share.points:+.2f}")
        if rest := one.shares[len(shown) :]:
            told = f"{len(rest)} more: --all"
            table.add_row(told, "", f"{sum(share.points for share in rest):+.2f}")
        table.add_row("prediction", "", f"{one.predicted_points:.2f}")
        title = (
            f"{one.player_name} ({one.player_id}), {one.team} against {one.opponent}, known by "
            f"{one.information_set}, model {one.model_id}"
        )
        parts.append(_section(title, table))
    return Group(*parts)


def need_ranges(needs: Iterable[Need]) -> list[tuple[Need, date, date, int]]:
    """The first need, the range and the number of unbroken dates that run for the same reason."""
    alike: dict[tuple[str, str, str], list[Need]] = defaultdict(list)
    for need in needs:
        alike[need.table_name, need.reason, told(need)].append(need)
    ranges = []
    for found in alike.values():
        by_day = {need.game_date: need for need in found}
        ranges += [
            (by_day[first], first, last, sum(first <= day <= last for day in by_day))
            for first, last in spans(by_day)
        ]
    return ranges


def planned(needs: Sequence[Need], runs: Sequence[Run], *, everything: bool) -> RenderableType:
    """What would run and why, in ranges."""
    ranges = need_ranges(needs)
    shown = ranges if everything else ranges[: 2 * SHOWN]
    lines = [
        (
            need.table_name,
            span(first, last),
            plural(number, "date"),
            Text(need.reason.value, "yellow"),
            need.detail if everything else _short(told(need)),
        )
        for need, first, last, number in shown
    ]
    parts: list[RenderableType] = [_listed(lines)]
    if len(shown) < len(ranges):
        parts.append(_more(len(ranges) - len(shown), "range"))
    dates = len({need.game_date for need in needs})
    tables = len({need.table_name for need in needs})
    parts.append(
        Text(
            f"{plural(dates, 'date')} of {plural(tables, 'table')}, in {plural(len(runs), 'run')}. "
            "`nba-assets repair` runs exactly this, then what it makes stale.",
            "bold",
        )
    )
    return Group(*parts)


def rejections(found: Sequence[Rejected], *, everything: bool) -> RenderableType:
    """What is in quarantine."""
    shown = found if everything else found[:SHOWN]
    lines = [
        (
            one.table_name,
            f"{one.game_date}",
            f"{one.publication}",
            one.game_id or "",
            f"{one.rows:,}",
            one.reason if everything else _short(one.reason),
        )
        for one in shown
    ]
    header = ("table", "date", "publication", "game", "rows", "reason")
    parts: list[RenderableType] = [_listed(lines, header)]
    if len(shown) < len(found):
        parts.append(_more(len(found) - len(shown), "line"))
    parts.append(Text("The rows: `nba-assets quarantine show TABLE DATE`."))
    return Group(*parts)


def row(content: "dict[str, Any]") -> Text:
    """One rejected row, a column a line."""
    return _listed(
        (name, Text("NULL", "red") if value is None else str(value))
        for name, value in content.items()
    )


def history(found: "Sequence[Attempt]") -> RenderableType:
    """Every record of a date, and which of its versions is current."""
    lines = [
        (
            f"{one.publication}",
            f"{one.recorded_at:%Y-%m-%d %H:%M:%S}",
            Text(one.status, COLOURS.get(one.status, "green")),
            "" if one.stored_publication is None else f"{one.stored_publication}",
            f"{one.stored_rows:,}",
            one.run_id,
            one.message,
        )
        for one in found
    ]
    header = ("publication", "recorded", "status", "version", "rows", "run", "why")
    last = found[-1]
    current = (
        f"Readers see the version of publication {last.stored_publication}"
        if last.stored_status in GOOD
        else "Readers see no version of it"
    )
    return Group(
        _listed(lines, header),
        Text(f"{current}. What differs: `nba-assets diff TABLE DATE [--from N] [--to N]`."),
    )


def difference(found: "Difference", *, everything: bool) -> RenderableType:
    """What came, went and changed between two versions of a date."""
    new = found.new
    was = f"publication {found.old.publication}" if found.old else "nothing"
    title = (
        f"{new.table_name} {new.game_date}, {was} to publication {new.publication}: "
        f"{plural(len(found.came), 'row')} came, {len(found.went):,} went, "
        f"{len(found.changed):,} changed."
    )
    table = Table("", *found.grain, "column", "before", "after", box=None)
    lines: list[list[RenderableType]] = []
    for sign, rows in (("+", found.came), ("-", found.went)):
        lines += [[sign, *(str(one[name]) for name in found.grain), "", "", ""] for one in rows]
    for one, columns in found.changed:
        key = [str(one[name]) for name in found.grain]
        lines += [
            ["~", *key, name, Text(str(before)), Text(str(after))]
            for name, (before, after) in columns.items()
        ]
    shown = lines if everything else lines[: 4 * SHOWN]
    for line in shown:
        table.add_row(*line)
    parts: list[RenderableType] = [Text(title, "bold")]
    if lines:
        parts.append(table)
    if len(shown) < len(lines):
        parts.append(_more(len(lines) - len(shown), "line"))
    return Group(*parts)


def health(lines: Sequence[str], *, watching: bool) -> RenderableType:
    """What is wrong, and whether anything is meant to look after it."""
    told = (
        "Nothing looks after new dates by itself: NBA_ASSETS_AUTOMATION is off."
        if not watching
        else "Sensors, the schedule and the daemon are at work."
        if not lines
        else ""
    )
    verdict = Text("Not healthy", "bold red") if lines else Text("Healthy", "bold green")
    return Group(verdict, *(Text(f"- {line}") for line in lines), *([Text(told)] if told else []))


def contradictions(found: "Mapping[tuple[str, date], str]") -> RenderableType:
    """What Dagster shows otherwise than the ledger has it."""
    if not found:
        return Text("Dagster shows every date as the ledger has it.")
    alike: dict[tuple[str, str], list[date]] = defaultdict(list)
    for (name, day), shown in found.items():
        alike[name, shown].append(day)
    lines = [
        (name, span(min(days), max(days)), plural(len(days), "date"), shown)
        for (name, shown), days in alike.items()
    ]
    return _section("Shown otherwise than the ledger has it", _listed(lines))


def unwatched(lines: Sequence[str]) -> RenderableType:
    """That nothing looks after tonight, and why."""
    return Text("Nothing looks after tonight: " + "; ".join(lines), "yellow")


def dead(found: "Dead", *, removed: bool) -> RenderableType:
    """What a vacuum removed, or would."""
    if not found.versions and not found.verdicts:
        return Text("Nothing has been superseded for that long: there is nothing to remove.")
    table = Table("table", "versions of dates", "rows", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, number in found.versions.items():
        table.add_row(name, f"{number:,}", f"{found.rows[name]:,}")
    done = "Removed" if removed else "Would be removed"
    then = "" if removed else "; run it again with --now"
    return Group(
        table,
        Text(
            f"{done}: {plural(sum(found.rows.values()), 'row')} and "
            f"{plural(found.verdicts, 'verdict')} superseded before publication "
            f"{found.horizon}{then}. What is current stays."
        ),
    )


def unused_files(found: "Mapping[Path, int]", *, removed: bool) -> RenderableType:
    """What a vacuum removed of the models folder, or would; sizes in bytes."""
    if not found:
        return Text("Every file of the models folder is of use.")
    done = "Removed" if removed else "Would be removed"
    mib = sum(found.values()) / 2**20
    return Text(f"{done}: {plural(len(found), 'file')} of models and fits, {mib:.1f} MiB.")


def old_history(found: "Old", *, removed: bool) -> RenderableType:
    """What a vacuum removed of Dagster's history, or would."""
    if not found.run_logs and not found.check_results:
        return Text("Nothing of Dagster's history is that old and superseded.")
    done = "Removed" if removed else "Would be removed"
    mib = sum(found.run_logs.values()) / 2**20
    return Text(
        f"{done}: {plural(len(found.run_logs), 'run log')} of Dagster, {mib:.1f} MiB, and "
        f"{plural(found.check_results, 'superseded check result')}."
    )


def waivers(rulings: "Rulings", found: "Sequence[Ruling]", late: Collection[str]) -> Text:
    """Waivers, in force or ended; ``late`` are the games delivered since."""
    lines = []
    for one in found:
        end = rulings.ended(one)
        since = " (delivered since: revoke it to take the game)" if one.game_id in late else ""
        lines.append(
            (
                one.table_name,
                one.game_id,
                one.ruled_by,
                f"{one.ruled_at:%Y-%m-%d %H:%M}",
                f"{end.ruled_at:%Y-%m-%d %H:%M}" if end else "",
                f"{one.reason}{since}",
            )
        )
    return _listed(lines, ("table", "game", "by", "since", "revoked", "reason"))


def declared(found: "Trial") -> RenderableType:
    """What a trial will be judged by."""
    said = found.declaration
    return Text(
        f"Declared: trial {said.name}, against {said.champion}. It must improve "
        f"{', '.join(said.improves)} on {spanned(said.choosing)} and do no harm on "
        f"{spanned(said.elsewhere)}; if it does, it takes effect on {said.takes_effect}. "
        f"`nba-assets trial score {said.name}` ends it."
    )


def outcome(found: "Trial", what: "Outcome") -> RenderableType:
    """What a trial found, on which dates, and whether the champion stays."""
    said = found.declaration
    table = _plain_table("known by", "dates", "must")
    for name in ("player-games", "champion", "challenger", "challenger minus it"):
        table.add_column(name, justify="right")
    table.add_column("")
    for one in what.findings:
        table.add_row(
            one.information_set,
            spanned(said.choosing if one.choosing else said.elsewhere),
            "improve" if one.must_improve else "do no harm",
            f"{one.n:,}",
            f"{one.champion:.4f}",
            f"{one.challenger:.4f}",
            f"{one.difference.low:+.4f} … {one.difference.high:+.4f}",
            Text("yes", "green") if one.passed else Text("no", "red"),
        )
    ending = (
        Text(f"Promoted: it is in force from {said.takes_effect}.", "bold green")
        if what.promoted
        else Text("The champion stays.", "bold red")
    )
    looked = f"These dates had been looked at {plural(what.looks, 'time')} before."
    return Group(_section(f"Trial {said.name}: points, 90 % interval", table), Text(looked), ending)


def trials(found: "Sequence[Trial]") -> Text:
    """Every trial, and what came of it."""
    endings = {True: "promoted", False: "the champion stayed", None: "withdrawn"}
    return _listed(
        [
            (
                one.declaration.name,
                one.declared.recorded_by,
                f"{one.declared.recorded_at:%Y-%m-%d %H:%M}",
                endings[one.promoted] if one.ended else "not scored yet",
                str(one.declaration.takes_effect) if one.promoted else "",
                one.declaration.why,
            )
            for one in found
        ],
        ("trial", "by", "declared", "outcome", "in force from", "why"),
    )


def _plain_table(*columns: str) -> Table:
    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group("", Text(title, "bold"), body)


def _cell(count: "Counter[str]") -> Text:
    total, good = count.total(), sum(count[state] for state in GOOD)
    if good == total:
        return Text(f"{total}", "green")
    colour = (
        "red" if any(count[state] for state in ("QUARANTINED", "FAILED", "DAMAGED")) else "yellow"
    )
    return Text(f"{good}/{total}", colour)


def _by_state(gap: Gap) -> int:
    return list(ADVICE).index(gap.state)


def _gaps(gaps: Iterable[Gap], *, everything: bool) -> Text:
    return _listed(
        (
            gap.table_name,
            span(gap.first, gap.last),
            plural(gap.dates, "date"),
            gap.detail if everything else _short(gap.detail),
        )
        for gap in gaps
    )


def _listed(lines: Iterable[Sequence[str | Text]], header: Sequence[str] = ()) -> Text:
    """Aligned columns; the last one is as long as it is, and no line is folded."""
    styled = [[Text(cell) if isinstance(cell, str) else cell for cell in line] for line in lines]
    if header:
        styled.insert(0, [Text(name, "bold") for name in header])
    widths = [max(map(len, column)) for column in zip(*styled, strict=True)]
    for line in styled:
        for cell, width in zip(line[:-1], widths, strict=False):
            cell.pad_right(width - len(cell))
    return Text("\n").join(Text("  ").join([Text(), *line]) for line in styled)


def _short(text: str) -> str:
    """The first of several reasons, none of them cut, and how many more there are."""
    reasons = text.split("; ")
    shown = 1
    while shown < len(reasons) and len("; ".join(reasons[: shown + 1])) <= CUT:
        shown += 1
    left = len(reasons) - shown
    return "; ".join(reasons[:shown]) + (f"; … and {left} more: --all" if left else "")


def _more(number: int, what: str) -> Text:
    return Text(f"  … and {plural(number, what)} more; --all lists them", "dim")
