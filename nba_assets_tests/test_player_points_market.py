"""The market's rows: the latest prediction of each player with a line, moved towards it."""

import pytest

from nba_assets_tests.tiny_league import SEASON_START, SLATES, Sandbox

DAY = SLATES[6]


@pytest.mark.usefixtures("small_models")
def test_the_latest_prediction_is_moved_towards_the_mean_of_the_lines(empty: Sandbox) -> None:
    empty.up_to = "player_points_market"
    unannounced = empty.league.games(DAY)[0]
    empty.league.drop("starting_lineups", unannounced)
    empty.build_all(SEASON_START, DAY)
    of_day = f"game_date = DATE '{DAY}'"
    predicted = {
        (row["game_id"], row["player_id"], row["information_set"]): row
        for row in empty.query(f"SELECT * FROM player_points_predictions WHERE {of_day}")
    }
    lines: dict[tuple[str, int], list[float]] = {}
    for row in empty.query(f"SELECT * FROM player_points_lines WHERE {of_day}"):
        lines.setdefault((row["game_id"], row["player_id"]), []).append(row["line"])
    rows = empty.query(f"SELECT * FROM player_points_market WHERE {of_day}")

    known = dict.fromkeys(empty.league.games(DAY), "lineup") | {unannounced: "availability"}
    assert {(row["game_id"], row["player_id"]) for row in rows} == {
        (game, player) for game, player in lines if (game, player, known[game]) in predicted
    }
    assert {row["beside"] for row in rows} == {"lineup", "availability"}
    for row in rows:
        game, player = row["game_id"], row["player_id"]
        without = predicted[game, player, known[game]]
        line = sum(lines[game, player]) / len(lines[game, player])
        assert (row["beside"], row["line"], row["bookmakers"]) == (known[game], line, 2)
        assert row["predicted_points"] == pytest.approx((without["predicted_points"] + line) / 2)
        moved = row["points_median"] - without["points_median"]
        assert row["points_q90"] == max(without["points_q90"] + moved, 0)
        assert row["over"] is None, "too few were predicted before"
