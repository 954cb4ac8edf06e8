"""`callwright call`: queue one call over HTTP, as any other program would, and watch it."""

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.options import ConfigOption, JsonOption, VarOption, read_variables
from callwright.cli.output import ExitCode, show, tell
from callwright.cli.store_work import look
from callwright.config import load_config
from callwright.domain.account import Product
from callwright.domain.ids import ProgramId
from callwright.errors import CredentialsInvalid, FieldInvalid, NotFound
from callwright.ports.store import ReadTx
from callwright.service import administer


def call(
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    app_id: Annotated[int, typer.Option("--app", metavar="APP_ID", min=1)],
    deployment_id: Annotated[
        int | None,
        typer.Option("--deployment", metavar="ID", min=1, help="Default: the app's current one."),
    ] = None,
    var: VarOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until the call is over.")] = False,
    url: Annotated[
        str | None,
        typer.Option("--url", envvar="CALLWRIGHT_URL", help="Of the server; default: settings'."),
    ] = None,
    user: Annotated[str | None, typer.Option("--user", envvar="CALLWRIGHT_USER")] = None,
    key: Annotated[str | None, typer.Option("--key", envvar="CALLWRIGHT_KEY")] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queue a call and print its id; with --wait, say how it ended."""
    variables = read_variables(var)
    if not user or not key:
        raise CredentialsInvalid(
            "say who you are with --user and --key, or CALLWRIGHT_USER and CALLWRIGHT_KEY"
        )
    if url is None:
        server = load_config(config_file, os.environ).server
        url = server.public_url or f"http://{server.listen}"
    if deployment_id is None:
        deployment_id = _current_deployment(config_file, app_id)
    ended = asyncio.run(
        _queue_and_follow(
            url, (user, key), (app_id, deployment_id), number, variables, wait=wait, as_json=as_json
        )
    )
    if ended not in (None, "completed"):
        raise typer.Exit(ExitCode.FAILED)


async def _queue_and_follow(
    url: str,
    credentials: tuple[str, str],
    target: tuple[int, int],
    number: str,
    variables: dict[str, str],
    *,
    wait: bool,
    as_json: bool,
) -> str | None:
    """The call's final status if the end was waited for."""
    from callwright.cli.api_client import FuseClient  # late: few commands need an HTTP client

    async with FuseClient(url, credentials) as client:
        call_id = await client.queue(*target, number, variables)
        if not wait:
            show({"call_id": call_id}, f"call {call_id} is queued", as_json=as_json)
            return None
        details: dict[str, Any] = {}
        async for details in client.follow(call_id):
            tell(f"call {call_id}: {details['status']}")
    text = f"call {call_id} {details['status']} after {details['attempts']} attempt(s)"
    show({"call_id": call_id, "call_details": details}, text, as_json=as_json)
    return str(details["status"])


def _current_deployment(config_file: Path | None, app_id: int) -> int:
    """The API asks for the deployment's id; on the server's own machine the store knows it."""
    config = load_config(config_file, os.environ)
    if config.sqlite_path is not None and not config.sqlite_path.exists():
        raise FieldInvalid("--deployment", "is needed where the server's store is not at hand")

    def find(tx: ReadTx) -> int:
        program = administer.find_program(tx, Product.FUSE, ProgramId(app_id))
        current = administer.current_deployment(tx, program)
        if current is None:
            raise NotFound("deployment")
        return current.id

    return look(config_file, find)
