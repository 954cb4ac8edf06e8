"""An HTTP server that takes result callbacks and remembers each of them."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Delivered:
    """One request that arrived. Header names are in small letters."""

    at: float
    """Unix seconds."""
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    answered: int


class CallbackSink:
    """Takes everything posted to it. `answer` gives the status for the n-th request of a path."""

    def __init__(self, answer: Callable[[str, int], int] = lambda path, number: 200) -> None:
        self._answer = answer
        self._delivered: list[Delivered] = []
        self._counts: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/result") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def delivered(self, path: str | None = None) -> list[Delivered]:
        """What came so far, in order; only for `path` if one is given."""
        with self._changed:
            return [d for d in self._delivered if path is None or d.path == path]

    def wait(
        self, count: int, *, path: str | None = None, within_s: float = ANSWER_WITHIN_S
    ) -> list[Delivered]:
        """What came, once that is at least `count` requests.

        Raises:
            AssertionError: fewer came within the time.
        """
        until = time.monotonic() + within_s
        with self._changed:
            while len(found := self.delivered(path)) < count:
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    raise AssertionError(
                        f"{len(found)} of {count} callbacks within {within_s:g} s"
                        + (f" for {path}" if path else "")
                    )
            return found

    def take(self, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
        """Remember a request; the status to answer."""
        with self._changed:
            status = self._answer(path, self._counts[path])
            self._counts[path] += 1
            self._delivered.append(
                Delivered(
                    at=time.time(),
                    method=method,
                    path=path,
                    headers=headers,
                    body=body,
                    answered=status,
                )
            )
            self._changed.notify_all()
        return status


@contextmanager
def callback_sink(
    answer: Callable[[str, int], int] = lambda path, number: 200,
) -> Iterator[CallbackSink]:
    """A sink that listens to the end of the block."""
    sink = CallbackSink(answer)
    server = sink._server
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Connections kept open by a server that was killed must not keep this one from closing.
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that was killed in the middle of a request is no fault of ours."""


def _handler(sink: CallbackSink) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = ANSWER_WITHIN_S

        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = sink.take(self.command, self.path, headers, body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET = do_PUT = _take  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing: tests read what was delivered."""

    return Handler
