"""The transaction itself: all of it or nothing, in the order of publications."""

from datetime import date

import pytest

from nba_assets.certification import ledger
from nba_assets.certification.decide import Decision, Origin, failed
from nba_assets.certification.transaction import publish
from nba_assets.engines.engine import Engine
from nba_assets.errors import SourceUnavailable, WarehouseError
from nba_assets_tests.tiny_league import SLATES, Sandbox

TABLE = "team_box_scores"
DAY = SLATES[2]
ORIGIN = Origin("run", "tiny_league")


def _failure(sandbox: Sandbox, engine: Engine, publication: int, day: date = DAY) -> Decision:
    table = sandbox.tables[TABLE]
    before = ledger.latest(engine, (TABLE,), day, day).get((TABLE, day))
    return failed(table, day, before, SourceUnavailable("down"), ORIGIN, publication)


def _counts(engine: Engine) -> dict[str, int]:
    tables = ("attempts", "verdicts", "looks", "quarantine")
    return {
        name: engine.query(f"SELECT COUNT(*) AS n FROM ledger.{name}")["n"][0].as_py()
        for name in tables
    }


@pytest.mark.parametrize("behind", [1, -1])
def test_a_decision_made_before_somebody_else_published_changes_nothing(
    built: Sandbox, behind: int
) -> None:
    contract = built.tables[TABLE].contract
    with built.warehouse.writing() as engine:
        number, before = ledger.publication(engine), _counts(engine)
        stale = _failure(built, engine, number - behind)
        with pytest.raises(WarehouseError, match="another run published meanwhile"):
            publish(engine, contract, [stale])

        assert (ledger.publication(engine), _counts(engine)) == (number, before)
        publish(engine, contract, [_failure(built, engine, number)])
        assert ledger.publication(engine) == number + 1
        assert ledger.history(engine, TABLE, DAY)[-1].publication == number + 1


def test_a_second_record_of_the_same_attempt_changes_nothing(built: Sandbox) -> None:
    """Two runs that both saw the same latest attempt; the number alone would not tell."""
    contract = built.tables[TABLE].contract
    with built.warehouse.writing() as engine:
        number = ledger.publication(engine)
        first = _failure(built, engine, number)
        publish(engine, contract, [first])
        before = _counts(engine)
        second = _failure(built, engine, number + 1, SLATES[3])
        again = failed(
            built.tables[TABLE], DAY, None, SourceUnavailable("down"), ORIGIN, number + 1
        )
        with pytest.raises(WarehouseError, match="another run published meanwhile"):
            publish(engine, contract, [second, again])

        assert _counts(engine) == before


def test_what_goes_along_is_part_of_it(built: Sandbox) -> None:
    contract = built.tables[TABLE].contract
    with built.warehouse.writing() as engine:
        number, before = ledger.publication(engine), _counts(engine)
        decision = _failure(built, engine, number)
        with pytest.raises(WarehouseError, match="no_such_table"):
            publish(engine, contract, [decision], also=["INSERT INTO no_such_table SELECT 1"])

        assert (ledger.publication(engine), _counts(engine)) == (number, before)


def test_what_is_not_new_leaves_one_look(built: Sandbox) -> None:
    contract = built.tables[TABLE].contract
    with built.warehouse.writing() as engine:
        number = ledger.publication(engine)
        publish(engine, contract, [_failure(built, engine, number)])
        before = _counts(engine)
        same = _failure(built, engine, number + 1)
        assert not same.is_new
        publish(engine, contract, [same])

        assert ledger.publication(engine) == number + 1
        assert _counts(engine) == {**before, "looks": before["looks"] + 1}
