"""What is particular to the schedule when it is built: it is audited against itself.

It says which games there are, so it has no game to wait for: its games are those a source lists,
those it listed before, and those that could not be understood.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from nba_assets.certification.certified import UNKNOWN, DueGame, Held, Known
from nba_assets.certification.decide import GONE
from nba_assets.certification.ledger import Cause
from nba_assets.contracts.dated_table import SCHEDULE
from nba_assets.contracts.teams import TEAMS
from nba_assets.seasons import season_label, season_year

if TYPE_CHECKING:
    import pyarrow as pa

    from nba_assets.sources.source import Refused, Source

Game = Mapping[str, Any]
"""``game_date``, ``game_id``, ``home_team``, ``away_team`` and ``status``"""


def beyond_what_is_published(source: "Source", dates: Sequence[date]) -> dict[date, Held]:
    """The dates of a season that no published schedule covers: they are unknown, not empty."""
    year = season_year(dates[0])
    if year not in set(source.seasons()):
        told = f"{source.name} publishes no schedule of season {season_label(year)}"
        beyond: Collection[date] = dates
    else:
        covered = source.covers(year)
        told = (
            f"the schedule of season {season_label(year)} is known to {covered.through} only: "
            f"{covered.note}; what is after that is unknown, not empty"
        )
        beyond = [day for day in dates if day > covered.through]
    return {day: Held(told, Cause(SCHEDULE, day, None, UNKNOWN, told)) for day in beyond}


def with_moved(
    dates: Sequence[date], delivered: "pa.Table", before: Sequence[Game], known: Known
) -> Sequence[date]:
    """The dates, and those a game moved to or from: a move is published as one.

    ``before`` are the games of the season as they are stored.
    """
    now: dict[str, set[date]] = defaultdict(set)
    for game in _played(_games(delivered)):
        now[game["game_id"]].add(game["game_date"])
    asked = set(dates)
    moved = {
        day
        for game in _played(before)
        for new in now[game["game_id"]]
        if new != game["game_date"] and asked & {game["game_date"], new}
        for day in (game["game_date"], new)
    }
    return sorted(asked | {day for day in moved if (SCHEDULE, day) in known.attempts})


def games_listed(
    dates: Sequence[date],
    delivered: "pa.Table",
    refused: "Iterable[Refused]",
    before: Iterable[Game],
) -> list[DueGame]:
    """The games the schedule itself has, had, or could not be understood about."""
    asked = set(dates)
    games: dict[tuple[date, str], DueGame] = {}
    for row in refused:
        if row.game_id is not None:
            home, away = row.teams or (None, None)
            games[row.game_date, row.game_id] = DueGame(
                row.game_date, row.game_id, home, away, "ready"
            )
    listed = _games(delivered)
    still_there = {game["game_id"] for game in _played(listed)}
    for game in before:
        if game["game_date"] in asked and game["game_id"] not in still_there:
            key = (game["game_date"], game["game_id"])
            games[key] = DueGame(*key, game["home_team"], game["away_team"], GONE)
    for game in listed:
        if game["game_date"] in asked and game["game_id"] is not None:
            key = (game["game_date"], game["game_id"])
            home, away = game["home_team"], game["away_team"]
            if not {home, away} <= TEAMS:  # it may be anybody's game
                home = away = None
            games[key] = DueGame(*key, home, away, "ready")
    return [games[key] for key in sorted(games)]


def _games(delivered: "pa.Table") -> list[Game]:
    columns = ["game_date", "game_id", "home_team", "away_team", "status"]
    games: list[Game] = delivered.select(columns).to_pylist()
    return games


def _played(games: Iterable[Game]) -> Iterator[Game]:
    """Those that are not postponed."""
    return (game for game in games if game["status"] not in (None, "POSTPONED"))
