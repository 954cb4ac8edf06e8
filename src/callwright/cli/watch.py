"""`callwright watch`: how a batch, or all there are, get on, until they are over."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from callwright.cli.api_client import ApiClient, problem_error
from callwright.cli.options import ConfigOption, JsonOption, KeyOption, ServerOption, UserOption
from callwright.cli.output import show
from callwright.cli.session import connect
from callwright.cli.watch_view import CALLS_SHOWN, describe_counts, open_view

BATCHES_WATCHED = 50
"""The newest ones; who has more under way than that asks for one of them."""


def watch(
    batch: Annotated[
        int | None, typer.Argument(metavar="[BATCH]", min=1, help="Default: all that are not over.")
    ] = None,
    server: ServerOption = None,
    user: UserOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Watch a batch, or all of them, until every call is over."""
    with connect(server, user, key, config) as client:
        if batch is None:
            ended = follow_all(client)
            text = "\n".join(map(_over, ended)) or "no batch is under way"
            show({"batches": ended}, text, as_json=as_json)
        else:
            last = follow_batch(client, batch)
            show({"batch": last}, _over(last), as_json=as_json)


def follow_batch(client: ApiClient, batch_id: int) -> dict[str, Any]:
    """The batch once it is over.

    Raises:
        RequestRefused: it failed to load, and nothing was queued.
    """
    with open_view() as view:
        for batch in client.poll(f"/v1/batches/{batch_id}"):
            calls = []
            if view.is_live and 0 < batch["calls"] <= CALLS_SHOWN and batch["state"] == "live":
                calls = list(client.items(f"/v1/batches/{batch_id}/calls", CALLS_SHOWN))
            view.draw([batch], calls)
            if batch["is_over"]:
                break
    if batch["state"] == "failed":
        raise problem_error(batch["problem"])
    return batch


def follow_all(client: ApiClient) -> list[dict[str, Any]]:
    """Every batch that was under way at the start or meanwhile, once none is."""
    followed: dict[int, dict[str, Any]] = {}
    over_before: set[int] = set()

    def look() -> Iterator[dict[str, Any]]:
        """Those under way, and those that were followed before and are over now."""
        for summary in client.items("/v1/batches", BATCHES_WATCHED):
            number = summary["id"]
            if number in over_before or (number in followed and followed[number]["is_over"]):
                continue
            yield client.get(f"/v1/batches/{number}")

    with open_view() as view:
        for found in client.again(lambda: list(look())):
            for batch in found:
                if batch["is_over"] and batch["id"] not in followed:
                    over_before.add(batch["id"])
                else:
                    followed[batch["id"]] = batch
            view.draw(list(followed.values()), [])
            if all(batch["is_over"] for batch in followed.values()):
                break
    return list(followed.values())


def _over(batch: Mapping[str, Any]) -> str:
    return f"batch {batch['id']} is over: {describe_counts(batch['counts'])}"
