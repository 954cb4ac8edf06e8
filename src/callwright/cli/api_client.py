"""A client of the Fuse API, for the commands that use a running server like anybody else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import httpx2

from callwright.cli.output import ServerUnreachable
from callwright.errors import CallwrightError, RequestRefused, Unavailable

POLL_S = 0.5
ANSWERS_WITHIN_S = 15.0
_OVER = frozenset({"completed", "failed", "canceled", "rejected"})


class FuseClient:
    """Requests to one server as one user. Every method raises what `_ask` does."""

    def __init__(self, url: str, credentials: tuple[str, str]) -> None:
        self._url = url
        try:
            self._http = httpx2.AsyncClient(
                base_url=url, auth=credentials, timeout=ANSWERS_WITHIN_S
            )
        except httpx2.InvalidURL as exc:
            raise RequestRefused(f"{url} is no URL: {exc}") from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def queue(
        self, application_id: int, deployment_id: int, number: str, variables: Mapping[str, str]
    ) -> int:
        """Queue one call; its id."""
        fields = {"phone_number": number}
        if variables:
            fields["metadata"] = json.dumps(variables)
        path = f"/api/apps/{application_id}/{deployment_id}/queue"
        return int((await self._ask("POST", path, fields))["call_id"])

    async def follow(self, call_id: int) -> AsyncIterator[dict[str, Any]]:
        """The call's details each time its status changes, until it is over."""
        status = ""
        while status not in _OVER:
            if status:
                await asyncio.sleep(POLL_S)
            details = (await self._ask("GET", f"/api/outbound/{call_id}"))["call_details"]
            if details["status"] != status:
                status = str(details["status"])
                yield details

    async def _ask(
        self, method: str, path: str, fields: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The server's answer to one request.

        Raises:
            ServerUnreachable: it gave none.
            RequestRefused: it said no, and why.
            Unavailable: it failed.
        """
        try:
            response = await self._http.request(method, path, data=fields)
        except (httpx2.TransportError, httpx2.InvalidURL) as exc:
            why = str(exc) or type(exc).__name__
            raise ServerUnreachable(f"no server answers at {self._url}: {why}") from None
        if response.is_success:
            return dict(response.json())
        raise _refusal(response)


def _refusal(response: httpx2.Response) -> CallwrightError:
    try:
        text = str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        text = f"the server answered {response.status_code}"
    return Unavailable(text) if response.is_server_error else RequestRefused(text)
