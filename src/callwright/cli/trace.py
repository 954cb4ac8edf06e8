"""`callwright trace`: everything that happened to one call, in the order it happened."""

from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.ladder import describe_ladder
from callwright.cli.options import JsonOption
from callwright.cli.output import show, tell
from callwright.cli.session import Connect, asks_server
from callwright.cli.trace_view import describe_call
from callwright.cli.why_view import WAITING_STATES
from callwright.errors import FieldInvalid


@asks_server
def trace(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    sip: Annotated[
        bool, typer.Option("--sip", help="Also what was said to the trunk, as a ladder.")
    ] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="The same with the text of each SIP message.")
    ] = False,
    pcap: Annotated[
        Path | None,
        typer.Option("--pcap", metavar="FILE", help="Save the SIP messages, for Wireshark."),
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Show a call: its window, each attempt with what SIP said, the keys, the callback; and,
    while it waits, what holds it and when it can go."""
    if pcap is not None and pcap.exists():
        raise FieldInvalid("--pcap", f"{pcap} exists already")
    with connect() as client:
        call = client.get(f"/v1/calls/{call_id}")
        number = call["callback_id"]
        callback = None if number is None else client.get(f"/v1/callbacks/{number}")
        waits = call["state"] in WAITING_STATES
        why = client.get(f"/v1/calls/{call_id}/why") if waits else None
        value: dict[str, Any] = {"call": call, "callback": callback, "why": why}
        text = describe_call(call, callback, why)
        if sip or messages:
            value["sip"] = client.get(f"/v1/calls/{call_id}/sip")["messages"]
            text += "\n\n" + describe_ladder(value["sip"], whole=messages)
        if pcap is not None:
            client.save(f"/v1/calls/{call_id}/sip.pcap", pcap)
            tell(f"SIP messages saved as {pcap}")
    show(value, text, as_json=as_json)
