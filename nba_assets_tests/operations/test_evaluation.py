"""Evidence from certified rows alone; each look at a period is recorded and counted."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from nba_assets.contracts.dated_table import FromSQL
from nba_assets.operations.evaluation import Evaluation, evaluate
from nba_assets_tests.tiny_league import FIRST_FEATURES, LAST, SLATES, Sandbox


@pytest.fixture
def predicted(built: Sandbox) -> Sandbox:
    """A warehouse with predictions, which the league is too small to train a model for."""
    names = ("player_points_predictions", "player_points_market")
    numbers = {
        (name, day): one.publication for name in names for day, one in built.attempts(name).items()
    }
    versions = {name: built.tables[name].contract.version for name in names}
    with built.warehouse.writing() as engine:
        lines = engine.query(
            "SELECT game_id, game_date, team, opponent, player_id, player_name, pts, minutes "
            f"FROM player_game_summary WHERE played AND game_date >= DATE '{FIRST_FEATURES}'"
        ).to_pylist()
        games = sorted({(line["game_date"], line["game_id"]) for line in lines})
        judged = [
            f"INSERT INTO ledger.verdicts VALUES ('{name}', DATE '{day}', {numbers[name, day]}, "
            f"'{game}', 'certified', {versions[name]}, '{{}}', '', NULL, 'BOS', 'MIA')"
            for name in names
            for day, game in games
        ]
        lined = engine.query(
            "SELECT DISTINCT game_id, player_id FROM player_points_lines"
        ).to_pylist()
        with_line = {(row["game_id"], row["player_id"]) for row in lined}
        engine.transaction(
            [
                *(f"DELETE FROM ledger.verdicts WHERE table_name = '{name}'" for name in names),
                *judged,
                *(_prediction(line, numbers[names[0], line["game_date"]]) for line in lines),
                *(
                    _beside_line(line, numbers[names[1], line["game_date"]])
                    for line in lines
                    if (line["game_id"], line["player_id"]) in with_line
                ),
            ]
        )
    return built


def _prediction(line: dict[str, object], number: int) -> str:
    points = float(str(line["pts"]))
    values = {
        **{n: f"'{line[n]}'" for n in ("game_id", "team", "opponent", "player_name")},
        "game_date": f"DATE '{line['game_date']}'",
        "player_id": line["player_id"],
        "model_id": "'m'",
        "information_set": "'morning'",
        "expected_minutes": line["minutes"],
        "plays": 1.0,
        "predicted_points": points + 1,
        "points_median": points + 1,
        "points_q10": points - 3,
        "points_q25": points + 1,
        "points_q75": points + 1,
        "points_q90": points + 2,
        "season_average": points + 4,
        "last_10_average": points + 3,
        "rules_core": points + 2,
        "publication": number,
    }
    return _insert("player_points_predictions", values)


def _beside_line(line: dict[str, object], number: int) -> str:
    """Half a point better than the prediction, with the chance of more than the line known."""
    points = float(str(line["pts"]))
    values = {
        **{n: f"'{line[n]}'" for n in ("game_id", "player_name")},
        "game_date": f"DATE '{line['game_date']}'",
        "player_id": line["player_id"],
        "beside": "'morning'",
        "line": points + 3,
        "bookmakers": 2,
        "line_weight": 0.5,
        "predicted_points": points + 0.5,
        **dict.fromkeys(("points_median", "points_q25", "points_q75"), points + 1),
        "points_q10": points - 1,
        "points_q90": points + 2,
        "over": 0.25,
        "publication": number,
    }
    return _insert("player_points_market", values)


def _insert(table: str, values: dict[str, object]) -> str:
    return (
        f"INSERT INTO store.{table} ({', '.join(values)}) "
        f"VALUES ({', '.join(str(value) for value in values.values())})"
    )


def _evaluate(sandbox: Sandbox, first: date = FIRST_FEATURES, last: date = LAST) -> Evaluation:
    with sandbox.warehouse.writing() as engine:
        return evaluate(engine, sandbox.tables, first, last)


def test_every_predictor_is_judged_on_the_same_player_games(predicted: Sandbox) -> None:
    found = _evaluate(predicted)
    everyone, regulars, lined, market = found.evidence
    assert (everyone.population, regulars.population) == ("all", "regulars")
    assert (lined.population, market.population) == ("with_line", "with_line")
    assert (lined.information_set, market.information_set) == ("morning", "market")
    errors = {one.predictor: one.mae for one in everyone.scores}
    assert {name: errors[name] for name in list(errors)[:4]} == {
        "xgboost": pytest.approx(1.0),
        "rules_core": pytest.approx(2.0),
        "season_average": pytest.approx(4.0),
        "last_10_average": pytest.approx(3.0),
    }
    assert list(errors)[4:] == ["ewma_5", "ridge", "hindsight_minutes"]
    assert len({one.n for one in everyone.scores}) == 1
    assert 0 < regulars.scores[0].n < everyone.scores[0].n
    assert (everyone.covered_80, everyone.covered_50) == (1.0, 0.0)
    assert found.without_prediction == 0
    model, core, *_ = everyone.records()
    assert model["below_rules_core_pct"] == pytest.approx(50.0)
    assert model["ci90"] == pytest.approx([-1.0, -1.0])
    assert core["ci90"] is None


def test_a_line_is_a_rival_where_there_is_one(predicted: Sandbox) -> None:
    _, _, lined, market = _evaluate(predicted).evidence
    said = {one.predictor: one for one in market.scores}
    assert list(said)[:3] == ["xgboost", "line", "without_line"]
    assert (said["xgboost"].mae, said["without_line"].mae) == (0.5, 1.0)
    assert {one.predictor: one.n for one in lined.scores} == {
        name: said["xgboost"].n for name in said if name != "without_line"
    }
    with predicted.warehouse.reading() as engine:
        rows = engine.query(
            "SELECT s.pts, AVG(l.line) AS line FROM player_points_lines AS l "
            "JOIN player_game_summary AS s ON s.game_id = l.game_id "
            "AND s.player_id = l.player_id "
            "JOIN (SELECT player_id, MIN(game_date) AS first FROM player_game_summary "
            "WHERE played GROUP BY player_id) AS e "
            "ON e.player_id = s.player_id AND e.first < s.game_date "
            f"WHERE s.game_date >= DATE '{FIRST_FEATURES}' GROUP BY s.game_id, s.player_id, s.pts"
        ).to_pandas()
    assert said["line"].n == len(rows)
    assert said["line"].mae == pytest.approx((rows["line"] - rows["pts"]).abs().mean())
    fifths = market.chances
    assert [one.said for one in fifths] == [0.25] * 5
    assert sum(one.n for one in fifths) == len(rows)
    happened = sum(one.happened * one.n for one in fifths) / len(rows)
    assert happened == pytest.approx((rows["pts"] > rows["line"]).mean())
    record = market.records()[0]
    assert record["against"]["line"] == [
        said["xgboost"].against["line"].low,
        said["xgboost"].against["line"].high,
    ]


def test_who_was_not_predicted_is_counted(predicted: Sandbox) -> None:
    player = 101
    with predicted.warehouse.writing() as engine:
        engine.transaction(
            [f"DELETE FROM store.player_points_predictions WHERE player_id = {player}"]
        )
    found = _evaluate(predicted)
    with predicted.warehouse.reading() as engine:
        games = engine.query(
            f"SELECT game_id FROM player_game_summary WHERE played AND player_id = {player} "
            f"AND game_date >= DATE '{FIRST_FEATURES}'"
        ).num_rows
    assert found.without_prediction == games > 0


def test_rows_without_a_certificate_are_not_judged(predicted: Sandbox) -> None:
    before = _evaluate(predicted).evidence[0].scores[0].n
    game = predicted.league.games(SLATES[8])[0]
    with predicted.warehouse.writing() as engine:
        held = f"verdict = 'held' WHERE game_id = '{game}' AND table_name = 'player_points_"
        engine.transaction([f"UPDATE ledger.verdicts SET {held}predictions'"])
    found = _evaluate(predicted)
    assert found.evidence[0].scores[0].n == before - 20
    assert found.without_prediction == 20


def test_every_look_is_recorded_and_counted_by_period_and_model(predicted: Sandbox) -> None:
    assert (_evaluate(predicted).looks.before, _evaluate(predicted).looks.before) == (0, 1)
    late = LAST - timedelta(days=1)
    assert _evaluate(predicted, late).looks.before == 2, "it shares dates with both"
    early = _evaluate(predicted, FIRST_FEATURES, FIRST_FEATURES + timedelta(days=1))
    assert early.looks.before == 2, "not with the one that began later"
    tables = predicted.tables
    for name in ("team_form", "player_points_evaluation"):
        produce = FromSQL(f"{getattr(tables[name].produce, 'query', '')} -- changed")
        with predicted.warehouse.writing() as engine:
            other = evaluate(
                engine, tables | {name: replace(tables[name], produce=produce)}, late, LAST
            )
        assert other.looks.models == 2, "another feature is another model, another score is not"
    with predicted.warehouse.reading() as engine:
        stored = engine.query("SELECT * FROM ledger.evaluations")
    assert stored.num_rows == 6
    assert json.loads(stored["records"][0].as_py())[0]["predictor"] == "xgboost"


def test_where_nothing_was_predicted_there_is_no_evidence(built: Sandbox) -> None:
    assert _evaluate(built).evidence == []
