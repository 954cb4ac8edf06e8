"""A list on its way to the server: sent, then stored there, with a bar for each half."""

import os
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any

from callwright.cli.api_client import Answer, ApiClient, ServerRefused, problem_error
from callwright.cli.list_file import open_list_file
from callwright.cli.output import tell
from callwright.cli.progress import progress_bar
from callwright.cli.send_once import send_once
from callwright.errors import Unavailable


def send_list(
    client: ApiClient,
    file: Path,
    fields: Mapping[str, object],
    headers: Mapping[str, str],
    *,
    sheet: str = "",
    once: bool = True,
    key: str | None = None,
) -> dict[str, Any]:
    """What the server answered once it had all of the file; `sheet` names that of a workbook.

    `once`: sent again if no answer comes, under `key` or a new one; see `send_once`.

    Raises:
        FieldInvalid: the file cannot be read.
        ConfigInvalid: it is a workbook, and what reads those is not installed.
        RequestRefused, Unavailable: as the client's.
    """
    texts = {name: str(value) for name, value in fields.items()}
    name = f"{file.stem}.csv"
    sent = 0
    with (
        open_list_file(file, sheet) as source,
        progress_bar("sending", _size(source), in_bytes=True) as advance,
    ):

        def on_read(data: bytes) -> None:
            nonlocal sent
            sent += len(data)
            advance(sent)

        def send(more: Mapping[str, str]) -> Answer:
            nonlocal sent
            sent = source.seek(0)
            return client.upload("/v1/batches", name, source, texts, {**headers, **more}, on_read)

        return (send_once(key, send) if once else send({})).value


def until_loaded(client: ApiClient, batch_id: int) -> dict[str, Any]:
    """The batch once all of it is stored.

    Raises:
        RequestRefused: the list is bad, and nothing was queued.
        Unavailable: the server stopped too soon, and nothing was queued.
    """
    try:
        with progress_bar("storing", 1) as advance:
            for batch in client.poll(f"/v1/batches/{batch_id}"):
                advance(batch["loaded_share"] or 0, f"storing, {batch['calls']:,} calls")
                if batch["state"] != "loading":
                    break
    except ServerRefused as exc:
        if exc.status == HTTPStatus.NOT_FOUND:
            # What was not yet live when a server stopped is gone at its next start.
            text = "the server was restarted before all of the list was stored; nothing was queued"
            raise Unavailable(text) from None
        raise
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
