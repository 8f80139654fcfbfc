"""The documented schema of the ``files`` source: which files there are and what a column means.

``docs/reference/files-source.md`` is its description for people. No reading here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nba_assets.assets.raw.schedule import GAME_STATUSES, SEASON_TYPES
from nba_assets.contracts.box_score import COUNTS
from nba_assets.sources import values

NAME = "files"
EXTENSIONS = (".parquet", ".csv")
REFERENCE = "docs/reference/files-source.md"

NOT_COUNTED = ("All-Star", "Preseason")
_SEASON_TYPES = {name: name for name in (*SEASON_TYPES, *NOT_COUNTED)} | {"PlayIn": "Play-In"}
_POSTSEASON = tuple(name for name in SEASON_TYPES if name != "Regular Season")


@dataclass(frozen=True)
class FileColumn:
    """A column of a file: its name there and how one of its values is understood."""

    name: str
    understand: Callable[[object], object]
    optional: bool = False
    """the file may lack the column"""
    nullable: bool = False
    """a row stands without a value; whether it may is judged by the audit"""


_ROW = {
    "game_id": FileColumn("game_id", values.game_id),
    "game_date": FileColumn("game_date", values.day),
    "season_type": FileColumn("season_type", values.spelling(_SEASON_TYPES)),
}
_PLAYER = {
    "team": FileColumn("team_abbr", values.team),
    "is_home": FileColumn("is_home", values.flag),
    "player_id": FileColumn("player_id", values.player_id),
    "player_name": FileColumn("player_name", values.text),
}
_OPPONENT = {"opponent": FileColumn("opponent_abbr", values.team)}
_COUNTS = {name: FileColumn(name, values.count, nullable=True) for name in COUNTS}
_MINUTES = {"minutes": FileColumn("minutes", values.minutes, nullable=True)}


def _maybe(name: str, understand: Callable[[object], object]) -> FileColumn:
    return FileColumn(name, understand, optional=True, nullable=True)


@dataclass(frozen=True)
class FileKind:
    """A kind of file: ``{stem}_{season}.parquet`` or ``.csv``."""

    stem: str
    columns: Mapping[str, FileColumn]
    """by the name of what the column becomes"""
    season_types: tuple[str, ...] = SEASON_TYPES
    """the games it is about"""
    optional: bool = False
    """whether a season may go without; a row that names no game is left out, too"""
    endings: tuple[str, ...] = ("",)
    """what its name may end in after the season"""


SCHEDULE_FILE = FileKind(
    "schedule",
    {
        **_ROW,
        "home_team": FileColumn("home_team_abbr", values.team),
        "away_team": FileColumn("away_team_abbr", values.team),
        "status": FileColumn(
            "status", values.spelling({name: name for name in GAME_STATUSES}), optional=True
        ),
        "neutral_site": _maybe("neutral_site_flag", values.flag),
        "tipoff_at": _maybe("tipoff_utc", values.moment),
        "home_points": _maybe("home_pts", values.count),
        "away_points": _maybe("away_pts", values.count),
    },
)
_PLAYED = {
    **_ROW,
    **_PLAYER,
    **_OPPONENT,
    **_MINUTES,
    "minutes_exact": _maybe("minutes_exact", values.minutes),
    **_COUNTS,
    "plus_minus": _maybe("plus_minus", values.count),
    "starter": _maybe("starter", values.flag),
    "position": _maybe("position", values.text),
}
PLAYER_FILE = FileKind("player_box", _PLAYED, ("Regular Season",))
PLAYER_POSTSEASON_FILE = FileKind("player_box_playoffs", _PLAYED, _POSTSEASON)
NOT_PLAYED_FILE = FileKind(
    "player_dnp",
    {
        **_ROW,
        **_PLAYER,
        "status": FileColumn(
            "status", values.spelling({"ACTIVE": "DID_NOT_PLAY", "INACTIVE": "INACTIVE"})
        ),
        "reason": _maybe("reason", values.text),
    },
)
_TEAM = {
    **_ROW,
    "team": FileColumn("team_abbr", values.team),
    **_OPPONENT,
    "is_home": FileColumn("is_home", values.flag),
    **_MINUTES,
    **_COUNTS,
    "tov_with_team": _maybe("tov_incl_team", values.count),
}
TEAM_FILE = FileKind("team_box", _TEAM, ("Regular Season",))
TEAM_POSTSEASON_FILE = FileKind("team_box_postseason", _TEAM, _POSTSEASON)

LINES_FILE = FileKind(
    "player_points_lines",
    {
        **_ROW,
        "player_id": FileColumn("player_id", values.player_id),
        "player_name": FileColumn("player_name", values.text),
        "bookmaker": FileColumn("bookmaker", values.text),
        "line": FileColumn("line", values.number),
        "over_price": _maybe("over_price", values.number),
        "under_price": _maybe("under_price", values.number),
    },
    optional=True,
    endings=("", "_part"),
)

FILES_OF: Mapping[str, tuple[FileKind, ...]] = {
    "schedule": (SCHEDULE_FILE,),
    "player_box_scores": (PLAYER_FILE, PLAYER_POSTSEASON_FILE, NOT_PLAYED_FILE),
    "team_box_scores": (TEAM_FILE, TEAM_POSTSEASON_FILE),
    "player_availability": (NOT_PLAYED_FILE,),
    "starting_lineups": (PLAYER_FILE, PLAYER_POSTSEASON_FILE),
    "player_points_lines": (LINES_FILE,),
}
"""The files a raw table is read from."""


KINDS: Mapping[str, FileKind] = {kind.stem: kind for kinds in FILES_OF.values() for kind in kinds}
"""Every kind of file, by its stem."""
