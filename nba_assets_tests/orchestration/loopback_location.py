"""A code location for a real daemon: the product's definitions on a league and a clock in files.

The test writes both; every process that loads this reads them anew each time it asks.
"""

import os
import pickle
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from nba_assets.definitions import build_defs
from nba_assets.settings import Settings
from nba_assets.sources.source import Coverage, Delivery
from nba_assets_tests.tiny_league import SEASON_START, TinyLeague, graph

FOLDER = Path(os.environ["LOOPBACK_FOLDER"])


def publish(folder: Path, league: TinyLeague, now: datetime) -> None:
    """Make it what the location reads from now on, whole or not at all."""
    for name, content in (("league", pickle.dumps(league)), ("now", now.isoformat().encode())):
        written = folder / f"{name}.new"
        written.write_bytes(content)
        written.replace(folder / name)


class LeagueOfFile:
    """The league that was published last."""

    name = TinyLeague.name
    identity = TinyLeague.identity

    @property
    def _league(self) -> TinyLeague:
        league: TinyLeague = pickle.loads((FOLDER / "league").read_bytes())  # noqa: S301 - our own
        return league

    def seasons(self) -> Sequence[int]:
        """See ``Source``."""
        return self._league.seasons()

    def covers(self, year: int) -> Coverage:
        """See ``Source``."""
        return self._league.covers(year)

    def read(self, table: str, first: date, last: date) -> Delivery:
        """See ``Source``."""
        return self._league.read(table, first, last)


def _now() -> datetime:
    return datetime.fromisoformat((FOLDER / "now").read_text())


defs = build_defs(
    Settings(
        data_dir=FOLDER / "data",
        first_date=SEASON_START,
        automation=bool(os.environ.get("LOOPBACK_AUTOMATION")),
        watch_seconds=5,
    ),
    tables=graph(FOLDER / "data" / "models", os.environ.get("LOOPBACK_UP_TO")),
    source=LeagueOfFile(),
    now=_now,
)
