"""Four real seasons through the core: what is complete, and what is missing by name."""

from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

import pytest

from nba_assets.certification.ledger import Attempt, Status
from nba_assets.deployment import build_publisher, build_warehouse
from nba_assets.engines.engine import Engine
from nba_assets.seasons import game_dates, season_year
from nba_assets.settings import Settings
from nba_assets_tests.sources.test_real_seasons import FOLDER

pytestmark = pytest.mark.skipif(
    not (FOLDER / "schedule_2021-22.parquet").is_file(), reason=f"no real seasons in {FOLDER}"
)

TABLES = (
    "schedule",
    "player_box_scores",
    "team_box_scores",
    "team_offense_game_summary",
    "player_game_summary",
)
CUP_FINAL_WITHOUT_SCHEDULE = date(2023, 12, 9)
WITHOUT_PLAYERS = {
    *(date(2022, 4, day) for day in (12, 13, 15)),
    *(date(2023, 4, day) for day in (11, 12, 14)),
    *(date(2024, 4, day) for day in (16, 17, 19)),
    date(2024, 12, 17),
}
"""play-ins, and the cup final of 2024"""

Attempts = dict[str, list[Attempt]]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        source="files", files_dir=Path(FOLDER), data_dir=tmp_path_factory.mktemp("real_seasons")
    )


@pytest.fixture(scope="module")
def attempts(settings: Settings) -> Attempts:
    publisher = build_publisher(settings, "real")
    built: Attempts = {name: [] for name in TABLES}
    days = game_dates(date(2021, 10, 1), date(2025, 4, 13))
    for _, season in groupby(days, season_year):
        dates = list(season)
        for name in TABLES:
            built[name] += publisher.build(name, dates)
    return built


@pytest.fixture
def store(settings: Settings, attempts: Attempts) -> Iterator[Engine]:
    with build_warehouse(settings).reading() as engine:
        yield engine


def test_every_date_is_certified_but_those_whose_games_were_not_published(
    attempts: Attempts,
) -> None:
    red = {
        name: {attempt.game_date for attempt in built if not attempt.status.certified}
        for name, built in attempts.items()
    }

    assert red == {
        "schedule": set(),
        "player_box_scores": WITHOUT_PLAYERS | {CUP_FINAL_WITHOUT_SCHEDULE},
        "team_box_scores": {CUP_FINAL_WITHOUT_SCHEDULE},
        "team_offense_game_summary": set(),
        "player_game_summary": WITHOUT_PLAYERS,
    }


def test_empty_dates_are_expected_to_be_empty(attempts: Attempts) -> None:
    statuses = Counter(
        (season_year(attempt.game_date), attempt.status) for attempt in attempts["schedule"]
    )

    assert statuses == {
        (2021, Status.COMPLETE): 213,
        (2021, Status.EMPTY_OK): 60,
        (2022, Status.COMPLETE): 212,
        (2022, Status.EMPTY_OK): 61,
        (2023, Status.COMPLETE): 207,
        (2023, Status.EMPTY_OK): 67,
        (2024, Status.COMPLETE): 164,
        (2024, Status.EMPTY_OK): 31,
    }


def test_a_held_date_names_its_games(attempts: Attempts) -> None:
    (cup_final,) = (a for a in attempts["player_game_summary"] if a.game_date.year == 2024
                    and a.game_date.month == 12 and not a.status.certified)  # fmt: skip

    assert cup_final.status is Status.HELD
    assert "0062400001 (MIL @ OKC)" in cup_final.message


def test_every_regular_season_game_is_complete(store: Engine) -> None:
    rows = store.query(
        "SELECT season, COUNT(*) AS teams, COUNT(DISTINCT game_id) AS games "
        "FROM team_offense_game_summary WHERE season_type = 'Regular Season' "
        "GROUP BY season ORDER BY season"
    ).to_pylist()

    assert rows == [
        {"season": season, "teams": 2460, "games": 1230}
        for season in ("2021-22", "2022-23", "2023-24", "2024-25")
    ]


def test_usage_rate_covers_every_row_with_minutes(store: Engine) -> None:
    rows = store.query(
        "SELECT season, COUNT(*) AS found, COUNTIF(usage_rate IS NOT NULL) AS covered, "
        "COUNT(DISTINCT game_id) AS games FROM player_game_summary "
        "WHERE minutes > 0 AND season_type = 'Regular Season' GROUP BY season"
    ).to_pylist()

    assert len(rows) == 4
    for row in rows:
        assert row["covered"] == row["found"]
        assert row["games"] == 1230
