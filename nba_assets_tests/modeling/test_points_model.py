"""The model: what it sees, that it is the same twice, and that a wrong file is refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest

from nba_assets.errors import BadInput
from nba_assets.modeling import points_model, random_features
from nba_assets.modeling.baselines import rules_core
from nba_assets.modeling.configuration import LONGEST, Configuration
from nba_assets.modeling.fits import write_atomically
from nba_assets.modeling.information import InformationSet
from nba_assets.modeling.points_model import (
    GRID_END,
    MINIMUM_ROWS,
    PARAMETERS,
    QUANTILES,
    REGRESSIONS,
    Fitted,
    Proof,
    Recipe,
    files,
    fit,
    is_kept,
    load,
    predict,
    proof_date,
    prove,
    refit_date,
)
from nba_assets_tests.modeling.marks import mark_of

FEATURES = ("points_avg_5", "points_avg_10", "points_avg_season", "back_to_back", "shots_20")
MONDAY = date(2024, 2, 5)
MONTH = date(2024, 2, 1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regressions on a few random sums: what is tested here does not depend on how many."""
    monkeypatch.setattr(random_features, "HIDDEN", 20)


def history(days: int = 60, a_day: int = 100) -> pd.DataFrame:
    """Player-games up to ``MONDAY`` whose points follow their averages, a fifth less when tired."""
    draw = np.random.default_rng(3)
    rows = days * a_day
    level = draw.gamma(4, 3, rows)
    dates = [MONDAY - timedelta(days=i) for i in reversed(range(days)) for _ in range(a_day)]
    tired = draw.random(rows) < 0.4
    return pd.DataFrame(
        {
            "game_date": dates,
            "game_id": [f"{i // 20:010d}" for i in range(rows)],
            "player_id": range(rows),
            "points_avg_5": level + draw.normal(0, 2, rows),
            "points_avg_10": level + draw.normal(0, 1, rows),
            "points_avg_season": level + draw.normal(0, 3, rows),
            "back_to_back": pd.array(tired, dtype="boolean"),
            "pts": draw.poisson(np.where(tired, 0.7, 0.9) * level),
            "minutes": 30 * draw.gamma(20, 0.05, rows),
            "points_per_minute_60": level / 30,
            "shots_20": level,
        }
    )


def configuration(regressions: int = REGRESSIONS) -> Configuration:
    features = dict.fromkeys(InformationSet, FEATURES)
    return Configuration(PARAMETERS, 120, LONGEST.days, features, regressions)


def recipe(rows: pd.DataFrame, known: InformationSet = InformationSet.MORNING) -> Recipe:
    return Recipe(known, configuration(), mark_of(rows))


def proven(rows: pd.DataFrame, folder: Path) -> Proof | None:
    return prove(rows, MONTH, recipe(rows), folder)


def trained(rows: pd.DataFrame, folder: Path) -> Fitted:
    """The model of the week, with the proof of its month."""
    proof = proven(rows, folder)
    assert proof is not None
    return fit(rows, MONDAY, recipe(rows), proof, folder)


def test_the_model_of_a_week_is_trained_as_of_its_monday() -> None:
    assert refit_date(MONDAY) == MONDAY
    assert refit_date(MONDAY + timedelta(days=6)) == MONDAY
    assert refit_date(MONDAY + timedelta(days=7)) == MONDAY + timedelta(days=7)


def test_a_model_sees_nothing_from_its_date_on(tmp_path: Path) -> None:
    rows = history()
    spoiled = rows.assign(pts=rows["pts"].where(rows["game_date"] < MONDAY, 99))
    honest = trained(rows, tmp_path / "honest")
    other = trained(spoiled, tmp_path / "spoiled")

    assert honest == other
    assert honest.trained_through < MONDAY


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    rows = history()
    shuffled = rows.sample(frac=1, random_state=1)

    assert trained(rows, tmp_path / "a") == trained(shuffled, tmp_path / "b")


def test_changed_history_is_another_model(tmp_path: Path) -> None:
    rows = history()
    corrected = rows.copy()
    corrected.loc[0, "pts"] += 2
    first, second = trained(rows, tmp_path), trained(corrected, tmp_path)

    assert first.model_id != second.model_id


def test_too_little_history_makes_no_model(tmp_path: Path) -> None:
    few = history(days=MINIMUM_ROWS // 100)

    assert proven(few, tmp_path) is None
    assert is_kept(MONTH, recipe(few), tmp_path) is False, "the Monday before has a proof, too"


def test_it_learns_more_than_the_rules(tmp_path: Path) -> None:
    fitted = trained(history(), tmp_path)

    assert fitted.validation_mae < fitted.validation_mae_rules_core


def test_with_dates_shuffled_it_knows_no_more_than_the_season_average(tmp_path: Path) -> None:
    """A placebo: what was known of a player on another day is worth what he is on average."""
    draw = np.random.default_rng(8)
    players, days = 100, 100
    level = np.repeat(draw.gamma(4, 3, players), days)
    form = draw.gamma(4, 0.25, players * days)
    rows = pd.DataFrame(
        {
            "game_date": [MONDAY - timedelta(days=n) for n in range(days)] * players,
            "game_id": [f"{n:010d}" for n in range(days)] * players,
            "player_id": np.repeat(np.arange(players), days),
            **dict.fromkeys(("points_avg_5", "points_avg_10", "shots_20"), level * form),
            "points_avg_season": level,
            "back_to_back": False,
            "pts": draw.poisson(level * form),
            "minutes": 30.0,
            "points_per_minute_60": level / 30,
        }
    )
    known = ["points_avg_5", "points_avg_10", "shots_20"]
    shuffled = rows.sample(frac=1, random_state=2).sort_values("player_id", kind="stable")
    placebo = rows.assign(**{name: shuffled[name].to_numpy() for name in known})
    honest, fooled = proven(rows, tmp_path / "honest"), proven(placebo, tmp_path / "placebo")
    assert honest is not None
    assert fooled is not None
    last = rows[rows["game_date"] < MONTH].sort_values("game_date", kind="stable")
    seen = last.tail(fooled.rows)
    average = (seen["pts"] - seen["points_avg_season"]).abs().mean()
    assert fooled.mae == pytest.approx(average, rel=0.05)
    assert honest.mae < 0.85 * fooled.mae


def test_the_proof_is_of_days_the_probe_did_not_see(tmp_path: Path) -> None:
    """What happened on them changes the error, not what was predicted of it."""
    rows = history()
    late = (rows["game_date"] >= date(2024, 1, 25)) & (rows["game_date"] < MONTH)
    spoiled = rows.assign(pts=rows["pts"].where(~late, rows["pts"] + 50))
    honest, other = proven(rows, tmp_path), proven(spoiled, tmp_path)
    assert honest is not None
    assert other is not None
    assert honest.rows == other.rows
    share = late.sum() / honest.rows
    assert other.mae == pytest.approx(honest.mae + 50 * share, abs=2 * honest.mae * share)
    after = rows.assign(pts=rows["pts"].where(rows["game_date"] < MONTH, 99))
    assert proven(after, tmp_path) == honest


def test_intervals_are_integers_in_order_and_cover_in_every_tenth(tmp_path: Path) -> None:
    rows = history(days=200)
    fitted = trained(rows, tmp_path)
    tonight = rows[rows["game_date"] >= MONDAY - timedelta(days=60)].drop(columns="pts")
    median, quantiles = predict(load(asdict(fitted), tmp_path), tonight, fitted.intervals)
    points = rows.loc[tonight.index, "pts"].to_numpy()

    assert (median >= 0).all()
    assert np.issubdtype(quantiles.dtype, np.integer)
    assert (quantiles >= 0).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    point = np.round(median)
    assert ((point >= quantiles[:, 1]) & (point <= quantiles[:, 2])).all()
    order = np.argsort(median, kind="stable")
    for tenth in np.array_split(order, 10):
        for lower, upper in ((0, 3), (1, 2)):
            low, high = quantiles[tenth, lower], quantiles[tenth, upper]
            inside = ((points[tenth] >= low) & (points[tenth] <= high)).mean()
            assert inside == pytest.approx(QUANTILES[upper] - QUANTILES[lower], abs=0.12)


def test_intervals_cover_where_many_do_not_score(tmp_path: Path) -> None:
    """Who may play two minutes or twenty: no bound between none and some is 10 % away."""
    draw = np.random.default_rng(9)
    rows = history(days=200)
    level = rows["shots_20"] / 3
    scores = draw.random(len(rows)) > 0.6 * np.exp(-level / 4)
    rows = rows.assign(shots_20=level, pts=np.where(scores, draw.poisson(level + 1), 0))
    fitted = trained(rows, tmp_path)
    median, quantiles = predict(load(asdict(fitted), tmp_path), rows, fitted.intervals)
    inside = rows["pts"].between(quantiles[:, 0], quantiles[:, 3]).to_numpy()
    for tenth in np.array_split(np.argsort(median, kind="stable"), 10)[:5]:
        assert (rows["pts"].iloc[tenth] == 0).mean() > 0.15
        assert inside[tenth].mean() == pytest.approx(0.8, abs=0.05)


def test_points_move_with_the_prediction_and_none_stays_none() -> None:
    found = points_model.moved(np.array([0.0, 3.0, 1.0, 5.0]), np.array([1.2, 1.2, -2.0, 0.4]))
    assert list(found) == [0, 4, 0, 5]


def test_an_interval_beyond_the_grid_moves_with_its_prediction(tmp_path: Path) -> None:
    fitted = trained(history(), tmp_path)
    boosters = load(asdict(fitted), tmp_path)
    rows = history().head(3)
    _, usual = predict(boosters, rows, fitted.intervals)
    moved = [[bound + 7 for bound in row] for row in fitted.intervals]
    _, shifted = predict(boosters, rows, moved)
    assert (shifted[:, 2:] == usual[:, 2:] + 7).all()
    assert len(fitted.intervals) * 0.25 == GRID_END


def test_the_proof_of_a_week_is_of_the_month_its_monday_is_in() -> None:
    assert proof_date(date(2024, 2, 2)) == date(2024, 1, 1)
    assert proof_date(MONDAY) == MONTH


def test_each_booster_and_each_regression_counts_the_same() -> None:
    rows, new = history(), history(2)
    known = InformationSet.MORNING
    both = points_model.trained(rows, known, configuration())
    boosters = points_model.trained(rows, known, configuration(0))
    smooth = both.regressions.predict(new[list(FEATURES)].astype("float32"))
    steps = points_model.median(boosters, new)
    told = points_model.median(both, new)
    assert told == pytest.approx((2 * steps + REGRESSIONS * smooth) / (2 + REGRESSIONS), abs=1e-4)
    assert np.abs(smooth - steps).max() > 0.1
    for model, points in ((both, told), (boosters, steps)):
        shares = points_model.contributions(model, new)
        assert shares.sum(axis=1) == pytest.approx(points, abs=1e-3)
        assert np.ptp(shares[:, -1]) < 1e-4, "the base is nobody's"


def test_what_began_without_regressions_has_none() -> None:
    text = configuration(0).text.replace(', "regressions": 0', "")
    assert "regressions" not in text
    assert Configuration.read(text) == configuration(0)
    with pytest.raises(BadInput, match="regressions is 21, not a whole number from 0 to 20"):
        configuration(21).among(dict.fromkeys(InformationSet, FEATURES))


@pytest.mark.parametrize("fault", ["missing", "altered", "features"])
def test_loading_refuses_a_model_that_is_not_the_certified_one(tmp_path: Path, fault: str) -> None:
    fitted = trained(history(), tmp_path)
    described = asdict(fitted)
    file = tmp_path / files(fitted.artifact)[-1]
    if fault == "missing":
        file.unlink()
    elif fault == "altered":
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    else:
        described["features"] = FEATURES[:-1]

    with pytest.raises(BadInput, match=fitted.model_id):
        load(described, tmp_path)


def test_a_stored_model_is_neither_trained_nor_read_for_again(tmp_path: Path) -> None:
    rows = history()
    assert not is_kept(MONDAY, recipe(rows), tmp_path)
    proof = proven(rows, tmp_path)
    assert proof is not None
    assert not is_kept(MONDAY, recipe(rows), tmp_path)
    first = trained(rows, tmp_path)

    assert is_kept(MONDAY + timedelta(days=6), recipe(rows), tmp_path)
    assert prove(None, MONTH, recipe(rows), tmp_path) == proof
    assert fit(None, MONDAY, recipe(rows), proof, tmp_path) == first
    corrected = rows.assign(pts=rows["pts"] + 1)
    assert not is_kept(MONDAY, recipe(corrected), tmp_path)
    assert not is_kept(MONDAY, recipe(rows, InformationSet.LINEUP), tmp_path)
    with pytest.raises(ValueError, match="no proof of morning 2024-02-01 is kept"):
        prove(None, MONTH, recipe(corrected), tmp_path)
    with pytest.raises(ValueError, match="no model of morning 2024-02-05 is kept"):
        fit(None, MONDAY, recipe(corrected), proof, tmp_path)


def test_that_there_is_too_little_is_known_without_reading_it_again(tmp_path: Path) -> None:
    few = history(days=MINIMUM_ROWS // 100)
    for as_of in (MONTH, MONDAY):
        assert not is_kept(MONDAY, recipe(few), tmp_path)
        assert prove(few, as_of, recipe(few), tmp_path) is None
    assert is_kept(MONDAY, recipe(few), tmp_path)
    assert prove(None, MONTH, recipe(few), tmp_path) is None


def test_the_same_may_be_proven_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, everyone = history(), Barrier(8)

    def together(file: Path, content: bytes) -> None:
        everyone.wait(timeout=30)
        write_atomically(file, content)

    monkeypatch.setattr(points_model, "write_atomically", together)
    with ThreadPoolExecutor(8) as pool:
        proofs = list(pool.map(lambda _: proven(rows, tmp_path), range(8)))

    assert proofs == [proofs[0]] * 8
    assert len(list(tmp_path.iterdir())) == 1


def test_the_rules_core_weighs_three_averages() -> None:
    rows = pd.DataFrame(
        {"points_avg_5": [10.0], "points_avg_10": [20.0], "points_avg_season": [40.0]}
    )

    assert rules_core(rows).tolist() == [0.35 * 10 + 0.40 * 20 + 0.25 * 40]


@pytest.mark.parametrize("fault", ["lost", "altered", "described by nothing"])
def test_19_a_lost_model_is_trained_again_to_the_bit(tmp_path: Path, fault: str) -> None:
    rows = history()
    first = trained(rows, tmp_path)
    file, description = tmp_path / files(first.artifact)[0], tmp_path / f"{first.model_id}.json"
    content = file.read_bytes()
    if fault == "lost":
        file.unlink()
    elif fault == "altered":
        file.write_bytes(b"something else")
    else:
        description.write_text("{")

    assert trained(rows, tmp_path) == first

    assert file.read_bytes() == content
    assert load(asdict(first), tmp_path) is not None
