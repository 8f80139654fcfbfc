"""Publishing survives being killed at any moment, and many publishers at once."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.certification import ledger
from nba_assets.certification.certified import stored
from nba_assets.certification.digest import digest_query
from nba_assets.certification.ledger import Status, Verdict
from nba_assets.engines.duckdb_file import DuckDBEngine
from nba_assets_tests.certification.nursery import RANGE, ROUNDS, TABLE, overlapping, versions
from nba_assets_tests.tiny_league import SEASON_START, SLATES, Sandbox

ROOT = Path(__file__).parents[2]
STORED = stored(TEAM_BOX_SCORES, SEASON_START, SLATES[-1])
ROUNDS_OF_KILLS, AT_ONCE = 50, 4
"""two hundred kills: of four publishers one is in its transaction, the others wait or prepare"""
LONGEST = 0.05
"""seconds a publisher may live after it started a transaction; one takes a third of it"""
PUBLISHERS = 8


@contextmanager
def _nursery(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "nba_assets_tests.certification.nursery", str(folder)]
    with subprocess.Popen(  # noqa: S603
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert _answer(process) == ["ready"]
        yield process
        assert process.stdin
        process.stdin.close()


def _answer(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def _request(process: "subprocess.Popen[str]", request: str) -> list[int]:
    """The ids of the processes that work on it."""
    assert process.stdin
    process.stdin.write(f"{request}\n")
    process.stdin.flush()
    return [int(word) for word in _answer(process)]


def _digests(engine: DuckDBEngine) -> dict[date, str]:
    """Of the rows that are the dates'."""
    rows = engine.query(digest_query(TEAM_BOX_SCORES, f"({STORED}) AS s")).to_pylist()
    return {row["game_date"]: row["digest"] for row in rows}


def _check(engine: DuckDBEngine, allowed: tuple[Mapping[date, str], ...]) -> int:
    """Every date is one of the allowed versions, and the ledger says which; attempts so far."""
    digests = _digests(engine)
    latest = ledger.latest(engine, (TABLE,), RANGE[0], RANGE[-1])
    versions = engine.query(
        f"SELECT s.game_date, s.publication, COUNT(*) AS found, COUNT(a.attempt) AS recorded "
        f"FROM store.{TABLE} AS s LEFT JOIN ledger.attempts AS a ON a.table_name = '{TABLE}' "
        "AND a.game_date = s.game_date AND a.stored_publication = s.publication "
        "AND a.publication = s.publication GROUP BY s.game_date, s.publication"
    ).to_pylist()
    assert all(row["found"] == row["recorded"] for row in versions), "no version without a record"
    rows = {(row["game_date"], row["publication"]): row["found"] for row in versions}
    games = ledger.verdicts(engine, (TABLE,), RANGE[0], RANGE[-1])
    for day in RANGE:
        attempt = latest[TABLE, day]
        assert digests[day] in {version[day] for version in allowed}
        assert attempt.digest == digests[day]
        assert attempt.stored_publication is not None
        assert attempt.stored_rows == rows[day, attempt.stored_publication] == 6
        assert attempt.status is Status.COMPLETE
        assert [game.verdict for game in games if game.game_date == day] == [Verdict.CERTIFIED] * 3
    # A range is one transaction: its dates are all of the same version.
    assert {day: digests[day] for day in RANGE} in [
        {day: version[day] for day in RANGE} for version in allowed
    ]
    return _attempts(engine)[RANGE[0]]


def _attempts(engine: DuckDBEngine) -> dict[date, int]:
    """How many attempts each date has, numbered from one without gap."""
    rows = engine.query(
        "SELECT game_date, COUNT(*) AS found, COUNT(DISTINCT attempt) AS numbers, "
        "MIN(attempt) AS low, MAX(attempt) AS high FROM ledger.attempts "
        f"WHERE table_name = '{TABLE}' GROUP BY game_date"
    ).to_pylist()
    for row in rows:
        assert row["low"] == 1
        assert row["found"] == row["numbers"] == row["high"]
    return {row["game_date"]: row["found"] for row in rows}


@pytest.fixture
def scheduled(tmp_path: Path) -> Sandbox:
    """A deployment that knows its schedule."""
    deployment = Sandbox(tmp_path / "data")
    deployment.build("schedule", SEASON_START, SLATES[-1])
    return deployment


def test_a_publisher_killed_at_any_moment_leaves_every_date_old_or_new(
    scheduled: Sandbox,
) -> None:
    allowed: list[Mapping[date, str]] = []
    for version in versions(scheduled.folder):
        version.build(TABLE, RANGE[0], RANGE[-1])
        with version.warehouse.reading() as engine:
            allowed.append(_digests(engine))
    assert all(allowed[0][day] != allowed[1][day] for day in RANGE)
    moments = random.Random(7)  # noqa: S311
    never = threading.Event()
    counts = []
    with _nursery(scheduled.folder) as nursery:
        for _ in range(ROUNDS_OF_KILLS):
            processes = _request(nursery, f"forever {AT_ONCE}")
            said = _answer(nursery)
            assert said == ["begin"]
            never.wait(moments.uniform(0.0, LONGEST))
            for process in processes:
                os.kill(process, signal.SIGKILL)
            while said == ["begin"]:
                said = _answer(nursery)
            assert said == ["ended", *[str(int(signal.SIGKILL))] * AT_ONCE]
            with scheduled.warehouse.reading() as engine:
                counts.append(_check(engine, tuple(allowed)))

    assert counts == sorted(counts)
    published = [later - earlier for earlier, later in pairwise([2, *counts])]
    assert 0 in published, "the kills were all too late"
    assert any(published), "the kills were all too early"
    attempts = scheduled.build(TABLE, RANGE[0], RANGE[-1])
    assert [a.status for a in attempts if a.game_date in RANGE] == [Status.COMPLETE] * len(RANGE)


def test_publishers_of_overlapping_ranges_lose_and_double_nothing(
    scheduled: Sandbox,
) -> None:
    with _nursery(scheduled.folder) as nursery:
        with scheduled.warehouse.reading() as engine:
            before = _attempts(engine)
        _request(nursery, f"overlapping {PUBLISHERS}")
        assert _answer(nursery) == ["ended", *["0"] * PUBLISHERS]

    with scheduled.warehouse.reading() as engine:
        after = _attempts(engine)
        latest = ledger.latest(engine, (TABLE,), SLATES[0], SLATES[6])
        digests = _digests(engine)
        failed = engine.query(
            f"SELECT message FROM ledger.attempts WHERE status <> 'COMPLETE' "
            f"AND status <> 'EMPTY_OK' AND table_name = '{TABLE}'"
        ).to_pylist()
        rows = engine.query(f"SELECT game_id, team FROM ({STORED}) AS s").to_pylist()
    assert failed == []
    for number, day in enumerate(SLATES[:7]):
        covering = [
            n for n in range(PUBLISHERS) if overlapping(n)[0] <= number <= overlapping(n)[1]
        ]
        # Who finds what another has just published leaves a look.
        assert before.get(day, 0) < after[day] <= before.get(day, 0) + ROUNDS * len(covering)
        assert latest[TABLE, day].digest == digests[day]
    assert len(rows) == len({tuple(row.items()) for row in rows}) == 6 * 7
