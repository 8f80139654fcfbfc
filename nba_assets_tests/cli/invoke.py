"""Runs commands on a deployment of the tiny league, in this process."""

import json
from typing import Any

from click.testing import CliRunner, Result

from nba_assets.cli.main import main
from nba_assets.deployment import Deployment as Selected
from nba_assets.settings import Settings
from nba_assets_tests.tiny_league import SEASON_START, Sandbox


def selected(deployment: Sandbox, **settings: Any) -> Selected:
    chosen = Settings(data_dir=deployment.folder, first_date=SEASON_START, **settings)
    return Selected(chosen, deployment.tables, deployment.league, deployment.warehouse)


def run(deployment: Sandbox, *arguments: str, **settings: Any) -> Result:
    result = CliRunner().invoke(main, list(arguments), obj=selected(deployment, **settings))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def as_json(deployment: Sandbox, *arguments: str) -> Any:
    return json.loads(run(deployment, *arguments, "--json").stdout)


def words(text: str) -> str:
    """The text without its line breaks, which depend on the width of the terminal."""
    return " ".join(text.split())
