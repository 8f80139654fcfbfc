"""The page shows every date of every table as it is, says why, and needs nothing beside it."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser

from nba_assets.certification.ledger import Status
from nba_assets.deployment import Deployment
from nba_assets.modeling.evidence import Decile
from nba_assets.modeling.information import InformationSet
from nba_assets.operations.explanation import Explanation, Share
from nba_assets.operations.model_report import Fan, ModelReport, Told
from nba_assets.operations.page import Report, html
from nba_assets.operations.plan import Need, Reason, untouched
from nba_assets.operations.report import WeeklyError, total_by_state
from nba_assets.seasons import EASTERN, game_dates
from nba_assets.settings import Settings
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

NOW = datetime(2025, 10, 24, 9, tzinfo=EASTERN)
DATES = list(game_dates(SEASON_START, LAST))


def _deployment(sandbox: Sandbox) -> Deployment:
    settings = Settings(data_dir=sandbox.folder, first_date=SEASON_START)
    return Deployment(settings, sandbox.tables, sandbox.league, sandbox.warehouse)


class _Balanced(HTMLParser):
    """Raises where an element is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_cell_has_its_state_and_what_is_wrong_says_why(built: Sandbox) -> None:
    game = built.league.games(SLATES[8])[0]
    built.league.drop("team_box_scores", game)
    built.build_all()
    deployment = _deployment(built)
    page = deployment.page(DATES, NOW)
    cells = Counter(re.findall(r'<rect class="(\w+)"', page))
    assert cells == total_by_state(deployment.look(DATES))
    assert cells["HELD"] > 0
    (title,) = re.findall(rf"<title>(team_box_scores {SLATES[8]} HELD[^<]*)</title>", page)
    assert game in title
    assert f"<b>every past date complete: {cells['HELD']} table-dates" in page
    assert "usage_rate on rows with minutes" in page
    assert "written 2025-10-24 09:00 EDT" in page


def test_it_is_one_file_and_well_formed(built: Sandbox) -> None:
    page = _deployment(built).page(DATES, NOW)
    assert "Every gate passed" in page
    assert not re.search(r"src=|href=|url\(|@import|<script", page)
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []


def test_what_a_source_says_is_shown_and_not_obeyed(empty: Sandbox) -> None:
    need = Need("schedule", LAST, Reason.HELD, "HELD: <b>&")
    now = replace(untouched(empty.tables, DATES), needs={need.key: need})
    statuses = dict.fromkeys(((n, d) for n in empty.tables for d in DATES), Status.HELD)
    page = html(Report("<b>&", replace(now, statuses=statuses), [], ModelReport(), NOW))
    assert page.count("&lt;b&gt;&amp;") == 4, "title twice, cell and list"
    assert "<b>&" not in page


def test_without_a_warehouse_all_is_missing(empty: Sandbox) -> None:
    report = Report("t", untouched(empty.tables, DATES), [], ModelReport(), NOW)
    assert Counter(re.findall(r'<rect class="(\w+)"', html(report))) == {
        "MISSING": len(DATES) * len(empty.tables)
    }


def _page_of(sandbox: Sandbox, model: ModelReport) -> str:
    return html(Report("t", untouched(sandbox.tables, DATES), [], model, NOW))


def test_what_is_not_there_of_a_model_takes_no_place(empty: Sandbox) -> None:
    assert _page_of(empty, ModelReport()).count("<h2>") == 2


def test_calibration_is_a_line_a_set(empty: Sandbox) -> None:
    tenths = [Decile(n + 1.0, n + 2.0, 100, 0.8, 0.5) for n in range(10)]
    sets = (InformationSet.MORNING, InformationSet.LINEUP)
    page = _page_of(empty, ModelReport(tenths=dict.fromkeys(sets, tenths)))
    assert page.count("<polyline") == 3 * len(sets)
    assert "inside the 80% interval" in page
    assert ">11</text>" in page, "the largest median closes the axis"
    assert "availability</span>" not in page


def test_a_fan_shows_each_game_and_what_came_of_it(empty: Sandbox) -> None:
    def told(number: int, points: int | None) -> Told:
        day = SLATES[number]
        return Told(day, "MIA", InformationSet.LINEUP, 20, (10, 30), (15, 25), points)

    fan = Fan(7, "<Tatum>", "BOS", [told(0, 33), told(1, 0), told(2, None)])
    page = _page_of(empty, ModelReport(fans=[fan]))
    assert "&lt;Tatum&gt;, BOS" in page
    assert page.count("<circle") == 2, "a game to come has its band and no point"
    assert f"{SLATES[0]} MIA, known by lineup: 20 (10 … 30), 33 points" in page
    assert f"{SLATES[2]} MIA, known by lineup: 20 (10 … 30), not played" in page
    _Balanced().feed(page)


def test_an_explanation_sums_what_it_does_not_name(empty: Sandbox) -> None:
    shares = [Share(f"f{n}", None if n else 2.5, -1.0 if n % 2 else 2.0) for n in range(20)]
    explanation = Explanation(
        7, "Tatum", "BOS", "MIA", InformationSet.LINEUP, "m", 14.0, 4.0, shares
    )
    importance = {InformationSet.LINEUP: {"f0": 2.0, "f1": 1.0}}
    page = _page_of(empty, ModelReport(explanation=explanation, importance=importance))
    assert "Why 14.0 of Tatum against MIA, known by lineup" in page
    assert "f0 2.5</text>" in page
    assert "f1 unknown</text>" in page
    assert "5 others</text>" in page
    named = re.findall(r">([+-][0-9.]+)</text>", page)[len(importance[InformationSet.LINEUP]) :]
    assert sum(map(float, named)) == 14.0


def test_the_error_of_each_week_is_drawn(empty: Sandbox) -> None:
    weeks = [
        WeeklyError(date(year, 11, 6) + timedelta(7 * n), name, 900, 4.5 + n / 10)
        for year in (2023, 2024)
        for name in ("xgboost", "rules_core")
        for n in range(3)
    ]
    page = _page_of(empty, ModelReport(weeks=weeks))
    assert (page.count("<polyline"), page.count("<circle")) == (4, 6)
    assert page.index("<h3>2024-25</h3>") < page.index("<h3>2023-24</h3>")
    assert "week of 2024-11-13: 4.600 on 900 player-games" in page
