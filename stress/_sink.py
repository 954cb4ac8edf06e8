"""A receiver of callbacks in a process of its own, and its log: the witness of what was sent.

    python _sink.py LOG --good 3 --hanging 2 --forbidden 127.0.0.1 --fail 0.3 --seed 1

Listens on one port of several loopback addresses and prints a line of JSON that names them.
Each request is a line of JSON in LOG, and so is each connection to a forbidden address, before
a byte of it was read. Hanging addresses take a request and never answer.
"""

import argparse
import asyncio
import hashlib
import json
import random
import socket
import sys
import time
from collections import Counter
from typing import IO

GOOD = "127.1.1."
HANGING = "127.1.2."
BACKLOG = 1024


class Sink:
    """What all connections share."""

    def __init__(self, log: IO[str], *, fail: float, chance: random.Random) -> None:
        self._log = log
        self._fail = fail
        self._chance = chance
        self._tries: Counter[str] = Counter()

    def status_for(self, webhook_id: str) -> int:
        """The answer to a request. The ninth try succeeds: ten failures are a dead letter."""
        self._tries[webhook_id] += 1
        fails = self._chance.random() < self._fail and self._tries[webhook_id] < 9
        return 500 if fails else 200

    def note(self, kind: str, host: str, **facts: object) -> None:
        self._log.write(json.dumps({"kind": kind, "at": time.time(), "host": host, **facts}) + "\n")
        self._log.flush()


class Connection(asyncio.Protocol):
    """One request, then the end."""

    def __init__(self, sink: Sink, host: str, kind: str) -> None:
        self._sink = sink
        self._host = host
        self._kind = kind
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._kind == "forbidden":
            self._sink.note("connection", self._host)
            transport.close()

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        if len(body) < int(fields.get("content-length", "0")):
            return
        target = request.split(" ")[1]
        if self._kind == "hanging":
            status = None
        elif target.startswith("/redirect/"):
            status = int(target.split("/")[2])
        else:
            status = self._sink.status_for(fields.get("webhook-id", ""))
        self._sink.note(
            "request",
            self._host,
            id=fields.get("webhook-id", ""),
            body=hashlib.sha256(body).hexdigest()[:16],
            status=status,
        )
        if status is None:
            return
        assert self._transport is not None
        where = "/".join(target.split("/")[3:])
        location = f"Location: {where}\r\n" if 300 <= status < 400 else ""
        self._transport.write(
            f"HTTP/1.1 {status} Word\r\n{location}Content-Length: 2\r\n\r\nok".encode("latin-1")
        )
        self._transport.close()


def bind(hosts: list[str]) -> list[socket.socket]:
    """A listening socket for each host, all on one port."""
    while True:
        port, sockets = 0, []
        try:
            for host in hosts:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                one = socket.socket(family, socket.SOCK_STREAM)
                sockets.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((host, port))
                one.listen(BACKLOG)
                port = one.getsockname()[1]
        except OSError:
            for one in sockets:
                one.close()
            if not port:
                raise
        else:
            return sockets


async def serve(given: argparse.Namespace, log: IO[str]) -> None:
    kinds = {f"{GOOD}{number + 1}": "good" for number in range(given.good)}
    kinds |= {f"{HANGING}{number + 1}": "hanging" for number in range(given.hanging)}
    kinds |= dict.fromkeys(given.forbidden, "forbidden")
    loop = asyncio.get_running_loop()
    sink = Sink(log, fail=given.fail, chance=random.Random(given.seed))
    sockets = bind(list(kinds))
    for (host, kind), one in zip(kinds.items(), sockets, strict=True):
        await loop.create_server(lambda h=host, k=kind: Connection(sink, h, k), sock=one)
    hosts = {k: [h for h, kind in kinds.items() if kind == k] for k in set(kinds.values())}
    print(json.dumps({"port": sockets[0].getsockname()[1], **hosts}), flush=True)
    await asyncio.Event().wait()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("log")
    parser.add_argument("--good", type=int, default=0)
    parser.add_argument("--hanging", type=int, default=0)
    parser.add_argument("--forbidden", nargs="*", default=[])
    parser.add_argument("--fail", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    with open(given.log, "a", encoding="utf-8") as log:
        asyncio.run(serve(given, log))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
