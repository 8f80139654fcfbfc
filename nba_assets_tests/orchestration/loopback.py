"""Dagster's own daemon and web server, started on loopback on the definitions of the tests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BOUND = 240
"""seconds any one thing may take"""
DAEMON = """
from dagster._daemon import cli, controller
controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 1  # backfills are looked at twice a minute otherwise
cli.main()
"""


@dataclass
class Loopback:
    """What runs in a folder."""

    home: Path
    port: int = 0
    """of the web server; 0 where there is none"""

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """What the web server answers to a GraphQL query, as its page would ask it."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        data: dict[str, Any] = found["data"]
        return data

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait until something is true.

        Raises:
            AssertionError: it is not in time; with the ends of all logs.
        """
        end = time.monotonic() + BOUND
        while not true():
            if time.monotonic() > end:
                logs = (f"{log.name}\n{log.read_text()[-3000:]}" for log in self.home.glob("*.log"))
                raise AssertionError(f"not within {BOUND} s: {what}\n" + "\n".join(logs))
            time.sleep(0.5)


@contextmanager
def running(
    home: Path, *, web_server: Sequence[str] | None = None, automation: bool
) -> Iterator[Loopback]:
    """The daemon and, with the flags it is given, the web server, each in a process of its own."""
    (home / "workspace.yaml").write_text(
        "load_from:\n  - python_module: nba_assets_tests.orchestration.loopback_location\n"
    )
    shutil.copy(ROOT / "dagster.yaml", home)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NBA_ASSETS_")}
    environment |= {
        "DAGSTER_HOME": f"{home}",
        "LOOPBACK_FOLDER": f"{home}",
        "LOOPBACK_AUTOMATION": "1" if automation else "",
        "PYTHONPATH": f"{ROOT}",
    }
    found = Loopback(home)
    with ExitStack() as ended:
        daemon = [sys.executable, "-c", DAEMON, "run", "-w", "workspace.yaml"]
        ended.enter_context(_process(daemon, home, environment, "daemon.log"))
        if web_server is not None:
            found.port = _free_port()
            served = [f"{Path(sys.executable).parent / 'dagster-webserver'}"]
            served += [
                "-w",
                "workspace.yaml",
                "-h",
                "127.0.0.1",
                "-p",
                f"{found.port}",
                *web_server,
            ]
            ended.enter_context(_process(served, home, environment, "webserver.log"))
            found.until(lambda: _answers(found), "the web server answers")
        yield found


def _answers(found: Loopback) -> bool:
    try:
        return bool(found.ask("{ version }"))
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _process(
    command: list[str], home: Path, environment: Mapping[str, str], log: str
) -> Iterator[None]:
    with (home / log).open("w") as output:
        process = subprocess.Popen(  # noqa: S603
            command,
            cwd=home,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
