"""The columns of a box score, shared by every table that carries one, and their identities."""

from nba_assets.contracts.contract import Column, RowRule
from nba_assets.contracts.teams import TEAMS

COUNTS = ("fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "reb",
          "ast", "stl", "blk", "tov", "pf", "pts")  # fmt: skip

_MEANING = {
    "fgm": "Field goals made",
    "fga": "Field goals attempted",
    "fg3m": "Three-point field goals made",
    "fg3a": "Three-point field goals attempted",
    "ftm": "Free throws made",
    "fta": "Free throws attempted",
    "oreb": "Offensive rebounds",
    "dreb": "Defensive rebounds",
    "reb": "Rebounds",
    "ast": "Assists",
    "stl": "Steals",
    "blk": "Blocks",
    "tov": "Turnovers charged to players",
    "pf": "Personal fouls",
    "pts": "Points",
}


def count_columns(*, high: int, nullable: bool, origin: str | None = None) -> tuple[Column, ...]:
    """The fifteen counts of a box score, each between 0 and ``high``.

    ``origin`` is the table they are carried over from, for lineage.
    """
    return tuple(
        Column(
            name,
            "INT64",
            _MEANING[name],
            nullable=nullable,
            low=0,
            high=high,
            lineage=(f"{origin}.{name}",) if origin else (),
        )
        for name in COUNTS
    )


def identities(applies: str = "TRUE") -> tuple[RowRule, ...]:
    """The arithmetic every box-score row obeys, for the rows where ``applies`` holds."""
    return (
        RowRule("points_identity", f"NOT ({applies}) OR 2 * (fgm - fg3m) + 3 * fg3m + ftm = pts"),
        RowRule(
            "made_within_attempted",
            f"NOT ({applies}) OR (fgm <= fga AND fg3m <= fg3a AND ftm <= fta"
            " AND fg3m <= fgm AND fg3a <= fga)",
        ),
        RowRule("rebounds_identity", f"NOT ({applies}) OR oreb + dreb = reb"),
    )


GAME_ID = Column("game_id", "STRING", 'Official game id, ten digits as text, such as "0022500777"')
GAME_DATE = Column("game_date", "DATE", "US Eastern date the game belongs to; the partition")
TRICODES = tuple(sorted(TEAMS))
TEAM = Column("team", "STRING", "Official tricode of the team", values=TRICODES)
OPPONENT = Column("opponent", "STRING", "Official tricode of the other team", values=TRICODES)
IS_HOME = Column("is_home", "BOOL", "Whether the team is the home team of the schedule")
PLAYER_ID = Column("player_id", "INT64", "Official player id", low=1)
PLAYER_NAME = Column("player_name", "STRING", "Name as published")
SOURCE = Column("source", "STRING", "Name of the source the row was read from")
