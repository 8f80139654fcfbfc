"""The commands about the versions of a date."""

import pytest

from nba_assets_tests.cli.invoke import as_json, run, words
from nba_assets_tests.tiny_league import LAST, SLATES, Sandbox

TABLE = "player_box_scores"
DAY = SLATES[8].isoformat()


@pytest.fixture
def corrected(built: Sandbox) -> Sandbox:
    """A deployment with a correction on ``DAY`` and a game missing on ``LAST``."""
    game = built.league.games(SLATES[8])[0]
    player = built.league.rows(TABLE, game, status="PLAYED")[0]["player_id"]
    built.league.correct(game, player)
    built.league.drop(TABLE, built.league.games(LAST)[0])
    built.build_all()
    return built


def test_history_lists_every_record_and_the_current_version(corrected: Sandbox) -> None:
    old, new = corrected.history(TABLE, SLATES[8])

    told = words(run(corrected, "history", TABLE, DAY).stdout)
    assert f"Readers see the version of publication {new.publication}." in told
    records = as_json(corrected, "history", TABLE, DAY)
    assert [record["publication"] for record in records] == [old.publication, new.publication]

    held = words(run(corrected, "history", TABLE, LAST.isoformat()).stdout)
    first, last = corrected.history(TABLE, LAST)
    assert f"Readers see the version of publication {first.publication}." in held
    assert "HELD" in held
    assert last.message[:40] in held
    assert "never attempted" in run(corrected, "history", TABLE, "2025-11-30").stdout


def test_diff_shows_what_changed_column_by_column(corrected: Sandbox) -> None:
    old, new = corrected.history(TABLE, SLATES[8])

    told = words(run(corrected, "diff", TABLE, DAY).stdout)
    assert f"publication {old.publication} to publication {new.publication}" in told
    assert "0 rows came, 0 went, 1 changed" in told
    record = as_json(corrected, "diff", TABLE, DAY)
    assert (record["from"], record["to"]) == (old.publication, new.publication)
    ((row),) = record["changed"]
    before, after = row["columns"]["ast"].values()
    assert after == before + 1
    first = run(corrected, "diff", TABLE, DAY, "--from", "0", "--to", f"{old.publication}")
    assert f"{old.stored_rows} rows came, 0 went, 0 changed" in words(first.stdout)
    nothing = run(corrected, "diff", TABLE, "2025-11-30")
    assert nothing.exit_code == 1
    assert "has no version" in nothing.stderr


def test_restore_says_what_it_did_and_repair_catches_up(corrected: Sandbox) -> None:
    corrected.league.through = LAST
    old, _ = corrected.history(TABLE, SLATES[8])

    result = run(corrected, "restore", TABLE, DAY, "--publication", f"{old.publication}",
                 "--reason", "the correction was wrong", "--by", "Ann")  # fmt: skip

    assert result.exit_code == 0, result.stderr
    assert f"publication {old.publication} stored, {old.stored_rows} rows" in words(result.stdout)
    assert "restored by Ann: the correction was wrong" in words(
        run(corrected, "history", TABLE, DAY).stdout
    )
    run(corrected, "repair", "--to", DAY)
    assert run(corrected, "certify", "--to", DAY).exit_code == 0
    refused = run(corrected, "restore", TABLE, DAY, "--publication", "0", "--reason", "no")
    assert refused.exit_code == 1
    assert "found no version of the date" in refused.stderr


def test_reproduce_exits_0_where_the_rows_are_the_same(corrected: Sandbox) -> None:
    summary = "player_game_summary"
    old, _ = corrected.history(summary, SLATES[8])

    for arguments in ((), ("--publication", f"{old.publication}")):
        result = run(corrected, "reproduce", summary, DAY, *arguments)
        assert result.exit_code == 0
        assert "are the same to the bit" in result.stdout
    with corrected.warehouse.writing() as engine:
        engine.transaction(
            [f"UPDATE store.{summary} SET ast = ast + 1 WHERE game_date = DATE '{DAY}'"]
        )
    result = run(corrected, "reproduce", summary, DAY)
    assert result.exit_code == 1
    assert "differ" in result.stdout


def test_there_is_nothing_to_say_without_a_warehouse(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    nowhere = Sandbox(tmp_path_factory.mktemp("nothing") / "data")
    for command in (
        ("diff", TABLE, DAY),
        ("restore", TABLE, DAY, "--publication", "1", "--reason", "no"),
        ("reproduce", TABLE, DAY),
        ("export", "somewhere"),
        ("vacuum", "--keep", "30"),
        ("migrate",),
    ):
        result = run(nowhere, *command)
        assert result.exit_code == 1, command
        assert "there is no warehouse at" in result.stderr
