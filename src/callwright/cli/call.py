"""`callwright call`: queue one call over HTTP, as any other program would, and watch it."""

from typing import Annotated

import typer

from callwright.cli.follow import show_queued
from callwright.cli.options import (
    AppOption,
    AttemptsOption,
    DeploymentOption,
    EndOption,
    JsonOption,
    MustFitOption,
    RecordOption,
    ResultUrlOption,
    StartOption,
    SurveyOption,
    VarOption,
    WaitSecondsOption,
    read_variables,
)
from callwright.cli.orders import find_deployment, require_target, schedule_fields
from callwright.cli.output import ExitCode
from callwright.cli.send_once import IdempotencyKeyOption, send_once
from callwright.cli.session import Connect, asks_server


@asks_server
def call(
    number: Annotated[str, typer.Argument(metavar="NUMBER")],
    app: AppOption = None,
    survey: SurveyOption = None,
    deployment: DeploymentOption = None,
    var: VarOption = None,
    start: StartOption = None,
    end: EndOption = None,
    max_attempts: AttemptsOption = None,
    reattempt_wait: WaitSecondsOption = None,
    result_url: ResultUrlOption = None,
    record: RecordOption = None,
    idempotency_key: IdempotencyKeyOption = None,
    must_fit: MustFitOption = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the call is over; fails if nobody answered.")
    ] = False,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Queue a call and print its id; with --wait, how it ended."""
    require_target(app, survey, deployment)
    preferred = {"Prefer": "overflow=refuse"} if must_fit else {}
    order = schedule_fields(start, end, max_attempts, reattempt_wait, result_url, record=record)
    order |= {"phone_number": number, "variables": read_variables(var)}
    with connect() as client:
        order["deployment_id"] = find_deployment(client, app, survey, deployment)
        queued = send_once(
            idempotency_key,
            lambda key: client.ask("POST", "/v1/calls", json=order, headers={**preferred, **key}),
        ).value
        if not show_queued(client, queued, wait=wait, as_json=as_json):
            raise typer.Exit(ExitCode.FAILED)
