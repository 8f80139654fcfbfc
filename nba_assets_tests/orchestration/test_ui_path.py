"""What an operator does in the UI, Dagster and ledger agree after each step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.error import HTTPError

import dagster as dg
import pytest

from nba_assets.deployment import Deployment
from nba_assets.orchestration.picture import contradictions
from nba_assets.seasons import game_dates
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.loopback import Loopback, running
from nba_assets_tests.orchestration.service import evening
from nba_assets_tests.tiny_league import LAST, SEASON_START, SLATES, Sandbox

LOCATION = "nba_assets_tests.orchestration.loopback_location"
BAD = SLATES[8]
SIXTY = list(game_dates(SEASON_START, SEASON_START + timedelta(days=59)))
BACKFILL = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PartitionKeysNotFoundError { message }
    ... on PythonError { message }
  }
}"""
STATUS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } }
}"""
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
RUN = """
query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""
PARTITIONS = """
query ($keys: [AssetKeyInput!]) {
  assetNodes(assetKeys: $keys) {
    assetKey { path }
    assetPartitionStatuses {
      ... on TimePartitionStatuses { ranges { status startKey endKey } }
    }
  }
}"""
WIPE = """
mutation ($wiped: [PartitionsByAssetSelector!]!) {
  wipeAssets(assetPartitionRanges: $wiped) { __typename }
}"""
CANCEL = """
mutation ($id: String!) { cancelPartitionBackfill(backfillId: $id) { __typename } }"""
ENDED = {"COMPLETED_SUCCESS", "COMPLETED_FAILED", "CANCELED", "FAILED", "COMPLETED"}


@dataclass
class Operator:
    """Someone at the page of a web server."""

    sandbox: Sandbox
    loopback: Loopback
    instance: dg.DagsterInstance

    def publish(self) -> None:
        """Have the source deliver what the league has."""
        from nba_assets_tests.orchestration.loopback_location import publish

        publish(self.loopback.home, self.sandbox.league, evening(LAST))

    def backfill(self, days: Sequence[date], tables: Sequence[str] = ()) -> dict[str, Any]:
        """Choose partitions of tables and press *Launch backfill*."""
        params = {
            "assetSelection": [{"path": [name]} for name in tables or self.sandbox.tables],
            "partitionNames": [day.isoformat() for day in days],
        }
        launched: dict[str, Any] = self.loopback.ask(BACKFILL, params=params)[
            "launchPartitionBackfill"
        ]
        return launched

    def ended(self, launched: dict[str, Any]) -> str:
        """How a backfill ended."""
        found: list[str] = []

        def has_ended() -> bool:
            asked = self.loopback.ask(STATUS, id=launched["backfillId"])
            found[:] = [asked["partitionBackfillOrError"]["status"]]
            return found[0] in ENDED

        self.loopback.until(has_ended, f"backfill {launched} ends")
        return found[0]

    def launched(self, job: str, **selection: object) -> dict[str, Any]:
        """Launch a run of a job."""
        selector = {
            "pipelineName": job,
            "repositoryName": "__repository__",
            "repositoryLocationName": LOCATION,
            **selection,
        }
        asked = self.loopback.ask(LAUNCH, params={"selector": selector, "mode": "default"})
        launched: dict[str, Any] = asked["launchRun"]
        return launched

    def run(self, job: str, **selection: object) -> str:
        """Launch a run of a job: its status when it has ended."""
        run_id = self.launched(job, **selection)["run"]["runId"]
        found: list[str] = []

        def has_ended() -> bool:
            found[:] = [self.loopback.ask(RUN, id=run_id)["runOrError"]["status"]]
            return found[0] in ("SUCCESS", "FAILURE", "CANCELED")

        self.loopback.until(has_ended, f"run {run_id} of {job} ends")
        return found[0]

    def shown(self) -> dict[tuple[str, date], str]:
        """What the page shows of every date: MATERIALIZED or FAILED, or nothing."""
        keys = [{"path": [name]} for name in self.sandbox.tables]
        found = {}
        for node in self.loopback.ask(PARTITIONS, keys=keys)["assetNodes"]:
            for part in node["assetPartitionStatuses"]["ranges"]:
                first, last = (date.fromisoformat(part[key][:10]) for key in ("startKey", "endKey"))
                for day in game_dates(first, last):
                    found[node["assetKey"]["path"][0], day] = part["status"]
        return found

    def agree(self) -> None:
        """Assert that the page, the event log and the ledger say the same of every date."""
        settings = Settings(data_dir=self.sandbox.folder, first_date=SEASON_START)
        deployment = Deployment(
            settings, self.sandbox.tables, self.sandbox.league, self.sandbox.warehouse
        )
        assert contradictions(deployment, self.instance) == {}
        expected = {
            (name, day): "MATERIALIZED" if attempt.status.certified else "FAILED"
            for name in self.sandbox.tables
            for day, attempt in self.sandbox.attempts(name).items()
        }
        assert self.shown() == expected


@contextmanager
def _at_the_page(sandbox: Sandbox, *, read_only: bool = False) -> Iterator[Operator]:
    home = sandbox.folder.parent  # the location reads data, league and clock there
    sandbox.up_to = "player_features"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LOOPBACK_UP_TO", sandbox.up_to)
        patched.setenv("LOOPBACK_FOLDER", f"{home}")
        patched.setenv("DAGSTER_HOME", f"{home}")
        from nba_assets_tests.orchestration.loopback_location import publish

        publish(home, sandbox.league, evening(LAST))
        flags = ["--read-only"] if read_only else []
        with (
            running(home, web_server=flags, automation=False) as loopback,
            dg.DagsterInstance.from_config(f"{home}") as instance,
        ):
            yield Operator(sandbox, loopback, instance)


@pytest.mark.slow
def test_backfills(empty: Sandbox) -> None:
    league = empty.league
    game = league.games(BAD)[0]
    rows = list(league.rows("team_box_scores", game))
    league.drop("team_box_scores", game)
    with _at_the_page(empty) as operator:
        # Sixty partitions of the whole graph, a bad one in the middle: red, and all else goes on.
        assert operator.ended(operator.backfill(SIXTY)) == "COMPLETED_FAILED"
        operator.agree()
        red = {day for (_, day), status in operator.shown().items() if status == "FAILED"}
        assert min(red) == BAD, "no date before it, and what needs it after it"
        assert operator.instance.get_runs_count() == 1

        # Features alone, of a date whose inputs were never built.
        far = SIXTY[-1] + timedelta(days=10)
        assert operator.ended(operator.backfill([far], ["player_features"])) == "COMPLETED_FAILED"
        operator.agree()

        # A date still to come is refused, and nothing is run for it.
        with pytest.raises(HTTPError):
            operator.backfill([date(2040, 1, 5)])
        assert operator.instance.get_runs_count() == 2

        # Mended at the source, the job `repair` runs what was red, in one run more than its own.
        league.tables["team_box_scores"] += rows
        operator.publish()
        operator.run("repair")
        operator.agree()
        shown = operator.shown()
        assert {status for (_, day), status in shown.items() if day <= LAST} == {"MATERIALIZED"}
        assert operator.instance.get_runs_count() <= 5

        # Two overlapping backfills at once, after a correction.
        player = league.rows("player_box_scores", game, status="PLAYED")[0]["player_id"]
        league.correct(game, player)
        operator.publish()
        both = [operator.backfill(SIXTY[:20]), operator.backfill(SIXTY[10:30])]
        assert [operator.ended(one) for one in both] == ["COMPLETED_SUCCESS"] * 2
        operator.agree()

        # Tonight is red, and its run says that nothing is broken.
        for tonight in league.games(LAST):
            league.set_status(tonight, "SCHEDULED")
        operator.publish()
        assert operator.ended(operator.backfill([LAST])) == "COMPLETED_FAILED"
        operator.agree()


@pytest.mark.slow
def test_checks_a_wiped_asset_and_a_cancelled_backfill(empty: Sandbox) -> None:
    with _at_the_page(empty) as operator:
        assert operator.ended(operator.backfill(SIXTY[:20])) == "COMPLETED_SUCCESS"

        # A check, and all of them, without a date.
        one = [{"assetKey": {"path": ["player_box_scores"]}, "name": "row_counts"}]
        everything = [
            {"assetKey": {"path": [name]}, "name": check}
            for name, table in empty.tables.items()
            for check in table.contract.checks
        ]
        for checks in (one, everything):
            selection = {"assetSelection": [], "assetCheckSelection": checks}
            assert operator.run("__ASSET_JOB", **selection) == "SUCCESS"
            operator.agree()

        # An asset wiped by mistake.
        operator.loopback.ask(WIPE, wiped=[{"assetKey": {"path": ["team_form"]}}])
        assert not any(name == "team_form" for name, _ in operator.shown())
        assert operator.run("sync") == "SUCCESS"
        operator.agree()

        # A backfill cancelled at work: what the ledger has, Dagster has after `sync`.
        launched = operator.backfill(SIXTY[20:])

        def at_work() -> bool:
            runs = operator.instance.get_runs(dg.RunsFilter(tags=_of(launched)))
            return any(run.status is dg.DagsterRunStatus.STARTED for run in runs)

        operator.loopback.until(at_work, "the backfill is at work")
        operator.loopback.ask(CANCEL, id=launched["backfillId"])
        assert operator.ended(launched) == "CANCELED"
        operator.run("sync")
        operator.agree()


@pytest.mark.slow
def test_a_read_only_server_refuses_every_button(empty: Sandbox) -> None:
    with _at_the_page(empty, read_only=True) as operator:
        assert operator.backfill([LAST])["__typename"] == "UnauthorizedError"
        wiped = operator.loopback.ask(WIPE, wiped=[{"assetKey": {"path": ["schedule"]}}])
        assert wiped["wipeAssets"]["__typename"] == "UnauthorizedError"
        launched = operator.launched("repair")
        assert launched["__typename"] == "UnauthorizedError"
        assert operator.instance.get_runs_count() == 0
        assert operator.shown() == {}


def _of(launched: dict[str, Any]) -> dict[str, str]:
    return {"dagster/backfill": launched["backfillId"]}
