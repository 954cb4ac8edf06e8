"""Lists to send, and what came of them."""

import os
from collections.abc import Iterator
from pathlib import Path

from web_world import WebWorld, basic

from callwright.config import Config, HostPort, LimitSettings, ServerSettings, StoreSettings
from callwright.domain.call import CallDetails
from callwright.domain.ids import BatchId

PATH = "/api/apps/1234/5678/bulk_queue"
BOUNDARY = "----------------intake"
ROWS = 8_000


def config(folder: Path, **limits: object) -> Config:
    """Uploads are spooled in `folder`."""
    return Config(
        server=ServerSettings(listen=HostPort("127.0.0.1", 0)),
        store=StoreSettings(url=f"sqlite:{folder}/calls.db"),
        limits=LimitSettings(**limits),  # type: ignore[arg-type]
    )


def lines(rows: int) -> Iterator[str]:
    for n in range(rows):
        yield f"{6170000000 + n},name {n},{n}.25,Łódź and some more text\n"


def a_list(rows: int = ROWS) -> bytes:
    return ("phone_number,first_name,balance,city\n" + "".join(lines(rows))).encode()


def multipart(csv: bytes, *, file: bool = True, fields: str = "", end: bool = True) -> bytes:
    name = '; filename="list.csv"' if file else ""
    head = f'{fields}--{BOUNDARY}\r\nContent-Disposition: form-data; name="csv"{name}\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n" if end else ""
    return head.encode() + csv + tail.encode()


def field(name: str, value: str) -> str:
    return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


async def send(world: WebWorld, body: bytes, content_type: str = "multipart/form-data", **more):
    return await world.ask("POST", PATH, body, content_type=content_type, **more)


async def calls_of(world: WebWorld, batch: int, limit: int = 10**6) -> list[CallDetails]:
    now = world.clock.now()
    return list(await world.store.read(lambda tx: tx.batch_calls(BatchId(batch), now, limit)))


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def other_files(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".db" not in path.name]


def request_head(*more: str) -> bytes:
    return "\r\n".join(
        [
            f"POST {PATH} HTTP/1.1",
            "Host: calls.example.com",
            f"Authorization: {basic()}",
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
            *more,
            "",
            "",
        ]
    ).encode()
