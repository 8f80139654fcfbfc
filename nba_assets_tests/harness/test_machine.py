"""A short run of the state machine, the same in every run; ``scripts/harness`` is the long one."""

from hypothesis import HealthCheck, settings

from nba_assets_tests.harness.machine import Season

TestSeason = Season.TestCase
TestSeason.settings = settings(
    max_examples=20,
    stateful_step_count=7,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
