"""`callwright ls`: looking through batches, calls and callbacks, newest first."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from callwright.cli.moments import clock_time
from callwright.cli.options import JsonOption
from callwright.cli.output import show, table
from callwright.cli.session import Connect, asks_server

Item = Mapping[str, Any]


class Listed(StrEnum):
    """What can be looked through."""

    BATCHES = "batches"
    CALLS = "calls"
    CALLBACKS = "callbacks"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """How a kind of thing is shown, and by what it can be sought."""

    header: tuple[str, ...]
    row: Callable[[Item], tuple[object, ...]]
    sought_by: frozenset[str]


def _batch(item: Item) -> tuple[object, ...]:
    state = "paused" if item["paused_at"] else item["state"]
    state = "canceled" if item["canceled_at"] else state
    queued_at = clock_time(item["queued_at"])
    return item["id"], item["deployment_id"], state, item["calls"], queued_at


def call_state(item: Item) -> str:
    """The state of a call, and what holds it there."""
    held = [word for word in ("paused", "quarantined") if item[f"is_{word}"]]
    return ", ".join([item["state"], *held])


def _call(item: Item) -> tuple[object, ...]:
    return (
        item["id"],
        item["batch_id"],
        item["number"],
        call_state(item),
        f"{item['attempts']}/{item['max_attempts']}",
        item["last_outcome"] or "-",
        clock_time(item["queued_at"]),
    )


def _callback(item: Item) -> tuple[object, ...]:
    next_at = clock_time(item["next_try_at"]) if item["next_try_at"] else "-"
    return item["id"], item["call_id"], item["state"], item["tries"], next_at, item["url"]


_KINDS = {
    Listed.BATCHES: _Columns(
        header=("BATCH", "DEPLOYMENT", "STATE", "CALLS", "QUEUED"),
        row=_batch,
        sought_by=frozenset({"deployment_id"}),
    ),
    Listed.CALLS: _Columns(
        header=("CALL", "BATCH", "NUMBER", "STATE", "TRIES", "OUTCOME", "QUEUED"),
        row=_call,
        sought_by=frozenset({"batch_id", "deployment_id", "number_ends", "quarantined"}),
    ),
    Listed.CALLBACKS: _Columns(
        header=("CALLBACK", "CALL", "STATE", "TRIES", "NEXT", "URL"),
        row=_callback,
        sought_by=frozenset({"call_id"}),
    ),
}


@asks_server
def ls(
    what: Annotated[Listed, typer.Argument()] = Listed.BATCHES,
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="ID", min=1, help="Only calls of this batch.")
    ] = None,
    deployment: Annotated[
        int | None, typer.Option("--deployment", metavar="ID", min=1, help="Only those on it.")
    ] = None,
    call: Annotated[
        int | None, typer.Option("--call", metavar="ID", min=1, help="Only its callback.")
    ] = None,
    number_ends: Annotated[
        str | None,
        typer.Option("--number-ends", metavar="DIGITS", help="Only calls to such numbers."),
    ] = None,
    quarantined: Annotated[
        bool, typer.Option("--quarantined", help="Only calls that wait for a person.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1)] = 50,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """List batches, calls or callbacks: yours, or, as an admin, all of the account."""
    columns = _KINDS[what]
    query: dict[str, object] = {
        "batch_id": batch,
        "deployment_id": deployment,
        "call_id": call,
        "number_ends": number_ends,
        "quarantined": "true" if quarantined else None,
    }
    for name, value in query.items():
        if value is not None and name not in columns.sought_by:
            option = "--" + name.removesuffix("_id").replace("_", "-")
            raise typer.BadParameter(f"is not for {what}", param_hint=option)
    with connect() as client:
        items = list(client.items(f"/v1/{what}", limit, state=state, **query))
    text = table(columns.header, [columns.row(item) for item in items])
    show({what.value: items}, text, as_json=as_json)
