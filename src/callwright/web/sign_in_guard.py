"""Slows down whoever guesses keys: an ASGI application around all others.

It looks at what requests bring and what is answered, so that no route can be forgotten:
credentials that are answered with 401 have failed. Whether credentials are right is for
the routes to say; a request without any has guessed nothing.
"""

import hashlib
import math

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callwright.clock import Clock
from callwright.errors import CredentialsInvalid
from callwright.web.credentials import parse_basic
from callwright.web.shapes import reply_at
from callwright.web.sources import Proxies, source_of
from callwright.web.throttle import SignInThrottle

_NAME_BYTES = 16


class SignInGuard:
    """Answers 429 in place of `app` where too many sign-ins have failed."""

    def __init__(self, app: ASGIApp, proxies: Proxies, clock: Clock) -> None:
        self._app = app
        self._proxies = proxies
        self._clock = clock
        self._throttle = SignInThrottle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = _name(scope)
        if name is None:
            await self._app(scope, receive, send)
            return
        address = self._proxies.client_of(scope)
        source = source_of(address)
        shared = address is None or address.is_loopback or self._proxies.holds(address)
        wait_s = self._throttle.wait_s(name, source, self._clock.monotonic(), shared=shared)
        if wait_s > 0:
            seconds = math.ceil(wait_s)
            text = f"Too many sign-ins failed; try again in {seconds} seconds."
            reply = reply_at(scope, 429, text, {"Retry-After": str(seconds)})
            await reply(scope, receive, send)
            return

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._throttle.note_failure(name, source, self._clock.monotonic())
            await send(message)

        await self._app(scope, receive, send_noting)


def _name(scope: Scope) -> bytes | None:
    """Whose credentials a request claims to bring, as a key of fixed length; None = nobody's."""
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        return None
    if given[0][:7].lower() == b"bearer ":
        # Such a key names nobody: all guesses from one source count as one name's.
        return bytes(_NAME_BYTES)
    try:
        email = parse_basic(given[0].decode("latin-1")).email
    except CredentialsInvalid:
        return None
    text = email.strip().lower().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_NAME_BYTES).digest()
