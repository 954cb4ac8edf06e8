"""`callwright cancel`, `pause`, `resume` and `release`: stopping calls, holding them back,
letting them go."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server


class Stoppable(StrEnum):
    """What can be cancelled."""

    CALL = "call"
    BATCH = "batch"
    DEPLOYMENT = "deployment"


class Pausable(StrEnum):
    """What can be held back."""

    BATCH = "batch"
    DEPLOYMENT = "deployment"


class Resumable(StrEnum):
    """What can be let go on."""

    BATCH = "batch"
    DEPLOYMENT = "deployment"
    SERVER = "server"


_PATHS = {"call": "calls", "batch": "batches", "deployment": "deployments"}

Id = Annotated[int, typer.Argument(metavar="ID", min=1)]


@asks_server
def cancel(
    what: Stoppable,
    number: Id,
    hang_up: Annotated[
        bool, typer.Option("--hang-up", help="End the call even if it rings or talks.")
    ] = False,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Cancel a call, or every call of a batch or deployment that waits now.

    What rings or talks finishes as it is.
    """
    if hang_up and what is not Stoppable.CALL:
        raise typer.BadParameter("is for a single call", param_hint="--hang-up")
    with connect() as client:
        value = client.post(f"/v1/{_PATHS[what]}/{number}/{'hang-up' if hang_up else 'cancel'}")
    show({what.value: value}, f"{what} {number} {_cancelled(what, value)}", as_json=as_json)


@asks_server
def pause(
    what: Pausable,
    number: Id,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Dial no further call of a batch or deployment until it is resumed."""
    with connect() as client:
        value = client.post(f"/v1/{_PATHS[what]}/{number}/pause")
    show({what.value: value}, f"{what} {number} is paused", as_json=as_json)


@asks_server
def resume(
    what: Resumable,
    number: Annotated[int | None, typer.Argument(metavar="[ID]", min=1)] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Let a batch or deployment that was paused go on, or the server if its start was held."""
    if (number is None) != (what is Resumable.SERVER):
        problem = "is for a batch or deployment" if number else "is needed"
        raise typer.BadParameter(problem, param_hint="ID")
    with connect() as client:
        if number is None:
            value = client.post("/v1/server/resume")
            show({"server": value}, f"the server is {value['state']}", as_json=as_json)
            return
        value = client.post(f"/v1/{_PATHS[what]}/{number}/resume")
    # a batch is held by its deployment's pause as well
    held = what is Resumable.BATCH and value["paused_at"] is not None
    text = "is still paused with its deployment" if held else "goes on"
    show({what.value: value}, f"{what} {number} {text}", as_json=as_json)


@asks_server
def release(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Let a call go on that is quarantined because it was in motion whenever the server died."""
    with connect() as client:
        value = client.post(f"/v1/calls/{call_id}/release")
    show({"call": value}, f"call {call_id} is released", as_json=as_json)


def _cancelled(what: Stoppable, value: dict[str, Any]) -> str:
    if what is Stoppable.CALL and value["state"] != "canceled":
        return f"is {value['state']} and gets no further attempt"
    if what is Stoppable.DEPLOYMENT:
        return "has no waiting calls any more"
    if what is Stoppable.BATCH:
        return f"is canceled: {value['counts'].get('canceled', 0)} of {value['calls']} calls"
    return "is canceled"
