"""Asterisk's REST interface: the requests that placing a call takes, and its two websockets.

Each request names the channel by an id of ours, so that it can be asked for again, ended
without knowing whether it was ever made, and found after our death.

Source: Asterisk 22 rest-api/{channels,bridges,applications}.json; docs.asterisk.org,
"WebSocket Channel Driver".
"""

import base64
import logging
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from callwright.errors import CallwrightError, Unavailable
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.asterisk.websocket import WebSocket, WebSocketRefused

ANSWERS_WITHIN_S = 5.0
_IDLE_S = 5.0
"""Asterisk closes a connection that was idle for 15 s (`session_keep_alive`): never use it late."""
_CONNECTIONS = 16
"""Each, as each call's audio, is one of those that http.conf allows."""

_EVENTS = (
    "ApplicationReplaced",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "Dial",
    "StasisStart",
)
"""All others, such as each variable of each channel, would only cost time on both sides."""


_MODULES = (
    "app_stasis.so",
    "bridge_simple.so",
    "chan_websocket.so",
    "func_callerid.so",
    "res_ari_bridges.so",
    "res_ari_channels.so",
    "res_ari_events.so",
)

_REFUSALS = {
    401: "it does not know the user, or the password is wrong: see ari.conf",
    403: "the user may not do this: see read_only in ari.conf",
    404: "no ARI there: is it enabled in ari.conf, and the prefix of http.conf in ari_url?",
}


class AriRefused(CallwrightError):
    """Asterisk answered, and did not do it. `status` is its HTTP code."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status} {text}".strip())
        self.status = status


class AriChannel(msgspec.Struct, frozen=True):
    """A channel as events show it."""

    id: str
    state: str = ""
    channelvars: dict[str, str] = {}


class AriEvent(msgspec.Struct, frozen=True):
    """Something happened; what a kind of event has nothing of stays empty."""

    type: str
    channel: AriChannel | None = None
    peer: AriChannel | None = None
    """The channel that a `Dial` is about."""
    dialstatus: str = ""
    digit: str = ""
    cause: int = 0
    cause_txt: str = ""
    tech_cause: int = 0
    """The final SIP answer, where the channel is one of SIP."""

    @property
    def about(self) -> str:
        """The channel's id; "" = none's."""
        channel = self.channel or self.peer
        return "" if channel is None else channel.id


class _Named(msgspec.Struct, frozen=True):
    id: str


read_event = msgspec.json.Decoder(AriEvent).decode
_read_channel = msgspec.json.Decoder(AriChannel).decode
_read_names = msgspec.json.Decoder(list[_Named]).decode


class Ari:
    """One Asterisk's. Every method raises AriRefused or Unavailable."""

    def __init__(self, trunk: AsteriskTrunk) -> None:
        import httpx2  # late: a line without an Asterisk need not load it

        logging.getLogger("httpx2").setLevel(logging.WARNING)  # else it tells of each request
        self._broken = httpx2.HTTPError
        self._app = trunk.app
        parts = urlsplit(trunk.url)
        self._websockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        credentials = base64.b64encode(f"{trunk.user}:{trunk.password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._http = httpx2.AsyncClient(
            base_url=f"{trunk.url.rstrip('/')}/ari/",
            headers=self._headers,
            timeout=ANSWERS_WITHIN_S,
            limits=httpx2.Limits(max_connections=_CONNECTIONS, keepalive_expiry=_IDLE_S),
            verify=parts.scheme == "https",  # else it reads certificates for nothing
            trust_env=False,  # the way to a switch is the settings', never a proxy's
        )

    async def close(self) -> None:
        """Ask nothing any more."""
        await self._http.aclose()

    async def version(self) -> str:
        """What runs there."""
        answer = await self._ask("GET", "asterisk/info", only="system")
        return str(msgspec.json.decode(answer)["system"]["version"])

    async def missing_modules(self) -> list[str]:
        """Those that legs need and that do not run."""
        return [each for each in _MODULES if not await self._runs(each)]

    async def _runs(self, module: str) -> bool:
        try:
            await self._ask("GET", f"asterisk/modules/{module}")
        except AriRefused as exc:
            if exc.status != 404:
                raise
            return False
        return True

    async def events(self) -> WebSocket:
        """The events of our application, which is there as long as this is open."""
        query = urlencode({"app": self._app})
        url = f"{self._websockets}{self._prefix}/ari/events?{query}"
        return await WebSocket.connect(url, self._headers, pings=True)

    async def hear_only_what_counts(self) -> None:
        """Have Asterisk send the events we know, and no others."""
        body = {"allowed": [{"type": each} for each in _EVENTS]}
        await self._ask("PUT", f"applications/{_in_path(self._app)}/eventFilter", body)

    async def create_channel(
        self, channel: str, endpoint: str, variables: Mapping[str, str]
    ) -> None:
        """A channel that dials nobody yet. It can be worked with once its StasisStart came."""
        # All of it in the body: numbers are nothing for a URL, which ends up in logs.
        asked = {"channelId": channel, "endpoint": endpoint, "app": self._app, "formats": "ulaw"}
        await self._ask("POST", "channels/create", asked | {"variables": dict(variables)})

    async def open_media(self, channel: str) -> WebSocket:
        """Both directions of a new media channel's audio, 160 µ-law codes every 20 ms."""
        answer = await self._ask(
            "POST",
            "channels/externalMedia",
            channelId=channel,
            app=self._app,
            external_host="INCOMING",
            connection_type="server",
            transport="websocket",
            encapsulation="none",
            format="ulaw",
        )
        name = _read_channel(answer).channelvars.get("MEDIA_WEBSOCKET_CONNECTION_ID", "")
        url = f"{self._websockets}{self._prefix}/media/{_in_path(name)}"
        return await WebSocket.connect(url, self._headers, subprotocol="media")

    async def join(self, bridge: str, channels: Iterable[str]) -> None:
        """A new bridge with these channels in it."""
        path = f"bridges/{_in_path(bridge)}"
        await self._ask("POST", path, type="mixing")
        # Else each is told that the other end of the line has changed, and who calls is forgotten.
        await self._ask(
            "POST",
            f"{path}/addChannel",
            channel=",".join(channels),
            inhibitConnectedLineUpdates="true",
        )

    async def dial(self, channel: str, timeout_s: int) -> None:
        """Dial; Asterisk gives up by itself after so long, should we be dead by then."""
        await self._ask("POST", f"channels/{_in_path(channel)}/dial", timeout=timeout_s)

    async def key(self, channel: str, digits: str, *, tone_ms: int, gap_ms: int) -> None:
        """Send DTMF: `0-9A-D*#`, and `W` for a second's pause."""
        # In the body as well: it may be a card's number.
        keys = {"dtmf": digits, "duration": tone_ms, "between": gap_ms}
        await self._ask("POST", f"channels/{_in_path(channel)}/dtmf", keys)

    async def hang_up(self, channel: str, reason: str = "normal") -> bool:
        """Whether there was such a channel; afterwards, there is none."""
        return await self._remove("channels", channel, reason=reason)

    async def end_bridge(self, bridge: str) -> bool:
        """Whether there was such a bridge; afterwards, there is none."""
        return await self._remove("bridges", bridge)

    async def channels(self) -> list[str]:
        """The ids of all channels."""
        return [each.id for each in _read_names(await self._ask("GET", "channels"))]

    async def bridges(self) -> list[str]:
        """The ids of all bridges."""
        return [each.id for each in _read_names(await self._ask("GET", "bridges"))]

    async def _remove(self, kind: str, name: str, **query: str) -> bool:
        try:
            await self._ask("DELETE", f"{kind}/{_in_path(name)}", **query)
        except AriRefused as exc:
            if exc.status != 404:
                raise
            return False
        return True

    async def _ask(self, method: str, path: str, body: Any = None, **query: str | int) -> bytes:
        try:
            answer = await self._http.request(method, path, params=query, json=body)
        except self._broken as exc:
            raise Unavailable(str(exc) or type(exc).__name__) from exc
        if answer.is_success:
            return answer.content
        raise AriRefused(answer.status_code, _said(answer.content))


def explained(problem: CallwrightError) -> str:
    """What an operator should know of it."""
    if isinstance(problem, AriRefused | WebSocketRefused):
        return _REFUSALS.get(problem.status, f"it refuses: {problem}")
    return f"it cannot be reached: {problem}"


def is_refusal(problem: CallwrightError) -> bool:
    """Whether a setting is wrong, here or there."""
    return isinstance(problem, AriRefused | WebSocketRefused) and problem.status in _REFUSALS


def _in_path(name: str) -> str:
    return quote(name, safe="")


def _said(body: bytes) -> str:
    """What a refusal says: `message`, or for some `error`."""
    try:
        said = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        return ""
    return str(said.get("message") or said.get("error") or "")[:200]
