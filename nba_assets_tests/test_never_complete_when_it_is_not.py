"""Every way in which the product was once made to say *complete* when it was not, and must not.

The numbers are those of the findings; each test replays one of them against a real warehouse.
"""

from collections.abc import Callable

import pytest

from nba_assets.warehouse.ledger import Attempt, Status
from nba_assets_tests.tiny_league import OVERTIME_GAME, SLATES, Deployment, TinyLeague

DAY = SLATES[7]
"""The first slate with features, 2025-10-17."""


def rules(attempt: Attempt) -> set[str]:
    """The rules an attempt broke."""
    found = [violation for check in attempt.checks for violation in check.violations]
    return {text.partition(" in ")[0].partition(":")[0] for text in found}


def overtimes_invented(league: TinyLeague, game: str) -> None:
    league.patch("team_box_scores", game, {"minutes": 290.0})


def one_player_for_two_teams(league: TinyLeague, game: str) -> None:
    first, other = (
        league.rows("player_box_scores", game, team=team, status="PLAYED")[0]
        for team in league.teams(game)
    )
    other.update(player_id=first["player_id"], player_name=first["player_name"])


def an_id_under_another_name(league: TinyLeague, game: str) -> None:
    league.rows("player_box_scores", game, status="PLAYED")[0]["player_name"] = "Somebody Else"


def eleven_starters(league: TinyLeague, game: str) -> None:
    bench = league.rows("player_box_scores", game, status="PLAYED", starter=False)[0]
    bench["starter"] = True


def teams_swapped(league: TinyLeague, game: str) -> None:
    home, away = league.teams(game)
    for row in league.rows("player_box_scores", game):
        row.update(
            team=away if row["team"] == home else home,
            opponent=home if row["team"] == home else away,
            is_home=not row["is_home"],
        )


def plus_minus_gone(league: TinyLeague, game: str) -> None:
    league.patch("player_box_scores", game, {"plus_minus": None})


@pytest.mark.parametrize(
    ("lie", "table", "rule"),
    [
        (overtimes_invented, "team_offense_game_summary", "minutes_match_players"),
        (one_player_for_two_teams, "player_box_scores", "one_team_a_night"),
        (an_id_under_another_name, "player_box_scores", "name_of_id"),
        (eleven_starters, "player_box_scores", "five_starters"),
        (teams_swapped, "player_box_scores", "points_match_schedule"),
        (plus_minus_gone, "player_box_scores", "plus_minus_published"),
    ],
)
def test_12_a_lie_is_caught_where_it_can_first_be_known(
    empty: Deployment, lie: Callable[[TinyLeague, str], None], table: str, rule: str
) -> None:
    game = empty.league.games(DAY)[0]
    lie(empty.league, game)

    built = empty.build_all(last=DAY)

    attempt = built[table][-1]
    assert attempt.status is Status.QUARANTINED
    assert rule in rules(attempt)
    assert game in attempt.message
    summary = built["player_game_summary"][-1]
    assert not summary.status.certified


def test_12_real_overtime_is_no_lie(whole_season: Deployment) -> None:
    (team, _) = whole_season.query(
        "SELECT minutes, overtime_periods FROM team_offense_game_summary "
        f"WHERE game_id = '{OVERTIME_GAME}'"
    )
    assert team == {"minutes": 265.0, "overtime_periods": 1}


def test_14_the_checks_of_a_certified_date_pass(whole_season: Deployment) -> None:
    for table in whole_season.tables:
        for attempt in whole_season.attempts(table).values():
            assert attempt.status.certified
            assert [c for c in attempt.checks if not c.passed or c.violations] == []


def test_15_a_huge_value_quarantines_its_game_alone(empty: Deployment) -> None:
    game = empty.league.games(DAY)[0]
    for name in ("pts", "ast", "plus_minus"):
        empty.league.rows("player_box_scores", game, status="PLAYED")[0][name] = 2**63 - 1
    empty.league.rows("team_box_scores", game)[0]["fgm"] = -(2**63)

    built = empty.build_all()

    for table in ("player_box_scores", "team_box_scores"):
        red = [a for a in built[table] if not a.status.certified]
        assert [(a.game_date, a.status) for a in red] == [(DAY, Status.QUARANTINED)]
        assert game in red[0].message
        verdicts = empty.verdicts(table, DAY)
        assert [g for g, v in verdicts.items() if v.verdict != "certified"] == [game]
    rejected = empty.query(f"SELECT content FROM ledger.quarantine WHERE game_id = '{game}'")
    assert any(str(2**63 - 1) in row["content"] for row in rejected)
