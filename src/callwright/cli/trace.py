"""`callwright trace`: everything that happened to one call, in the order it happened."""

from typing import Annotated

import typer

from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server
from callwright.cli.trace_view import describe_call
from callwright.cli.why_view import WAITING_STATES


@asks_server
def trace(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Show a call: its window, each attempt with what SIP said, the keys, the callback; and,
    while it waits, what holds it and when it can go."""
    with connect() as client:
        call = client.get(f"/v1/calls/{call_id}")
        number = call["callback_id"]
        callback = None if number is None else client.get(f"/v1/callbacks/{number}")
        waits = call["state"] in WAITING_STATES
        why = client.get(f"/v1/calls/{call_id}/why") if waits else None
    value = {"call": call, "callback": callback, "why": why}
    show(value, describe_call(call, callback, why), as_json=as_json)
