"""What the folder of models need not keep."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from nba_assets.engines.engine import Engine

IN_WORK = timedelta(days=1)
"""how long a file may lie there before a row names it"""


def unused(engine: Engine, folder: Path, keep: timedelta) -> dict[Path, int]:
    """The files no stored version of a model names, not used within ``keep``, with their bytes.

    A fit or a proof that is asked for again is made again, to the bit.
    """
    if not folder.exists():
        return {}
    named = engine.query("SELECT DISTINCT artifact FROM store.player_points_model")
    artifacts = set(named["artifact"].to_pylist())
    before = (datetime.now(UTC) - max(keep, IN_WORK)).timestamp()
    found = {}
    for file in sorted(folder.iterdir()):
        seen = file.stat()
        if file.name.partition(".")[0] not in artifacts and seen.st_mtime < before:
            found[file] = seen.st_size
    return found
