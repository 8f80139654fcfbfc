"""Some of the small interleavings, by seed; ``scripts/harness`` walks them all."""

import random
from collections.abc import Iterator

import pytest

from nba_assets_tests.harness.interleavings import Walk, orders


@pytest.fixture(scope="module")
def walk() -> Iterator[Walk]:
    made = Walk()
    yield made
    made.warehouse.close()


def test_there_are_as_many_orders_as_there_must_be() -> None:
    assert len({tuple(order) for order in orders()}) == 30  # 5! / (2! · 2! · 1!)


def test_no_order_of_two_writers_and_a_reader_mixes_versions(walk: Walk) -> None:
    for order in orders():
        walk.go(order)


@pytest.mark.parametrize("seed", [2026])
def test_a_writer_killed_before_any_statement_leaves_no_half_a_range(walk: Walk, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    for order in orders():
        walk.go(order, dies_at=(chance.randrange(2), chance.randrange(12)))
