"""A process with everything loaded that forks publishers on request, to be killed at any moment.

Run as ``python -m nba_assets_tests.certification.nursery FOLDER``. Every line of its input is a
request. ``forever N`` forks N publishers that alternate between two versions of the rows until they
are killed, and say ``begin`` whenever they start a transaction; ``overlapping N`` forks N that each
publish a range of their own three times. The answer to a request is the process ids; once all of
them have ended, ``ended`` and their exit codes follow.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path

from nba_assets.certification.publish import Publisher
from nba_assets.engines.duckdb_file import DuckDBEngine, DuckDBFile
from nba_assets.engines.engine import Load
from nba_assets.seasons import game_dates
from nba_assets_tests.tiny_league import SLATES, Sandbox, TinyLeague

TABLE = "team_box_scores"
RANGE = SLATES[:4]
ROUNDS = 3


def versions(folder: Path) -> tuple[Sandbox, Sandbox]:
    """The deployment, and the same with every game of the range corrected."""
    corrected = TinyLeague()
    for day in SLATES:
        for game in corrected.games(day):
            player = corrected.rows("player_box_scores", game, status="PLAYED")[0]
            corrected.correct(game, player["player_id"])
    return Sandbox(folder), Sandbox(folder, corrected)


def overlapping(number: int) -> tuple[int, int]:
    """First and last slate of the range of one of several publishers."""
    return number % 4, number % 4 + 3


class _Announcing(DuckDBFile):
    """Says when a transaction starts."""

    @contextmanager
    def writing(self) -> Iterator[DuckDBEngine]:
        with super().writing() as engine:
            start = engine.transaction

            def announced(statements: Sequence[str], loads: Sequence[Load] = ()) -> None:
                print("begin", flush=True)  # noqa: T201
                start(statements, loads)

            engine.transaction = announced  # type: ignore[method-assign]
            yield engine


def _publish(publishers: Sequence[Publisher], times: int | None, first: int, last: int) -> None:
    dates = list(game_dates(SLATES[first], SLATES[last]))
    for number, publisher in enumerate(cycle(publishers)):
        if number == times:
            return
        publisher.build(TABLE, dates)


def _forked(work: Callable[[], None]) -> int:
    process = os.fork()
    if process == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    return process


def main() -> None:
    """Answer requests until the input ends."""
    folder = Path(sys.argv[1])
    quiet = [version.publisher() for version in versions(folder)]
    announcing = [
        version.publisher(warehouse=_Announcing(folder / "warehouse.duckdb"))
        for version in versions(folder)
    ]
    _publish(quiet, len(quiet), 0, len(RANGE) - 1)
    print("ready", flush=True)  # noqa: T201
    for line in sys.stdin:
        request, _, count = line.strip().partition(" ")
        if request == "forever":
            work = [partial(_publish, announcing, None, 0, len(RANGE) - 1)] * int(count)
        else:
            work = [partial(_publish, quiet, ROUNDS, *overlapping(n)) for n in range(int(count))]
        processes = [_forked(publish) for publish in work]
        print(*processes, flush=True)  # noqa: T201
        codes = [os.waitpid(process, 0)[1] for process in processes]
        print("ended", *codes, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
