"""Sends notices over HTTP/1.1: one guarded connection for each try, one deadline over all.

Each try resolves, checks and connects anew; no connection is kept, so none can outlive the
check it passed. There is no redirect, proxy, `.netrc`, cookie or decompression here: the
request goes where the URL says or nowhere.

When to try again is the domain's business (`domain.notice`), the loop the runtime's.

Source: wire contract, section 8; reliability rules, section 2.
"""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

import httpcore2
import httpx2
import structlog

from callwright import __version__
from callwright.address_guard import AddressGuard, AddressRefused, Resolve, SystemResolver
from callwright.callbacks.connection import AnswerTooLong, CheckedBackend, Transcript
from callwright.callbacks.problem import NotDelivered
from callwright.callbacks.signature import signed_headers, signing_keys
from callwright.clock import Clock
from callwright.domain.notice import MAX_RETRY_AFTER, Delivery, Problem, http_problem
from callwright.ports.store import OwedNotice

log = structlog.get_logger()

DEADLINE_S = 15.0
"""For a whole try: resolving, connecting, sending, and the answer's last byte."""

KEEP_ANSWERS = 4096
"""Bytes of an answer that are kept for the call's owner."""

_USER_AGENT = f"Callwright/{__version__}"
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_PORTS = {"http": 80, "https": 443}


class HttpSender:
    """Posts notices to their `result_url`; a `ports.sender.Sender`."""

    def __init__(
        self,
        *,
        clock: Clock,
        allow: Iterable[str] = (),
        secret: str = "",
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
        keep_answers: int = KEEP_ANSWERS,
        own_ports: Callable[[], Collection[int]] = tuple,
    ) -> None:
        """
        `allow`, `secret` and `keep_answers` are the settings of those names; `resolve`
        defaults to the operating system's resolver, `trust` to its certificates (or
        `SSL_CERT_FILE`). `own_ports` are those that this server itself listens on: they are
        not called unless an entry of `allow` names the port.

        Raises:
            ConfigInvalid: an entry of `allow`, or `secret`, is malformed.
        """
        self._clock = clock
        self._keys = signing_keys(secret)
        self._resolver = SystemResolver()
        self._guard = AddressGuard(allow, resolve=resolve or self._resolver, own_ports=own_ports)
        self._trust = trust or httpx2.create_ssl_context()
        self._deadline_s = deadline_s
        self._keep_answers = keep_answers

    async def send(self, notice: OwedNotice, now: datetime) -> Delivery:
        """What the try that begins `now` came to. Never raises.

        An answer counts once it has ended or its first 64 KiB are read; one that does
        neither within the deadline is a timeout, whatever its status line says.
        """
        began = self._clock.monotonic()
        status: int | None = None
        problem: str = ""
        retry_after: timedelta | None = None
        transcript = Transcript(self._keep_answers)
        try:
            async with asyncio.timeout(self._deadline_s):
                status, asked = await self._post(notice, now, transcript)
        except TimeoutError:
            problem = Problem.TIMEOUT
        except (NotDelivered, AddressRefused) as exc:
            problem = exc.problem
        except (httpcore2.NetworkError, OSError):
            problem = Problem.CONNECTION_LOST
        except (httpcore2.RemoteProtocolError, AnswerTooLong):
            problem = Problem.BAD_ANSWER
        except Exception:
            log.exception("notice could not be sent", call_id=notice.call_id)
            problem = Problem.INTERNAL
        else:
            if not 200 <= status < 300:
                problem = http_problem(status)
                retry_after = read_retry_after(asked, now)
        took_ms = round((self._clock.monotonic() - began) * 1000)
        return Delivery(
            status=status,
            problem=problem,
            retry_after=retry_after,
            took_ms=took_ms,
            address=transcript.address,
            request_head=transcript.request_head,
            answer=transcript.answer,
            answer_size=transcript.answer_size,
        )

    async def close(self) -> None:
        self._resolver.close()

    async def _post(
        self, notice: OwedNotice, now: datetime, transcript: Transcript
    ) -> tuple[int, str | None]:
        """The answer's status and `Retry-After`."""
        url = read_url(notice.url)
        port = url.port or _PORTS[url.scheme]
        addresses = await self._guard.addresses(url.raw_host.decode("ascii"), port)
        target = httpcore2.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path
        )
        network = CheckedBackend(addresses, transcript)
        connection = httpcore2.AsyncHTTPConnection(
            target.origin, ssl_context=self._trust, network_backend=network
        )
        headers = self._headers(notice, url, now)
        try:
            async with connection.stream(
                "POST", target, headers=headers, content=notice.body
            ) as answer:
                try:
                    async for _ in answer.aiter_stream():
                        pass
                except AnswerTooLong:
                    pass  # what was said in the first 64 KiB is enough
                asked = next((v for k, v in answer.headers if k.lower() == b"retry-after"), None)
                return answer.status, None if asked is None else asked.decode("latin-1")
        finally:
            await connection.aclose()
            await network.aclose()

    def _headers(self, notice: OwedNotice, url: httpx2.URL, now: datetime) -> list[tuple[str, str]]:
        headers = [
            ("Host", url.netloc.decode("ascii")),
            ("User-Agent", _USER_AGENT),
            ("Accept", "*/*"),
            ("Connection", "close"),
            ("Content-Type", notice.content_type),
            ("Content-Length", str(len(notice.body))),
            ("X-Call-Id", str(notice.call_id)),
            *signed_headers(self._keys, webhook_id=notice.webhook_id, now=now, body=notice.body),
        ]
        if url.userinfo:
            credentials = base64.b64encode(unquote_to_bytes(url.userinfo)).decode("ascii")
            headers.append(("Authorization", f"Basic {credentials}"))
        return headers


def read_url(text: str) -> httpx2.URL:
    """`text` as a URL that a notice may be sent to, as far as its form goes.

    Raises:
        NotDelivered: it is no absolute http(s) URL, or one that could be read in two ways.
    """
    bad = NotDelivered(Problem.BAD_URL)
    if _NOT_IN_A_URL.search(text):
        raise bad
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as exc:
        raise bad from exc
    if url.scheme not in _PORTS or not url.host:
        raise bad
    if _CONTROL.search(unquote_to_bytes(url.userinfo)):
        raise bad
    # A zone (fe80::1%eth0) names a link of this machine.
    if "%" in url.host or (url.port is not None and not 1 <= url.port <= 65535):
        raise bad
    return url


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """How long a `Retry-After` of seconds or of an HTTP date asks to wait, at most a day.

    None when there is none, it is in the past, or it cannot be read.

    Source: RFC 9110, section 10.2.3.
    """
    if text is None:
        return None
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,20}", text):
        return min(timedelta(seconds=min(int(text), 10**6)), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = min(moment - now, MAX_RETRY_AFTER)
    return wait if wait > timedelta(0) else None
