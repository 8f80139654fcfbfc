"""The thirty teams and the spellings of them met in the wild."""

from nba_assets.errors import BadInput

TEAMS = frozenset(
    [
        "ATL",
        "BOS",
        "BKN",
        "CHA",
        "CHI",
        "CLE",
        "DAL",
        "DEN",
        "DET",
        "GSW",
        "HOU",
        "IND",
        "LAC",
        "LAL",
        "MEM",
        "MIA",
        "MIL",
        "MIN",
        "NOP",
        "NYK",
        "OKC",
        "ORL",
        "PHI",
        "PHX",
        "POR",
        "SAC",
        "SAS",
        "TOR",
        "UTA",
        "WAS",
    ]
)

ALIASES = {
    "BRK": "BKN",
    "CHO": "CHA",
    "GS": "GSW",
    "NO": "NOP",
    "NY": "NYK",
    "PHO": "PHX",
    "SA": "SAS",
    "UTAH": "UTA",
    "WSH": "WAS",
}


def tricode(name: str) -> str:
    """The official three-letter code of a team spelled officially or by a known alias.

    Raises:
        BadInput: the spelling is neither, such as the all-star teams "EST" and "WST".
    """
    code = ALIASES.get(name, name)
    if code not in TEAMS:
        raise BadInput(
            f"{name!r} is not one of the thirty teams nor a known alias of one; "
            "an exhibition team is not counted, a new spelling belongs in contracts/teams.py"
        )
    return code
