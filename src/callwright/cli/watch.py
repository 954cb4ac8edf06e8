"""`callwright watch`: how a batch, or all there are, get on, until they are over."""

import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from callwright.cli.api_client import ApiClient, problem_error
from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server
from callwright.cli.watch_view import CALLS_SHOWN, describe_counts, open_view
from callwright.errors import RequestRefused, Unavailable

BATCHES_WATCHED = 50
"""The newest ones; who has more under way than that asks for one of them."""

FORETELL_EVERY_S = 5.0


@asks_server
def watch(
    batch: Annotated[
        int | None, typer.Argument(metavar="[BATCH]", min=1, help="Default: all that are not over.")
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Watch a batch, or all of them, until every call is over."""
    with connect() as client:
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
    foreteller = _Foreteller(client)
    with open_view() as view:
        for batch in client.poll(f"/v1/batches/{batch_id}"):
            calls = []
            if view.is_live and 0 < batch["calls"] <= CALLS_SHOWN and batch["state"] == "live":
                calls = list(client.items(f"/v1/batches/{batch_id}/calls", CALLS_SHOWN))
            view.draw([foreteller.with_forecast(batch)], calls)
            if batch["is_over"]:
                break
    if batch["state"] == "failed":
        raise problem_error(batch["problem"])
    return batch


def follow_all(client: ApiClient) -> list[dict[str, Any]]:
    """Every batch that was under way at the start or meanwhile, once none is."""
    foreteller = _Foreteller(client)
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
            view.draw([foreteller.with_forecast(batch) for batch in followed.values()], [])
            if all(batch["is_over"] for batch in followed.values()):
                break
    return list(followed.values())


class _Foreteller:
    """Asks for forecasts, but not at every look."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._asked: dict[int, tuple[float, dict[str, Any] | None]] = {}

    def with_forecast(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The batch, with a forecast while there is one."""
        if batch["is_over"] or batch["state"] != "live":
            return batch
        now, number = time.monotonic(), batch["id"]
        asked_at, forecast = self._asked.get(number, (float("-inf"), None))
        if now - asked_at >= FORETELL_EVERY_S:
            forecast = self._ask(number)
            self._asked[number] = (now, forecast)
        return {**batch, "forecast": forecast}

    def _ask(self, batch_id: int) -> dict[str, Any] | None:
        try:
            return self._client.get(f"/v1/batches/{batch_id}/forecast")
        except (RequestRefused, Unavailable):
            return None  # it is told without


def _over(batch: Mapping[str, Any]) -> str:
    return f"batch {batch['id']} is over: {describe_counts(batch['counts'])}"
