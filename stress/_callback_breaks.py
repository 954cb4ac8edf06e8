"""Servers that break a promise about callbacks on purpose; see `_breaks`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2

from callwright import address_guard, assembly
from callwright.callbacks import http_sender
from callwright.callbacks.problem import NotDelivered
from callwright.domain.notice import NoticeState, NoticeStep, Problem, after_delivery
from callwright.domain.receiver import SLOTS, after_try
from callwright.ports.notices import HostsWanted
from callwright.runtime import callback_pump, callback_slots
from callwright.store.sqlite import notices

Patch = tuple[object, str, Any]


def _no_host_slots() -> list[Patch]:
    """First come, first served: a host may have every slot."""
    return [
        (callback_slots, "MOST_UNPROVEN", SLOTS),
        (callback_slots.Offer, "_left", lambda self, host: self.room),
        (callback_slots.Offer, "wanted", property(lambda self: HostsWanted())),
    ]


def _no_rests() -> list[Patch]:
    """Go on trying whoever does not answer."""

    def learn(before: Any, *arguments: Any, **more: Any) -> Any:
        after = after_try(before, *arguments, **more)
        return replace(after, at_once=SLOTS // 4, strain=0, rests_until=None)

    return [(callback_slots, "after_try", learn)]


def _rest_for_ever() -> list[Patch]:
    """Switch a host off that failed too often."""

    def learn(before: Any, *arguments: Any, now: datetime, **more: Any) -> Any:
        after = after_try(before, *arguments, now=now, **more)
        if after.rests_until is None:
            return after
        return replace(after, rests_until=now + timedelta(days=3650))

    return [(callback_slots, "after_try", learn)]


def _give_up_early() -> list[Patch]:
    """Let go of what was not delivered in three tries."""

    def step(delivery: Any, *, tries: int, **more: Any) -> NoticeStep:
        usual = after_delivery(delivery, tries=tries, **more)
        return usual if tries < 3 or delivery.ok else NoticeStep(state=NoticeState.DEAD)

    return [(callback_pump, "after_delivery", step)]


def _told_once() -> list[Patch]:
    """Take a notice for delivered, whatever the receiver said."""

    def delivered(*_: object, **__: object) -> NoticeStep:
        return NoticeStep(state=NoticeState.DELIVERED)

    return [(callback_pump, "after_delivery", delivered)]


def _new_body_each_try() -> list[Patch]:
    """Render the body anew for each try."""
    owed = notices._owed

    def rendered(row: Any) -> Any:
        notice = owed(row)
        return replace(notice, body=notice.body + b" " * notice.tries)

    return [(notices, "_owed", rendered)]


def _new_id_each_try() -> list[Patch]:
    """Take each try for a message of its own."""
    owed = notices._owed

    def named(row: Any) -> Any:
        notice = owed(row)
        return replace(notice, webhook_id=f"{notice.webhook_id}.{notice.tries}")

    return [(notices, "_owed", named)]


CALLBACK_BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "no-host-slots": _no_host_slots,
    "no-rests": _no_rests,
    "rest-for-ever": _rest_for_ever,
    "give-up-early": _give_up_early,
    "told-once": _told_once,
    "new-body-each-try": _new_body_each_try,
    "new-id-each-try": _new_id_each_try,
}


def _guard_asleep() -> list[Patch]:
    """Call whatever the resolver says."""
    return [(address_guard.AddressGuard, "_may_call", lambda *arguments: True)]


def _check_strings() -> list[Patch]:
    """Judge the host as it is spelt, not the address behind it."""
    forbidden = re.compile(r"localhost$|(?:0|10|127|169\.254|192\.168)\.\d+\.\d+|\[?::1\]?$", re.I)

    def may_call(self: Any, host: str, port: int, address: object) -> bool:
        return host == "127.1.1.1" or not forbidden.match(host)

    return [(address_guard.AddressGuard, "_may_call", may_call)]


def _check_first_address_only() -> list[Patch]:
    """Look at the first address that a name has, and connect to whichever answers."""

    async def addresses(self: Any, host: str, port: int) -> Sequence[address_guard.Address]:
        texts = await self._resolve(host, port)
        found = [address_guard.ip_address(text) for text in texts]
        if not self._may_call(host, port, found[0]):
            raise NotDelivered(Problem.BLOCKED_ADDRESS)
        return found

    return [(address_guard.AddressGuard, "addresses", addresses)]


def _resolve_again() -> list[Patch]:
    """Check a name, then let the connection look it up once more."""
    check = address_guard.AddressGuard.addresses

    async def addresses(self: Any, host: str, port: int) -> Sequence[address_guard.Address]:
        await check(self, host, port)
        return [address_guard.ip_address(text) for text in await self._resolve(host, port)]

    return [(address_guard.AddressGuard, "addresses", addresses)]


def _follow_redirects() -> list[Patch]:
    """Check the URL, and leave the rest to a client that follows where it is sent."""

    async def post(self: Any, notice: Any, now: datetime, transcript: object) -> Any:
        url = http_sender.read_url(notice.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        await self._guard.addresses(url.raw_host.decode("ascii"), port)
        async with httpx2.AsyncClient(follow_redirects=True, trust_env=False) as client:
            answer = await client.post(notice.url, content=notice.body)
        return answer.status_code, None

    return [(http_sender.HttpSender, "_post", post)]


def _own_door_open() -> list[Patch]:
    """Take this server's own port for one like any other."""

    def sender(**settings: Any) -> http_sender.HttpSender:
        return http_sender.HttpSender(**(settings | {"own_ports": tuple}))

    return [(assembly, "HttpSender", sender)]


SSRF_BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "guard-asleep": _guard_asleep,
    "check-strings": _check_strings,
    "check-first-address-only": _check_first_address_only,
    "resolve-again": _resolve_again,
    "follow-redirects": _follow_redirects,
    "own-door-open": _own_door_open,
}
