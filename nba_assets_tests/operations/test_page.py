"""The page shows every date of every table as it is, says why, and needs nothing beside it."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from html.parser import HTMLParser

from nba_assets.certification.ledger import Status
from nba_assets.deployment import Deployment
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
    page = html(Report("<b>&", replace(now, statuses=statuses), [], [], [], NOW))
    assert page.count("&lt;b&gt;&amp;") == 4, "title twice, cell and list"
    assert "<b>&" not in page


def test_without_a_warehouse_all_is_missing(empty: Sandbox) -> None:
    report = Report("t", untouched(empty.tables, DATES), [], [], [], NOW)
    assert Counter(re.findall(r'<rect class="(\w+)"', html(report))) == {
        "MISSING": len(DATES) * len(empty.tables)
    }


def test_the_error_of_each_week_is_drawn(empty: Sandbox) -> None:
    weeks = [
        WeeklyError(date(year, 11, 6) + timedelta(7 * n), name, 900, 4.5 + n / 10)
        for year in (2023, 2024)
        for name in ("xgboost", "rules_core")
        for n in range(3)
    ]
    page = html(Report("t", untouched(empty.tables, DATES), [], [], weeks, NOW))
    assert (page.count("<polyline"), page.count("<circle")) == (4, 6)
    assert page.index("<h3>2024-25</h3>") < page.index("<h3>2023-24</h3>")
    assert "week of 2024-11-13: 4.600 on 900 player-games" in page
