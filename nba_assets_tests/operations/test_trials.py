"""Another configuration takes the champion's place by a recorded trial, or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nba_assets.deployment import build_tables
from nba_assets.errors import BadInput
from nba_assets.modeling import evidence
from nba_assets.modeling.configuration import Configuration
from nba_assets.modeling.information import InformationSet
from nba_assets.operations import evaluation, trials
from nba_assets.operations.plan import Reason, standing
from nba_assets.operations.trials import Declaration, Outcome, Trial
from nba_assets.seasons import game_dates
from nba_assets.settings import Settings
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

FIRST = SLATES[6]
"""from which there are models"""
CHOOSING, ELSEWHERE = (FIRST, SLATES[8]), (SLATES[9], SLATES[9])
EFFECT = SLATES[9] + timedelta(days=1)
BETTER = {"rounds": 100, "parameters": {"min_child_weight": 5}}
"""where the starters are known; there is too little to learn of the others"""
WORSE = {"rounds": 1}


@pytest.fixture(autouse=True)
def _few_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A league of three weeks is judged by what there is of it."""
    monkeypatch.setattr(trials, "MINIMUM_DATES", 1)
    monkeypatch.setattr(evidence, "FEWEST_DATES", 1)
    monkeypatch.setattr(trials, "NO_HARM", 0.5)


def _champion(sandbox: Sandbox, day: date = LAST) -> Configuration:
    with sandbox.warehouse.reading() as engine:
        return trials.champion(engine, sandbox.tables, day)


def _challenger(sandbox: Sandbox, changes: dict[str, Any]) -> str:
    now = json.loads(_champion(sandbox).text)
    parameters = now["parameters"] | changes.get("parameters", {})
    return json.dumps({**now, **changes, "parameters": parameters})


def _declare(sandbox: Sandbox, challenger: str, name: str = "t", **said: Any) -> Trial:
    declaration = Declaration(
        name, "it learns more", challenger, "", (InformationSet.LINEUP,), (CHOOSING,),
        (ELSEWHERE,), SEASON_START,
    )  # fmt: skip
    with sandbox.warehouse.writing() as engine:
        return trials.declare(engine, sandbox.tables, replace(declaration, **said), "me")


def _score(sandbox: Sandbox, name: str = "t") -> Outcome:
    found, outcome = trials.score(sandbox.warehouse.reading, sandbox.tables, name)
    with sandbox.warehouse.writing() as engine:
        trials.conclude(engine, sandbox.tables, found, outcome, "me")
    return outcome


def _models(sandbox: Sandbox) -> dict[tuple[date, str], str]:
    rows = sandbox.query("SELECT game_date, information_set, model_id FROM player_points_model")
    return {(row["game_date"], row["information_set"]): row["model_id"] for row in rows}


def _needs(sandbox: Sandbox) -> dict[tuple[str, date], Reason]:
    dates = list(game_dates(SEASON_START, LAST))
    with sandbox.warehouse.reading() as engine:
        found = standing(engine, sandbox.tables, dates, "tiny_league").needs
    return {key: need.reason for key, need in found.items()}


def test_what_the_champion_would_say_is_what_is_certified(predicted: Sandbox) -> None:
    """To the bit: a trial compares what was told, not another computation of it."""
    with predicted.warehouse.reading() as engine:
        history = trials._history(engine, predicted.tables, FIRST, LAST)
    again = trials._predicted(history, FIRST, _champion(predicted))
    told = {
        (row["game_id"], row["player_id"], row["information_set"]): row["predicted_points"]
        for row in predicted.query("SELECT * FROM player_points_predictions")
    }
    assert len(again) > 800
    for game_id, player_id, known, points in again.itertuples(index=False):
        assert told[game_id, player_id, known] == points


def test_a_better_configuration_is_promoted_from_its_date_on(predicted: Sandbox) -> None:
    began, before = _champion(predicted), _models(predicted)
    assert not _needs(predicted)
    trial = _declare(predicted, _challenger(predicted, BETTER))
    assert trial.declaration.takes_effect == EFFECT
    assert trial.declaration.champion == began.digest
    assert trial.promoted is None

    outcome = _score(predicted)

    assert outcome.promoted
    assert {(one.information_set, one.choosing) for one in outcome.findings} == {
        (known, choosing) for known in InformationSet for choosing in (True, False)
    }
    (improved,) = (one for one in outcome.findings if one.must_improve)
    assert improved.choosing
    assert improved.information_set is InformationSet.LINEUP
    assert improved.challenger < improved.champion
    assert improved.difference.high < 0
    assert _champion(predicted, EFFECT - timedelta(days=1)) == began
    assert _champion(predicted, EFFECT).rounds == BETTER["rounds"]
    needs = _needs(predicted)
    assert needs[("player_points_model", EFFECT)] is Reason.WAIVER
    assert {day for _, day in needs} == set(game_dates(EFFECT, LAST))

    predicted.build_all(EFFECT, LAST)

    after = _models(predicted)
    assert not _needs(predicted)
    assert {key for key in before if before[key] != after[key]} == {
        (LAST, known.value) for known in InformationSet
    }
    with predicted.warehouse.writing() as engine:  # as if the date before were out of date
        (recorded,) = trials.trials(engine)
        engine.transaction(
            [f"UPDATE ledger.attempts SET code_version = 'x' WHERE game_date = DATE '{SLATES[9]}'"]
        )
    assert recorded.promoted
    predicted.build("player_points_model", SLATES[9])
    assert _models(predicted) == after, "a date before it is built by what was in force then"
    version, rows, once_more = predicted.publisher().reproduce("player_points_model", LAST)
    assert version.status.certified
    assert rows.equals(once_more)


def test_the_next_trial_is_against_what_was_promoted(predicted: Sandbox) -> None:
    """Also where what stands on its dates is by the configuration of before."""
    worse = _challenger(predicted, {})
    _declare(predicted, _challenger(predicted, BETTER))
    first = _score(predicted)
    _declare(predicted, worse, "back")
    back = _score(predicted, "back")

    assert not back.promoted
    assert back.looks == first.looks + 2
    for there, again in zip(first.findings, back.findings, strict=True):
        assert (again.champion, again.challenger) == (there.challenger, there.champion)


def test_a_worse_one_is_not_and_the_champion_stays(predicted: Sandbox) -> None:
    began = _champion(predicted)
    _declare(predicted, _challenger(predicted, WORSE))
    assert not _score(predicted).promoted
    assert _champion(predicted) == began
    assert not _needs(predicted)
    with pytest.raises(BadInput, match="is over; a second look is another trial"):
        _score(predicted)
    with pytest.raises(BadInput, match="there is a trial t already"):
        _declare(predicted, _challenger(predicted, BETTER))


def test_harm_elsewhere_is_no_promotion(
    predicted: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Better where it was said, worse where it was not."""
    honest = trials._predicted

    def spoilt(*asked: Any) -> Any:
        told = honest(*asked)
        return told if asked[1] == FIRST else told.assign(challenger=told["challenger"] + 8)

    monkeypatch.setattr(trials, "_predicted", spoilt)
    _declare(predicted, _challenger(predicted, BETTER))
    outcome = _score(predicted)
    assert {one.choosing: one.passed for one in outcome.findings} == {True: True, False: False}
    assert not outcome.promoted


@pytest.mark.parametrize("where", ["choosing", "elsewhere"])
def test_where_nothing_was_predicted_nothing_is_declared(predicted: Sandbox, where: str) -> None:
    early: dict[str, Any] = {where: ((SLATES[2], SLATES[3]),)}
    with pytest.raises(BadInput, match=r"only 0 dates of .* by the set lineup"):
        _declare(predicted, _challenger(predicted, BETTER), **early)


def test_a_window_without_predictions_trains_nothing(
    predicted: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, trained = trials._predicted, []

    def watched(*asked: Any) -> Any:
        trained.append(asked[1])
        return honest(*asked)

    monkeypatch.setattr(trials, "_predicted", watched)
    early = (SLATES[2], SLATES[3])
    _declare(predicted, _challenger(predicted, BETTER), choosing=(early, CHOOSING))
    _score(predicted)
    assert trained == [CHOOSING[0], ELSEWHERE[0]]


def test_a_few_dates_tell_nothing(predicted: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """All resamples of one date are that date: its interval would be certain of anything."""
    monkeypatch.setattr(trials, "MINIMUM_DATES", 4)
    with pytest.raises(BadInput, match=r"only 3 dates of .* set morning: a trial of them tells"):
        _declare(predicted, _challenger(predicted, BETTER))
    monkeypatch.setattr(trials, "MINIMUM_DATES", 1)
    _declare(predicted, _challenger(predicted, BETTER))
    monkeypatch.setattr(trials, "MINIMUM_DATES", 2)
    with pytest.raises(BadInput, match="only 1 dates of "):
        _score(predicted)


def test_a_set_is_tried_where_it_was_published_or_not_at_all(
    predicted: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is trained to find that out."""
    honest = evaluation.judged

    def without_starters(*asked: Any) -> Any:
        rows, missing = honest(*asked)
        return rows[rows["information_set"] != "lineup"], missing

    monkeypatch.setattr(trials, "judged", without_starters)
    with pytest.raises(BadInput, match=r"only 0 dates of .* set lineup"):
        _declare(predicted, _challenger(predicted, BETTER))
    others = (InformationSet.MORNING, InformationSet.AVAILABILITY)
    _declare(predicted, _challenger(predicted, BETTER), improves=others)
    assert {one.information_set for one in _score(predicted).findings} == set(others)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"choosing": ()}, "names what it improves"),
        ({"elsewhere": ()}, "names what it improves"),
        ({"elsewhere": ((FIRST, FIRST),)}, "another one shares some"),
        ({"elsewhere": ((LAST, FIRST),)}, "is no range of dates"),
    ],
)
def test_what_cannot_be_judged_is_not_declared(
    empty: Sandbox, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        _declare(empty, _challenger(empty, BETTER), **said)
    with empty.warehouse.reading() as engine:
        assert trials.trials(engine) == []


def test_one_at_a_time_and_never_the_champion_itself(predicted: Sandbox) -> None:
    with pytest.raises(BadInput, match="nothing to try"):
        _declare(predicted, _champion(predicted).text)
    _declare(predicted, _challenger(predicted, BETTER))
    with pytest.raises(BadInput, match="trial t is not scored yet"):
        _declare(predicted, _challenger(predicted, WORSE), "u")
    with pytest.raises(BadInput, match="there is no trial v"):
        _score(predicted, "v")
    with predicted.warehouse.writing() as engine:
        trials.withdraw(engine, "t", "a mistake", "me")
        with pytest.raises(BadInput, match=r"trial t was withdrawn on .* and is over"):
            trials.withdraw(engine, "t", "again", "me")
    with pytest.raises(BadInput, match="trial t was withdrawn"):
        _score(predicted)
    _declare(predicted, _challenger(predicted, WORSE), "u")
    with predicted.warehouse.reading() as engine:
        first, second = trials.trials(engine)
    assert (first.promoted, second.promoted) == (None, None)
    assert first.record()["outcome"] == {"reason": "a mistake"}


def test_a_trial_is_of_complete_dates_only(predicted: Sandbox) -> None:
    """Neither declared nor scored where a date is missing: who chooses dates finds something."""
    challenger = _challenger(predicted, BETTER)
    late: dict[str, Any] = {"elsewhere": ((SLATES[9], LAST + timedelta(days=1)),)}
    with pytest.raises(BadInput, match=f"predictions {LAST + timedelta(days=1)} is MISSING"):
        _declare(predicted, challenger, **late)
    _declare(predicted, challenger)
    with predicted.warehouse.writing() as engine:
        of_date = f"table_name = 'player_game_summary' AND game_date = DATE '{FIRST}'"
        engine.transaction([f"UPDATE ledger.attempts SET status = 'HELD' WHERE {of_date}"])
    with pytest.raises(BadInput, match=f"player_game_summary {FIRST} is HELD: a trial is judged"):
        _score(predicted)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"objective": "reg:nonsense"}, "reg:nonsense"),
        ({"objective": "binary:logistic"}, "for the logistic loss"),
        ({"max_depth": -3}, "max_depth"),
        ({"eta": "fast"}, "could not be parsed"),
    ],
)
def test_what_xgboost_does_not_take_is_not_declared(
    empty: Sandbox, parameters: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=f"XGBoost says: .*{said}"):
        _declare(empty, _challenger(empty, {"parameters": parameters}))


def _of(values: dict[str, Any]) -> str:
    return json.dumps(values)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda _: "{", "not a configuration"),
        (lambda _: "[]", "not a configuration"),
        (lambda text: _of({**json.loads(text), "more": 1}), "not a configuration"),
        (lambda text: _of({**json.loads(text), "rounds": 0}), "rounds is 0"),
        (lambda text: _of({**json.loads(text), "rounds": "9"}), "rounds is '9'"),
        (lambda text: _of({**json.loads(text), "trained_on_days": 2_000}), "1 to 1,100"),
        (lambda text: _of({**json.loads(text), "parameters": {"depth": 3}}), "parameters depth"),
        (
            lambda text: _of({**json.loads(text), "features": {"morning": ["pts"]}}),
            "the set morning has no pts",
        ),
        (
            lambda text: _of({**json.loads(text), "features": {"morning": ["starts"]}}),
            "the set morning has no starts",
        ),
        (
            lambda text: _of({**json.loads(text), "features": {"lineup": ["plays", "plays"]}}),
            "named twice",
        ),
        (
            lambda text: _of({**json.loads(text), "features": {"market": ["plays"]}}),
            "not a configuration",
        ),
    ],
)
def test_what_cannot_be_fitted_is_no_configuration(
    empty: Sandbox, spoil: Callable[[str], str], told: str
) -> None:
    """A feature of a later set is among it: nobody can be declared to know more than his set."""
    with pytest.raises(BadInput, match=told):
        _declare(empty, spoil(_champion(empty).text))


def test_a_configuration_is_what_was_written(empty: Sandbox) -> None:
    began = _champion(empty)
    assert Configuration.read(began.text) == began
    assert Configuration.read(json.dumps(json.loads(began.text), indent=3)).digest == began.digest


def test_a_new_warehouse_trains_where_it_is_told_to(empty: Sandbox) -> None:
    began = _champion(empty)
    for device in ("cuda", "cuda:1"):
        tables = build_tables(Settings(data_dir=empty.folder, device=device))
        with empty.warehouse.reading() as engine:
            on_it = trials.champion(engine, tables, LAST)
        assert on_it.parameters == {**began.parameters, "device": device}
        assert on_it.digest != began.digest
    assert "device" not in began.parameters
    with pytest.raises(ValidationError, match="device"):
        Settings(device="gpu farm")
