"""Who comes in: credentials before anything else is looked at, and how much they may bring.

Basic takes an e-mail address and the developer key, which may do everything its user may;
Bearer takes a key with scopes. An ASGI application around the native one, so that nothing
of a stranger's request is read.
"""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.clock import Clock
from callwright.config import LimitSettings
from callwright.domain import api_key
from callwright.domain.account import User
from callwright.domain.api_key import ALL_SCOPES
from callwright.errors import (
    CredentialsInvalid,
    MediaTypeUnsupported,
    RequestRefused,
    StoreUnavailable,
    TooLarge,
)
from callwright.ports.store import ReadTx, Store
from callwright.service.api_keys import authenticate_key
from callwright.service.authenticate import authenticate
from callwright.web.credentials import read_credentials
from callwright.web.native.problems import on_unavailable, refusal_reply
from callwright.web.request_body import ClientGone, refuse_encoded

LISTS = "/v1/batches"
"""The one path that takes bodies as large as a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what the credentials they showed may do."""

    user: User
    scopes: frozenset[api_key.Scope]


class Entrance:
    """An ASGI application around another: only who is known gets in."""

    def __init__(self, app: ASGIApp, store: Store, clock: Clock, limits: LimitSettings) -> None:
        self._app = app
        self._store = store
        self._clock = clock
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        limit = _limit_of(scope["path"], self._limits)
        try:
            caller = await self._sign_in(request)
            refuse_encoded(request)
            _refuse_announced(request, limit)
        except (CredentialsInvalid, MediaTypeUnsupported, TooLarge) as refusal:
            await refusal_reply(refusal)(scope, receive, send)
            return
        except StoreUnavailable as exc:
            await (await on_unavailable(request, exc))(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        exchange = _Exchange(receive, send, limit)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            if exchange.client_is_gone:
                raise ClientGone

    async def _sign_in(self, request: Request) -> Caller:
        now = self._clock.now()
        key = _bearer_key(request)
        if key is not None:
            user, scopes = await self._store.read(lambda tx: authenticate_key(tx, key, now))
            return Caller(user=user, scopes=scopes)
        email, developer_key = read_credentials(request)

        def look(tx: ReadTx) -> User:
            user = authenticate(tx, email, developer_key)
            if user.deleted_at is not None:
                raise CredentialsInvalid("The user was deleted.")
            return user

        return Caller(user=await self._store.read(look), scopes=ALL_SCOPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """How large a body may be, and the setting that says so."""

    bytes: int
    setting: str

    def exceeded(self) -> RequestRefused:
        return TooLarge(f"The request body is larger than {self.bytes} bytes ({self.setting}).")


def _limit_of(path: str, limits: LimitSettings) -> _Limit:
    if path == LISTS:
        return _Limit(bytes=limits.csv_bytes, setting="limits.csv_bytes")
    return _Limit(bytes=limits.form_bytes, setting="limits.form_bytes")


def _bearer_key(request: Request) -> str | None:
    given = request.headers.getlist("authorization")
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse_announced(request: Request, limit: _Limit) -> None:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit.bytes:
        raise limit.exceeded()


class _Exchange:
    """A request's body and its reply, watched: how large the one is, whom the other reaches."""

    def __init__(self, receive: Receive, send: Send, limit: _Limit) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._size = 0
        self._is_answered = False
        self.client_is_gone = False
        """It left before its body had come: there is nobody to answer."""

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.client_is_gone = not self._is_answered
            return message
        self._size += len(message.get("body", b""))
        if self._size > self._limit.bytes:
            # As the framework's own error: it takes any other for a body that is no JSON.
            raise HTTPException(413, str(self._limit.exceeded()))
        return message

    async def send(self, message: Message) -> None:
        if self.client_is_gone:
            return
        self._is_answered = True
        await self._send(message)
