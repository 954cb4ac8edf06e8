"""A client of the native API, for the commands that use a running server like anybody else.

Blocking, one request at a time. A refusal becomes one error whose notes tell the details;
what the API calls a field is named as the option that the person typed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import httpx2

from callwright.cli.output import ServerUnreachable
from callwright.errors import CallwrightError, CredentialsInvalid, RequestRefused, Unavailable

T = TypeVar("T")

ANSWERS_WITHIN_S = 30.0
LOADS_WITHIN_S = 600.0
"""A long list is checked row by row before the answer comes."""

PROBLEMS_SHOWN = 10
FIRST_PAUSE_S, POLL_S = 0.05, 0.5
PATIENCE_S = 30.0
"""For how long a server that answered before may be away: it is being restarted."""

_OPTIONS = {
    "phone_number": "NUMBER",
    "variables": "--var",
    "deployment_id": "--deployment",
    "opens_at": "--start",
    "closes_at": "--end",
    "max_attempts": "--max-attempts",
    "retry_wait_s": "--reattempt-wait",
    "result_url": "--result-url",
    "is_pci": "--pci",
    "state": "--state",
    "since": "--since",
    "before": "--before",
    "number_ends": "--number-ends",
    "calls_per_second": "--calls-per-second",
    "max_calls": "--max-calls",
}


class ServerRefused(RequestRefused):
    """The server said no. `status` is HTTP's; `kind` the last word of the problem's type."""

    def __init__(
        self,
        text: str,
        *,
        status: int,
        kind: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.errors = errors
        """What is wrong with each field, as the API tells it."""


class ServerFailed(Unavailable):
    """The server had a fault, or a part of it failed. `status` is HTTP's."""

    def __init__(self, text: str, *, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered that did as it was asked."""

    status: int
    headers: Mapping[str, str]
    value: dict[str, Any]


class ApiClient:
    """Requests to one server as one user. Every method raises what `ask` does."""

    def __init__(self, url: str, credentials: tuple[str, str]) -> None:
        self._url = url
        if not url.startswith(("http://", "https://")):
            raise RequestRefused(f"{url} is no URL: it must start with http:// or https://")
        try:
            self._http = httpx2.Client(base_url=url, auth=credentials, timeout=ANSWERS_WITHIN_S)
        except httpx2.InvalidURL as exc:
            raise RequestRefused(f"{url} is no URL: {exc}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """What stands at `path`; query parameters that are None are left out."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return self.ask("GET", path, params=given).value

    def post(
        self,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """What the server made of it."""
        return self.ask("POST", path, json=body, headers=headers).value

    def patch(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """What the server made of the changes."""
        return self.ask("PATCH", path, json=body).value

    def items(self, path: str, limit: int, **query: object) -> Iterator[dict[str, Any]]:
        """Up to `limit` items of a list, page after page, newest first."""
        cursor, left = None, limit
        while left > 0:
            page = self.get(path, limit=min(left, 500), cursor=cursor, **query)
            yield from page["items"]
            left -= len(page["items"])
            cursor = page["next"]
            if cursor is None:
                return

    def upload(
        self,
        path: str,
        name: str,
        file: IO[bytes],
        fields: Mapping[str, str],
        headers: Mapping[str, str],
        on_read: Callable[[bytes], None],
    ) -> Answer:
        """Send a list, a file called `name`; `on_read` is shown each piece of it as it leaves."""
        return self.ask(
            "POST",
            path,
            data=dict(fields),
            files={"csv": (name, _Shown(file, on_read))},
            headers=dict(headers),
            timeout=httpx2.Timeout(ANSWERS_WITHIN_S, read=LOADS_WITHIN_S),
        )

    def save(self, path: str, file: Path) -> None:
        """Write what stands at `path` into `file`.

        Raises:
            RequestRefused: the file cannot be written.
        """
        try:
            with self._http.stream("GET", path) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                with file.open("wb") as out:
                    for piece in response.iter_bytes():
                        out.write(piece)
        except httpx2.TransportError as exc:
            raise self._unreachable(exc) from None
        except OSError as exc:
            raise RequestRefused(f"{file}: cannot be written: {exc.strerror or exc}") from None

    def poll(self, path: str) -> Iterator[dict[str, Any]]:
        """What stands at `path`, again and again."""
        return self.again(lambda: self.get(path))

    def again(self, ask: Callable[[], T]) -> Iterator[T]:
        """What `ask` gets, again and again, at first quickly, and across a restart of the
        server: it may be away for a while once it has answered."""
        answered_at, pause_s = 0.0, FIRST_PAUSE_S
        while True:
            try:
                value = ask()
            except (ServerUnreachable, Unavailable):
                # at the first request the address is more likely wrong
                if not answered_at or time.monotonic() - answered_at > PATIENCE_S:
                    raise
            else:
                answered_at = time.monotonic()
                yield value
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_S)

    def ask(self, method: str, path: str, **request: Any) -> Answer:
        """The server's answer to one request.

        Raises:
            ServerUnreachable: it gave none.
            CredentialsInvalid, ServerRefused: it said no, and why.
            Unavailable: it failed.
        """
        try:
            response = self._http.request(method, path, **request)
        except (httpx2.TransportError, httpx2.InvalidURL) as exc:
            raise self._unreachable(exc) from None
        if not response.is_success:
            raise _refusal(response)
        try:
            value = dict(response.json())
        except (ValueError, TypeError):
            raise Unavailable(f"{self._url} answers, but it is no Callwright server") from None
        return Answer(status=response.status_code, headers=response.headers, value=value)

    def _unreachable(self, exc: Exception) -> ServerUnreachable:
        not_reached = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.InvalidURL)
        return ServerUnreachable(
            f"no server answers at {self._url}: {str(exc) or type(exc).__name__}",
            was_asked=not isinstance(exc, not_reached),
        )


class _Shown:
    """A file to be sent; what is read of it is shown to `on_read`."""

    def __init__(self, file: IO[bytes], on_read: Callable[[bytes], None]) -> None:
        self._file = file
        self._on_read = on_read

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._on_read(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def problem_error(problem: Mapping[str, Any]) -> CallwrightError:
    """The error that a problem reply (RFC 9457) stands for, its details as notes."""
    status = int(problem.get("status", 400))
    text = str(problem.get("detail", f"the server answered {status}"))
    errors = [_told(entry) for entry in problem.get("errors", ())]
    if len(errors) == 1:
        # of a list the number of rows is worth telling too
        is_row = "line" in problem["errors"][0]
        text = f"{text.rstrip('.')}; {errors[0]}" if is_row else errors[0]
    kind = str(problem.get("type", "")).rpartition(":")[2]
    error: CallwrightError
    if status >= 500:
        error = ServerFailed(text, status=status)
    elif status == 401:
        error = CredentialsInvalid(text)
    else:
        error = ServerRefused(text, status=status, kind=kind, errors=problem.get("errors", ()))
    if len(errors) > 1:
        for note in errors[:PROBLEMS_SHOWN]:
            error.add_note(note)
        if len(errors) > PROBLEMS_SHOWN:
            error.add_note(f"(the first {PROBLEMS_SHOWN})")
    return error


def _told(entry: Mapping[str, Any]) -> str:
    """What is wrong with one field or one line, as the person at the terminal names it."""
    detail = str(entry.get("detail", ""))
    if entry.get("line"):
        return f"line {entry['line']}: {detail}"
    where = str(entry.get("parameter") or entry.get("pointer") or "").removeprefix("/")
    where = _OPTIONS.get(where, where)
    return f"{where}: {detail}" if where else detail


def _refusal(response: httpx2.Response) -> CallwrightError:
    try:
        problem = dict(response.json())
    except (ValueError, TypeError):
        problem = {}
    return problem_error({**problem, "status": response.status_code})
