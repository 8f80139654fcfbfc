"""What team-mates do to a player's game: by hand on a small team, and nothing of the day itself."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nba_assets.modeling.information import InformationSet
from nba_assets.modeling.lineup_context import (
    CONTEXT,
    KERNELS,
    LATE,
    OF_STARTERS,
    OWN_ROLE_CHANGED,
    WINDOW,
    context,
)

FIRST = date(2023, 11, 1)
STAR, WING, BENCH = 1, 2, 3
WORTH = {STAR: (36.0, 28.0, 24.0, 1.0), WING: (30.0, 14.0, 12.0, 3.0), BENCH: (12.0, 5.0, 4.0, 1.0)}


def _line(game: int, player: int, **other: Any) -> dict[str, Any]:
    minutes, points, use, slot = WORTH[player]
    return {
        "team": "BOS",
        "game_date": FIRST + timedelta(days=2 * game),
        "game_id": f"{game:010d}",
        "season": "2023-24",
        "player_id": player,
        "starter": float(player != BENCH),
        "did_minutes": minutes,
        "did_points": points,
        "did_use": use,
        "minutes": minutes,
        "points": points,
        "use": use,
        "slot": slot,
    } | other


def _roster(
    game: int, plays: dict[int, float], known: InformationSet = InformationSet.MORNING,
    starts: tuple[int, ...] = (STAR, WING), **other: Any,
) -> pd.DataFrame:  # fmt: skip
    rows = []
    for player, probability in plays.items():
        minutes, points, use, slot = WORTH[player]
        rows.append(
            {
                "game_id": f"{game:010d}",
                "game_date": FIRST + timedelta(days=2 * game),
                "season": "2023-24",
                "team": "BOS",
                "opponent": "NYK",
                "player_id": player,
                "information_set": str(known),
                "plays": probability,
                "starts": player in starts if known is InformationSet.LINEUP else None,
                "minutes": minutes,
                "points": points,
                "use": use,
                "slot": slot,
                "starter_ewm_5": float(player != BENCH),
                "minutes_starting": 33.0,
                "minutes_from_bench": 11.0,
                "points_starting": 20.0,
                "points_from_bench": 4.0,
            }
            | other
        )
    return pd.DataFrame(rows)


def _of(found: pd.DataFrame, player: int) -> pd.Series:
    return found[found["player_id"] == player].iloc[0]


ALL = {STAR: 1.0, WING: 1.0, BENCH: 1.0}
TOGETHER = pd.DataFrame([_line(game, player) for game in range(10) for player in WORTH])


def test_nothing_is_vacated_where_everyone_plays_as_always() -> None:
    found = context(_roster(10, ALL), TOGETHER)
    for name in (*CONTEXT,):
        if name.startswith(("vacated", "team_vacated")):
            assert found[name].abs().max() < 1e-9, name
    assert _of(found, WING)["others_minutes"] == 48.0
    assert _of(found, WING)["better_team_mates"] == 1.0
    assert _of(found, STAR)["minutes_share"] == pytest.approx(240 * 36 / 78)
    assert found[list(OF_STARTERS)].isna().all(axis=None)


def test_who_is_missing_today_leaves_what_he_is_worth() -> None:
    found = context(_roster(10, ALL | {STAR: 0.0}), TOGETHER)
    wing = _of(found, WING)
    assert wing["vacated_minutes_20"] == pytest.approx(36.0)
    assert wing["vacated_points_20"] == pytest.approx(28.0)
    assert wing["team_vacated_points"] == pytest.approx(28.0)
    alike = np.exp(-0.5 * (2.0 / 0.9) ** 2)
    assert wing["vacated_alike_20"] == pytest.approx(36.0 * alike)
    assert _of(found, BENCH)["vacated_alike_20"] == pytest.approx(36.0), "he plays where he does"


def test_an_absence_the_averages_have_seen_is_not_vacated_again() -> None:
    """The star missed every other game: half of it is in the wing's own games."""
    lines = TOGETHER[~((TOGETHER["player_id"] == STAR) & (TOGETHER.index % 2 == 0))]
    found = context(_roster(10, ALL | {STAR: 0.0}), lines)
    weights = 0.5 ** (np.arange(10)[::-1] / LATE)
    there = np.isin(
        [f"{game:010d}" for game in range(10)], lines[lines["player_id"] == STAR]["game_id"]
    )
    share = float((weights * there).sum() / weights.sum())
    assert 0.3 < share < 0.7
    assert _of(found, WING)["vacated_minutes_20"] == pytest.approx(36.0 * share)


def test_the_kernel_looks_at_the_games_that_were_like_today() -> None:
    """Without the star the wing has played 38 minutes for 24 points, twice."""
    without = {3, 7}
    lines = pd.DataFrame(
        [
            _line(game, player, did_minutes=38.0, did_points=24.0)
            if game in without and player == WING
            else _line(game, player)
            for game in range(10)
            for player in WORTH
            if not (player == STAR and game in without)
        ]
    )
    here = _of(context(_roster(10, ALL), lines), WING)
    missing = _of(context(_roster(10, ALL | {STAR: 0.0}), lines), WING)
    kernel = KERNELS["similar"]
    weights = 0.5 ** (np.arange(10)[::-1] / kernel.halflife)
    like = np.array(
        [1.0 if game in without else np.exp(-36 / kernel.distance) for game in range(10)]
    )
    minutes = np.array([38.0 if game in without else 30.0 for game in range(10)])
    expected = ((weights * like * minutes).sum() + kernel.prior * 30) / (
        (weights * like).sum() + kernel.prior
    )
    assert missing["similar_minutes"] == pytest.approx(expected)
    assert missing["similar_games"] == pytest.approx((weights * like).sum())
    assert here["similar_minutes"] < expected
    assert missing["similar_minutes_gain"] > 0 > here["similar_minutes_gain"]
    assert missing["similar_points"] > here["similar_points"]


def test_with_the_starters_his_own_role_counts_most() -> None:
    """The bench player starts today: what he did from the bench says little."""
    lines = TOGETHER.copy()
    started = (lines["player_id"] == BENCH) & (lines["game_id"] == f"{4:010d}")
    lines.loc[started, ["starter", "did_minutes"]] = [1.0, 28.0]
    lines.loc[(lines["player_id"] == WING) & (lines["game_id"] == f"{4:010d}"), "starter"] = 0.0
    usual = context(_roster(10, ALL, InformationSet.LINEUP), lines)
    today = context(_roster(10, ALL, InformationSet.LINEUP, (STAR, BENCH)), lines)
    assert _of(today, BENCH)["similar_minutes"] > _of(usual, BENCH)["similar_minutes"] + 2
    assert _of(today, BENCH)["start_change"] == 1.0
    assert _of(today, BENCH)["minutes_in_role"] == 33.0
    assert _of(usual, BENCH)["points_in_role"] == 4.0
    assert _of(today, STAR)["other_starters_minutes"] == 12.0
    assert _of(today, STAR)["bench_minutes"] == 30.0
    weight = _of(today, BENCH)["similar_games"]
    morning = _of(context(_roster(10, ALL), lines), BENCH)["similar_games"]
    assert weight < morning * (OWN_ROLE_CHANGED + 0.12)


def test_a_team_without_past_games_has_priors_only() -> None:
    found = context(_roster(10, ALL), TOGETHER[TOGETHER["team"] == "LAL"])
    assert list(found["similar_minutes"]) == [36.0, 30.0, 12.0]
    assert (found["similar_games"] == 0).all()
    assert found["vacated_minutes_5"].isna().all()


@pytest.mark.parametrize("known", list(InformationSet))
def test_nothing_of_the_day_or_later_counts_and_nothing_before_the_window(
    known: InformationSet,
) -> None:
    """To the bit, also where other games and players are at hand."""
    lines = pd.DataFrame(
        [
            _line(game, player, did_minutes=WORTH[player][0] + game % 3)
            for game in range(14)
            for player in WORTH
            if (game + player) % 4
        ]
    )
    day = FIRST + timedelta(days=20)
    old = _line(0, STAR, game_date=day - WINDOW - timedelta(days=1), game_id="old", did_minutes=1.0)
    strangers = [
        old | {"player_id": player, "game_id": "older", "minutes": 20.0} for player in range(50, 60)
    ]
    roster = pd.concat([_roster(game, ALL | {BENCH: 0.4}, known) for game in (8, 10, 12)])
    alone = context(_roster(10, ALL | {BENCH: 0.4}, known), lines[lines["game_date"] < day])
    together = context(roster, pd.concat([pd.DataFrame([old, *strangers]), lines]))
    of_day = together[together["game_date"] == day].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_day, alone, check_exact=True)
