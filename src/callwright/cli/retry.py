"""`callwright retry`: call again somebody whom an ended call did not reach."""

from typing import Annotated

import typer

from callwright.cli.follow import show_queued
from callwright.cli.options import (
    AttemptsOption,
    EndOption,
    JsonOption,
    StartOption,
    WaitSecondsOption,
)
from callwright.cli.orders import schedule_fields
from callwright.cli.output import ExitCode
from callwright.cli.send_once import IdempotencyKeyOption, send_once
from callwright.cli.session import Connect, asks_server


@asks_server
def retry(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    start: StartOption = None,
    end: EndOption = None,
    max_attempts: AttemptsOption = None,
    reattempt_wait: WaitSecondsOption = None,
    idempotency_key: IdempotencyKeyOption = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the new call is over; fails if nobody answered.")
    ] = False,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Queue a new call to the same number, and print its id. What is not said stays as it was."""
    order = schedule_fields(start, end, max_attempts, reattempt_wait)
    with connect() as client:
        path = f"/v1/calls/{call_id}/retry"
        queued = send_once(
            idempotency_key,
            lambda headers: client.ask("POST", path, json=order, headers=headers),
        ).value
        if not show_queued(client, queued, wait=wait, as_json=as_json):
            raise typer.Exit(ExitCode.FAILED)
