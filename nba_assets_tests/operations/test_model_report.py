"""What is shown of the model is what is certified of it."""

from datetime import datetime

from nba_assets.modeling.information import InformationSet
from nba_assets.operations.model_report import ModelReport, model_report
from nba_assets.seasons import EASTERN, game_dates
from nba_assets_tests.cli.invoke import selected
from nba_assets_tests.tiny_league import LAST, SEASON_START, Sandbox

DATES = list(game_dates(SEASON_START, LAST))


def _report(sandbox: Sandbox) -> ModelReport:
    with sandbox.warehouse.reading() as engine:
        return model_report(engine, sandbox.tables, sandbox.folder / "models", DATES)


def test_all_of_it_comes_from_certified_predictions(predicted: Sandbox) -> None:
    found = _report(predicted)
    assert {one.information_set for one in found.errors} == {*InformationSet}
    rows = predicted.query(
        "SELECT p.*, s.pts FROM player_points_predictions AS p LEFT JOIN player_game_summary AS s "
        "ON s.game_date = p.game_date AND s.player_id = p.player_id AND s.played"
    )
    played = [row for row in rows if row["pts"] is not None]
    assert set(found.tenths) == set(InformationSet)
    for known, tenths in found.tenths.items():
        mine = [row for row in played if row["information_set"] == known]
        assert sum(tenth.n for tenth in tenths) == len(mine)
        inside = sum(row["points_q10"] <= row["pts"] <= row["points_q90"] for row in mine)
        assert round(sum(tenth.covered_80 * tenth.n for tenth in tenths)) == inside

    last = [r for r in rows if r["game_date"] == LAST and r["information_set"] == "morning"]
    last.sort(key=lambda row: (-row["predicted_points"], row["player_id"]))
    assert [fan.player_id for fan in found.fans] == [row["player_id"] for row in last[:3]]
    fan = found.fans[0]
    order = list(InformationSet)
    mine = [row for row in rows if row["player_id"] == fan.player_id]
    mine.sort(key=lambda row: order.index(row["information_set"]))
    latest = {row["game_date"]: row for row in mine}
    assert [told.game_date for told in fan.games] == sorted(latest)
    for told in fan.games:
        row = latest[told.game_date]
        assert told.information_set == row["information_set"]
        assert (told.median, told.points) == (row["points_median"], row["pts"])
        assert told.within_80 == (row["points_q10"], row["points_q90"])

    assert found.explanation is not None
    assert found.explanation.player_id == fan.player_id
    assert found.explanation.information_set is InformationSet.LINEUP
    for features in found.importance.values():
        sizes = list(features.values())
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > 0
    assert "starts" in found.importance[InformationSet.LINEUP]
    assert "starts" not in found.importance[InformationSet.MORNING]


def test_a_lost_model_is_told_and_takes_nothing_else_with_it(predicted: Sandbox) -> None:
    """The morning plan writes the page, and then tells the dead-man's switch."""
    whole = _report(predicted)
    for file in (predicted.folder / "models").glob(f"{LAST}-lineup-*.alone.ubj"):
        file.unlink()
    found = _report(predicted)
    assert "is missing; `nba-assets repair` trains it again" in found.unread
    assert (found.importance, found.explanation) == ({}, None)
    assert (found.errors, found.tenths, found.fans) == (whole.errors, whole.tenths, whole.fans)
    page = selected(predicted).page(DATES, datetime(2025, 10, 24, 9, tzinfo=EASTERN))
    assert "is missing; `nba-assets repair` trains it again</p>" in page


def test_without_predictions_there_is_nothing_of_them(built: Sandbox) -> None:
    assert _report(built) == ModelReport([], [])
    built.up_to = "player_game_summary"
    assert _report(built) == ModelReport([], [])
