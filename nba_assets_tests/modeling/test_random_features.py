"""Regressions on random features: what they learn, that they are the same twice, what they say."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nba_assets.modeling.random_features import FARTHEST, HIDDEN, Loss, Regressions, fit

NAMES = ("a", "b", "c")


def rows(count: int = 4_000, seed: int = 1) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(count, 3)), columns=list(NAMES))


def curve(of: pd.DataFrame) -> pd.Series:
    """Nothing a line fits."""
    return 10 + of["a"] + 2 * np.tanh(2 * of["b"]) * of["c"]


@pytest.fixture(scope="module")
def fitted() -> Regressions:
    noise = np.random.default_rng(2).normal(size=4_000)
    return fit(rows(), curve(rows()) + noise, Loss.SQUARED, 3)


def test_it_learns_what_is_not_linear(fitted: Regressions) -> None:
    new = rows(seed=5)
    error = (fitted.predict(new) - curve(new)).abs().mean()
    constant = (curve(new) - curve(new).mean()).abs().mean()
    assert error < 0.2 * constant


def test_the_absolute_error_predicts_the_median_the_squared_one_the_mean() -> None:
    """Of an exponential distribution, ln 2 and 1 of the scale."""
    known = rows(20_000)
    scale = 5 + known["a"].clip(-2, 2)
    told = scale * np.random.default_rng(3).exponential(size=len(known))
    for loss, share in ((Loss.ABSOLUTE, np.log(2)), (Loss.SQUARED, 1.0)):
        predicted = fit(known, told, loss, 1).predict(known)
        assert np.mean(predicted / scale) == pytest.approx(share, abs=0.06)
        assert np.corrcoef(predicted, scale)[0, 1] > 0.9


def test_none_of_them_predicts_nothing() -> None:
    none = fit(rows(50), curve(rows(50)), Loss.ABSOLUTE, 0)
    assert len(none) == 0
    assert not none.predict(rows(5)).any()
    assert not none.contributions(rows(5)).any()
    assert len(Regressions.read(none.content())) == 0


def test_stored_it_is_the_same_and_its_bytes_are(fitted: Regressions) -> None:
    again = Regressions.read(fitted.content())
    assert np.array_equal(again.predict(rows(9)), fitted.predict(rows(9)))
    assert again.content() == fitted.content()
    noise = np.random.default_rng(2).normal(size=4_000)
    assert fit(rows(), curve(rows()) + noise, Loss.SQUARED, 3).content() == fitted.content()
    assert fitted.sums.shape == (3, 3, HIDDEN)


def test_what_is_told_of_a_row_does_not_depend_on_the_rows_beside_it(fitted: Regressions) -> None:
    many = rows(501, seed=6)
    together = fitted.predict(many)
    for count in (1, 2, 3, 7, 16, 100):
        assert np.array_equal(fitted.predict(many.tail(count)), together[-count:])


_FIT = """
import sys
from nba_assets_tests.modeling.test_random_features import curve, rows
from nba_assets.modeling.random_features import Loss, fit
from hashlib import sha256
for loss in Loss:
    print(sha256(fit(rows(), curve(rows()), loss, 2).content()).hexdigest())
"""


@pytest.mark.parametrize("threads", ["1", "4"])
def test_it_is_the_same_to_the_bit_on_any_number_of_threads(threads: str) -> None:
    here = [
        hashlib.sha256(fit(rows(), curve(rows()), loss, 2).content()).hexdigest() for loss in Loss
    ]
    there = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _FIT],
        env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert there.stdout.split() == here


def test_what_is_not_known_counts_as_the_mean_and_what_is_far_off_as_far() -> None:
    known = rows()
    holes = known.assign(a=known["a"].where(known["a"] < 1), d=np.nan, e=3.0)
    found = fit(holes, curve(known), Loss.SQUARED, 1)
    average = holes.mean().fillna(0.0)
    asked = pd.DataFrame([average, average.where(average.index != "a")])
    told = found.predict(asked)
    assert told[0] == told[1]
    far = pd.DataFrame([average.where(average.index != "b", off) for off in (100.0, 1_000.0)])
    assert len(set(found.predict(far))) == 1
    assert found.scale[3:].tolist() == [1.0, 1.0], "a feature that never moves moves nothing"
    assert FARTHEST < 100


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-4, 4)] * 3), min_size=1, max_size=5))
def test_contributions_add_up_to_the_prediction(asked: list[tuple[float, ...]]) -> None:
    one = fit(rows(400), curve(rows(400)), Loss.ABSOLUTE, 2)
    of = pd.DataFrame(asked, columns=list(NAMES))
    shares = one.contributions(of)
    assert shares.sum(axis=1) == pytest.approx(one.predict(of), abs=1e-3)
    mean = pd.DataFrame([one.centre], columns=list(NAMES))
    assert shares[:, -1] == pytest.approx(one.predict(mean)[0], abs=1e-3), "the base is the mean's"


def test_a_feature_that_does_not_matter_adds_nothing() -> None:
    known = rows()
    found = fit(known, 3 * known["a"], Loss.SQUARED, 3)
    shares = np.abs(found.contributions(rows(200, seed=7))).mean(axis=0)
    assert shares[0] > 50 * max(shares[1], shares[2])
