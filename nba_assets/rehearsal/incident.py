"""The night of 3 January 2026, replayed: what the chain does with each shape of the incident.

A night of eight games of the simulated league stands in for it. Each shape of the failure meets the
real chain in a store of its own: what arrived, what the ledger says of it, what readers still see,
what a dependent launched alone answers, and whether running again repairs it.
"""

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

from nba_assets.certification import ledger
from nba_assets.certification.ledger import Attempt, Status, Verdict
from nba_assets.contracts.dated_table import DatedTable, FromSQL
from nba_assets.definitions import build_defs
from nba_assets.deployment import build_publisher, build_tables, build_warehouse
from nba_assets.errors import NbaAssetsError
from nba_assets.orchestration.launch import QUIET
from nba_assets.rehearsal.faults import (
    EmptyAnswer,
    Fault,
    FaultySource,
    MissingGames,
    PartialTeamRow,
    PartialTeamRowBeside,
)
from nba_assets.seasons import EASTERN, WARMUP_DAYS, game_dates, season_start
from nba_assets.settings import Settings
from nba_assets.sources.simulated.league import SimulatedLeague

if TYPE_CHECKING:
    from rich.console import Console

    from nba_assets.sources.source import Source

SEED = 2026
SEASON = 2025
GAMES = 8
"""of the night: sixteen team rows"""
CHAIN = (
    "schedule",
    "player_box_scores",
    "team_box_scores",
    "team_offense_game_summary",
    "player_game_summary",
)
"""what the night is run for"""
KNOWN_AHEAD = ("schedule", "player_availability", "team_form")
"""what is certified of the next day before the night goes wrong"""

REVERSED_KEY = """
SELECT s.* REPLACE (IF(t.matchup IS NULL, NULL, s.usage_rate) AS usage_rate)
FROM ({right}) AS s
LEFT JOIN (
  SELECT game_date, team, IF(
    MOD(CAST(SUBSTR(game_id, 10) AS INT64), 2) = 0,
    CONCAT(IF(is_home, opponent, team), '_', IF(is_home, team, opponent)),
    CONCAT(IF(is_home, team, opponent), '_', IF(is_home, opponent, team))
  ) AS matchup
  FROM team_offense_game_summary
) AS t
  ON t.game_date = s.game_date AND t.team = s.team
  AND t.matchup = CONCAT(IF(s.is_home, s.team, s.opponent), '_', IF(s.is_home, s.opponent, s.team))
"""
"""``player_game_summary`` with its team rows joined by a key that is AWAY_HOME on the team side of
every second game: those players have no usage_rate.
"""


@dataclass(frozen=True)
class Shape:
    """One way the night went wrong."""

    name: str
    title: str
    faults: tuple[Fault, ...]
    watched: str
    """the table whose figures tell it"""
    dependent: str
    """the table that is then launched alone"""
    dependent_day: date
    reversed_key: bool = False

    def tables(self, settings: Settings) -> dict[str, DatedTable]:
        """The tables of the deployment, the broken transformation among them where there is one."""
        tables = build_tables(settings)
        summary = tables["player_game_summary"]
        if self.reversed_key and isinstance(summary.produce, FromSQL):
            broken = FromSQL(REVERSED_KEY.format(right=summary.produce.query))
            tables[summary.name] = replace(summary, produce=broken)
        return tables


@dataclass(frozen=True)
class Night:
    """A night of eight games, and the stores it can go wrong in."""

    folder: Path
    league: SimulatedLeague
    day: date
    next_day: date
    games: tuple[str, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the incident, on this night."""
        days, running = (self.day,), self.games[-2:]
        return (
            Shape(
                "dead_source",
                "The team source is dead and its fallback has 2 of 16 teams",
                (
                    EmptyAnswer(dates=days, tables=["team_box_scores"]),
                    MissingGames(dates=days, keep=1, tables=["player_box_scores"]),
                ),
                "team_offense_game_summary",
                "player_game_summary",
                self.day,
            ),
            Shape(
                "reversed_key",
                "The join key is reversed in every second game",
                (),
                "player_game_summary",
                "player_features",
                self.next_day,
                reversed_key=True,
            ),
            Shape(
                "partial_rows",
                "Two games are in progress: partial team rows, for one beside the final ones",
                (
                    PartialTeamRow(dates=days, games=running[1:]),
                    PartialTeamRowBeside(dates=days, games=running[:1]),
                    EmptyAnswer(dates=days, games=running, tables=["player_box_scores"]),
                ),
                "team_offense_game_summary",
                "player_game_summary",
                self.day,
            ),
        )

    def store(self, name: str, *, fresh: bool = False) -> Settings:
        """A new store with everything before the night and, unless ``fresh``, the night itself."""
        folder = self.folder / name
        shutil.copytree(self.folder / ("before" if fresh else "certified"), folder)
        return Settings(data_dir=folder)

    def faulty(self, shape: Shape) -> "Source":
        """What the sources deliver when the shape strikes."""
        return FaultySource(self.league, shape.faults)


def prepare(folder: Path) -> Night:
    """A night of the simulated league early after the warm-up, with its stores, in a folder."""
    morning = datetime.combine(date(SEASON + 1, 1, 4), time(12), EASTERN)
    league = SimulatedLeague(SEED, SEASON, 1, folder / "simulated", now=morning)
    start = season_start(morning.date())
    slates: dict[date, list[str]] = {}
    for row in league.read("schedule", start, morning.date()).rows.to_pylist():
        if row["status"] == "FINAL":
            slates.setdefault(row["game_date"], []).append(row["game_id"])
    days = sorted(slates)
    after_warmup = days[0] + timedelta(days=WARMUP_DAYS)
    day = next(day for day in days if day >= after_warmup and len(slates[day]) == GAMES)
    next_day = days[days.index(day) + 1]
    night = Night(folder, league, day, next_day, tuple(sorted(slates[day])))

    def build(store: str, dates: Sequence[date], tables: Collection[str]) -> None:
        publisher = build_publisher(
            Settings(data_dir=folder / store), f"history of {store}", source=league
        )
        for name in tables:
            publisher.build(name, dates)

    history = (*CHAIN, "player_availability", "team_form")
    build("before", list(game_dates(start, day - timedelta(days=1))), history)
    shutil.copytree(folder / "before", folder / "certified")
    build("certified", [day], history)
    build("certified", list(game_dates(day + timedelta(days=1), next_day)), KNOWN_AHEAD)
    return night


def run_chain(
    settings: Settings,
    source: "Source",
    instance: dg.DagsterInstance,
    selected: Collection[str],
    day: date,
    tables: dict[str, DatedTable] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of a selection of tables for a date, as `dagster asset materialize` starts it.

    Raises:
        NbaAssetsError: the run ended otherwise than by naming what was not certified.
    """
    definitions = build_defs(settings, tables=tables, source=source)
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config=QUIET,
        instance=instance,
        partition_key=day.isoformat(),
        asset_selection=[dg.AssetKey(name) for name in selected],
        raise_on_error=False,
    )
    for event in result.get_step_failure_events():
        failed = event.step_failure_data
        if failed.user_failure_data is None and failed.error is not None:
            raise NbaAssetsError(f"a run of the replay crashed: {failed.error.to_string()}")
    return result


def replay(console: "Console", night: Night | None = None) -> bool:
    """Replay every shape of the incident and print what became of it; whether all were caught."""
    if night is None:
        with TemporaryDirectory(prefix="nba_assets_incident_") as folder:
            return replay(console, prepare(Path(folder)))
    console.print(
        f"[bold]The night of the incident[/bold], on {night.day} of the simulated league: "
        f"{GAMES} games, {2 * GAMES} team rows. It was certified once, then run again."
    )
    broken = []
    for number, shape in enumerate(night.shapes, start=1):
        console.print()
        console.rule(f"[bold]{number}. {shape.title}", align="left")
        with dg.DagsterInstance.ephemeral() as instance:
            broken += _replay_shape(console, night, shape, instance)
    console.print()
    if broken:
        console.print(f"[bold red]Not as promised:[/bold red] {'; '.join(broken)}.")
    else:
        console.print(
            f"[bold green]All {len(night.shapes)} shapes were caught, nothing wrong was published, "
            "and running again repaired each.[/bold green]"
        )
    return not broken


@dataclass
class _Report:
    """Lines with a verdict each; a promise that is not kept is remembered."""

    console: "Console"
    title: str
    broken: list[str]

    def say(self, label: str, text: str) -> None:
        self._line(" ", "white", label, text)

    def promise(self, label: str, text: str, *, kept: bool) -> None:
        self._line("✓" if kept else "✗", "green" if kept else "bold red", label, text)
        if not kept:
            self.broken.append(f"{self.title}: {label.lower()}")

    def _line(self, mark: str, style: str, label: str, text: str) -> None:
        from rich.table import Table
        from rich.text import Text

        line = Table.grid(padding=(0, 1), expand=False)
        line.add_column(width=1)
        line.add_column(width=14, no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(Text(mark, style), Text(label, "bold"), Text(text))
        self.console.print(line)


def _replay_shape(
    console: "Console", night: Night, shape: Shape, instance: dg.DagsterInstance
) -> list[str]:
    """Let one shape strike, print what became of it, and name the promises that were broken."""
    report = _Report(console, shape.title, [])
    settings = night.store(shape.name)
    source, tables = night.faulty(shape), shape.tables(settings)
    before = _visible(settings, night.day, shape.watched)
    report.say("Delivered", _delivered(night, source, shape))

    run = run_chain(settings, source, instance, CHAIN, night.day, tables)
    attempts = _attempts(settings, CHAIN, night.day)
    _print_ledger(console, attempts)
    watched = attempts[shape.watched]
    report.promise("The run", "succeeded" if run.success else "failed", kept=not run.success)
    report.promise(
        "The ledger",
        f"{watched.table_name} is {watched.status}: {watched.actual_records} of "
        f"{watched.expected_records} records, {watched.completeness} % complete",
        kept=not watched.validation_passed,
    )
    if (coverage := _coverage(watched)) is not None:
        report.say("Coverage", f"usage_rate on {coverage} % of the rows with minutes")
    held = _held_games(settings, shape.watched, night.day)
    report.promise("Games named", f"{_games(len(held))}: {', '.join(held)}", kept=bool(held))
    after = _visible(settings, night.day, shape.watched)
    report.promise(
        "Readers see", f"{len(after)} rows, the version certified before", kept=after == before
    )
    fresh = _visible_when_fresh(night, shape)
    report.promise(
        "On a new date", f"they see {fresh} rows: nothing was certified before", kept=fresh == 0
    )

    alone = run_chain(settings, source, instance, [shape.dependent], shape.dependent_day, tables)
    dependent = _attempts(settings, [shape.dependent], shape.dependent_day)[shape.dependent]
    waiting = _held_games(settings, shape.dependent, shape.dependent_day)
    report.promise(
        "Launched alone",
        f"{shape.dependent} {shape.dependent_day} is {dependent.status} for "
        f"{_games(len(waiting))}: {dependent.message.split('; ')[0]}",
        kept=not alone.success and dependent.status is Status.HELD and bool(waiting),
    )

    again = run_chain(settings, night.league, instance, CHAIN, night.day)
    if shape.dependent_day != night.day:
        run_chain(settings, night.league, instance, [shape.dependent], shape.dependent_day)
    repaired = _attempts(settings, [shape.watched], night.day)[shape.watched]
    dependent = _attempts(settings, [shape.dependent], shape.dependent_day)[shape.dependent]
    report.promise(
        "Repaired",
        f"{repaired.table_name} is {repaired.status} with {repaired.actual_records} of "
        f"{repaired.expected_records}; {shape.dependent} {shape.dependent_day} is "
        f"{dependent.status}",
        kept=again.success
        and dependent.validation_passed
        and _visible(settings, night.day, shape.watched) == before,
    )
    return report.broken


def _attempts(settings: Settings, tables: Collection[str], day: date) -> dict[str, Attempt]:
    with build_warehouse(settings).reading() as engine:
        found = ledger.latest(engine, tables, day, day)
    return {name: found[name, day] for name in tables}


def _visible(settings: Settings, day: date, table: str) -> list[dict[str, object]]:
    """The rows of a date as readers see them, in order."""
    grain = ", ".join(build_tables(settings)[table].contract.grain)
    with build_warehouse(settings).reading() as engine:
        found: list[dict[str, object]] = engine.query(
            f"SELECT * FROM {table} WHERE game_date = DATE '{day}' ORDER BY {grain}"
        ).to_pylist()
    return found


def _visible_when_fresh(night: Night, shape: Shape) -> int:
    """What readers see of the night if the shape strikes the first time it is run."""
    settings = night.store(f"{shape.name}_fresh", fresh=True)
    publisher = build_publisher(
        settings, "fresh", tables=shape.tables(settings), source=night.faulty(shape)
    )
    for name in CHAIN:
        publisher.build(name, [night.day])
    return len(_visible(settings, night.day, shape.watched))


def _held_games(settings: Settings, table: str, day: date) -> list[str]:
    with build_warehouse(settings).reading() as engine:
        games = ledger.verdicts(engine, [table], day, day)
    return [
        f"{game.game_id} ({game.away_team} @ {game.home_team})"
        for game in sorted(games, key=lambda game: game.game_id)
        if game.verdict is Verdict.HELD
    ]


def _games(number: int) -> str:
    return f"{number} game" if number == 1 else f"{number} games"


def _delivered(night: Night, source: "Source", shape: Shape) -> str:
    if shape.reversed_key:
        return "everything; the transformation of player_game_summary is broken"
    return ", ".join(
        f"{table} {source.read(table, night.day, night.day).rows.num_rows} rows of "
        f"{night.league.read(table, night.day, night.day).rows.num_rows}"
        for table in ("team_box_scores", "player_box_scores")
    )


def _coverage(attempt: Attempt) -> float | int | str | None:
    figures = (check.figures for check in attempt.checks if check.name == "usage_rate_coverage")
    return next((found["coverage"] for found in figures), None)


def _print_ledger(console: "Console", attempts: dict[str, Attempt]) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("  table")
    table.add_column("status")
    for name in ("expected", "actual", "complete"):
        table.add_column(name, justify="right")
    for attempt in attempts.values():
        color = "green" if attempt.validation_passed else "red"
        figures = (attempt.expected_records, attempt.actual_records, attempt.completeness)
        table.add_row(
            f"  {attempt.table_name}",
            f"[{color}]{attempt.status}[/]",
            *("–" if figure is None else f"{figure:g}" for figure in figures),
        )
    console.print(table)
