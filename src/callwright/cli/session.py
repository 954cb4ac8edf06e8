"""Which server a command asks, and as whom: four options that every client command has."""

import inspect
import os
from collections.abc import Callable
from functools import partial, wraps
from inspect import Parameter
from pathlib import Path
from typing import Any

from callwright.cli.api_client import ApiClient
from callwright.cli.options import ConfigOption, KeyOption, ServerOption, UserOption
from callwright.errors import CredentialsInvalid

Connect = Callable[[], ApiClient]
"""Makes a client of the server that the options name."""


def asks_server(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the options of a client where it has the parameter `connect`.

    It connects when it is ready to: what is wrong with its own options is told first.
    """
    own = inspect.signature(command, eval_str=True)
    shown: list[Parameter] = []
    for parameter in own.parameters.values():
        shown += _OPTIONS if parameter.name == "connect" else [parameter]

    @wraps(command)
    def with_options(**given: Any) -> None:
        named = [given.pop(option.name) for option in _OPTIONS]
        command(connect=partial(_connect, *named), **given)

    # What typer reads, to make options of parameters.
    keyword_only = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in shown]
    with_options.__signature__ = own.replace(parameters=keyword_only)  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in shown}
    return with_options


def _connect(
    server: ServerOption = None,
    user: UserOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
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
    return ApiClient(server or _configured(config), (user, key))


_OPTIONS = tuple(inspect.signature(_connect).parameters.values())


def _configured(config_file: Path | None) -> str:
    from callwright.config import load_config  # late: not needed where --server says it

    settings = load_config(config_file, os.environ).server
    return settings.public_url or f"http://{settings.listen}"
