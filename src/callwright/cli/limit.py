"""`callwright limit`: how many calls an account, a deployment, a batch or a trunk may start."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from callwright.cli.api_client import ApiClient
from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server
from callwright.cli.trunk_view import describe_trunk

NO_LIMIT = "none"

_RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?\Z", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)


class Limitable(StrEnum):
    """What can be limited."""

    ACCOUNT = "account"
    DEPLOYMENT = "deployment"
    BATCH = "batch"
    TRUNK = "trunk"


_PATHS = {Limitable.DEPLOYMENT: "deployments", Limitable.BATCH: "batches"}


@asks_server
def limit(
    what: Annotated[
        Limitable | None, typer.Argument(help="Left out: show the account's, and every trunk.")
    ] = None,
    which: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Of the deployment or batch; the trunk's name."),
    ] = None,
    calls_per_second: Annotated[
        str | None,
        typer.Option("--calls-per-second", metavar="N", help="New calls in any second; or none."),
    ] = None,
    max_calls: Annotated[
        str | None, typer.Option("--max-calls", metavar="N", help="Calls at once; or none.")
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Limit your account, a deployment, a batch or a trunk; or show the limits.

    Holds from the next call on, for what waits already too. `none` takes a limit away; that
    of a trunk is then what its settings say.
    """
    changes: dict[str, object] = {}
    if calls_per_second is not None:
        changes["calls_per_second"] = _limit("--calls-per-second", calls_per_second, _RATE, float)
    if max_calls is not None:
        changes["max_calls"] = _limit("--max-calls", max_calls, _COUNT, int)
    if which is None and not changes and what in (None, Limitable.TRUNK):
        with connect() as client:
            _show_all(client, with_account=what is None, as_json=as_json)
        return
    if what is None:
        raise typer.BadParameter("is missing", param_hint="account|deployment|batch|trunk")
    path = _path(what, which)
    with connect() as client:
        value = client.patch(path, changes) if changes else client.get(path)
    name = "the account" if which is None else f"{what} {which}"
    told = _trunk_told(value) if what is Limitable.TRUNK else f"{name} {_told(value)}"
    show({"limits": value}, told, as_json=as_json)


def _show_all(client: ApiClient, *, with_account: bool, as_json: bool) -> None:
    trunks: list[dict[str, Any]] = client.get("/v1/trunks")["items"]
    value: dict[str, object] = {"trunks": trunks}
    lines = [line for trunk in trunks for line in _with_state(trunk)]
    if with_account:
        account = client.get("/v1/limits")
        value = {"account": account, **value}
        lines = [f"the account {_told(account)}", *lines]
    show(value, "\n".join(lines), as_json=as_json)


def _with_state(trunk: Mapping[str, Any]) -> Iterator[str]:
    yield _trunk_told(trunk)
    yield from (f"  {line}" for line in describe_trunk(trunk))


def _path(what: Limitable, which: str | None) -> str:
    if (which is None) != (what is Limitable.ACCOUNT):
        needs = "takes none" if what is Limitable.ACCOUNT else "is missing"
        raise typer.BadParameter(f"{what} {needs}", param_hint="ID")
    if which is None:
        return "/v1/limits"
    if what is Limitable.TRUNK:
        return f"/v1/trunks/{quote(which, safe='')}/limits"
    if not _ID.match(which):
        raise typer.BadParameter(f"{which!r} is no number of a {what}", param_hint="ID")
    return f"/v1/{_PATHS[what]}/{which}/limits"


def _limit(option: str, text: str, form: re.Pattern[str], read: type[float] | type[int]) -> Any:
    if text == NO_LIMIT:
        return None
    if not form.match(text):
        raise typer.BadParameter(f"must be a number or {NO_LIMIT}", param_hint=option)
    return read(text)


def _told(value: Mapping[str, Any]) -> str:
    """The limits as a person says them."""
    rate, most = value["calls_per_second"], value["max_calls"]
    parts = [] if rate is None else [f"{rate:g} calls a second"]
    parts += [] if most is None else [f"{most} calls at once"]
    return f"may start {' and '.join(parts)}" if parts else "has no limits of its own"


def _trunk_told(value: Mapping[str, Any]) -> str:
    told = f"trunk {value['trunk']} {_told(value)}, {value['in_flight']} in progress"
    own = value["settings"]
    changed = [
        f"{word} = {own[word]:g}"
        for word in ("calls_per_second", "max_calls")
        if own[word] != value[word]
    ]
    return f"{told} (settings: {', '.join(changed)})" if changed else told
