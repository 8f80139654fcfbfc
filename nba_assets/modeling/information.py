"""Information sets: what is known of a game at which moment before it."""

from enum import StrEnum

MARKET = "market"
"""what is known of a game of the latest set there is, and the bookmakers' lines on a player"""


class InformationSet(StrEnum):
    """What a prediction knows, the earliest first; a later one knows all an earlier one does."""

    MORNING = "morning"
    """every game of the day before, and nothing of the day"""
    AVAILABILITY = "availability"
    """also the official inactive list of the game"""
    LINEUP = "lineup"
    """also the announced starters"""
