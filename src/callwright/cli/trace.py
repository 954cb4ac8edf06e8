"""`callwright trace`: everything that happened to one call, in the order it happened."""

from typing import Annotated

import typer

from callwright.cli.options import ConfigOption, JsonOption, KeyOption, ServerOption, UserOption
from callwright.cli.output import show
from callwright.cli.session import connect
from callwright.cli.trace_view import describe_call


def trace(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    server: ServerOption = None,
    user: UserOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a call: its window, each attempt with what SIP said, the keys, the callback."""
    with connect(server, user, key, config) as client:
        call = client.get(f"/v1/calls/{call_id}")
        number = call["callback_id"]
        callback = None if number is None else client.get(f"/v1/callbacks/{number}")
    show({"call": call, "callback": callback}, describe_call(call, callback), as_json=as_json)
