"""`callwright callbacks`: the log of a callback's tries, and sending callbacks again."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from callwright.cli.moments import clock_time, exact_time
from callwright.cli.options import (
    JsonOption,
    read_moment,
)
from callwright.cli.output import counted, show
from callwright.cli.session import Connect, asks_server
from callwright.cli.trace_view import what_came_of

callbacks = typer.Typer(no_args_is_help=True, help="Callbacks: their logs, and sending them again.")


@callbacks.command("show")
@asks_server
def show_callback(
    number: Annotated[int, typer.Argument(metavar="ID", min=1)],
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Show each try of a callback: when, where to, what was sent and what came back."""
    with connect() as client:
        callback = client.get(f"/v1/callbacks/{number}")
    show({"callback": callback}, "\n".join(_described(callback)), as_json=as_json)


@callbacks.command("replay")
@asks_server
def replay(
    number: Annotated[int | None, typer.Argument(metavar="[ID]", min=1)] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="T", help="All that were given up then or later."),
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="T", help="But not then or later.")
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Send a callback again, or all that were given up since a moment: same ids, same bytes."""
    if (number is None) == (since is None):
        raise typer.BadParameter("give one ID, or --since for all since then")
    if before is not None and since is None:
        raise typer.BadParameter("goes with --since", param_hint="--before")
    with connect() as client:
        if number is not None:
            callback = client.post(f"/v1/callbacks/{number}/replay")
            show({"callback": callback}, f"callback {number} is sent again", as_json=as_json)
            return
        order = {
            name: read_moment(name, text).isoformat()
            for name, text in (("since", since), ("before", before))
            if text is not None
        }
        value = client.post("/v1/callbacks/dead/replay", order)
    text = f"{counted(value['replayed'], 'callback')} sent again"
    show(value, text, as_json=as_json)


def _described(callback: Mapping[str, Any]) -> Iterator[str]:
    yield f"callback {callback['id']}  {callback['state']}"
    yield f"  of call  {callback['call_id']}"
    yield f"  to       {callback['url']}"
    yield f"  id       {callback['webhook_id']}"
    if callback["next_try_at"]:
        yield f"  next     {clock_time(callback['next_try_at'])}"
    if callback["host_rests_until"]:
        rests_until = clock_time(callback["host_rests_until"])
        yield f"  host     failed several times in a row; left alone until {rests_until}"
    yield f"  body     {callback['content_type']}"
    yield ""
    yield from _indented(callback["body"])
    for attempt in callback["log"]:
        yield ""
        yield f"{exact_time(attempt['at'])}  try {attempt['number']}: {what_came_of(attempt)}"
        if attempt["request_head"]:
            yield "  sent"
            yield from _indented(attempt["request_head"])
        if attempt["answer"]:
            yield f"  received {attempt['answer_bytes']} bytes"
            yield from _indented(attempt["answer"])


def _indented(text: str) -> Iterator[str]:
    """Lines of what a stranger sent: nothing of it may move a terminal's cursor."""
    for line in text.rstrip().splitlines():
        yield "    " + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
