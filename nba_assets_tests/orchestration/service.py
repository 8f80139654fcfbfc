"""A deployment as a service: its sensors and its schedule evaluated as the daemon does it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import dagster as dg

from nba_assets.definitions import build_defs
from nba_assets.rehearsal.daemon import Daemon
from nba_assets.rehearsal.faults import Fault, FaultySource
from nba_assets.seasons import EASTERN, eastern_date
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.dagster_runs import open_instance
from nba_assets_tests.tiny_league import LAST, SEASON_START, Sandbox


def evening(day: date) -> datetime:
    """After the games of a date."""
    return datetime.combine(day, time(23), EASTERN)


class Service:
    """A deployment with its instance, its clock, and the cursors as the daemon keeps them."""

    def __init__(self, sandbox: Sandbox, home: Path, **settings: object) -> None:
        self.faults: list[Fault] = []
        self.source = FaultySource(sandbox.league, self.faults)
        self.sandbox = sandbox
        self.now, self.built = evening(LAST), LAST
        self.instance = open_instance(home)
        self.settings = Settings.model_validate(
            {"data_dir": sandbox.folder, "first_date": SEASON_START, **settings}
        )
        self.definitions = build_defs(
            self.settings,
            tables=sandbox.tables,
            source=self.source,
            warehouse=sandbox.warehouse,
            now=lambda: self.now,
        )
        self.daemon = Daemon(self.definitions, self.instance, lambda: self.now)

    def tick(self) -> list[dg.RunRequest]:
        """What the watcher asks for."""
        return self.daemon.tick()

    @property
    def skipped(self) -> str:
        """Why the last tick asked for nothing."""
        return self.daemon.skipped

    def forget(self) -> None:
        """Wipe what the watcher remembers."""
        self.daemon.cursors.clear()

    def alert(self) -> str:
        """What a tick of the alerts says."""
        self.daemon.tick("alerts")
        return self.daemon.skipped

    def run(self, requests: list[dg.RunRequest]) -> None:
        """Run what was asked for."""
        for request in requests:
            self.daemon.run(request)

    def settle(self) -> int:
        """Tick and run until there is nothing to do; how many runs that took."""
        return self.daemon.settle()

    def morning(self) -> dg.ExecuteInProcessResult:
        """The morning plan, run."""
        return self.daemon.morning()

    def metadata(self, table: str, day: date) -> Mapping[str, Any]:
        """What the latest materialization of a date says; nothing where there is none."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(table), [day.isoformat()]), limit=1
        ).records
        if not records:
            return {}
        materialization = records[0].asset_materialization
        assert materialization is not None
        return materialization.metadata

    def later(self, pause: timedelta) -> None:
        """Let time pass; dates that begin meanwhile are built, and have no games."""
        self.now += pause
        if (today := eastern_date(self.now)) > self.built:
            self.sandbox.build_all(self.built + timedelta(days=1), today)
            self.built = today

    def close(self) -> None:
        """Let go of the instance."""
        self.instance.dispose()


class Listener:
    """What a real HTTP server on loopback was asked, and what it answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.heard: list[tuple[str, str, str]] = []
        """method, path and body"""
        self.status = 200
        self.answer = b'{"ok": true}'


@contextmanager
def listening() -> Iterator[Listener]:
    """A server that takes note of what it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            listener.heard.append((self.command, self.path, body))
            self.send_response(listener.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(listener.answer)

        do_GET = do_POST = _take  # noqa: N815 - named by the library

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(f"http://127.0.0.1:{server.server_port}/")
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
