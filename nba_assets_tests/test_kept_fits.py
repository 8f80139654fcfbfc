"""A fit that is kept saves reading its history, and is never another one than would be made."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xgboost as xgb

from nba_assets.engines.duckdb_file import DuckDBFile
from nba_assets.engines.engine import Query, Step
from nba_assets_tests.tiny_league import SEASON_START, SLATES, Sandbox

FITTED = ("expected_roster", "expected_minutes", "player_points_model", "player_points_predictions")
HISTORIES = ("FROM player_features_before AS f", "FROM expected_roster_before AS x")


@pytest.fixture
def fitting(small_models: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is fitted."""
    train, sizes = xgb.train, []

    def watched(parameters: dict[str, Any], rows: xgb.DMatrix, rounds: int) -> xgb.Booster:
        sizes.append(rows.num_row())
        return train(parameters, rows, rounds)

    monkeypatch.setattr(xgb, "train", watched)
    return sizes


class Watched(DuckDBFile):
    """Keeps what was asked."""

    asked: list[str]

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """A session whose queries are kept."""
        with super().reading() as engine:
            run = engine.run

            def watched(steps: Sequence[Step]) -> Any:
                self.asked += [step.query for step in steps if isinstance(step, Query)]
                return run(steps)

            engine.run = watched  # type: ignore[method-assign]
            yield engine


def _built(sandbox: Sandbox, day: date) -> tuple[list[Any], list[str]]:
    """What a date has of the fitted tables, built anew, and the queries that took."""
    warehouse = Watched(sandbox.folder / "warehouse.duckdb", lock_timeout=30.0)
    warehouse.asked = []
    publisher = sandbox.publisher(warehouse=warehouse)
    found = []
    for name in FITTED:
        publisher.build(name, [day])
        rows = sandbox.query(f"SELECT * FROM {name} WHERE game_date = DATE '{day}'")
        found.append(
            sorted(rows, key=lambda row: tuple(str(row[k]) for k in _grain(sandbox, name)))
        )
    return found, warehouse.asked


def _grain(sandbox: Sandbox, name: str) -> tuple[str, ...]:
    return sandbox.tables[name].contract.grain


def _reads_a_history(asked: list[str]) -> bool:
    return any(history in " ".join(sql.split()) for sql in asked for history in HISTORIES)


def _forget(sandbox: Sandbox) -> None:
    for file in Path(sandbox.folder / "models").iterdir():
        file.unlink()


def test_a_date_is_fitted_once_and_a_correction_before_it_fits_it_again(
    empty: Sandbox, fitting: list[int]
) -> None:
    empty.up_to = FITTED[-1]
    *before, day = SLATES[:8]
    empty.build_all(SEASON_START, day)
    first, _ = _built(empty, day)
    assert all(first), "there is something of every table"
    assert fitting, "and it was fitted"

    fitting.clear()
    again, asked = _built(empty, day)
    assert again == first
    assert fitting == [], "nothing is fitted again"
    assert not _reads_a_history(asked), "nor its history read"

    _forget(empty)
    anew, asked = _built(empty, day)
    assert anew == first, "what is kept is what is made"
    assert _reads_a_history(asked)

    game = empty.league.games(before[-2])[0]
    player = empty.league.rows("player_box_scores", game, status="PLAYED")[0]
    empty.league.correct(game, player["player_id"])
    empty.build_all(before[-2], before[-1])
    fitting.clear()
    corrected, _ = _built(empty, day)
    assert fitting, "the correction is fitted"
    assert corrected != first
    _forget(empty)
    assert _built(empty, day)[0] == corrected
