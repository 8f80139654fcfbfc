"""The channels over real HTTP; what is secret stays so."""

import logging
import traceback
from collections.abc import Callable

import dagster_slack
import pytest
from slack_sdk import WebClient

from nba_assets.errors import AlertNotDelivered
from nba_assets.orchestration.channels import channels, ping
from nba_assets.settings import Settings
from nba_assets_tests.orchestration.service import listening

SECRET = "T0K3N-nobody-may-see"  # noqa: S105 - it opens nothing


def _raises(send: Callable[[], object]) -> str:
    with pytest.raises(AlertNotDelivered) as raised:
        send()
    told = "".join(traceback.format_exception(raised.value))
    assert SECRET not in told, "neither in the message nor in what it came from"
    return str(raised.value)


def test_the_log_is_always_told() -> None:
    heard: list[str] = []
    found = channels(Settings(), heard.append)
    assert list(found) == ["log"]
    found["log"]("the games are late")
    assert heard == ["the games are late"]


def test_a_webhook_gets_the_text_as_json() -> None:
    with listening() as server:
        settings = Settings.model_validate({"webhook_url": f"{server.url}{SECRET}"})
        send = channels(settings, print)["webhook"]
        send('two "lines"\nof text')
        assert server.heard == [("POST", f"/{SECRET}", '{"text": "two \\"lines\\"\\nof text"}')]
        server.status = 500
        assert _raises(lambda: send("again")) == "the webhook answered 500"
    assert _raises(lambda: send("nobody is there")).startswith("the webhook cannot be reached (")


def test_slack_is_told_through_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.model_validate({"slack_token": SECRET, "slack_channel": "#nba"})
    with listening() as server:
        monkeypatch.setattr(
            dagster_slack.SlackResource,
            "get_client",
            lambda self: WebClient(self.token, base_url=server.url),
        )
        send = channels(settings, print)["slack"]
        send("the games are late")
        ((method, path, body),) = server.heard
        assert (method, path) == ("POST", "/chat.postMessage")
        assert "the+games+are+late" in body or "the games are late" in body
        server.answer = b'{"ok": false, "error": "channel_not_found"}'
        assert _raises(lambda: send("again")) == "Slack answered channel_not_found"
    assert _raises(lambda: send("nobody is there")).startswith("Slack cannot be reached (")


def test_the_dead_mans_switch_is_asked_and_nobody_where_there_is_none() -> None:
    assert ping(Settings()) is False
    with listening() as server:
        settings = Settings.model_validate({"ping_url": f"{server.url}{SECRET}"})
        assert ping(settings) is True
        assert server.heard == [("GET", f"/{SECRET}", "")]
        server.status = 404
        assert _raises(lambda: ping(settings)) == "the dead-man's switch answered 404"


def test_secrets_are_in_nothing_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings.model_validate(
        {
            "webhook_url": f"http://127.0.0.1:9/{SECRET}",
            "slack_token": SECRET,
            "slack_channel": "#nba",
            "ping_url": f"http://127.0.0.1:9/{SECRET}",
        }
    )
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    with caplog.at_level(logging.INFO):
        _raises(lambda: channels(settings, print)["webhook"]("x"))
        _raises(lambda: ping(settings))
    assert SECRET not in caplog.text
