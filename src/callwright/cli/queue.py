"""`callwright queue`: a list of calls from a file, checked row by row before any is dialled."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.api_client import ApiClient, ServerRefused, problem_error
from callwright.cli.options import (
    AppOption,
    AttemptsOption,
    ConfigOption,
    DeploymentOption,
    EndOption,
    JsonOption,
    KeyOption,
    ResultUrlOption,
    ServerOption,
    StartOption,
    SurveyOption,
    UserOption,
    WaitSecondsOption,
)
from callwright.cli.orders import find_deployment, require_target, schedule_fields
from callwright.cli.output import ServerUnreachable, show, tell
from callwright.cli.progress import progress_bar
from callwright.cli.session import connect
from callwright.cli.watch import follow_batch
from callwright.cli.watch_view import describe_counts
from callwright.errors import FieldInvalid


def queue(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header row, or XLSX.")],
    app: AppOption = None,
    survey: SurveyOption = None,
    deployment: DeploymentOption = None,
    start: StartOption = None,
    end: EndOption = None,
    max_attempts: AttemptsOption = None,
    reattempt_wait: WaitSecondsOption = None,
    result_url: ResultUrlOption = None,
    lenient: Annotated[
        bool, typer.Option("--lenient", help="Queue the good rows even if others are bad.")
    ] = False,
    rejected: Annotated[
        Path | None,
        typer.Option("--rejected", metavar="FILE", help="With --lenient: save the bad rows there."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every row and queue nothing.")
    ] = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="K", help="Sent again, nothing is done twice."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until every call is over.")] = False,
    server: ServerOption = None,
    user: UserOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Queue a list of calls: all of its rows, or none if one is bad."""
    require_target(app, survey, deployment)
    _require_sense(lenient=lenient, rejected=rejected, dry_run=dry_run, wait=wait)
    fields = schedule_fields(start, end, max_attempts, reattempt_wait, result_url)
    headers = _headers(lenient=lenient, dry_run=dry_run, idempotency_key=idempotency_key)
    with connect(server, user, key, config) as client:
        fields["deployment_id"] = find_deployment(client, app, survey, deployment)
        upload = _Upload(client, file)
        if dry_run:
            value = upload.send(fields, headers)
            left_out = f", {value['rejected']} would be left out" if value["rejected"] else ""
            text = f"dry run: {value['calls']} calls would be queued{left_out}; nothing was"
            show({"dry_run": True, **value}, text, as_json=as_json)
            return
        try:
            batch = upload.until_loaded(upload.send(fields, headers)["id"])
        except ServerRefused as exc:
            if exc.kind == "list-invalid" and not lenient and hasattr(exc, "__notes__"):
                exc.add_note("with --lenient the good rows are queued and the bad ones kept")
            raise
        if batch["rejected"]:
            _offer_rejected(client, batch, file, rejected, ask=not as_json)
        text = f"batch {batch['id']}: {batch['calls']} calls queued"
        if wait:
            tell(text)
            batch = follow_batch(client, batch["id"])
            text = f"batch {batch['id']} is over: {describe_counts(batch['counts'])}"
    value = {name: batch[name] for name in ("calls", "rejected")}
    show({"batch_id": batch["id"], **value, "batch": batch}, text, as_json=as_json)


class _Upload:
    """One file on its way to the server, with a bar for each half of the way."""

    def __init__(self, client: ApiClient, file: Path) -> None:
        self._client = client
        self._file = file
        self._bytes = 0

    def send(self, fields: Mapping[str, object], headers: Mapping[str, str]) -> dict[str, Any]:
        """What the server answered once it had all of the file.

        Raises:
            FieldInvalid: the file cannot be read.
            RequestRefused, Unavailable: as the client's.
        """
        self._bytes = 0
        try:
            size = self._file.stat().st_size
        except OSError as exc:
            raise FieldInvalid("FILE", f"{self._file}: {exc.strerror}") from None
        with progress_bar("sending", size, in_bytes=True) as advance:

            def on_read(data: bytes) -> None:
                self._bytes += len(data)
                advance(self._bytes)

            texts = {name: str(value) for name, value in fields.items()}
            try:
                answer = self._client.upload("/v1/batches", self._file, texts, headers, on_read)
            except ServerUnreachable as exc:
                if self._bytes:
                    key = headers.get("Idempotency-Key")
                    exc.add_note(
                        f"the list may have been queued; send it again with the same key {key!r}"
                        if key
                        else "the list may have been queued: look with `callwright ls` first"
                    )
                raise
        if answer.headers.get("Idempotency-Replayed") == "true":
            tell("this list was queued before with the same key; nothing was queued again")
        if earlier := answer.headers.get("X-Duplicate-Of"):
            tell(f"beware: the same file was queued a short while ago, as batch {earlier}")
        return answer.value

    def until_loaded(self, batch_id: int) -> dict[str, Any]:
        """The batch once all of it is stored.

        Raises:
            RequestRefused: the list is bad, and nothing was queued.
        """
        try:
            with progress_bar("storing", 1) as advance:
                for batch in self._client.poll(f"/v1/batches/{batch_id}"):
                    advance(batch["loaded_share"] or 0, f"storing, {batch['calls']:,} calls")
                    if batch["state"] != "loading":
                        break
        except KeyboardInterrupt:
            tell(f"the server goes on; `callwright cancel batch {batch_id}` cancels the calls")
            raise
        if batch["state"] == "failed":
            raise problem_error(batch["problem"])
        return batch


def _require_sense(*, lenient: bool, rejected: Path | None, dry_run: bool, wait: bool) -> None:
    if rejected is not None and not lenient:
        raise typer.BadParameter("goes with --lenient", param_hint="--rejected")
    if rejected is not None and rejected.exists():
        raise FieldInvalid("--rejected", f"{rejected} exists already")
    if dry_run and wait:
        raise typer.BadParameter("there is nothing to wait for", param_hint="--dry-run")


def _headers(*, lenient: bool, dry_run: bool, idempotency_key: str | None) -> dict[str, str]:
    preferences = [] if dry_run else ["respond-async"]
    if lenient:
        preferences.append("handling=lenient")
    headers = {"Prefer": ", ".join(preferences)} if preferences else {}
    if dry_run:
        headers["X-Dry-Run"] = "true"
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
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
    tell(f"{batch['rejected']} rows were left out")
    if rejected is None and ask and sys.stdin.isatty() and sys.stderr.isatty():
        wish = file.with_name(f"{file.stem}.rejected.csv")
        if not wish.exists() and typer.confirm(f"Save them to {wish}?", default=True, err=True):
            rejected = wish
    if rejected is None:
        tell(f"`callwright rejected {batch['id']} FILE` saves them, to be mended and sent again")
        return
    client.save(f"/v1/batches/{batch['id']}/rejected", rejected)
    tell(f"saved to {rejected}; mend them there and queue that file")
