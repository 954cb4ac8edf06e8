"""`callwright queue`: a list of calls from a file, checked row by row before any is dialled."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.api_client import ApiClient, ServerRefused
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
    WaitSecondsOption,
)
from callwright.cli.orders import find_deployment, require_target, schedule_fields
from callwright.cli.output import counted, show, tell
from callwright.cli.send_once import IdempotencyKeyOption
from callwright.cli.session import Connect, asks_server
from callwright.cli.upload import send_list, until_loaded
from callwright.cli.watch import follow_batch
from callwright.cli.watch_view import describe_counts
from callwright.errors import FieldInvalid


@asks_server
def queue(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a header row, or a workbook.")
    ],
    app: AppOption = None,
    survey: SurveyOption = None,
    deployment: DeploymentOption = None,
    sheet: Annotated[
        str, typer.Option("--sheet", metavar="NAME", help="Of a workbook; default: the first.")
    ] = "",
    start: StartOption = None,
    end: EndOption = None,
    max_attempts: AttemptsOption = None,
    reattempt_wait: WaitSecondsOption = None,
    result_url: ResultUrlOption = None,
    record: RecordOption = None,
    idempotency_key: IdempotencyKeyOption = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Queue the good rows even if others are bad.")
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="With --lenient: save the bad rows there."),
    ] = None,
    must_fit: MustFitOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and queue nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until every call is over.")] = False,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Queue a list of calls: all of its rows, or none if one is bad."""
    require_target(app, survey, deployment)
    _require_sense(lenient=lenient, rejected=rejected, dry_run=dry_run, wait=wait)
    fields = schedule_fields(start, end, max_attempts, reattempt_wait, result_url, record=record)
    headers = _headers(lenient=lenient, must_fit=must_fit, dry_run=dry_run)
    with connect() as client:
        fields["deployment_id"] = find_deployment(client, app, survey, deployment)
        if dry_run:
            value = send_list(client, file, fields, headers, sheet=sheet, once=False)
            left_out = (
                f", {counted(value['rejected'], 'row')} left out" if value["rejected"] else ""
            )
            text = f"dry run: {counted(value['calls'], 'call')} would be queued{left_out}"
            if late := (value["forecast"] or {}).get("will_not_fit"):
                text += f"; {counted(late, 'call')} would not be dialled before --end"
            show({"dry_run": True, **value}, text, as_json=as_json)
            return
        try:
            queued = send_list(client, file, fields, headers, key=idempotency_key, sheet=sheet)
            batch = until_loaded(client, queued["id"])
        except ServerRefused as exc:
            if exc.kind == "list-invalid" and not lenient and hasattr(exc, "__notes__"):
                exc.add_note("with --lenient the good rows are queued and the bad ones kept")
            raise
        if batch["duplicate_of"]:
            tell(f"the same file was queued within the last hour, as batch {batch['duplicate_of']}")
        if batch["rejected"]:
            _offer_rejected(client, batch, file, rejected, ask=not as_json)
        text = f"batch {batch['id']}: {counted(batch['calls'], 'call')} queued"
        if wait:
            tell(text)
            batch = follow_batch(client, batch["id"])
            text = f"batch {batch['id']} is over: {describe_counts(batch['counts'])}"
    value = {name: batch[name] for name in ("calls", "rejected")}
    show({"batch_id": batch["id"], **value, "batch": batch}, text, as_json=as_json)


def _require_sense(*, lenient: bool, rejected: Path | None, dry_run: bool, wait: bool) -> None:
    if rejected is not None and not lenient:
        raise typer.BadParameter("goes with --lenient", param_hint="--rejected")
    if rejected is not None and rejected.exists():
        raise FieldInvalid("--rejected", f"{rejected} exists already")
    if dry_run and wait:
        raise typer.BadParameter("there is nothing to wait for", param_hint="--dry-run")


def _headers(*, lenient: bool, must_fit: bool, dry_run: bool) -> dict[str, str]:
    preferences = [] if dry_run else ["respond-async"]
    if lenient:
        preferences.append("handling=lenient")
    if must_fit:
        preferences.append("overflow=refuse")
    headers = {"Prefer": ", ".join(preferences)} if preferences else {}
    if dry_run:
        headers["X-Dry-Run"] = "true"
    return headers


def _offer_rejected(
    client: ApiClient,
    batch: Mapping[str, Any],
    file: Path,
    rejected: Path | None,
    *,
    ask: bool,
) -> None:
    """Save the rows that were left out, or say how to get them."""
    tell(f"{counted(batch['rejected'], 'row')} left out")
    if rejected is None and ask and sys.stdin.isatty() and sys.stderr.isatty():
        wish = file.with_name(f"{file.stem}.rejected.csv")
        if not wish.exists() and typer.confirm(f"Save them to {wish}?", default=True, err=True):
            rejected = wish
    if rejected is None:
        tell(f"`callwright rejected {batch['id']} FILE` saves them, to be mended and sent again")
        return
    client.save(f"/v1/batches/{batch['id']}/rejected", rejected)
    tell(f"saved to {rejected}; mend them there and queue that file")
