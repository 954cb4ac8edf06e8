"""Send a line what nobody should send it: forged messages, broken ones, and hostile numbers.

    python3 go stress sip
    python3 go stress sip --values 100000 --forged 10000 --mutants 100000
    python3 go stress sip --break any-tag

Calls talk on a real line meanwhile, on this machine's loopback. No forged BYE, CANCEL or other
message from elsewhere may end one of them or be answered; no mutant of one call that the trunk
itself sends may hurt another, or the line; and every number, caller id and key of a list is
refused, or goes out in exactly the headers that an INVITE has. Beside that, trunks are away in
every way, and their calls must wait, or go to another server. Nothing leaves this machine: a
socket bound to 127.0.0.1 cannot send elsewhere, whatever a mutant names.
"""

import argparse
import asyncio
import logging
import re
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import structlog

from _breaks import breaking
from _figures import finish
from _sip_breaks import SIP_BREAKS
from _sip_values import fault_in, hostile_values
from _trunk_states import stress_trunks
from callwright.domain.outcome import Outcome
from callwright.ivr import script as scripts
from callwright.ivr.load import load
from callwright.ports.line import (
    FromLine,
    LegAnswered,
    LegEnded,
    LegIdentity,
    LegOrder,
    ScriptText,
)
from callwright.telephony.line import SipLine
from callwright.telephony.trunk import TrunkSettings

sys.path.append(str(Path(__file__).parents[1] / "tests" / "fuzz"))

from fuzz_mutator import Mutator
from fuzz_wire import PART, SDP, WIRE

MINUTES = 60
FLOW = "callwright: 1\nname: Talks\nsteps:\n" + "".join(
    f"  m{n}:\n    wait: 60s\n    next: {f'm{n + 1}' if n < MINUTES else 'hangup'}\n"
    for n in range(MINUTES + 1)
)
TALKING = 20
EACH_VICTIM_GETS = 100
AT_ONCE = 20
# Nobody minds that we hear nothing from whoever only listens.
_LISTENS = SDP.replace(b"192.0.2.7", b"127.0.0.1").replace(b"sendrecv", b"recvonly").decode()
_CALL = re.compile(rb"\r\nCall-ID: ([^\r]+)\r\n")
_LINE = "\r\n{}: (.*?)\r\n"


class Trunk:
    """Answers every INVITE at once and says what it is told; its messages are read here alone."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.port: int = self.sock.getsockname()[1]
        self.line = ("127.0.0.1", 0)
        self.invites: dict[str, str] = {}
        self._marked: dict[str, asyncio.Event] = {}
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._hear)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()

    async def until_heard(self) -> None:
        """Returns once the line has dealt with all that was sent to it before."""
        name = secrets.token_hex(4)
        heard = self._marked[name] = asyncio.Event()
        mark = (
            f"OPTIONS sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{name}\r\n"
            f"From: <sip:m@h>;tag=m\r\nTo: <sip:x@h>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\n\r\n"
        )
        async with asyncio.timeout(20):
            while not heard.is_set():
                self.sock.sendto(mark.encode(), self.line)
                try:
                    await asyncio.wait_for(heard.wait(), 0.5)
                except TimeoutError:
                    continue
        del self._marked[name]

    def _hear(self) -> None:
        for _ in range(100):
            try:
                data, self.line = self.sock.recvfrom(65536)
            except OSError:
                return
            found = _CALL.search(data)
            call_id = found[1].decode("latin-1") if found else ""
            if call_id in self._marked:
                self._marked[call_id].set()
            elif data.startswith(b"INVITE "):
                text = data.decode("latin-1")
                self.invites.setdefault(call_id, text)
                self._answer(text, _LISTENS)
            elif data.startswith((b"BYE ", b"CANCEL ", b"UPDATE ", b"PRACK ")):
                self._answer(data.decode("latin-1"), "")

    def _answer(self, request: str, body: str) -> None:
        to = header(request, "To")
        tag = "" if ";tag=" in to else ";tag=pt"
        repeated = "".join(
            f"{name}: {header(request, name)}\r\n" for name in ("Via", "From", "Call-ID", "CSeq")
        )
        answer = (
            f"SIP/2.0 200 OK\r\n{repeated}To: {to}{tag}\r\n"
            f"Contact: <sip:t@127.0.0.1:{self.port}>\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self.sock.sendto(answer.encode("latin-1"), self.line)


class Talks:
    """A line with calls on it, and what it said of them."""

    def __init__(self, line: SipLine) -> None:
        self.line = line
        self.answered: set[str] = set()
        self.ended: dict[str, list[LegEnded]] = {}
        self._news = asyncio.Event()

    def heard(self, message: FromLine) -> None:
        if isinstance(message, LegAnswered):
            self.answered.add(message.leg)
        if isinstance(message, LegEnded):
            self.ended.setdefault(message.leg, []).append(message)
        self._news.set()

    async def place(self, leg: str) -> None:
        """Returns once somebody has answered."""
        self.line.say(
            LegOrder(
                leg=leg,
                trunk="main",
                number="+16175550100",
                caller_id="+16175550199",
                identity=LegIdentity(call_id=leg, from_tag="ft", branch=f"z9hG4bK{leg}"),
                script="talks",
                variables={},
                ring_timeout_s=60.0,
                max_length_s=3600.0,
            )
        )
        async with asyncio.timeout(20):
            while leg not in self.answered and leg not in self.ended:
                self._news.clear()
                await self._news.wait()


def header(text: str, name: str) -> str:
    found = re.search(_LINE.format(name), text)
    return found[1] if found else ""


def forged(trunk: Trunk, seed: int) -> Iterator[tuple[bool, bytes]]:
    """Messages of others: whether it knows the tags of a call and so must come from elsewhere."""
    calls = list(trunk.invites.items())
    for number in range(seed, seed + 10**9):
        call_id, invite = calls[number % len(calls)]
        method = ("BYE", "CANCEL", "INVITE", "UPDATE", "INFO", "BYE")[number % 6]
        knows = number % 2 == 0
        tags = ("pt", "ft") if knows else (("px", "ft"), ("pt", "fx"), ("ft", "pt"))[number % 3]
        status = number % 7 == 0
        start = "SIP/2.0 486 Busy Here" if status else f"{method} sip:callwright@h SIP/2.0"
        from_tag, to_tag = (tags[1], tags[0]) if status else tags
        body = "Signal=5" if method == "INFO" else ""
        via = header(invite, "Via") if status else f"SIP/2.0/UDP h;branch=z9hG4bKx{number}"
        cseq = "1 INVITE" if status else f"{number + 10} {method}"
        yield (
            knows or status,
            (
                f"{start}\r\nVia: {via}\r\nFrom: <sip:c@d>;tag={from_tag}\r\n"
                f"To: <sip:a@b>;tag={to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n"
                f"Content-Type: application/dtmf\r\nContent-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
        )


async def forge(trunk: Trunk, talks: Talks, count: int, seed: int) -> list[str]:
    """Strangers speak on another port of the trunk's host, and from another host."""
    strangers = []
    for host in ("127.0.0.1", "127.0.0.2"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((host, 0))
        sock.setblocking(False)
        strangers.append(sock)
    replies = 0
    for number, (elsewhere, data) in enumerate(islice(forged(trunk, seed), count)):
        strangers[1 if elsewhere else number % 2].sendto(data, trunk.line)
        if number % AT_ONCE == AT_ONCE - 1:
            await trunk.until_heard()
    await trunk.until_heard()
    for sock in strangers:
        try:
            while sock.recv(65536):
                replies += 1
        except BlockingIOError:
            sock.close()
    faults = [f"S2-strangers {leg} was ended by a stranger" for leg in talks.ended]
    if replies:
        faults.append(f"S2-strangers {replies} forged messages were answered")
    return faults


async def mutate(trunk: Trunk, talks: Talks, count: int, seed: int) -> list[str]:
    """The trunk itself goes mad; each call gets its share of it."""
    victim, sent = "", 0
    for data in Mutator(WIRE["sip"], seed).inputs():
        for part in data.split(PART):
            if sent % EACH_VICTIM_GETS == 0:
                victim = f"v{sent // EACH_VICTIM_GETS}"
                await talks.place(victim)
            named = part[1:].replace(b"Call-ID: c\r", f"Call-ID: {victim}\r".encode())
            trunk.sock.sendto(named, trunk.line)
            sent += 1
            if sent % AT_ONCE == 0:
                await trunk.until_heard()
            if sent >= count:
                await trunk.until_heard()
                return [f"S2-mutants {leg} was hurt" for leg in talks.ended if leg.startswith("t")]
    return []


async def stress_line(folder: Path, count_forged: int, count_mutants: int, seed: int) -> list[str]:
    trunk = Trunk()
    settings = TrunkSettings(
        name="main", address=f"sip:127.0.0.1:{trunk.port}", rtp_ports=(46000, 49999)
    )
    talks = Talks(SipLine([settings], speech=None, cache_dir=folder))
    await talks.line.start(talks.heard)
    talks.line.say(ScriptText(key="talks", text=scripts.dump(load(FLOW, "stress"))))
    try:
        for number in range(TALKING):
            await talks.place(f"t{number}")
        faults = await forge(trunk, talks, count_forged, seed)
        if count_mutants:
            faults += await mutate(trunk, talks, count_mutants, seed)
    finally:
        await talks.line.stop()
        trunk.close()
    for leg, ends in talks.ended.items():
        if len(ends) != 1:
            faults.append(f"S2-mutants {leg} ended {len(ends)} times")
        if any(each.reason == "internal error" for each in ends):
            faults.append(f"S2-mutants {leg} broke the line's own program")
        stopped = ends[0].outcome is Outcome.INTERRUPTED_TALKING
        if leg.startswith("t") and not stopped and not faults:
            faults.append(f"S2-strangers {leg} came to {ends[0].outcome}")
    missing = len(talks.answered - talks.ended.keys())
    return faults + ([f"S2-mutants {missing} calls never ended"] if missing else [])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--values", type=int, default=5000, help="hostile numbers")
    parser.add_argument("--forged", type=int, default=1000, help="messages of strangers")
    parser.add_argument("--mutants", type=int, default=2000, help="broken messages of the trunk")
    parser.add_argument("--break", dest="broken", choices=sorted(SIP_BREAKS))
    given = parser.parse_args(arguments)
    logging.getLogger("callwright").setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = time.perf_counter()
    faults: list[str] = []
    taken = 0
    with breaking(given.broken, SIP_BREAKS), tempfile.TemporaryDirectory() as folder:
        for value in islice(hostile_values(given.seed), given.values):
            was_taken, fault = fault_in(value)
            taken += was_taken
            if fault:
                faults.append(f"S2-values {value!r}: {fault}")
        line = stress_line(Path(folder), given.forged, given.mutants, given.seed)
        faults += asyncio.run(line)
        faults += asyncio.run(stress_trunks(Path(folder) / "trunks"))
    figures = {
        "stress": "sip",
        "seed": given.seed,
        "values": given.values,
        "values_taken": taken,
        "forged": given.forged,
        "mutants": given.mutants,
        "took_s": round(time.perf_counter() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
