"""The fake's HTTP side: which request does what, and whom events are told."""

import asyncio
import base64
import json
import re
import secrets
from collections.abc import Callable

from callwright.telephony.rtp.plane import MediaPlane
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.peers.asterisk.channel import Channel, MediaChannel, SipChannel
from callwright.testing.peers.asterisk.connection import NO_ANSWER, Answer, Connection, Request

USER, PASSWORD = "callwright", "a-long-secret"
_DIALSTRING = re.compile(r"PJSIP/trunk/sip:([^@;]+)@([0-9.]+:[0-9]+)\Z")
_NO_CHANNEL = Answer(404, {"message": "Channel not found"})
_NOT_IN_STASIS = Answer(409, {"message": "Channel not in Stasis application"})


class FakeAsterisk:
    """On loopback, within the caller's event loop. `start` first, `stop` last.

    Its one PJSIP endpoint, `trunk`, reaches the SIP servers at `phones`, each `host:port`.
    """

    def __init__(self, *phones: str) -> None:
        self.phones = phones
        self.url = ""
        self.asked: list[tuple[str, str]] = []
        """Every request: its method and its path."""
        self.refuses: dict[tuple[str, str], Answer] = {}
        """What to answer, in place of doing it, to a method and the path's last part."""
        self.is_away = False
        """Every request breaks the connection, and nothing is done."""
        self.dies_on: set[str] = set()
        """Last parts of paths whose request is done, and then the connection breaks."""
        self.lacks: set[str] = set()
        """Modules that do not run."""
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, list[str]] = {}
        self._media: dict[str, MediaChannel] = {}
        self._apps: dict[str, Connection] = {}
        self._endpoints: dict[str, SipEndpoint] = {}
        self._plane = MediaPlane("127.0.0.1", range(47000, 48000))
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen."""
        for phone in self.phones:
            trunk = TrunkSettings(
                name="fake", address=f"sip:{phone}", user="phones", password="phones"
            )
            self._endpoints[phone] = SipEndpoint(trunk)
            await self._endpoints[phone].open()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, "127.0.0.1", port)
        self.url = "http://{}:{}".format(*self._server.sockets[0].getsockname())

    async def stop(self) -> None:
        """Hang up everything and listen no more."""
        for channel in tuple(self.channels.values()):
            channel.hang_up()
        await asyncio.sleep(0)
        self.cut()
        if self._server is not None:
            self._server.close()
        for endpoint in self._endpoints.values():
            endpoint.close()

    def cut(self) -> None:
        """Break every connection off; the channels live on."""
        for connection in tuple(self._connections):
            connection.cut()
        self._connections.clear()

    def _connection(self) -> Connection:
        connection = Connection(self._serve)
        self._connections.add(connection)
        return connection

    def _serve(self, request: Request, connection: Connection) -> Answer:
        if self.is_away:
            return NO_ANSWER
        answer = self._do(request, connection)
        return NO_ANSWER if request.parts[-1] in self.dies_on else answer

    def _do(self, request: Request, connection: Connection) -> Answer:
        self.asked.append((request.method, "/".join(request.parts)))
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {credentials}":
            return Answer(401, {"message": "Authentication required"})
        refused = self.refuses.get((request.method, request.parts[-1]))
        if refused is not None:
            return refused
        match (request.method, *request.parts):
            case ("GET", "media", name) if name in self._media:
                media = self._media.pop(name)
                asyncio.get_running_loop().call_soon(media.connected, connection)
                return Answer(101)
            case ("GET", "ari", "events"):
                return self._events(request.query["app"], connection)
            case ("GET", "ari", "asterisk", "info"):
                return Answer(200, {"system": {"version": "22.10.1 (fake)"}})
            case ("GET", "ari", "asterisk", "modules", module) if module not in self.lacks:
                return Answer(200, {"name": module, "status": "Running"})
            case ("PUT", "ari", "applications", app, "eventFilter") if app in self._apps:
                return Answer(200, {"name": app})
            case ("GET", "ari", "channels"):
                return Answer(200, [each.shown() for each in self.channels.values()])
            case ("POST", "ari", "channels", "create"):
                return self._create(request)
            case ("POST", "ari", "channels", "externalMedia"):
                return self._external_media(request)
            case ("DELETE", "ari", "channels", name):
                return self._hang_up(name)
            case ("POST", "ari", "channels", name, "dial"):
                return self._dial(name, float(request.query["timeout"]))
            case ("POST", "ari", "channels", name, "dtmf"):
                return self._key(name, request.body["dtmf"])
            case ("GET", "ari", "bridges"):
                return Answer(200, [{"id": name} for name in self.bridges])
            case ("POST", "ari", "bridges", name):
                self.bridges[name] = []
                return Answer(200, {"id": name})
            case ("POST", "ari", "bridges", name, "addChannel"):
                keeps_caller = request.query.get("inhibitConnectedLineUpdates") == "true"
                return self._add(name, request.query["channel"].split(","), keeps_caller)
            case ("DELETE", "ari", "bridges", name):
                found = self.bridges.pop(name, None)
                return Answer(404 if found is None else 204)
        return Answer(404, {"message": "Resource not found"})

    def _events(self, app: str, connection: Connection) -> Answer:
        earlier = self._apps.get(app)
        if earlier is not None:
            earlier.send(json.dumps({"type": "ApplicationReplaced", "application": app}))
        self._apps[app] = connection

        def forget() -> None:
            if self._apps.get(app) is connection:
                del self._apps[app]

        connection.on_closed = forget
        return Answer(101)

    def _create(self, request: Request) -> Answer:
        asked = request.query | request.body
        name, found = asked["channelId"], _DIALSTRING.match(asked["endpoint"])
        if name in self.channels:
            return Answer(409, {"message": "Channel with given unique ID already exists"})
        if found is None or found[2] not in self._endpoints:
            return Answer(500, {"error": "Allocation failed"})
        number, target = found.groups()
        channel = SipChannel(
            name,
            self._teller(asked["app"]),
            self._gone,
            endpoint=self._endpoints[target],
            media=self._plane,
            number=number,
            variables=request.body.get("variables", {}),
        )
        self.channels[name] = channel
        # It enters the application in a thread of its own, so a little after the answer.
        asyncio.get_running_loop().call_later(0.001, channel.enter_stasis)
        return Answer(200, channel.shown())

    def _external_media(self, request: Request) -> Answer:
        name, connection = request.query["channelId"], secrets.token_hex(8)
        channel = MediaChannel(name, self._teller(request.query["app"]), self._gone)
        self.channels[name] = self._media[connection] = channel
        variables = {
            "MEDIA_WEBSOCKET_CONNECTION_ID": connection,
            "MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE": "160",
        }
        return Answer(200, channel.shown() | {"channelvars": variables})

    def _dial(self, name: str, timeout_s: float) -> Answer:
        channel = self.channels.get(name)
        if not isinstance(channel, SipChannel):
            return _NO_CHANNEL
        if not channel.is_in_stasis or channel.was_dialled:
            return _NOT_IN_STASIS
        channel.dial(timeout_s)
        return Answer(204)

    def _key(self, name: str, digits: str) -> Answer:
        channel = self.channels.get(name)
        if not isinstance(channel, SipChannel):
            return _NO_CHANNEL
        if channel.state != "Up":
            return Answer(412, {"message": "Channel in invalid state"})
        channel.key(digits)
        return Answer(204)

    def _add(self, bridge: str, names: list[str], keeps_caller: bool) -> Answer:
        if bridge not in self.bridges:
            return Answer(404, {"message": "Bridge not found"})
        channels = [self.channels.get(name) for name in names]
        found = [each for each in channels if each is not None]
        if len(found) < len(names):
            return Answer(400, {"message": "Channel not found"})
        if not all(each.is_in_stasis for each in found):
            return Answer(422, {"message": "Channel not in Stasis application"})
        for each in found:
            if isinstance(each, SipChannel) and not keeps_caller:
                each.variables.pop("CONNECTEDLINE(num,i)", None)
        self.bridges[bridge] += names
        if len(found) == 2:
            found[0].peer, found[1].peer = found[1], found[0]
        return Answer(204)

    def _hang_up(self, name: str) -> Answer:
        channel = self.channels.get(name)
        if channel is None:
            return _NO_CHANNEL
        channel.hang_up()
        return Answer(204)

    def _gone(self, channel: Channel) -> None:
        self.channels.pop(channel.name, None)
        for members in self.bridges.values():
            if channel.name in members:
                members.remove(channel.name)
        if channel.peer is not None:
            channel.peer.peer = None

    def _teller(self, app: str) -> Callable[..., None]:
        def tell(kind: str, channel: Channel, **facts: object) -> None:
            listener = self._apps.get(app)
            if listener is not None:
                about = "peer" if kind == "Dial" else "channel"
                event = {"type": kind, about: channel.shown(), "application": app, **facts}
                listener.send(json.dumps(event))

        return tell
