"""The part of the report that shows the model: how it errs, what it looks at, what it says next."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby, islice

from nba_assets.modeling.evidence import Decile
from nba_assets.modeling.information import InformationSet
from nba_assets.operations.explanation import Explanation
from nba_assets.operations.markup import bars, key, row
from nba_assets.operations.model_report import Fan, ModelReport
from nba_assets.operations.report import PredictionError, WeeklyError
from nba_assets.seasons import season_label, season_year

CHART_WIDTH, CHART_HEIGHT = 1290, 180
SQUARE = 260
"""pixels of a chart of calibration"""
STEP, FAN_HEIGHT = 31, 220
"""pixels of a game in a fan, and of all of it"""
SHOWN = 15
"""features by importance, and shares of a prediction"""
LINES = {
    "xgboost": "#1f5fa8",
    "rules_core": "#c0504d",
    "last_10_average": "#9aa5b1",
    "season_average": "#c9b458",
}
SETS = {
    InformationSet.MORNING: "#c9b458",
    InformationSet.AVAILABILITY: "#2e9e5b",
    InformationSet.LINEUP: "#1f5fa8",
}
BLUE, RED, WIDE, NARROW, GREY = "#1f5fa8", "#c0504d", "#d6e3f1", "#a9c5e2", "#e3e8ed"


def of_model(report: ModelReport) -> Iterator[str]:
    """All of it; what is not there takes no place."""
    yield from _errors(report.errors)
    yield from _charts(report.weeks)
    yield from _calibration(report.tenths)
    yield from _importance(report.importance)
    yield from _fans(report.fans)
    yield from _explanation(report.explanation)
    if report.unread:
        yield f'<p class="no">{escape(report.unread)}</p>'


def _errors(errors: Sequence[PredictionError]) -> Iterator[str]:
    if not errors:
        return
    yield "<h2>Mean absolute error of predicted points, on the same player-games</h2><table>"
    figures = ("player-games", *LINES, "inside 80 % interval")
    yield row(("season", "population", "known by"), figures, "th")
    ordered = sorted(errors, key=_question)
    for (year, population, known), alike in groupby(ordered, _question):
        found = {one.predictor: one for one in alike}
        best = min(one.mae for one in found.values())
        inside = next((one.within_80 for one in found.values() if one.within_80 is not None), None)
        yield row(
            (season_label(year), population, list(InformationSet)[known]),
            (
                f"{next(iter(found.values())).player_games:,}",
                *(_error(found.get(name), best) for name in LINES),
                "" if inside is None else f"{100 * inside:.1f} %",
            ),
        )
    yield "</table>"


def _question(one: PredictionError) -> tuple[int, str, int]:
    known = list(InformationSet).index(InformationSet(one.information_set))
    return one.season_year, one.population, known


def _error(one: PredictionError | None, best: float) -> str:
    if one is None:
        return ""
    return f"<b>{one.mae:.3f}</b>" if one.mae == best else f"{one.mae:.3f}"


def _charts(weeks: Sequence[WeeklyError]) -> Iterator[str]:
    """The error of each predictor by week, a chart a season."""
    if not weeks:
        return
    yield "<h2>Error by week, points, where it is of 100 player-games or more</h2>"
    yield key(LINES)
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


def _calibration(tenths: Mapping[InformationSet, Sequence[Decile]]) -> Iterator[str]:
    """What was had by tenth of what was predicted, and how often the intervals held."""
    if not tenths:
        return
    told = {known: one for known, one in tenths.items() if one}
    high = max(max(d.mean_prediction, d.median_points) for one in told.values() for d in one)
    yield "<h2>Calibration, by tenth of the predictions</h2>"
    yield key({known.value: SETS[known] for known in told})
    yield '<div class="side">'
    yield "<figure><figcaption>median of the points had, by what was predicted</figcaption>"
    yield from _square(
        {k: [(d.mean_prediction / high, d.median_points / high) for d in told[k]] for k in told},
        lambda share: f"{share * high:.0f}",
        [((0.0, 0.0), (1.0, 1.0))],
    )
    yield "</figure>"
    for share, what in ((0.8, "covered_80"), (0.5, "covered_50")):
        yield f"<figure><figcaption>inside the {share:.0%} interval</figcaption>"
        yield from _square(
            {k: [((n + 0.5) / 10, getattr(d, what)) for n, d in enumerate(told[k])] for k in told},
            lambda share: f"{share:.0%}",
            [((0.0, share), (1.0, share))],
        )
        yield "</figure>"
    yield "</div>"


def _square(
    lines: Mapping[InformationSet, Sequence[tuple[float, float]]],
    label: Callable[[float], str],
    marks: Sequence[tuple[tuple[float, float], tuple[float, float]]],
) -> Iterator[str]:
    """Lines of points from 0 to 1 either way; ``marks`` are where they should be."""
    inner = SQUARE - 50

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return 35 + inner * point[0], 10 + inner * (1 - point[1])

    yield f'<svg width="{SQUARE}" height="{SQUARE}">'
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = place((0, share))
        yield f'<line x1="35" x2="{SQUARE - 15}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GREY}"/>'
        yield f'<text x="0" y="{y + 4:.1f}">{label(share)}</text>'
    for first, last in marks:
        (x1, y1), (x2, y2) = place(first), place(last)
        ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        yield f'<line {ends} stroke="#66727f" stroke-dasharray="4"/>'
    for known, points in lines.items():
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(place, points))
        yield f'<polyline fill="none" stroke="{SETS[known]}" stroke-width="2" points="{drawn}"/>'
    yield "</svg>"


def _importance(found: Mapping[InformationSet, Mapping[str, float]]) -> Iterator[str]:
    if not found:
        return
    yield "<h2>What the model looks at: points a feature moves a prediction by, on average</h2>"
    yield '<div class="side">'
    for known, features in found.items():
        yield f"<figure><figcaption>known by {known}</figcaption>"
        yield from bars(dict(islice(features.items(), SHOWN)), (BLUE, BLUE))
        yield "</figure>"
    yield "</div>"


def _fans(fans: Sequence[Fan]) -> Iterator[str]:
    """What was told of each game, a band a game, and what came of it."""
    if not fans:
        return
    yield "<h2>Of whom most is expected: what was told of their last games and of the next</h2>"
    yield key({"80 %": WIDE, "50 %": NARROW, "median": BLUE, "points": RED})
    yield '<div class="side">'
    for fan in fans:
        yield f"<figure><figcaption>{escape(fan.player_name)}, {escape(fan.team)}</figcaption>"
        yield from _fan(fan)
        yield "</figure>"
    yield "</div>"


def _fan(fan: Fan) -> Iterator[str]:
    high = max(max(one.within_80[1], one.points or 0) for one in fan.games) or 1

    def down(points: float) -> float:
        return 10 + (FAN_HEIGHT - 60) * (1 - points / high)

    yield f'<svg width="{STEP * len(fan.games) + 45}" height="{FAN_HEIGHT}">'
    for points in range(0, high + 1, 10):
        y = down(points)
        ends = f'x1="30" x2="{STEP * len(fan.games) + 35}" y1="{y:.1f}" y2="{y:.1f}"'
        yield f'<line {ends} stroke="{GREY}"/><text x="0" y="{y + 4:.1f}">{points}</text>'
    for number, one in enumerate(fan.games):
        x = 35 + STEP * number
        came = "not played" if one.points is None else f"{one.points} points"
        yield (
            f"<g><title>{one.game_date} {escape(one.opponent)}, known by {one.information_set}: "
            f"{one.median} ({one.within_80[0]} … {one.within_80[1]}), {came}</title>"
        )
        for (low, top), colour in ((one.within_80, WIDE), (one.within_50, NARROW)):
            size = f'width="{STEP - 6}" height="{max(down(low) - down(top), 2):.1f}"'
            yield f'<rect x="{x}" y="{down(top):.1f}" {size} fill="{colour}"/>'
        yield (
            f'<line x1="{x}" x2="{x + STEP - 6}" y1="{down(one.median):.1f}" '
            f'y2="{down(one.median):.1f}" stroke="{BLUE}" stroke-width="2"/>'
        )
        if one.points is not None:
            yield (
                f'<circle cx="{x + (STEP - 6) / 2}" cy="{down(one.points):.1f}" r="4" '
                f'fill="{RED}"/>'
            )
        yield "</g>"
        yield f'<text x="{x - 3}" y="{FAN_HEIGHT - 30}">{escape(one.opponent)}</text>'
    for one, place in ((fan.games[0], 35), (fan.games[-1], STEP * len(fan.games) - 30)):
        yield f'<text x="{place}" y="{FAN_HEIGHT - 8}">{one.game_date}</text>'
    yield "</svg>"


def _explanation(found: Explanation | None) -> Iterator[str]:
    if found is None:
        return
    yield (
        f"<h2>Why {found.predicted_points:.1f} of {escape(found.player_name)} against "
        f"{escape(found.opponent)}, known by {found.information_set}</h2>"
    )
    rest = sum(share.points for share in found.shares[SHOWN:])
    told = {"of nobody in particular": found.base}
    told |= {_said(share.feature, share.value): share.points for share in found.shares[:SHOWN]}
    told[f"{len(found.shares[SHOWN:])} others"] = rest
    yield from bars(told, (RED, BLUE))


def _said(feature: str, value: float | None) -> str:
    return f"{feature} {'unknown' if value is None else f'{value:.3g}'}"
