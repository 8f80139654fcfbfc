"""Where alerts go: the log, a webhook, Slack; and the dead-man's switch, told of good mornings.

An address or a token is a secret: no message, log or exception has it.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nba_assets.errors import AlertNotDelivered

if TYPE_CHECKING:
    from pydantic import SecretStr

    from nba_assets.settings import Settings

Channel = Callable[[str], None]
"""sends a text; raises ``AlertNotDelivered`` where it cannot"""

SECONDS = 10
"""a channel may take to answer"""


def channels(settings: "Settings", log: Channel) -> Mapping[str, Channel]:
    """The channels of a deployment by name: always ``log``, and those that are set up."""
    found: dict[str, Channel] = {"log": log}
    if url := settings.webhook_url:
        found["webhook"] = lambda text: _ask("POST", url, "the webhook", {"text": text})
    token, channel = settings.slack_token, settings.slack_channel
    if token and channel:
        found["slack"] = lambda text: _slack(token, channel, text)
    return found


def ping(settings: "Settings") -> bool:
    """Tell the dead-man's switch that all is well; False where there is none.

    Raises:
        AlertNotDelivered: it did not answer.
    """
    if settings.ping_url is None:
        return False
    _ask("GET", settings.ping_url, "the dead-man's switch", None)
    return True


def _ask(method: str, url: "SecretStr", name: str, content: Mapping[str, str] | None) -> None:
    import requests

    try:
        answer = requests.request(method, url.get_secret_value(), json=content, timeout=SECONDS)
    except requests.RequestException as error:
        # Its own words have the address in them, and so would its traceback.
        raise AlertNotDelivered(f"{name} cannot be reached ({type(error).__name__})") from None
    if not answer.ok:
        raise AlertNotDelivered(f"{name} answered {answer.status_code}")


def _slack(token: "SecretStr", channel: str, text: str) -> None:
    from dagster_slack import SlackResource
    from slack_sdk.errors import SlackApiError

    client = SlackResource(token=token.get_secret_value()).get_client()
    try:
        client.chat_postMessage(channel=channel, text=text)
    except SlackApiError as error:
        raise AlertNotDelivered(f"Slack answered {error.response['error']}") from None
    except OSError as error:
        raise AlertNotDelivered(f"Slack cannot be reached ({type(error).__name__})") from None
