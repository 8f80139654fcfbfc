"""The report as one self-contained HTML page: a picture of what is complete, and of the model.

Every date of every table is a cell, coloured by its state; what is wrong tells why when pointed at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from itertools import groupby

from nba_assets.operations.gates import CoverageGate, Gate
from nba_assets.operations.plan import Standing, span
from nba_assets.operations.report import (
    PredictionError,
    WeeklyError,
    gaps,
    state,
    told,
    total_by_state,
)
from nba_assets.seasons import season_label, season_year

CELL, LABEL = 4, 190
"""pixels of a date, and of a table's name"""
CHART_WIDTH, CHART_HEIGHT = 1290, 180
GAPS = 60
"""ranges listed below the calendar"""
COLOURS = {
    "COMPLETE": "#2e9e5b",
    "EMPTY_OK": "#d7dde3",
    "WARMUP": "#a9d8bd",
    "WAIVED": "#7fb3d5",
    "PENDING": "#f4c95d",
    "HELD": "#ef8a3c",
    "STALE": "#e8b23a",
    "MISSING": "#ffffff",
    "DAMAGED": "#b0195e",
    "QUARANTINED": "#d33f49",
    "FAILED": "#8f1d2c",
}
LINES = {
    "xgboost": "#1f5fa8",
    "rules_core": "#c0504d",
    "last_10_average": "#9aa5b1",
    "season_average": "#c9b458",
}
STYLE = """
:root { color-scheme: light }
body { font: 14px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff;
  margin: 2rem auto; max-width: 1360px; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
h3 { font-size: .95rem; margin: 1rem 0 .25rem }
.yes { color: #1d7a43 } .no { color: #b3261e } .dim { color: #66727f }
table { border-collapse: collapse } td, th { padding: .15rem .8rem .15rem 0; text-align: left }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto } svg { display: block } svg text { font: 11px system-ui, sans-serif }
.key span { display: inline-block; margin-right: 1rem }
.key i { display: inline-block; width: 10px; height: 10px; margin-right: .35rem;
  border: 1px solid #b8c1ca }
code { font-size: .9em }
"""


@dataclass(frozen=True)
class Report:
    """What the page shows."""

    title: str
    now: Standing
    gates: Sequence[Gate]
    errors: Sequence[PredictionError]
    weeks: Sequence[WeeklyError]
    written_at: datetime


def html(report: Report) -> str:
    """The page."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>{escape(report.title)}</title>",
            f"<style>{STYLE}{_cell_styles()}</style></head><body>",
            *_head(report),
            *_calendar(report.now),
            *_gaps(report.now),
            *_coverage([gate for gate in report.gates if isinstance(gate, CoverageGate)]),
            *_errors(report.errors),
            *_charts(report.weeks),
            "</body></html>",
            "",
        ]
    )


def _cell_styles() -> str:
    filled = [f".{name} {{ fill: {colour} }}" for name, colour in COLOURS.items()]
    return "\n".join([*filled, ".MISSING { stroke: #d33f49; stroke-width: .6 }"])


def _head(report: Report) -> Iterator[str]:
    failed = [gate for gate in report.gates if not gate.passed]
    verdict = (
        "Every gate passed" if not failed else "; ".join(f"{g.name}: {g.told}" for g in failed)
    )
    yield f"<h1>{escape(report.title)}</h1>"
    yield f'<p class="dim">written {report.written_at:%Y-%m-%d %H:%M %Z}</p>'
    yield f'<p class="{"no" if failed else "yes"}"><b>{escape(verdict)}</b></p>'


def _calendar(now: Standing) -> Iterator[str]:
    """A grid a season: tables down, dates across."""
    yield "<h2>Every date of every table</h2>"
    used = total_by_state(now)
    yield _key({name.lower(): colour for name, colour in COLOURS.items() if used[name]})
    for year, days in groupby(reversed(now.dates), season_year):
        yield f"<h3>{season_label(year)}</h3>"
        yield from _grid(now, sorted(days))


def _grid(now: Standing, days: Sequence[date]) -> Iterator[str]:
    row = CELL * 3
    width, height = LABEL + CELL * len(days) + 10, row * len(now.tables) + 18
    yield f'<div class="scroll"><svg width="{width}" height="{height}">'
    for number, name in enumerate(now.tables):
        yield f'<text x="0" y="{row * number + 27}">{name}</text>'
    for month, of_month in groupby(enumerate(days), lambda one: one[1].strftime("%b %Y")):
        first, _ = next(of_month)
        yield f'<text x="{LABEL + CELL * first}" y="11">{month}</text>'
    for number, day in enumerate(days):
        # What has no title of its own shows that of the date.
        yield f"<g><title>{day}</title>"
        for line, name in enumerate(now.tables):
            what = state(now, name, day)
            place = f'x="{LABEL + CELL * number}" y="{18 + row * line}"'
            size = f'width="{CELL - 1}" height="{row - 2}"'
            need = now.needs.get((name, day))
            title = f"{name} {day} {told(need)}" if need else ""
            close = f"><title>{escape(title)}</title></rect>" if title else "/>"
            yield f'<rect class="{what}" {place} {size}{close}'
        yield "</g>"
    yield "</svg></div>"


def _gaps(now: Standing) -> Iterator[str]:
    found = gaps(now)
    causes = [gap for gap in found if not gap.waits]
    if not found:
        return
    yield "<h2>What is not complete, and why</h2><table>"
    for gap in causes[:GAPS]:
        yield _row((gap.table_name, span(gap.first, gap.last), gap.state.lower(), gap.detail))
    yield "</table>"
    left, waiting = len(causes) - GAPS, len(found) - len(causes)
    if left > 0:
        yield f"<p>… and {left} more: <code>nba-assets status --all</code></p>"
    if waiting:
        yield f'<p class="dim">{waiting} ranges wait for these and run with them.</p>'


def _coverage(gates: Sequence[CoverageGate]) -> Iterator[str]:
    if not gates:
        return
    yield "<h2>usage_rate on rows with minutes &gt; 0</h2><table>"
    yield _row(("season",), ("rows", "with usage_rate", "coverage", "required"), "th")
    for gate in gates:
        share = f'<span class="{"yes" if gate.passed else "no"}">{100 * gate.share:.2f} %</span>'
        figures = (f"{gate.rows:,}", f"{gate.with_usage_rate:,}", share, f"{gate.required:.0%}")
        yield _row((gate.period,), figures)
    yield "</table>"


def _errors(errors: Sequence[PredictionError]) -> Iterator[str]:
    if not errors:
        return
    yield "<h2>Mean absolute error of predicted points, on the same player-games</h2><table>"
    yield _row(("season", "population"), ("player-games", *LINES, "inside 80 % interval"), "th")
    ordered = sorted(errors, key=_season_and_population)
    for (year, population), alike in groupby(ordered, _season_and_population):
        found = {one.predictor: one for one in alike}
        best = min(one.mae for one in found.values())
        inside = next((one.within_80 for one in found.values() if one.within_80 is not None), None)
        yield _row(
            (season_label(year), population),
            (
                f"{next(iter(found.values())).player_games:,}",
                *(_error(found.get(name), best) for name in LINES),
                "" if inside is None else f"{100 * inside:.1f} %",
            ),
        )
    yield "</table>"


def _season_and_population(one: PredictionError) -> tuple[int, str]:
    return one.season_year, one.population


def _error(one: PredictionError | None, best: float) -> str:
    if one is None:
        return ""
    return f"<b>{one.mae:.3f}</b>" if one.mae == best else f"{one.mae:.3f}"


def _charts(weeks: Sequence[WeeklyError]) -> Iterator[str]:
    """The error of each predictor by week, a chart a season."""
    if not weeks:
        return
    yield "<h2>Error by week, points, where it is of 100 player-games or more</h2>"
    yield _key(LINES)
    low, high = min(one.mae for one in weeks), max(one.mae for one in weeks)
    ordered = sorted(weeks, key=lambda one: (-season_year(one.week), one.predictor, one.week))
    for year, season in groupby(ordered, lambda one: season_year(one.week)):
        yield f"<h3>{season_label(year)}</h3>"
        yield from _chart(list(season), low, high)


def _chart(season: Sequence[WeeklyError], low: float, high: float) -> Iterator[str]:
    first, last = min(one.week for one in season), max(one.week for one in season)
    days, reach = max((last - first).days, 1), max(high - low, 0.1)

    def down(error: float) -> float:
        return 10 + (CHART_HEIGHT - 40) * (high - error) / reach

    def point(one: WeeklyError) -> tuple[float, float]:
        return 40 + (CHART_WIDTH - 60) * (one.week - first).days / days, down(one.mae)

    yield f'<div class="scroll"><svg width="{CHART_WIDTH}" height="{CHART_HEIGHT}">'
    for value in (low, (low + high) / 2, high):
        y = down(value)
        ends = f'x1="40" x2="{CHART_WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}"'
        yield f'<line {ends} stroke="#e3e8ed"/>'
        yield f'<text x="0" y="{y + 4:.1f}">{value:.1f}</text>'
    for predictor, weeks in groupby(season, lambda one: one.predictor):
        listed = list(weeks)
        width = 2 if predictor == "xgboost" else 1
        stroke = f'stroke="{LINES.get(predictor, "#444")}" stroke-width="{width}"'
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(point, listed))
        yield f'<polyline fill="none" {stroke} points="{points}"/>'
        if predictor == "xgboost":
            for one in listed:
                x, y = point(one)
                yield (
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{LINES[predictor]}"><title>'
                    f"week of {one.week}: {one.mae:.3f} on {one.player_games:,} player-games"
                    "</title></circle>"
                )
    for week, place in ((first, 40), (last, CHART_WIDTH - 90)):
        yield f'<text x="{place}" y="{CHART_HEIGHT - 8}">{week}</text>'
    yield "</svg></div>"


def _key(colours: Mapping[str, str]) -> str:
    """What each colour means."""
    told = (f'<span><i style="background: {c}"></i>{name}</span>' for name, c in colours.items())
    return f'<p class="key">{"".join(told)}</p>'


def _row(words: Sequence[str], figures: Sequence[str] = (), cell: str = "td") -> str:
    """A line of a table. Words are escaped, figures are ours."""
    cells = [f"<{cell}>{escape(word)}</{cell}>" for word in words]
    cells += [f'<{cell} class="number">{figure}</{cell}>' for figure in figures]
    return f"<tr>{''.join(cells)}</tr>"
