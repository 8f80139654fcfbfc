"""A trial from the terminal: what is declared, refused, found, and remembered."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nba_assets.certification import ledger
from nba_assets.modeling import evidence
from nba_assets.modeling.points_model import ROUNDS
from nba_assets.operations import trials
from nba_assets_tests.cli.invoke import as_json, run, words
from nba_assets_tests.tiny_league import SLATES, Sandbox

CHOOSING = ("--choosing", f"{SLATES[6]}..{SLATES[8]}")
ELSEWHERE = ("--elsewhere", f"{SLATES[9]}..{SLATES[9]}")


def _challenger(sandbox: Sandbox) -> Path:
    """The champion's file with fewer rounds."""
    printed = run(sandbox, "trial", "champion")
    assert printed.exit_code == 0
    file = Path("fewer.json")
    file.write_text(json.dumps({**json.loads(printed.stdout), "rounds": 1}))
    return file


def _declare(sandbox: Sandbox, file: Path, *options: str) -> tuple[int, str]:
    why = ("--reason", "it costs less", "--by", "O'Neal")
    result = run(sandbox, "trial", "declare", "fewer", str(file), *why, *options)
    return result.exit_code, words(result.stdout + result.stderr)


def test_a_trial_from_declaration_to_verdict(
    predicted: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "MINIMUM_DATES", 1)
    monkeypatch.setattr(evidence, "FEWEST_DATES", 1)
    challenger = _challenger(predicted)
    assert "No configuration was ever tried" in run(predicted, "trial", "list").stdout
    code, said = _declare(predicted, challenger, *CHOOSING, *ELSEWHERE, "--improves", "lineup")
    assert code == 0
    assert f"must improve lineup on {SLATES[6]} … {SLATES[8]}" in said
    assert "`nba-assets trial score fewer` ends it" in said
    assert "not scored yet" in run(predicted, "trial", "list").stdout

    scored = run(predicted, "trial", "score", "fewer")

    assert scored.exit_code == 1
    assert "The champion stays." in scored.stdout
    assert "These dates had been looked at 0 times before." in scored.stdout
    assert "O'Neal" in run(predicted, "trial", "list").stdout
    (recorded,) = as_json(predicted, "trial", "list")
    assert recorded["why"] == "it costs less"
    assert recorded["outcome"]["promoted"] is False
    assert len(recorded["outcome"]["findings"]) == 6
    again = run(predicted, "trial", "score", "fewer")
    assert again.exit_code == 1
    assert "a second look is another trial" in words(again.stderr)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (ELSEWHERE, "--choosing"),
        (CHOOSING, "--elsewhere"),
        (("--choosing", "2025-10-05", *ELSEWHERE), "no range of dates such as"),
        (("--choosing", "2025-10-05..a", *ELSEWHERE), "no range of dates such as"),
        ((*CHOOSING, *ELSEWHERE, "--improves", "market"), "'market' is not one of"),
    ],
)
def test_what_is_no_declaration_exits_2(
    empty: Sandbox, options: tuple[str, ...], told: str
) -> None:
    code, said = _declare(empty, _challenger(empty), *options)
    assert code == 2
    assert told in said


def test_what_cannot_be_fitted_exits_1(empty: Sandbox) -> None:
    challenger = _challenger(empty)
    challenger.write_text("rounds: 3")
    code, said = _declare(empty, challenger, *CHOOSING, *ELSEWHERE)
    assert code == 1
    assert "not a configuration of the model of player points" in said
    assert "`nba-assets trial champion` prints one to begin with" in said


def test_what_a_release_would_begin_with_is_told(empty: Sandbox) -> None:
    """Of a warehouse that began with something else it is the challenger."""
    fewer = _challenger(empty).read_text()
    moment = datetime(2025, 10, 1, tzinfo=UTC)
    with empty.warehouse.writing() as engine:
        statement = ledger.first_configuration(trials.TABLE, fewer, moment)
        engine.transaction([ledger.NEXT, statement])
    in_force = json.loads(run(empty, "trial", "champion").stdout)
    of_release = json.loads(run(empty, "trial", "champion", "--of-release").stdout)
    assert in_force == json.loads(fewer)
    assert of_release == {**in_force, "rounds": ROUNDS}
