"""Certified reads: what may be read, what a hole holds back, and what it does not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from nba_assets.certification.certified import (
    Readiness,
    history_start,
    reaches_back,
    readiness,
    relation,
)
from nba_assets.certification.ledger import WHOLE_DATE, Status, Verdict
from nba_assets.contracts.contract import Due
from nba_assets.contracts.dated_table import Scope
from nba_assets.engines.engine import Load
from nba_assets.sources.source import RAW_TABLES as RAW
from nba_assets.sources.source import Refused
from nba_assets_tests.tiny_league import (
    LAST,
    ONE_GAME,
    OPENER,
    SEASON_START,
    SLATES,
    TEAMS,
    Sandbox,
    TinyLeague,
    player_ids,
)

DAY = SLATES[9]
HOLE = SLATES[4]
FEATURED = SLATES[7]
"""with features, after the hole"""
SUMMARIES = ("team_offense_game_summary", "player_game_summary")
FEATURES = ("team_form", "player_features")


def _ready(deployment: Sandbox, table: str, *days: date) -> Readiness:
    tables = deployment.tables
    with deployment.warehouse.reading() as engine:
        return readiness(engine, tables, tables[table], days)


def _states(ready: Readiness) -> dict[str, str]:
    return {game.game_id: game.state for game in ready.games}


def _read(deployment: Sandbox, table: str, scope: Scope, first: date, last: date) -> set[date]:
    """The dates a table's dates may see of an input."""
    import pyarrow as pa

    contract = deployment.tables[table].contract
    with deployment.warehouse.reading() as engine:
        days = pa.array([first, last], pa.date32())
        engine.run([Load("target_dates", pa.table({"game_date": days}))])
        relations = {"certified": relation(contract, scope, first, last)}
        rows = engine.query("SELECT DISTINCT game_date FROM certified", relations).to_pylist()
    return {row["game_date"] for row in rows}


def _lose(deployment: Sandbox, day: date, team: str) -> str:
    """A game without any box score, as found when everything is built for the first time."""
    game = deployment.league.game(day, team)
    for table in ("player_box_scores", "team_box_scores"):
        deployment.league.drop(table, game)
    return game


def test_a_window_reads_strictly_earlier_dates_of_the_season(built: Sandbox) -> None:
    table = "team_offense_game_summary"
    played = sorted({*SLATES, ONE_GAME})

    assert _read(built, table, Scope.WINDOW, DAY, DAY) == {d for d in played if d < DAY}
    assert _read(built, table, Scope.TRAINING, DAY, DAY) == {d for d in played if d < DAY}
    assert _read(built, table, Scope.DATE, DAY, DAY) == {DAY}
    assert _read(built, table, Scope.DATE, DAY, LAST) == {DAY, LAST}
    assert _read(built, table, Scope.WINDOW, OPENER, OPENER) == set()


def test_rows_certified_under_an_older_contract_are_not_read(built: Sandbox) -> None:
    contract = built.tables["team_offense_game_summary"].contract
    contract = replace(contract, version=contract.version + 1)
    with built.warehouse.reading() as engine:
        sql = relation(contract, Scope.WINDOW, DAY, DAY)
        assert engine.query("SELECT COUNT(*) AS n FROM r", {"r": sql}).to_pylist() == [{"n": 0}]


def test_rows_that_passed_a_laxer_threshold_are_not_read(built: Sandbox) -> None:
    """Also where nothing holds the reader: an optional or a training input."""
    contract = built.tables["player_game_summary"].contract
    counts = []
    for limit in (0.5, 0.9, 0.95):
        judged = replace(contract, thresholds=(("usage_rate_coverage", limit),))
        with built.warehouse.reading() as engine:
            sql = relation(judged, Scope.TRAINING, DAY, DAY)
            counts += engine.query("SELECT COUNT(*) AS n FROM r", {"r": sql}).to_pylist()
    assert counts[0] == counts[1] != {"n": 0}
    assert counts[2] == {"n": 0}


def test_a_raised_contract_version_holds_what_depends_on_it_and_says_so(
    built: Sandbox,
) -> None:
    tables = built.tables
    old = tables["team_offense_game_summary"]
    now, new = old.contract.version, old.contract.version + 1
    tables[old.name] = replace(old, contract=replace(old.contract, version=new))
    with built.warehouse.reading() as engine:
        same_date = readiness(engine, tables, tables["player_game_summary"], [DAY])
        window = readiness(engine, tables, tables["team_form"], [DAY])

    for ready in (same_date, window):
        assert set(_states(ready).values()) == {"held"}
        assert all(
            f"contract version {now}" in g.reason and f"now {new}" in g.reason for g in ready.games
        )


def test_a_hole_holds_the_later_games_of_its_two_teams_only(empty: Sandbox) -> None:
    game = _lose(empty, HOLE, "BOS")
    teams = set(empty.league.teams(game))

    attempts = empty.build_all(tables=(*RAW, *SUMMARIES, *FEATURES))

    for name in FEATURES:
        for attempt in attempts[name]:
            if attempt.game_date <= HOLE:
                assert attempt.status.certified
                continue
            for other, verdict in empty.verdicts(name, attempt.game_date).items():
                if other == WHOLE_DATE:
                    continue
                concerned = teams & set(empty.league.teams(other))
                expected = Verdict.HELD if concerned else Verdict.CERTIFIED
                assert verdict.verdict is expected
                if concerned:
                    assert game in verdict.reason
                    assert str(HOLE) in verdict.reason
    assert {a.status for a in attempts["team_form"] if a.game_date in SLATES[7:]} == {Status.HELD}


def test_a_hole_does_not_hold_its_own_date_or_earlier_ones(built: Sandbox) -> None:
    game = built.league.game(DAY, "BOS")
    built.league.drop("team_box_scores", game)
    built.league.drop("player_box_scores", game)
    tables = built.tables
    with built.warehouse.writing() as engine:
        engine.transaction(
            [
                (
                    "UPDATE ledger.verdicts SET verdict = 'held', reason = 'lost' "
                    f"WHERE game_id = '{game}' AND table_name = 'team_offense_game_summary'"
                )
            ]
        )

    assert set(_states(_ready(built, "team_form", DAY)).values()) == {"ready"}
    assert set(_states(_ready(built, "team_form", ONE_GAME)).values()) == {"ready"}
    later = _ready(built, "team_form", LAST)
    held = {g.game_id for g in later.games if g.state == "held"}
    assert held == {built.league.game(LAST, team) for team in built.league.teams(game)}
    assert tables["team_form"].contract.due is Due.SCHEDULED


def test_a_game_without_players_shows_in_the_windows_of_its_players(empty: Sandbox) -> None:
    game = empty.league.game(HOLE, "BOS")
    empty.league.drop("player_box_scores", game)
    empty.waive("player_box_scores", game)

    empty.build_all(tables=(*RAW, *SUMMARIES, *FEATURES))

    assert empty.attempt("team_offense_game_summary", HOLE).status is Status.COMPLETE
    assert empty.attempt("player_game_summary", HOLE).status is Status.WAIVED
    lacking = empty.query(
        "SELECT DISTINCT team FROM player_features WHERE window_completeness < 1 "
        f"AND game_date = DATE '{FEATURED}'"
    )
    assert {row["team"] for row in lacking} == set(empty.league.teams(game))


def test_a_waiver_fills_the_hole_and_the_window_says_what_it_lacks(empty: Sandbox) -> None:
    game = _lose(empty, HOLE, "BOS")
    empty.waive("team_offense_game_summary", game)

    empty.build_all(tables=(*RAW, *SUMMARIES, *FEATURES))

    assert empty.attempt("player_box_scores", HOLE).status is Status.HELD
    for name in SUMMARIES:
        assert empty.attempt(name, HOLE).status is Status.WAIVED
    attempt = empty.attempt("team_form", FEATURED)
    assert attempt.status is Status.COMPLETE
    shares = {
        row["team"]: row["window_completeness"]
        for row in empty.query(f"SELECT * FROM team_form WHERE game_date = DATE '{FEATURED}'")
    }
    teams = set(empty.league.teams(game))
    assert {team for team, share in shares.items() if share < 1} == teams
    assert any(check.warnings for check in attempt.checks if check.name == "features")

    empty.revoke("team_offense_game_summary", game)
    empty.build_all(HOLE, HOLE, tables=SUMMARIES)

    assert empty.attempt("player_game_summary", HOLE).status is Status.HELD
    held = {g.game_id for g in _ready(empty, "player_features", LAST).games if g.state == "held"}
    assert held == {empty.league.game(LAST, team) for team in teams}


def test_a_waiver_of_an_input_waives_what_must_read_it(empty: Sandbox) -> None:
    game = _lose(empty, OPENER, "BOS")
    empty.waive("player_box_scores", game)

    empty.build_all(last=OPENER, tables=(*RAW, *SUMMARIES))

    for name in ("player_box_scores", "player_game_summary"):
        assert empty.attempt(name, OPENER).status is Status.WAIVED
    assert empty.attempt("team_box_scores", OPENER).status is Status.HELD


def test_schedules_never_certified_hold_every_window_after_them(empty: Sandbox) -> None:
    empty.build_all(SLATES[1], DAY, tables=RAW)

    ready = _ready(empty, "team_form", DAY)

    assert ready.games == []
    assert "schedule" in ready.held_dates[DAY].reason
    assert str(SEASON_START) in ready.held_dates[DAY].reason
    assert _ready(empty, "player_box_scores", DAY).held_dates == {}


def test_a_date_whose_schedule_is_unknown_is_held(empty: Sandbox) -> None:
    attempts = empty.build_all(DAY, DAY, tables=("player_box_scores",))

    (attempt,) = attempts["player_box_scores"]
    assert attempt.status is Status.HELD
    assert f"schedule {DAY}" in attempt.message


@pytest.mark.parametrize(
    ("lost", "state"),
    [
        (("team_box_scores",), "ready"),
        (("player_box_scores",), "ready"),
        (("team_box_scores", "player_box_scores"), "held"),
    ],
)
def test_one_certified_input_of_several_is_enough(
    empty: Sandbox, lost: tuple[str, ...], state: str
) -> None:
    game = empty.league.game(OPENER, "BOS")
    for table in lost:
        empty.league.drop(table, game)
    empty.build_all(last=OPENER, tables=RAW)

    ready = _ready(empty, "team_offense_game_summary", OPENER)

    expected = {g: state if g == game else "ready" for g in empty.league.games(OPENER)}
    assert _states(ready) == expected
    reason = next(g.reason for g in ready.games if g.game_id == game)
    assert all(table in reason for table in lost) == (state == "held")


def test_the_players_replace_a_missing_team_box_score_of_their_game_only(
    empty: Sandbox,
) -> None:
    game = empty.league.game(OPENER, "BOS")
    empty.league.drop("team_box_scores", game, team="BOS")

    empty.build_all(last=OPENER, tables=(*RAW, *SUMMARIES))

    assert empty.attempt("team_offense_game_summary", OPENER).status is Status.COMPLETE
    sources = empty.query("SELECT game_id, source FROM team_offense_game_summary")
    assert {row["source"] for row in sources if row["game_id"] == game} == {"player_box_scores"}
    assert {row["source"] for row in sources if row["game_id"] != game} == {"team_box_scores"}


def test_an_optional_input_holds_nothing(empty: Sandbox) -> None:
    empty.build_all(tables=("schedule", "player_box_scores", "team_box_scores", *SUMMARIES))
    empty.build_all(tables=("team_form", "team_ratings", "player_features", "player_state"))

    (attempt,) = empty.build("expected_roster", FEATURED)

    assert attempt.status is Status.COMPLETE
    (row,) = empty.query("SELECT COUNTIF(information_set <> 'morning') AS n FROM expected_roster")
    assert row["n"] == 0


def test_training_input_holds_nothing(empty: Sandbox) -> None:
    empty.build_all(last=FEATURED, tables=("schedule",))

    assert set(_states(_ready(empty, "player_points_model", FEATURED)).values()) == {"ready"}


def test_a_game_before_it_is_played_is_due_only_where_it_is_scheduled(
    empty: Sandbox,
) -> None:
    game = empty.league.game(OPENER, "BOS")
    empty.league.set_status(game, "SCHEDULED")
    empty.build("schedule", OPENER)

    assert _states(_ready(empty, "player_box_scores", OPENER))[game] == "pending"
    assert _states(_ready(empty, "player_availability", OPENER))[game] == "ready"


def test_a_traded_player_brings_the_hole_of_his_old_team(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """His window contains games of a team that is not his any more."""
    player = player_ids("CHI")[0]
    league = TinyLeague(trades={player: (SLATES[6], "BOS")})
    deployment = Sandbox(tmp_path_factory.mktemp("traded"), league)
    whole = deployment.build_all(tables=(*RAW, *SUMMARIES, *FEATURES))
    assert all(attempt.status.certified for attempt in whole["player_features"])
    own = league.game(FEATURED, "BOS")
    lost = next(
        game
        for game in (league.game(day, "CHI") for day in SLATES[:6])
        if not set(league.teams(game)) & set(league.teams(own))
    )
    with deployment.warehouse.writing() as engine:
        engine.transaction(
            [
                (
                    "UPDATE ledger.verdicts SET verdict = 'held', reason = 'lost' "
                    f"WHERE game_id = '{lost}' AND table_name = 'player_game_summary'"
                )
            ]
        )

    (attempt,) = deployment.build("player_features", FEATURED)

    concerned = {league.game(FEATURED, team) for team in (*league.teams(lost), "BOS")}
    verdicts = deployment.verdicts("player_features", FEATURED)
    assert {g for g, v in verdicts.items() if v.verdict is Verdict.HELD} == concerned
    assert f"Player {player} came from CHI" in verdicts[own].reason
    assert attempt.status is Status.HELD


def test_holes_name_team_date_and_reason(empty: Sandbox) -> None:
    game = _lose(empty, HOLE, "BOS")
    empty.build_all(tables=(*RAW, *SUMMARIES))

    holes = _ready(empty, "team_form", LAST).holes

    assert {hole.team for hole in holes if hole.game_date == HOLE} == set(empty.league.teams(game))
    assert all(game in hole.game for hole in holes if hole.game_date == HOLE)
    assert {hole.held.cause.game_id for hole in holes if hole.game_date == HOLE} == {game}
    assert {hole.team for hole in holes} <= set(TEAMS)


def test_the_digest_of_a_window_changes_with_every_earlier_date_and_no_later_one(
    built: Sandbox,
) -> None:
    def upstream(day: date) -> str:
        relation_name = "team_offense_game_summary_before"
        return _ready(built, "team_form", day).upstream[day][relation_name]

    days = (DAY, LAST)
    before = {day: upstream(day) for day in days}
    game = built.league.game(DAY, "BOS")
    player = built.league.rows("player_box_scores", game, status="PLAYED")[0]
    built.league.correct(game, player["player_id"])
    built.build_all(DAY, DAY, tables=(*RAW, *SUMMARIES))

    assert {day for day in days if upstream(day) != before[day]} == {LAST}


def test_a_game_only_the_schedule_doubts_is_a_hole_of_its_two_teams(built: Sandbox) -> None:
    """The tables between were built before the doubt and hold nothing."""
    doubted = built.league.game(SLATES[8], "BOS")
    teams = built.league.teams(doubted)
    built.league.drop("schedule", doubted)
    built.league.refused["schedule"].append(Refused(SLATES[8], doubted, "torn", "{}", teams))
    built.build("schedule", SLATES[8])

    states = _states(_ready(built, "team_form", LAST))

    theirs = {built.league.game(LAST, team) for team in teams}
    assert {game for game, state in states.items() if state == "held"} == theirs
    assert set(states.values()) == {"held", "ready"}


def test_a_certificate_of_a_date_without_games_says_nothing_of_one_that_came_since(
    built: Sandbox,
) -> None:
    empty_date = SLATES[7] + timedelta(days=1)
    assert built.attempt("player_box_scores", empty_date).status is Status.EMPTY_OK
    moved = built.league.game(SLATES[7], "BOS")
    built.league.patch("schedule", moved, {"game_date": empty_date})
    built.build("schedule", empty_date)

    (game,) = _ready(built, "team_offense_game_summary", empty_date).games

    assert (game.game_id, game.state) == (moved, "held")
    assert "was never run" in game.reason


def test_a_game_that_several_inputs_hold_is_held_once(empty: Sandbox) -> None:
    game = empty.league.game(OPENER, "BOS")
    teams = empty.league.teams(game)
    empty.league.drop("schedule", game)
    empty.league.refused["schedule"].append(Refused(OPENER, game, "torn", "{}", teams))
    empty.build_all(OPENER, OPENER, tables=("schedule", "player_box_scores", "team_box_scores"))

    games = _ready(empty, "player_game_summary", OPENER).games

    assert [one.state for one in games if one.game_id == game] == ["held"]
    assert len({one.game_id for one in games}) == len(games) == 3


def test_a_career_reaches_back_as_far_as_training_and_is_recorded(whole_season: Sandbox) -> None:
    day = date(2025, 11, 1)
    assert history_start(Scope.CAREER, day) == history_start(Scope.TRAINING, day)
    assert history_start(Scope.CAREER, day) == date(2023, 10, 1)
    state = whole_season.attempt("player_state", LAST)
    assert {"player_game_summary_before", "team_offense_game_summary_before"} <= set(state.upstream)
    assert reaches_back(whole_season.tables["player_state"], day) == date(2023, 10, 1)
