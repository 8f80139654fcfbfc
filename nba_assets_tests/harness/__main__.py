"""``python -m nba_assets_tests.harness [EXAMPLES] [SEED] [STEPS]``: the long run."""

import random
import sys
import time

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from nba_assets_tests.harness.interleavings import Walk, orders
from nba_assets_tests.harness.machine import Season


def main() -> None:
    """Run as many examples from a seed as asked for; the first finding ends it."""
    examples, chosen, steps = (
        int(sys.argv[number]) if len(sys.argv) > number else default
        for number, default in ((1, 2_000), (2, 2026), (3, 8))
    )
    begun = time.monotonic()
    quiet = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(chosen)(Season), settings=quiet)
    took = time.monotonic() - begun
    print(f"{examples:,} examples of {steps} steps from seed {chosen}: no finding, {took:.0f} s")  # noqa: T201

    begun, walk, chance = time.monotonic(), Walk(), random.Random(chosen)  # noqa: S311
    for order in orders():
        walk.go(order)
        walk.go(order, dies_at=(chance.randrange(2), chance.randrange(12)))
    took = time.monotonic() - begun
    print(f"every order of two writers and a reader, with and without a crash: {took:.0f} s")  # noqa: T201


if __name__ == "__main__":
    main()
