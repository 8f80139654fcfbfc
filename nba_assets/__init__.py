"""NBA box scores to certified daily tables and a walk-forward model of player points."""
