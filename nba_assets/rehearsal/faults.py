"""Faults to inject into any source: what went wrong in the past, on purpose and repeatable.

Each fault is a frozen dataclass that stands between a source and its reader. It names the dates,
games and tables it touches and leaves everything else as it was; its docstring says which failure
it reproduces. ``FaultySource`` applies several, the first one closest to the source. ``FAULTS``
lists them by name. Choices (which game, which player) follow from the rows, never from chance.

Faults that must pass (a player with one second of play, a stat correction) are here as well: a
check that trips over them is as wrong as one that misses the others.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, ClassVar

from nba_assets.assets.raw.player_availability import PLAYER_AVAILABILITY
from nba_assets.assets.raw.player_box_scores import PLAYER_BOX_SCORES, STATISTICS
from nba_assets.assets.raw.player_points_lines import PLAYER_POINTS_LINES
from nba_assets.assets.raw.schedule import SCHEDULE
from nba_assets.assets.raw.team_box_scores import TEAM_BOX_SCORES
from nba_assets.contracts.box_score import COUNTS
from nba_assets.errors import BadInput, SourceError, SourceUnavailable
from nba_assets.seasons import season_label, season_year
from nba_assets.sources.source import RAW_TABLES, Coverage, Delivery, Refused, Source, games_listed

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
Reading = Callable[[str, date, date], Delivery]
"""``Source.read``, or what stands in front of it"""

PLAYER_ROWS = PLAYER_BOX_SCORES.table
TEAM_ROWS = TEAM_BOX_SCORES.table
BOX_SCORES = (PLAYER_ROWS, TEAM_ROWS)
SHOOTING = ("fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "pts")
DAY = timedelta(days=1)
SECOND = 1 / 60
"""in minutes"""


@dataclass(frozen=True)
class FaultySource:
    """A source with faults; under the name of the sound one, as a broken publication keeps its."""

    source: Source
    faults: Sequence["Fault"] = ()

    @property
    def name(self) -> str:
        """The name of the source that is disturbed."""
        return self.source.name

    @property
    def identity(self) -> str:
        """The identity of the source that is disturbed."""
        return self.source.identity

    def seasons(self) -> Sequence[int]:
        """The seasons of the source that is disturbed."""
        return self.source.seasons()

    def covers(self, year: int) -> Coverage:
        """As much as the source that is disturbed does, with the games its faults leave."""
        covered = self.source.covers(year)
        with suppress(SourceError):  # a schedule that cannot be read whole is still known of
            read = self.read("schedule", date(year, 10, 1), date(year + 1, 9, 30))
            covered = replace(covered, games=games_listed(read.rows))
        return covered

    def read(self, table: str, first: date, last: date) -> Delivery:
        """What the disturbed source delivers, after every fault in turn.

        Raises:
            SourceUnavailable: the source or a fault says so.
            BadInput: likewise.
        """
        read: Reading = self.source.read
        for fault in self.faults:
            read = fault.after(read)
        return read(table, first, last)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of some dates and games (None: of all), in some of the tables it is possible in.

    Raises:
        ValueError: it is not possible in one of the tables.
    """

    dates: Collection[date] | None = None
    games: Collection[str] | None = None
    tables: Collection[str] = RAW_TABLES
    possible: ClassVar[Collection[str]] = RAW_TABLES

    def __post_init__(self) -> None:
        impossible = set(self.tables) - set(self.possible)
        if impossible:
            raise ValueError(
                f"{type(self).__name__} is not possible in {', '.join(sorted(impossible))}, only "
                f"in {', '.join(self.possible)}"
            )

    def after(self, read: Reading) -> Reading:
        """The read with this fault behind it."""

        def faulty(table: str, first: date, last: date) -> Delivery:
            if table not in self.tables:
                return read(table, first, last)
            return self._deliver(read, table, first, last)

        return faulty

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        """What arrives for a table the fault is about: touched rows changed, all others as is."""
        untouched, touched, delivery = self._split(read(table, first, last))
        return replace(delivery, rows=_joined(untouched, self._change(touched)))

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        """What the touched rows of a table become."""
        raise NotImplementedError

    def touches(self, day: date, game_id: str) -> bool:
        """Whether the fault is about a game of a date."""
        return (self.dates is None or day in self.dates) and (
            self.games is None or game_id in self.games
        )

    def _split(self, delivery: Delivery) -> "tuple[pa.Table, list[Row], Delivery]":
        """The rows of a delivery the fault leaves alone, those it touches, and the delivery."""
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = delivery.rows
        keys = zip(rows["game_date"].to_pylist(), rows["game_id"].to_pylist(), strict=True)
        touched = pa.array([self.touches(day, game_id) for day, game_id in keys], pa.bool_())
        return rows.filter(pc.invert(touched)), rows.filter(touched).to_pylist(), delivery


def _joined(rows: "pa.Table", more: Iterable[Row]) -> "pa.Table":
    import pyarrow as pa

    return pa.concat_tables([rows, pa.Table.from_pylist(list(more), schema=rows.schema)])


def _within(delivery: Delivery, first: date, last: date) -> Delivery:
    import pyarrow.compute as pc

    day = delivery.rows["game_date"]
    inside = pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last))
    refused = tuple(row for row in delivery.refused if first <= row.game_date <= last)
    return Delivery(delivery.rows.filter(inside), refused)


def _by(rows: Iterable[Row], *names: str) -> list[list[Row]]:
    """Rows in groups of equal values, in order of those values."""

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in names)

    return [list(group) for _, group in groupby(sorted(rows, key=key), key)]


def _by_game(rows: Iterable[Row]) -> list[list[Row]]:
    return _by(rows, "game_date", "game_id")


def _is_scheduled_game(row: Row) -> bool:
    return "home_team" in row


def _plus(row: Row, more: Row) -> Row:
    """The row with more of some figures."""
    return {**row, **{name: (row[name] or 0) + (figure or 0) for name, figure in more.items()}}


def _played(rows: Iterable[Row]) -> list[Row]:
    """The rows with figures, players in order of their id, teams of their code."""
    return sorted(
        (row for row in rows if row.get("status", "PLAYED") == "PLAYED"),
        key=lambda row: (row.get("player_id", 0), row["team"]),
    )


def _chosen(rows: Iterable[Row], places: slice) -> list[list[Row]]:
    """The games at some places of each date's list of games, which is in order of the game id."""
    return [game for day in _by(rows, "game_date") for game in _by_game(day)[places]]


def _one_changed(rows: list[Row], changes: Row) -> Iterable[Row]:
    """The rows with one of each game changed, the first of those with figures."""
    for game in _by_game(rows):
        first = next(iter(_played(game)), None)
        yield from ({**row, **changes} if row is first else row for row in game)


@dataclass(frozen=True, kw_only=True)
class MissingGames(Fault):
    """Only the first games of a date arrive.

    Reproduces: 2025-12-26 stored 1 game of 9, 2025-12-31 7 of 9, and nothing compared that with the
    schedule.
    """

    keep: int = 1
    """games a date"""
    tables: Collection[str] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return chain.from_iterable(_chosen(rows, slice(self.keep)))


@dataclass(frozen=True, kw_only=True)
class OnlyTeams(Fault):
    """Only the rows of some teams arrive.

    Reproduces: 2026-01-03, where 2 of 16 team rows (MIN, MIA) were stored and any non-empty frame
    was a success.
    """

    teams: Collection[str] = ("MIN", "MIA")
    tables: Collection[str] = (TEAM_ROWS,)
    possible: ClassVar[Collection[str]] = (*BOX_SCORES, PLAYER_AVAILABILITY.table)

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [row for row in rows if row["team"] in self.teams]


@dataclass(frozen=True, kw_only=True)
class EmptyAnswer(Fault):
    """Nothing arrives, and no error.

    Reproduces: 26 and then 109 days missing unseen; "0 rows" not told apart from "0 expected".
    """

    tables: Collection[str] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return rows[:0]


@dataclass(frozen=True, kw_only=True)
class SourceDown(Fault):
    """Every read whose range contains a touched date fails; trying again later may help.

    Reproduces: a primary source that was down behind a fallback that hid it.
    """

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        if self.dates is None or any(first <= day <= last for day in self.dates):
            raise SourceUnavailable(
                f"{table}: the source did not answer for {first} to {last} (injected fault). "
                "Run again later",
                self.dates,
            )
        return read(table, first, last)


@dataclass(frozen=True, kw_only=True)
class SourceRetired(Fault):
    """Every read whose range contains a touched date fails, for good.

    Reproduces: the primary team source that had died because an API version was retired.
    """

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        if self.dates is None or any(first <= day <= last for day in self.dates):
            raise BadInput(
                f"{table}: the source no longer publishes what was asked for, {first} to {last} "
                "(injected fault). Move to its successor",
                self.dates,
            )
        return read(table, first, last)


@dataclass(frozen=True, kw_only=True)
class StaleAnswer(Fault):
    """The answer of the day before: the games are scheduled, without score and box score.

    Reproduces: a source that had stopped moving days earlier, seen by no monitor.
    """

    tables: Collection[str] = (SCHEDULE.table, *BOX_SCORES)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        before = {"status": "SCHEDULED", "home_points": None, "away_points": None}
        return [{**row, **before} for row in rows if _is_scheduled_game(row)]


@dataclass(frozen=True, kw_only=True)
class LateGame(Fault):
    """The last game of a date is still in progress, without score and box score.

    Reproduces: a night blocked, or zeroed, by one late game. The other games must pass.
    """

    tables: Collection[str] = (SCHEDULE.table, *BOX_SCORES)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        yield from chain.from_iterable(_chosen(rows, slice(-1)))
        running = {"status": "IN_PROGRESS", "home_points": None, "away_points": None}
        late = chain.from_iterable(_chosen(rows, slice(-1, None)))
        yield from ({**row, **running} for row in late if _is_scheduled_game(row))


@dataclass(frozen=True, kw_only=True)
class DuplicateRow(Fault):
    """One row of each game arrives twice.

    Reproduces: 354 to 525 duplicate groups after deletes that failed.
    """

    tables: Collection[str] = BOX_SCORES
    possible: ClassVar[Collection[str]] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [*rows, *(played[0] for game in _by_game(rows) if (played := _played(game)))]


@dataclass(frozen=True, kw_only=True)
class RepeatedGame(Fault):
    """Every row of a game arrives several times.

    Reproduces: one date written 1,896 times.
    """

    times: int = 3
    tables: Collection[str] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return rows * self.times


@dataclass(frozen=True, kw_only=True)
class MinutesLost(Fault):
    """The minutes of every player who played are NULL.

    Reproduces: minutes NULL on 99.5 % of rows for months, "MM:SS" through a numeric coercion.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [{**row, "minutes": None} for row in rows]


@dataclass(frozen=True, kw_only=True)
class AbsentAsZero(Fault):
    """Players who did not play carry zeros instead of NULL.

    Reproduces: last-5 averages off by 10 to 25 points.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        zeros = dict.fromkeys(STATISTICS, 0)
        return [row if row["status"] == "PLAYED" else {**row, **zeros} for row in rows]


@dataclass(frozen=True, kw_only=True)
class PartialTeamRow(Fault):
    """The team rows are those of a game in progress, each consistent in itself.

    Reproduces: usage_rate of 239 % and 1,228 %.
    """

    share: float = 0.4
    """of the game that is over"""
    tables: Collection[str] = (TEAM_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [self._partial(row) for row in rows]

    def _partial(self, row: Row) -> Row:
        so_far = {name: int((row[name] or 0) * self.share) for name in COUNTS}
        so_far["reb"] = so_far["oreb"] + so_far["dreb"]
        so_far["pts"] = 2 * so_far["fgm"] + so_far["fg3m"] + so_far["ftm"]
        with_team = row["tov_with_team"]
        return {
            **row,
            **so_far,
            "minutes": (row["minutes"] or 0) * self.share,
            "tov_with_team": None if with_team is None else int(with_team * self.share),
        }


@dataclass(frozen=True, kw_only=True)
class PartialTeamRowBeside(PartialTeamRow):
    """The team rows of a game in progress arrive beside the final ones.

    Reproduces: a partial in-progress team row kept beside the final one.
    """

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [*rows, *super()._change(rows)]


@dataclass(frozen=True, kw_only=True)
class FiledUnderNextDate(Fault):
    """Games of touched dates are filed under the day after.

    Reproduces: a game at 22:05 Eastern filed under the UTC date.
    """

    tables: Collection[str] = BOX_SCORES

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        return _within(super()._deliver(read, table, first - DAY, last), first, last)

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [{**row, "game_date": row["game_date"] + DAY} for row in rows]


@dataclass(frozen=True, kw_only=True)
class RowsOfAnotherDate(Fault):
    """Rows of the day before a touched date arrive a second time, with its answer.

    Reproduces: rows of another date written beside the right ones.
    """

    tables: Collection[str] = BOX_SCORES

    def touches(self, day: date, game_id: str) -> bool:
        """Whether the fault is about a game of the day before."""
        return super().touches(day + DAY, game_id)

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        delivery = read(table, first, last)
        _, strangers, _ = self._split(read(table, first - DAY, last - DAY))
        return replace(delivery, rows=_joined(delivery.rows, strangers))


@dataclass(frozen=True, kw_only=True)
class GameOnTwoDates(Fault):
    """The schedule has a game again some days later, unchanged otherwise.

    Reproduces: a postponed game under the same id on two dates, both "Final".
    """

    days: int = 7
    tables: Collection[str] = (SCHEDULE.table,)
    possible: ClassVar[Collection[str]] = tables

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        later = timedelta(days=self.days)
        return _within(super()._deliver(read, table, first - later, last), first, last)

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        later = timedelta(days=self.days)
        return [*rows, *({**row, "game_date": row["game_date"] + later} for row in rows)]


@dataclass(frozen=True, kw_only=True)
class PostponedStillFinal(Fault):
    """A game that was not played is final on the schedule, without score and box score.

    Reproduces: predictions for a game that was not played.
    """

    tables: Collection[str] = (SCHEDULE.table, *BOX_SCORES)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        played = {"status": "FINAL", "home_points": None, "away_points": None}
        return [{**row, **played} for row in rows if _is_scheduled_game(row)]


@dataclass(frozen=True, kw_only=True)
class ExhibitionGame(Fault):
    """A game of EST against WST arrives on every touched day, in schedule and box scores.

    Reproduces: All-Star rows that were not excluded. ``games`` does not narrow it.
    """

    tables: Collection[str] = (SCHEDULE.table, *BOX_SCORES)
    possible: ClassVar[Collection[str]] = tables

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        delivery = read(table, first, last)
        every_day = (first + n * DAY for n in range((last - first).days + 1))
        days = [day for day in every_day if self.dates is None or day in self.dates]
        more = [row for day in days for row in _exhibition(table, day)]
        return replace(delivery, rows=_joined(delivery.rows, more))


def _exhibition(table: str, day: date) -> Iterable[Row]:
    """The rows of an exhibition game of a day: ten players a team, 24 minutes each."""
    game: Row = {
        "game_id": f"003{season_year(day) % 100:02d}{day:%m%d}1",
        "game_date": day,
        "source": "exhibition",
    }
    if table == SCHEDULE.table:
        yield {
            **game,
            "season": season_label(season_year(day)),
            "season_type": "All-Star",
            "status": "FINAL",
            "home_team": "EST",
            "away_team": "WST",
            "home_points": 120,
            "away_points": 110,
        }
        return
    players = range(1, 11)
    for number, (team, opponent) in enumerate((("EST", "WST"), ("WST", "EST"))):
        line = dict.fromkeys(COUNTS, 0) | {"fga": 8, "fgm": 5, "reb": 4, "dreb": 4, "tov": 1}
        line |= {"pts": 11, "ftm": 1, "fta": 2} if number else {"pts": 12, "ftm": 2, "fta": 2}
        side = {**game, "team": team, "opponent": opponent, "is_home": number == 0}
        if table == TEAM_ROWS:
            yield {**side, "minutes": 240, **{name: 10 * line[name] for name in COUNTS}}
        else:
            for player in players:
                yield {
                    **side,
                    "player_id": 10 * number + player,
                    "player_name": f"{team} {player}",
                    "status": "PLAYED",
                    "minutes": 24,
                    **line,
                }


@dataclass(frozen=True, kw_only=True)
class OpponentsSwapped(Fault):
    """Team and opponent are exchanged in the rows of every second game of a date.

    Reproduces: figures joined to the wrong side of half the games.
    """

    tables: Collection[str] = BOX_SCORES
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        yield from chain.from_iterable(_chosen(rows, slice(1, None, 2)))
        for row in chain.from_iterable(_chosen(rows, slice(0, None, 2))):
            yield {**row, "team": row["opponent"], "opponent": row["team"]}


@dataclass(frozen=True, kw_only=True)
class HomeAwayReversed(Fault):
    """Home and away are exchanged in the rows of every second game of a date.

    Reproduces: a join key written HOME_AWAY on one side and AWAY_HOME on the other, which left the
    usage rate at 47 % and got a gate fitted to it.
    """

    tables: Collection[str] = BOX_SCORES
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        yield from chain.from_iterable(_chosen(rows, slice(1, None, 2)))
        for row in chain.from_iterable(_chosen(rows, slice(0, None, 2))):
            yield {**row, "is_home": not row["is_home"]}


@dataclass(frozen=True, kw_only=True)
class ValueOutOfRange(Fault):
    """One figure of one row of each game is beyond what is possible.

    Reproduces: the one value that failed a batch and took eight whole dates with it. Its game is to
    be held, no other; a real extreme is ``SecondsOfPlay``.
    """

    column: str = "pts"
    value: int = 1329
    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return _one_changed(rows, {self.column: self.value})


@dataclass(frozen=True, kw_only=True)
class TurnoversMissing(Fault):
    """The turnovers of one row of each game are NULL.

    Reproduces: usage_rate NULL for a row with minutes.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = BOX_SCORES

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return _one_changed(rows, {"tov": None})


@dataclass(frozen=True, kw_only=True)
class ZeroDenominator(Fault):
    """A team row says that nobody attempted or lost anything, consistently in itself.

    Reproduces: usage rates without a denominator.
    """

    tables: Collection[str] = (TEAM_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        zeros = dict.fromkeys((*SHOOTING, "tov"), 0)
        return [{**row, **zeros} for row in rows]


@dataclass(frozen=True, kw_only=True)
class UnknownTeam(Fault):
    """One team of each game arrives under an unknown spelling.

    Reproduces: a new alias of a team that no mapping knew.
    """

    spelling: str = "XYZ"
    tables: Collection[str] = tuple(
        name for name in RAW_TABLES if name != PLAYER_POINTS_LINES.table
    )
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        for game in _by_game(rows):
            column = "home_team" if _is_scheduled_game(game[0]) else "team"
            team = min(row[column] for row in game)
            yield from ({**r, column: self.spelling} if r[column] == team else r for r in game)


@dataclass(frozen=True, kw_only=True)
class RefusedRow(Fault):
    """One row of each game cannot be understood, and the source says so.

    Reproduces: a value the publication garbled. Its game is to be held, with the row in quarantine.
    """

    tables: Collection[str] = BOX_SCORES
    possible: ClassVar[Collection[str]] = tables

    def _deliver(self, read: Reading, table: str, first: date, last: date) -> Delivery:
        untouched, touched, delivery = self._split(read(table, first, last))
        garbled = [played[0] for game in _by_game(touched) if (played := _played(game))]
        refused = (
            Refused(
                row["game_date"],
                row["game_id"],
                f"{table}: the row of {row['team']} cannot be understood (injected fault)",
                json.dumps(row, default=str, ensure_ascii=False),
            )
            for row in garbled
        )
        return Delivery(
            _joined(untouched, [row for row in touched if row not in garbled]),
            (*delivery.refused, *refused),
        )


@dataclass(frozen=True, kw_only=True)
class PlayersOfTeamMissing(Fault):
    """All players of one team of each game are missing.

    Reproduces: half a box score taken for a whole one.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return [row for game in _by_game(rows) for side in _by(game, "team")[1:] for row in side]


@dataclass(frozen=True, kw_only=True)
class PlayerMissing(Fault):
    """The row of one player who played is missing in each game.

    Reproduces: coverage that looks right and sums that are not.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        missing = [played[0] for game in _by_game(rows) if (played := _played(game))]
        return [row for row in rows if row not in missing]


@dataclass(frozen=True, kw_only=True)
class StatCorrection(Fault):
    """A basket more for one player of the winning team, in player row, team row and score.

    Reproduces: corrections for days after a game. It must pass, and make later dates stale.
    """

    tables: Collection[str] = (SCHEDULE.table, *BOX_SCORES)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        for game in _by_game(rows):
            if _is_scheduled_game(game[0]):
                yield from (self._corrected_score(row) for row in game)
                continue
            sides = _by(_played(game), "team")
            winners = max(sides, key=lambda side: sum(row["pts"] or 0 for row in side), default=[])
            scorer = next(iter(_played(winners)), None)
            basket = {"fgm": 1, "fga": 1, "pts": 2}
            yield from (_plus(row, basket) if row is scorer else row for row in game)

    @staticmethod
    def _corrected_score(row: Row) -> Row:
        if row["home_points"] is None:
            return row
        winner = "home_points" if row["home_points"] > row["away_points"] else "away_points"
        return {**row, winner: row[winner] + 2}


@dataclass(frozen=True, kw_only=True)
class AssistMoved(Fault):
    """An assist is credited to a team-mate instead; the team row stays.

    Reproduces: the smallest stat correction. It must pass, and make later dates stale.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return _one_handed_over(rows, lambda row: {"ast": 1} if row["ast"] else {})


@dataclass(frozen=True, kw_only=True)
class SecondsOfPlay(Fault):
    """A player of each game keeps his figures, and all but one second of play is a team-mate's.

    Reproduces: the usage rate of 1,329.8 that overflowed a column. It is real and must pass.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        def all_but_a_second(row: Row) -> Row:
            busy = any(row[name] for name in ("fga", "fta", "tov"))
            return {"minutes": row["minutes"] - SECOND} if busy and row["minutes"] > 1 else {}

        return _one_handed_over(rows, all_but_a_second)


@dataclass(frozen=True, kw_only=True)
class UsageOfZero(Fault):
    """A player of each game has minutes and no attempt and no turnover: a team-mate has them.

    Reproduces: a usage_rate of exactly 0.0 stored as NULL. It is a value and must pass.
    """

    tables: Collection[str] = (PLAYER_ROWS,)
    possible: ClassVar[Collection[str]] = tables

    def _change(self, rows: list[Row]) -> Iterable[Row]:
        return _one_handed_over(
            rows,
            lambda row: {name: row[name] for name in (*SHOOTING, "tov")} if row["minutes"] else {},
        )


def _one_handed_over(rows: list[Row], figures: Callable[[Row], Row]) -> Iterable[Row]:
    """The rows with figures of one player of each game handed to a team-mate: the team's sums stay.

    It is the player with the fewest minutes who has such figures, and the team-mate with the fewest
    minutes beside him; a game without such a pair stays as it is.
    """
    for game in _by_game(rows):
        bench = [row for row in _played(game) if row["minutes"] is not None]
        bench.sort(key=lambda row: row["minutes"])
        giver = next((row for row in bench if any(figures(row).values())), None)
        mates = [
            row for row in bench if giver and row["team"] == giver["team"] and row is not giver
        ]
        if giver is None or not mates:
            yield from game
            continue
        moved = figures(giver)
        for row in game:
            if row is giver:
                yield _plus(row, {name: -(figure or 0) for name, figure in moved.items()})
            else:
                yield _plus(row, moved) if row is mates[0] else row


FAULTS: Mapping[str, type[Fault]] = {
    "missing_games": MissingGames,
    "only_teams": OnlyTeams,
    "empty_answer": EmptyAnswer,
    "source_down": SourceDown,
    "source_retired": SourceRetired,
    "stale_answer": StaleAnswer,
    "late_game": LateGame,
    "duplicate_row": DuplicateRow,
    "repeated_game": RepeatedGame,
    "minutes_lost": MinutesLost,
    "absent_as_zero": AbsentAsZero,
    "partial_team_row": PartialTeamRow,
    "partial_team_row_beside": PartialTeamRowBeside,
    "filed_under_next_date": FiledUnderNextDate,
    "rows_of_another_date": RowsOfAnotherDate,
    "game_on_two_dates": GameOnTwoDates,
    "postponed_still_final": PostponedStillFinal,
    "exhibition_game": ExhibitionGame,
    "opponents_swapped": OpponentsSwapped,
    "home_away_reversed": HomeAwayReversed,
    "value_out_of_range": ValueOutOfRange,
    "turnovers_missing": TurnoversMissing,
    "zero_denominator": ZeroDenominator,
    "unknown_team": UnknownTeam,
    "refused_row": RefusedRow,
    "players_of_team_missing": PlayersOfTeamMissing,
    "player_missing": PlayerMissing,
    "stat_correction": StatCorrection,
    "assist_moved": AssistMoved,
    "seconds_of_play": SecondsOfPlay,
    "usage_of_zero": UsageOfZero,
}
"""Every fault by name; each is made with ``dates``, ``games`` and ``tables``, all optional."""
