"""Time the product against a stated rival and print ratios: ``python -m benchmarks``.

Whole processes are timed from outside, wall clock and peak memory, on the simulated league in a
temporary folder. ``--only NAME`` runs one of them; the names are the first column. Figures depend
on the machine; the ratios are what is promised.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
TO_FEATURES = (
    "schedule,player_box_scores,team_box_scores,player_availability,"
    "team_offense_game_summary,player_game_summary,team_form,player_features"
)
RANGE_FIRST, RANGE_LAST = "2021-10-01", "2023-12-06"
"""613 partitions: two whole seasons and the beginning of a third"""


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Line:
    """One row of the report."""

    name: str
    ours: str
    rival: str
    ratio: float
    target: float

    def __str__(self) -> str:
        verdict = "ok" if self.ratio <= self.target else "MISSED"
        return (
            f"{self.name:<14} {self.ours:<46} {self.rival:<46} "
            f"{self.ratio:6.2f} of {self.target:g}  {verdict}"
        )


@contextmanager
def workplace() -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with an instance of its own, and the environment that uses it."""
    with tempfile.TemporaryDirectory(prefix="nba_assets_bench_") as name:
        folder = Path(name)
        shutil.copy(CHECKOUT / "dagster.yaml", folder)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("NBA_ASSETS_")}
        environment.pop("DAGSTER_HOME", None)
        yield (
            folder,
            environment
            | {
                "NBA_ASSETS_DATA_DIR": str(folder / "data"),
                "NBA_ASSETS_SIMULATED_FIRST_SEASON": "2021",
            },
        )


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> Cost:
    """Run a command to its end.

    Raises:
        SystemExit: it failed; its output is in the message.
    """
    log = folder / "output.txt"
    with log.open("w") as output:
        start = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603
            arguments, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{log.read_text()[-3000:]}")
    return Cost(seconds, usage.ru_maxrss / 1024)


def materialize(select: str, *partitions: str) -> list[str]:
    """The dagster command that materializes assets for one partition or a range."""
    flag = "--partition" if len(partitions) == 1 else "--partition-range"
    dagster = str(Path(sys.executable).parent / "dagster")
    module = ["-m", "nba_assets.definitions"]
    return [
        *(dagster, "asset", "materialize", *module),
        *("--select", select, flag, "...".join(partitions)),
    ]


def range_run() -> Iterator[Line]:
    """613 dates, raw to features with every check recorded, against the same SQL run bare."""
    with workplace() as (folder, environment):
        warm_source(folder, environment, 3)
        ours = run(materialize(TO_FEATURES, RANGE_FIRST, RANGE_LAST), folder, environment)
        bare = run(
            [sys.executable, "-m", "benchmarks.bare_sql", RANGE_FIRST, RANGE_LAST],
            folder,
            environment | {"PYTHONPATH": str(CHECKOUT)},
        )
    text = f"613 dates to features, 8 tables: {ours.seconds:.1f} s"
    yield Line("range", text, "60 s", ours.seconds / 60, 1)
    yield Line("range-bare", text, f"same transformations, bare: {bare.seconds:.1f} s",
               ours.seconds / bare.seconds, 5)  # fmt: skip


def one_date() -> Iterator[Line]:
    """One new date through the whole graph against a trivial one-asset materialization."""
    with workplace() as (folder, environment):
        (folder / "trivial.py").write_text(
            "import dagster as dg\n\n\n@dg.asset\ndef one() -> None: ...\n\n\n"
            "defs = dg.Definitions(assets=[one], executor=dg.in_process_executor)\n"
        )
        run(materialize("*", "2021-10-01", "2022-02-01"), folder, environment)
        ours = run(materialize("*", "2022-02-02"), folder, environment)
        dagster = str(Path(sys.executable).parent / "dagster")
        trivial = run(
            [dagster, "asset", "materialize", "-f", "trivial.py", "--select", "one"],
            folder,
            environment,
        )
    yield Line(
        "one-date",
        f"one new date, 12 tables: {ours.seconds:.1f} s",
        f"one trivial asset: {trivial.seconds:.1f} s",
        ours.seconds / trivial.seconds,
        3,
    )


def many_seasons() -> Iterator[Line]:
    """25 simulated seasons against 5, raw to features; peak memory of the 5 with models."""
    costs = {}
    for seasons in (5, 25):
        with workplace() as (folder, environment):
            environment |= {
                "NBA_ASSETS_FIRST_DATE": "2001-10-01",
                "NBA_ASSETS_SIMULATED_FIRST_SEASON": "2001",
                "NBA_ASSETS_SIMULATED_SEASONS": str(seasons),
            }
            last = date(2001 + seasons, 6, 30)
            command = materialize(TO_FEATURES, "2001-10-01", last.isoformat())
            costs[seasons] = run(command, folder, environment)
    yield Line(
        "seasons",
        f"25 seasons: {costs[25].seconds:.0f} s, {costs[25].peak_mib:.0f} MiB",
        f"5 seasons: {costs[5].seconds:.0f} s, {costs[5].peak_mib:.0f} MiB",
        costs[25].seconds / costs[5].seconds,
        6,
    )


def memory() -> Iterator[Line]:
    """Peak memory of the whole graph over five seasons, models included."""
    with workplace() as (folder, environment):
        cost = run(materialize("*", "2021-10-01", "2026-06-30"), folder, environment)
    yield Line(
        "memory",
        f"5 seasons, 12 tables: {cost.peak_mib:.0f} MiB in {cost.seconds:.0f} s",
        "1536 MiB",
        cost.peak_mib / 1536,
        1,
    )


def loading() -> Iterator[Line]:
    """Importing the definitions against importing dagster, the fastest of five each."""
    with workplace() as (folder, environment):
        ours, rival = (
            min(run([sys.executable, "-c", f"import {module}"], folder, environment).seconds
                for _ in range(5))
            for module in ("nba_assets.definitions", "dagster")
        )  # fmt: skip
    yield Line(
        "loading", f"import definitions: {ours:.2f} s", f"import dagster: {rival:.2f} s",
        ours / rival, 2,
    )  # fmt: skip


def recording() -> Iterator[Line]:
    """Recording the events of 100 dates with Dagster's own storage, for comparison."""
    with workplace() as (folder, environment):
        warm_source(folder, environment, 1)
        command = materialize(TO_FEATURES, "2021-10-01", "2022-01-08")
        bulk = run(command, folder, environment)
        stock = (folder / "dagster.yaml").read_text()
        ours = "nba_assets.orchestration.event_log_storage"
        stock = stock.replace(ours, "dagster._core.storage.event_log")
        stock = stock.replace("BulkSqliteEventLogStorage", "SqliteEventLogStorage")
        (folder / "dagster.yaml").write_text(stock)
        shutil.rmtree(folder / ".dagster")
        shutil.rmtree(folder / "data" / "warehouse.duckdb", ignore_errors=True)
        rival = run(command, folder, environment)
    yield Line(
        "recording",
        f"100 dates to features: {bulk.seconds:.1f} s",
        f"with stock event storage: {rival.seconds:.1f} s",
        bulk.seconds / rival.seconds,
        0.5,
    )


def warm_source(folder: Path, environment: dict[str, str], seasons: int) -> None:
    """Let the simulated league play its seasons first: it stands for data that exists."""
    last = f"{2021 + seasons}-06-30"
    code = (
        "from datetime import date\n"
        "from nba_assets.deployment import build_source\n"
        "from nba_assets.settings import Settings\n"
        f"build_source(Settings.from_environment()).read('schedule', date(2021, 10, 1), "
        f"date.fromisoformat('{last}'))\n"
    )
    run([sys.executable, "-c", code], folder, environment)


BENCHMARKS: dict[str, Callable[[], Iterator[Line]]] = {
    "loading": loading,
    "one-date": one_date,
    "range": range_run,
    "recording": recording,
    "memory": memory,
    "seasons": many_seasons,
}


def main() -> None:
    """Run the benchmarks asked for and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append")
    chosen = parser.parse_args().only or list(BENCHMARKS)
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    for name in chosen:
        for line in BENCHMARKS[name]():
            print(line, flush=True)


if __name__ == "__main__":
    main()
