"""A client of the dialects that shows replies as they are: status, headers, bytes."""

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

TIMEOUT_S = 20.0
FORM = "application/x-www-form-urlencoded"
_BOUNDARY = "------------------------peers7d1f0a"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. Header names are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Api:
    """Requests with one user's credentials, each on a connection of its own."""

    url: str
    user: str
    key: str
    timeout_s: float = TIMEOUT_S

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request with credentials, unless `headers` bring others.

        Raises:
            OSError, http.client.HTTPException: there was no whole answer.
        """
        parts = urlsplit(self.url)
        sent = {"Authorization": self.authorization, **(headers or {})}
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=self.timeout_s
        )
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, got, answer.read())
        finally:
            connection.close()

    @property
    def authorization(self) -> str:
        pair = f"{self.user}:{self.key}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def queue(self, program: str, **fields: object) -> Reply:
        """Queue one call; `program` is `apps/1/1` or `surveys/1/1`."""
        body = urlencode({name: str(value) for name, value in fields.items()}).encode("ascii")
        return self.request("POST", f"/api/{program}/queue", body, {"Content-Type": FORM})

    def queue_list(self, program: str, csv: str, **fields: object) -> Reply:
        """Queue a list."""
        parts = [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        parts.append(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="csv"; filename="list.csv"\r\n'
            f"Content-Type: text/csv\r\n\r\n{csv}\r\n--{_BOUNDARY}--\r\n"
        )
        content_type = f"multipart/form-data; boundary={_BOUNDARY}"
        return self.request(
            "POST",
            f"/api/{program}/bulk_queue",
            "".join(parts).encode(),
            {"Content-Type": content_type},
        )

    def status(self, call_id: int) -> Reply:
        return self.request("GET", f"/api/outbound/{call_id}")
