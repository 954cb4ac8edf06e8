"""Try to make the server talk to itself through result URLs; count who was talked to.

    python3 go stress ssrf
    python3 go stress ssrf --forms 1000 --rebinds 10000
    python3 go stress ssrf --break check-first-address-only

Listeners in a process of their own stand where nothing may go, and each connection to one is a
fault, whatever the server says of it. Only 127.1.1.0/24 is allowed; a receiver there shows that
something is sent at all. Names end in `.test` and are answered by a resolver that lies.

intake     a whole server takes calls with each URL: nothing may be contacted
delivery   the calls end, and the server tries to tell each URL; so does a bare sender
rebinding  a name gives another address each time it is asked for
redirect   the receiver answers with redirects to where nothing may go
"""

import argparse
import asyncio
import random
import socket
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from unittest.mock import patch

import httpx2
import structlog

from _breaks import breaking
from _callback_breaks import SSRF_BREAKS
from _figures import finish
from _sink_process import SinkProcess, sink_process
from _ssrf_forms import forms
from callwright.assembly import Server, open_store, run_server
from callwright.callbacks import HttpSender, http_sender
from callwright.clock import SystemClock
from callwright.config import (
    CallbackSettings,
    Config,
    HostPort,
    ServerSettings,
    SpeechSettings,
    StoreSettings,
)
from callwright.domain.account import Product
from callwright.domain.ids import CallId, NoticeId
from callwright.domain.notice import Delivery, host_of
from callwright.ivr.files import SAMPLE_FLOW, load_sample
from callwright.ports.store import OwedNotice, WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder

GOOD = "127.1.1.1"
NOBODY = "127.1.1.99"
"""Allowed, and nothing listens there."""
ALLOW = ("127.1.1.0/24",)
WHO = ("you@yourdomain.com", "an-ssrf-developer-key")
FORBIDDEN = ("127.0.0.1", "127.127.127.127", "::1")
AT_ONCE = 64
DEADLINE_S = 5.0
PATIENCE_S = 60.0

REBINDS: Sequence[Sequence[str]] = (
    (GOOD,),
    (GOOD,),
    ("127.0.0.1",),
    ("::1",),
    ("::ffff:127.0.0.1",),
    (GOOD, "127.0.0.1"),
    ("127.0.0.1", GOOD),
    (NOBODY, "127.0.0.1"),
    (NOBODY, "::1"),
)

NAMES: dict[str, Sequence[str]] = {
    "good.test": (GOOD,),
    "private.test": ("127.0.0.1",),
    "six.test": ("::1",),
    "mapped.test": ("::ffff:127.0.0.1",),
    "any.test": ("0.0.0.0",),
    "mixed-first.test": ("127.0.0.1", GOOD),
    "mixed-last.test": (GOOD, "127.0.0.1"),
    "mixed-dead.test": (NOBODY, "127.0.0.1"),
    "mixed-six.test": (NOBODY, "::1"),
}


class LyingResolver:
    """In place of the system's: answers `.test` names as it likes, and asks nobody."""

    def __init__(self, chance: random.Random) -> None:
        self.given: defaultdict[str, list[Sequence[str]]] = defaultdict(list)
        """What was answered to the rebinding names."""
        self._chance = chance

    async def __call__(self, host: str, port: int) -> list[str]:
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return ["127.0.0.1", "::1"]
        if name.startswith("rebind"):
            self.given[name].append(self._chance.choice(REBINDS))
            return list(self.given[name][-1])
        if name in NAMES:
            return list(NAMES[name])
        # Numbers are read by the real one, with all that it takes for an address.
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(sockaddr[0]) for *_, sockaddr in found]

    def close(self) -> None:
        """Nothing to release."""


class Court:
    """What was seen at forbidden listeners, part by part."""

    def __init__(self, sink: SinkProcess) -> None:
        self.faults: list[str] = []
        self.figures: dict[str, object] = {}
        self._sink = sink
        self._seen = 0

    async def close(self, part: str, **figures: object) -> None:
        """End a part: whatever was connected to since the last is its fault."""
        # A connection that was made is written down within a turn of the sink's loop.
        await asyncio.sleep(0.2)
        seen = self._sink.seen("connection")
        new, self._seen = seen[self._seen :], len(seen)
        self.faults += [f"CONNECTED {part}: {entry['host']} was connected to" for entry in new]
        self.figures[part] = {**figures, "connections": len(new)}


def owed(url: str) -> OwedNotice:
    return OwedNotice(
        id=NoticeId(1),
        call_id=CallId(1),
        url=url,
        host=host_of(url),
        webhook_id="msg_1",
        content_type="application/json",
        body=b"{}",
        tries=0,
    )


async def send_all(urls: Sequence[str]) -> list[Delivery]:
    """What a bare sender makes of each URL."""
    sender = HttpSender(clock=SystemClock(), allow=ALLOW, deadline_s=DEADLINE_S)
    places = asyncio.Semaphore(AT_ONCE)

    async def send(url: str) -> Delivery:
        async with places:
            return await sender.send(owed(url), SystemClock().now())

    try:
        return await asyncio.gather(*map(send, urls))
    finally:
        await sender.close()


def furnish(tx: WriteTx) -> int:
    """A user with an application; its deployment."""
    now = SystemClock().now()
    administer.add_user(tx, *WHO, is_admin=True, now=now)
    owner = administer.find_user(tx, WHO[0])
    script = load_sample(SAMPLE_FLOW)
    program_id = administer.add_program(
        tx, Product.FUSE, owner, "ssrf", script, metadatabase=None, now=now
    )
    program = administer.find_program(tx, Product.FUSE, program_id)
    return int(administer.deploy(tx, program, DeploymentOrder(variables={}), now))


async def whole_server(court: Court, urls: Sequence[str], good: str) -> None:
    """Intake and delivery by a server as it is run."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(
            server=ServerSettings(listen=HostPort(GOOD, 0)),
            store=StoreSettings(url=f"sqlite:{folder}/ssrf.db"),
            callbacks=CallbackSettings(allow=ALLOW),
            speech=SpeechSettings(engine="tones"),
        )
        async with open_store(config) as store:
            deployment = await store.write(furnish)
        async with run_server(config) as server:
            client = httpx2.AsyncClient(
                base_url=server.url, auth=WHO, timeout=30, trust_env=False, verify=False
            )
            async with client:
                await intake_and_delivery(court, client, server, deployment, [*urls, good])


async def intake_and_delivery(
    court: Court, client: httpx2.AsyncClient, server: Server, deployment: int, urls: Sequence[str]
) -> None:
    own_door = f"{server.url}/v1/own-door"
    taken: dict[str, int] = {}
    for url in [*urls, own_door]:
        order = {
            "deployment_id": deployment,
            "phone_number": "6175550150",
            "opens_at": "2099-01-01T00:00:00Z",
            "result_url": url,
        }
        reply = await client.post("/v1/calls", json=order)
        if reply.status_code == 201:
            taken[url] = reply.json()["id"]
        elif reply.status_code != 400 or "result_url" not in reply.text:
            court.faults.append(
                f"INTAKE {url!r} was answered with {reply.status_code}: {reply.text}"
            )
    await court.close("intake", forms=len(urls), taken=len(taken))
    await client.post(f"/v1/deployments/{deployment}/cancel")
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        reply = await client.get("/v1/callbacks", params={"limit": 500})
        shown = reply.json()["items"]
        told = {item["call_id"]: item for item in shown if item["tries"]}
        if len(told) == min(len(taken), 500):
            break
        if asyncio.get_running_loop().time() > until:
            court.faults.append(f"DELIVERY only {len(told)} of {len(taken)} were tried")
            break
        await asyncio.sleep(0.2)
    await court.close("delivery", forms=len(taken), tried=len(told))
    if told.get(taken.get(urls[-1]), {}).get("state") != "delivered":
        court.faults.append("DELIVERY what may be told was not: this shows nothing")
    # Of its own door the server is the only witness.
    if (callback := told.get(taken.get(own_door))) is not None:
        reply = await client.get(f"/v1/callbacks/{callback['id']}")
        problem = reply.json()["log"][0]["problem"]
        if problem != "blocked address":
            court.faults.append(f"OWN its own door was called: {problem!r}")


async def rebinding(court: Court, resolver: LyingResolver, port: int, tries: int) -> None:
    """A name that gives another answer each time: the verdict follows the one that was given."""
    names = [f"rebind{number}.test" for number in range(tries)]
    delivered = await send_all([f"http://{name}:{port}/" for name in names])
    for name, delivery in zip(names, delivered, strict=True):
        first, *others = resolver.given[name]
        if others:
            court.faults.append(f"VERDICT {name} was asked for {1 + len(others)} times")
        elif delivery.ok != (tuple(first) == (GOOD,)):
            court.faults.append(f"VERDICT {name} = {first} came to {delivery.problem or 'a 2xx'!r}")
    await court.close(
        "rebinding", tries=tries, delivered=sum(delivery.ok for delivery in delivered)
    )


async def redirects(court: Court, port: int, urls: Sequence[str]) -> None:
    """A receiver that sends the server elsewhere."""
    statuses = (301, 302, 303, 307, 308)
    sent = [
        f"http://{GOOD}:{port}/redirect/{status}/{url}"
        for url in urls
        for status in statuses
        if url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    ]
    delivered = await send_all(sent)
    for url, delivery in zip(sent, delivered, strict=True):
        if delivery.ok:
            court.faults.append(f"REDIRECT {url} counted as delivered")
    await court.close(
        "redirect",
        forms=len(sent),
        answered=sum(delivery.status in statuses for delivery in delivered),
    )


async def run(given: argparse.Namespace, sink: SinkProcess, resolver: LyingResolver) -> Court:
    court = Court(sink)
    chance = random.Random(given.seed)
    urls = forms(sink.port, given.forms, chance)
    good = f"http://good.test:{sink.port}/"
    [control] = await send_all([good])
    if not control.ok:
        court.faults.append(f"CONTROL what may be told was not: {control.problem}")
    parts: dict[str, Callable[[], Any]] = {
        "server": lambda: whole_server(court, urls, good),
        "rebinding": lambda: rebinding(court, resolver, sink.port, given.rebinds),
        "redirect": lambda: redirects(court, sink.port, urls[: given.redirects]),
    }
    problems = [delivery.problem for delivery in await send_all(urls)]
    await court.close("sender", forms=len(urls), blocked=problems.count("blocked address"))
    for name, part in parts.items():
        if not given.only or name in given.only:
            await part()
    return court


def has_six() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as one:
            one.bind(("::1", 0))
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--forms", type=int, default=240, help="URLs that must lead nowhere")
    parser.add_argument("--rebinds", type=int, default=1000, help="tries at a changing name")
    parser.add_argument("--redirects", type=int, default=40, help="forms to be redirected to")
    parser.add_argument("--only", choices=("server", "rebinding", "redirect"), action="append")
    parser.add_argument("--break", dest="broken", choices=sorted(SSRF_BREAKS))
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    listeners = [host for host in FORBIDDEN if ":" not in host or has_six()]
    resolver = LyingResolver(random.Random(given.seed))
    with (
        sink_process(good=1, forbidden=listeners, seed=given.seed) as sink,
        patch.object(http_sender, "SystemResolver", lambda: resolver),
        breaking(given.broken, SSRF_BREAKS),
    ):
        court = asyncio.run(run(given, sink, resolver))
    figures = {"stress": "ssrf", "seed": given.seed, "listeners": len(listeners), **court.figures}
    return finish(figures, court.faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
