"""A prediction is the sum of what its features add."""

import pytest

from nba_assets.modeling.information import InformationSet
from nba_assets.operations.explanation import Explanation, explanations
from nba_assets_tests.tiny_league import SLATES, Sandbox, player_ids

DAY = SLATES[6]


def _explained(sandbox: Sandbox, player: str) -> list[Explanation]:
    with sandbox.warehouse.reading() as engine:
        return explanations(engine, sandbox.tables, sandbox.folder / "models", DAY, player)


def test_shares_sum_to_what_was_predicted(predicted: Sandbox) -> None:
    player = player_ids("BOS")[3]
    told = {
        row["information_set"]: row
        for row in predicted.query(
            f"SELECT * FROM player_points_predictions WHERE player_id = {player} "
            f"AND game_date = DATE '{DAY}'"
        )
    }
    found = _explained(predicted, str(player))
    assert [one.information_set for one in found] == list(InformationSet)
    assert set(told) == set(InformationSet)
    for one in found:
        row = told[one.information_set]
        assert one.predicted_points == row["predicted_points"]
        assert (one.model_id, one.player_name) == (row["model_id"], row["player_name"])
        total = one.base + sum(share.points for share in one.shares)
        assert total == pytest.approx(one.predicted_points, abs=1e-4)
        sizes = [abs(share.points) for share in one.shares]
        assert sizes == sorted(sizes, reverse=True)
        (season,) = (s.value for s in one.shares if s.feature == "points_avg_season")
        features = predicted.query(
            f"SELECT points_avg_season FROM player_features WHERE player_id = {player} "
            f"AND game_date = DATE '{DAY}'"
        )
        assert season == features[0]["points_avg_season"]
    others = _explained(predicted, "player 10")
    assert len(others) > len(found), "a part of a name names several"
    for known in InformationSet:
        bases = {round(one.base, 4) for one in others if one.information_set is known}
        assert len(bases) == 1, "nobody in particular is the same for everybody"
    assert _explained(predicted, "Nobody") == []
