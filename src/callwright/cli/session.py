"""Which server a command asks, and as whom."""

import os
from pathlib import Path

from callwright.cli.api_client import ApiClient
from callwright.errors import CredentialsInvalid


def connect(
    server: str | None, user: str | None, key: str | None, config_file: Path | None
) -> ApiClient:
    """A client of the server that is named, else of the one that the settings describe.

    Raises:
        CredentialsInvalid: nobody said who asks.
        ConfigInvalid: the settings were needed and are wrong.
        RequestRefused: `server` is no URL.
    """
    if not user or not key:
        raise CredentialsInvalid(
            "say who you are with --user and --key, or CALLWRIGHT_USER and CALLWRIGHT_KEY"
        )
    return ApiClient(server or _configured(config_file), (user, key))


def _configured(config_file: Path | None) -> str:
    from callwright.config import load_config  # late: not needed where --server says it

    settings = load_config(config_file, os.environ).server
    return settings.public_url or f"http://{settings.listen}"
