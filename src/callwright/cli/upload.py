"""A list on its way to the server: sent, then stored there, with a bar for each half."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from callwright.cli.api_client import ApiClient, problem_error
from callwright.cli.list_file import open_list_file
from callwright.cli.output import ServerUnreachable, tell
from callwright.cli.progress import progress_bar

_WHAT_NOW = "the list may have been queued: look with `callwright ls` before sending it again"


def send_list(
    client: ApiClient,
    file: Path,
    fields: Mapping[str, object],
    headers: Mapping[str, str],
    *,
    sheet: str = "",
) -> dict[str, Any]:
    """What the server answered once it had all of the file; `sheet` names that of a workbook.

    Raises:
        FieldInvalid: the file cannot be read.
        ConfigInvalid: it is a workbook, and what reads those is not installed.
        RequestRefused, Unavailable: as the client's.
    """
    texts = {name: str(value) for name, value in fields.items()}
    sent = 0
    with (
        open_list_file(file, sheet) as source,
        progress_bar("sending", _size(source), in_bytes=True) as advance,
    ):

        def on_read(data: bytes) -> None:
            nonlocal sent
            sent += len(data)
            advance(sent)

        try:
            answer = client.upload(
                "/v1/batches", f"{file.stem}.csv", source, texts, headers, on_read
            )
        except ServerUnreachable as exc:
            if sent:
                exc.add_note(_WHAT_NOW)
            raise
    return answer.value


def until_loaded(client: ApiClient, batch_id: int) -> dict[str, Any]:
    """The batch once all of it is stored.

    Raises:
        RequestRefused: the list is bad, and nothing was queued.
    """
    try:
        with progress_bar("storing", 1) as advance:
            for batch in client.poll(f"/v1/batches/{batch_id}"):
                advance(batch["loaded_share"] or 0, f"storing, {batch['calls']:,} calls")
                if batch["state"] != "loading":
                    break
    except KeyboardInterrupt:
        tell(f"the server goes on; then `callwright cancel batch {batch_id}` cancels it")
        raise
    if batch["state"] == "failed":
        raise problem_error(batch["problem"])
    return batch


def _size(source: IO[bytes]) -> int:
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    return size
