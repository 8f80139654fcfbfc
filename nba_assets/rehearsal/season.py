"""A season lived through: a virtual clock, random faults, and nobody who helps.

The real sensors and the real schedule are evaluated against a real instance and a real warehouse,
day by day, while the source is late, incomplete, corrected, reverted or down, runs are killed and
the daemon is away. What must be true whatever happens is asserted at the end; all of it follows
from one seed.
"""

import logging
import random
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.certification import ledger
from nba_assets.definitions import build_defs
from nba_assets.deployment import Deployment, build_tables, build_warehouse
from nba_assets.errors import SourceUnavailable
from nba_assets.orchestration.alerts import findings
from nba_assets.orchestration.event_log_storage import BulkSqliteEventLogStorage
from nba_assets.rehearsal.daemon import Daemon
from nba_assets.rehearsal.faults import (
    AssistMoved,
    DuplicateRow,
    EmptyAnswer,
    Fault,
    FaultySource,
    LateGame,
    MissingGames,
    PlayerMissing,
    RefusedRow,
    SourceDown,
    StatCorrection,
)
from nba_assets.seasons import EASTERN, game_dates
from nba_assets.settings import Settings
from nba_assets.sources.simulated.league import SimulatedLeague

if TYPE_CHECKING:
    from rich.console import Console

    from nba_assets.contracts.dated_table import DatedTable

SEASON = 2025
OPENING = date(2025, 10, 18)
"""some days before the first game of the simulated season"""
HOURS = (1, 3, 9, 12, 17, 20, 22)
"""Eastern hours of a day at which the daemon ticks until nothing is asked for"""
TICK = timedelta(minutes=5)
MORNING_HOUR = 9
TROUBLE = 0.4
"""share of dates with games that meet a fault"""
AWAY = 0.05
"""share of days on which the daemon goes away for hours"""
FORGETS = 0.5
"""share of those after which it remembers nothing"""
KILLED = 0.03
"""share of runs that are killed before their first record"""


@dataclass(frozen=True)
class Episode:
    """A fault with a beginning and an end; without an end it stays, as a correction does."""

    kind: str
    fault: Fault
    begins: datetime
    ends: datetime | None
    day: date | None
    """the date it is about"""

    def is_on(self, moment: datetime) -> bool:
        """Whether the source has it at a moment."""
        return self.begins <= moment and (self.ends is None or moment < self.ends)


@dataclass
class Lived:
    """What happened."""

    dates: int = 0
    episodes: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    useful: int = 0
    """runs that recorded anything"""
    killed: int = 0
    moments: int = 0
    """at which there was anything to run: fewer runs could not have done it in time"""
    blind: int = 0
    """ticks that found the source down"""
    mornings: Counter[str] = field(default_factory=Counter)
    messages: list[tuple[datetime, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """what should not have happened"""

    def lines(self) -> Iterator[str]:
        """A report."""
        yield f"{self.dates} dates lived through"
        yield "  " + ", ".join(f"{number} × {kind}" for kind, number in self.episodes.most_common())
        yield (
            f"{self.runs} runs: {self.useful} recorded something, {self.killed} were killed, "
            f"{self.runs - self.useful - self.killed} found nothing new; there was something to "
            f"run at {self.moments} moments"
        )
        told = sum(len(text.splitlines()) for _, text in self.messages)
        yield f"{len(self.messages)} messages of {told} lines; {self.blind} ticks without a source"
        yield f"mornings: {self.mornings['good']} good, {self.mornings['stopped']} stopped"
        yield from self.broken or ["every promise was kept"]


def rehearse(seed: int, days: int, console: "Console") -> bool:
    """Play, tell what happened, and whether every promise was kept."""
    logging.disable(logging.CRITICAL)  # a hundred runs, whose logs nobody reads here
    with TemporaryDirectory(prefix="nba_assets_season_") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        lived = live(seed, days, Path(folder))
    for moment, text in lived.messages:
        for line in text.splitlines():
            console.print(f"{moment:%Y-%m-%d %H:%M}  {line}", soft_wrap=True, highlight=False)
    for line in lived.lines():
        console.print(line, soft_wrap=True, highlight=False)
    return not lived.broken


def live(
    seed: int, days: int, folder: Path, tables: "Mapping[str, DatedTable] | None" = None
) -> Lived:
    """Play ``days`` days of a simulated season in a folder of its own, of all tables or of some."""
    return _Play(seed, days, folder, tables).whole()


def _bulk_storage(home: Path) -> dict[str, object]:
    """The event log storage of the deployment, in a folder."""
    return {
        "event_log_storage": {
            "module": BulkSqliteEventLogStorage.__module__,
            "class": BulkSqliteEventLogStorage.__name__,
            "config": {"base_dir": str(home / "history" / "runs")},
        },
        "telemetry": {"enabled": False},
    }


class _Play:
    def __init__(
        self, seed: int, days: int, folder: Path, tables: "Mapping[str, DatedTable] | None"
    ) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a seed, not a secret
        self.now = datetime.combine(OPENING, time(0), EASTERN)
        self.days = list(game_dates(OPENING, OPENING + timedelta(days=days - 1)))
        self.lived = Lived(dates=len(self.days))
        league = SimulatedLeague(2026, SEASON, 1, folder / "simulated", lambda: self.now)
        end = datetime.combine(self.days[-1], time(23), EASTERN)
        self.known_later = SimulatedLeague(2026, SEASON, 1, folder / "simulated", end)
        self.active: list[Fault] = []
        self.source = FaultySource(league, self.active)
        self.settings = Settings(
            data_dir=folder / "data", first_date=date(SEASON, 10, 1), automation=True
        )
        tables = tables or build_tables(self.settings)
        warehouse = build_warehouse(self.settings)
        self.deployment = Deployment(self.settings, tables, self.source, warehouse)
        home = folder / "dagster"
        home.mkdir(parents=True)
        self.instance = dg.DagsterInstance.local_temp(str(home), overrides=_bulk_storage(home))
        definitions = build_defs(
            self.settings,
            tables=tables,
            source=self.source,
            warehouse=warehouse,
            now=lambda: self.now,
        )
        self.daemon = Daemon(definitions, self.instance, lambda: self.now)
        self.episodes = list(self._episodes())
        self.lived.episodes.update(one.kind for one in self.episodes)
        self.away_until = self.excused_until = self.now
        self.last_morning = OPENING - timedelta(days=1)
        self.troubled: set[date] = set()
        self.quiet = False
        """whether nothing goes wrong any more, so that what is left can come to an end"""

    def whole(self) -> Lived:
        """The days one after the other, and what is left when all is quiet."""
        with self.instance:
            self._first_build()
            for day in self.days:
                self._plan_absence(day)
                for hour in HOURS:
                    self._arrive(datetime.combine(day, time(hour), EASTERN))
            self._arrive(max([self.now, *(e.ends for e in self.episodes if e.ends)]) + 3 * TICK)
            self.quiet = True
            noon = datetime.combine(self.now.date() + timedelta(days=1), time(12), EASTERN)
            self._arrive(noon)
            self._conclude()
        return self.lived

    def _first_build(self) -> None:
        """What an operator does once: everything before the first day."""
        before = list(game_dates(self.settings.first_date, OPENING - timedelta(days=1)))
        publisher = self.deployment.publisher("the first build")
        for name in self.deployment.tables:
            publisher.build(name, before)

    def _episodes(self) -> Iterator[Episode]:
        """What goes wrong, drawn before it happens."""
        schedule = self.known_later.read("schedule", self.days[0], self.days[-1]).rows
        games: dict[date, list[str]] = {}
        for row in schedule.to_pylist():
            if row["status"] != "POSTPONED":
                games.setdefault(row["game_date"], []).append(row["game_id"])
        for day, listed in sorted(games.items()):
            if self.chance.random() < TROUBLE:
                yield self._episode(day, sorted(listed))
        for day in self.days[3::9]:
            begins = datetime.combine(day, time(self.chance.choice((2, 8, 16, 21))), EASTERN)
            ends = begins + timedelta(hours=self.chance.randint(2, 9))
            yield Episode("source down", SourceDown(), begins, ends, None)

    def _episode(self, day: date, games: Sequence[str]) -> Episode:
        some = {self.chance.choice(games)}
        boxes = ("player_box_scores", "team_box_scores")
        night = datetime.combine(day, time(), EASTERN)
        later = night + timedelta(days=self.chance.randint(1, 5), hours=10)
        soon = night + timedelta(hours=self.chance.randint(26, 60))
        kinds = {
            "late": (EmptyAnswer(games=some, tables=boxes), night, soon),
            "all but one late": (MissingGames(dates={day}, tables=boxes), night, soon),
            "player missing": (PlayerMissing(games=some), night, soon),
            "duplicated": (DuplicateRow(games=some), night, soon),
            "refused": (RefusedRow(games=some, tables=("player_box_scores",)), night, soon),
            "stuck in play": (LateGame(dates={day}), night, soon),
            "corrected": (StatCorrection(games=some), later, None),
            "moved and moved back": (AssistMoved(games=some), later, later + timedelta(days=1)),
            "vanished": (
                EmptyAnswer(games=some, tables=("team_box_scores",)),
                later,
                later + timedelta(hours=30),
            ),
        }
        kind = self.chance.choice(sorted(kinds))
        return Episode(kind, *kinds[kind], day)

    def _plan_absence(self, day: date) -> None:
        """Now and then the daemon is away for some hours, and its memory is lost."""
        if self.chance.random() < AWAY:
            self.away_until = datetime.combine(day, time(), EASTERN) + timedelta(
                hours=self.chance.randint(6, 30)
            )
            self._excuse(self.away_until)
            self.lived.episodes["daemon away"] += 1
            if self.chance.random() < FORGETS:
                self.daemon.cursors.pop("watch_game_dates", None)
                self.lived.episodes["memory lost"] += 1

    def _arrive(self, moment: datetime) -> None:
        """What the daemon does at a moment, until nothing is asked for."""
        self.now = moment
        self.active[:] = [one.fault for one in self.episodes if one.is_on(moment)]
        self.troubled.update(one.day for one in self.episodes if one.day and one.begins <= moment)
        if moment < self.away_until:
            return
        for _ in range(12):
            self.daemon.beat()
            try:
                requests = self.daemon.tick()
            except SourceUnavailable:
                self.lived.blind += 1
                self._excuse(moment)
                self._alert()
                return
            if not requests:
                break
            self.lived.moments += 1
            for request in requests:
                self._run(request)
            self.now += TICK
        else:
            self.lived.broken.append(f"{moment}: still something to run after an hour of ticks")
        if moment.hour >= MORNING_HOUR and self.last_morning < moment.date():
            self.last_morning = moment.date()  # one that was missed is made up for
            result = self.daemon.morning()
            self.lived.mornings["good" if result.success else "stopped"] += 1
        self._alert()

    def _run(self, request: dg.RunRequest) -> None:
        self.lived.runs += 1
        if not self.quiet and self.chance.random() < KILLED:
            self.lived.killed += 1
            self.lived.episodes["run killed"] += 1
            self._excuse(self.now)
            return
        before = self._publication()
        self.daemon.run(request)
        if self._publication() > before:
            self.lived.useful += 1
        elif not self.lived.episodes["memory lost"]:
            self.lived.broken.append(f"{self.now}: needless run {request.run_key}")

    def _excuse(self, until: datetime) -> None:
        """For a day, what is late is late because nothing could look after it."""
        self.excused_until = max(self.excused_until, until + timedelta(days=1))

    def _publication(self) -> int:
        with self.deployment.reading() as engine:
            return ledger.publication(engine) if engine else 0

    def _alert(self) -> None:
        self.daemon.tick("alerts")
        text = self.daemon.skipped
        if text.startswith("nothing new"):
            return
        self.lived.messages.append((self.now, text))
        for line in text.splitlines():
            if not line.startswith("over: ") and not self._has_cause(line):
                self.lived.broken.append(f"{self.now}: told without a cause: {line}")

    def _has_cause(self, line: str) -> bool:
        """Whether a line is about a date with a fault, or about a time without a watcher."""
        if any(f"{day}" in line for day in self.troubled):
            return True
        excuses = ("never built", "watch_game_dates: ", "morning_plan: ")
        return self.now < self.excused_until and line.startswith(excuses)

    def _conclude(self) -> None:
        """What must be true when every fault that ends has ended."""
        every = list(game_dates(self.settings.first_date, self.days[-1]))
        for (name, day), need in self.deployment.look(every).needs.items():
            self.lived.broken.append(f"{name} {day} is not complete: {need.detail}")
        for one in findings(self.deployment, self.instance, self.now).findings:
            self.lived.broken += [f"still open: {line}" for line in one.lines(one.facts)]
