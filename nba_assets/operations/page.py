"""The report as one self-contained HTML page: a picture of what is complete, and of the model.

Every date of every table is a cell, coloured by its state; what is wrong tells why when pointed at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from itertools import groupby

from nba_assets.operations.gates import CoverageGate, Gate
from nba_assets.operations.markup import key, row
from nba_assets.operations.model_page import of_model
from nba_assets.operations.model_report import ModelReport
from nba_assets.operations.plan import Standing, span
from nba_assets.operations.report import gaps, state, told, total_by_state
from nba_assets.seasons import season_label, season_year

CELL, LABEL = 4, 190
"""pixels of a date, and of a table's name"""
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
.side { display: flex; flex-wrap: wrap; gap: 1.5rem } figure { margin: 0 }
figcaption { color: #66727f; margin-bottom: .3rem }
"""


@dataclass(frozen=True)
class Report:
    """What the page shows."""

    title: str
    now: Standing
    gates: Sequence[Gate]
    model: ModelReport
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
            *of_model(report.model),
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
    yield key({name.lower(): colour for name, colour in COLOURS.items() if used[name]})
    for year, days in groupby(reversed(now.dates), season_year):
        yield f"<h3>{season_label(year)}</h3>"
        yield from _grid(now, sorted(days))


def _grid(now: Standing, days: Sequence[date]) -> Iterator[str]:
    line_height = CELL * 3
    width, height = LABEL + CELL * len(days) + 10, line_height * len(now.tables) + 18
    yield f'<div class="scroll"><svg width="{width}" height="{height}">'
    for number, name in enumerate(now.tables):
        yield f'<text x="0" y="{line_height * number + 27}">{name}</text>'
    for month, of_month in groupby(enumerate(days), lambda one: one[1].strftime("%b %Y")):
        first, _ = next(of_month)
        yield f'<text x="{LABEL + CELL * first}" y="11">{month}</text>'
    for number, day in enumerate(days):
        # What has no title of its own shows that of the date.
        yield f"<g><title>{day}</title>"
        for line, name in enumerate(now.tables):
            what = state(now, name, day)
            place = f'x="{LABEL + CELL * number}" y="{18 + line_height * line}"'
            size = f'width="{CELL - 1}" height="{line_height - 2}"'
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
        yield row((gap.table_name, span(gap.first, gap.last), gap.state.lower(), gap.detail))
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
    yield row(("season",), ("rows", "with usage_rate", "coverage", "required"), "th")
    for gate in gates:
        share = f'<span class="{"yes" if gate.passed else "no"}">{100 * gate.share:.2f} %</span>'
        figures = (f"{gate.rows:,}", f"{gate.with_usage_rate:,}", share, f"{gate.required:.0%}")
        yield row((gate.period,), figures)
    yield "</table>"
