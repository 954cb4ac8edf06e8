"""What becomes of a call by UDP, TCP and TLS: at SIPp, at SIPp behind Kamailio, at baresip."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from line_world import SILENT, Told, told_line
from sipp_phones import Phones, sipp_phones

from callwright.domain.outcome import Outcome
from callwright.ports.line import LegAnswered, LegEnded, LegOrder
from callwright.telephony.sip.tls import TlsSettings
from callwright.testing.peers.baresip import Baresip, running_baresip
from callwright.testing.peers.certificates import Authority, Certificate
from callwright.testing.peers.kamailio import Kamailio, kamailio
from callwright.testing.programs import require

require("baresip")

WAYS = ["sipp-udp", "sipp-tcp", "kamailio-udp", "kamailio-tcp", "kamailio-tls"]


@dataclass(frozen=True, slots=True)
class Peers:
    """SIPp by UDP and by TCP; Kamailio, which stays in the way, before the first of them."""

    sipp: dict[str, Phones]
    proxy: Kamailio
    certificate: Certificate


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    folder = tmp_path_factory.mktemp("peers")
    certificate = Authority(folder).certify("proxy", ["IP:127.0.0.1"])
    (folder / "tcp").mkdir()
    with (
        sipp_phones(folder) as udp,
        sipp_phones(folder / "tcp", "uas_by_number.xml", "-t", "t1") as tcp,
        kamailio(folder, f"127.0.0.1:{udp.port}", certificate) as proxy,
    ):
        yield Peers({"udp": udp, "tcp": tcp}, proxy, certificate)


@asynccontextmanager
async def line_by(way: str, peers: Peers, folder: Path) -> AsyncIterator[Told]:
    peer, transport = way.split("-")
    address = peers.proxy.address(transport)
    if peer == "sipp":
        address = f"sip:127.0.0.1:{peers.sipp[transport].port};transport={transport}"
    tls = TlsSettings(ca=str(peers.certificate.ca))
    async with told_line(folder, address, user="callwright", password="phones", tls=tls) as line:
        line.script("long", SILENT.replace("0.2s", "20s"))
        line.script("holds", SILENT.replace("0.2s", "2s"))
        yield line


@pytest.mark.parametrize("way", WAYS)
def test_every_way_brings_every_kind_of_call_to_its_end(
    peers: Peers, way: str, tmp_path: Path
) -> None:
    async def dial() -> dict[str, LegOrder]:
        async with line_by(way, peers, tmp_path) as line:
            orders = {
                ending: line.place(f"+1617201{ending}", **call.settings)
                for ending, call in CALLS.items()
            }
            ended = {ending: await line.end(order) for ending, order in orders.items()}
            came_of_it = {k: (each.outcome, each.reason) for k, each in ended.items()}
            assert came_of_it == {k: (each.outcome, each.reason) for k, each in CALLS.items()}
            return orders

    orders = asyncio.run(dial())
    phones = peers.sipp["tcp" if way == "sipp-tcp" else "udp"]
    for ending, order in orders.items():
        heard = CALLS[ending].heard
        assert phones.received(order.identity.call_id, heard[-1], len(heard)) == list(heard), ending


@dataclass(frozen=True, slots=True)
class Call:
    """What a number is called with, what comes of it, and what the phone hears meanwhile."""

    outcome: Outcome
    reason: str
    heard: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)


SOON = {"ring_timeout_s": 0.6}
LONG = {"script": "long"}
CALLS: dict[str, Call] = {
    "0100": Call(Outcome.ANSWERED, "script ended", ("INVITE", "ACK", "BYE")),
    "0150": Call(Outcome.BUSY, "486 Busy Here", ("INVITE", "ACK")),
    "0152": Call(Outcome.REJECTED, "603 Decline", ("INVITE", "ACK")),
    "0151": Call(Outcome.NO_ANSWER, "ring timeout", ("INVITE", "CANCEL", "ACK"), SOON),
    # The 200 crosses our CANCEL.
    "0164": Call(Outcome.NO_ANSWER, "ring timeout", ("INVITE", "CANCEL", "ACK", "BYE"), SOON),
    # Challenged with 407; and with 401, without end.
    "0159": Call(Outcome.ANSWERED, "script ended", ("INVITE", "ACK", "INVITE", "ACK", "BYE")),
    "0161": Call(
        Outcome.TRUNK_MISCONFIGURED, "401 Unauthorized", ("INVITE", "ACK", "INVITE", "ACK")
    ),
    # Early media in 183, and one that wants to be acknowledged.
    "0158": Call(Outcome.UNREACHABLE, "404 Not Found", ("INVITE", "ACK")),
    "0167": Call(Outcome.ANSWERED, "script ended", ("INVITE", "PRACK", "ACK", "BYE")),
    # Held and resumed by re-INVITE, each answered with 200.
    "0166": Call(
        Outcome.ANSWERED,
        "script ended",
        ("INVITE", "ACK", "SIP/2.0", "SIP/2.0", "BYE"),
        {"script": "holds"},
    ),
    "0157": Call(Outcome.ANSWERED, "callee hung up", ("INVITE", "ACK", "SIP/2.0"), LONG),
}


LOST = ("0100", "0150", "0152", "0157", "0165")


def test_a_twentieth_of_all_messages_may_be_lost(tmp_path: Path) -> None:
    async def dial(phones: Phones) -> list[tuple[str, str]]:
        async with told_line(tmp_path, phones.address) as line:
            line.script("short", SILENT.replace("0.2s", "2s"))
            orders = [line.place(f"+1617201{ending}") for ending in LOST for _ in range(5)]
            ended = [await line.until(LegEnded, order, 40) for order in orders]
            return [
                (order.number[-4:], each.reason) for order, each in zip(orders, ended, strict=True)
            ]

    with sipp_phones(tmp_path, "uas_by_number.xml", "-lost", "5") as phones:
        found = asyncio.run(dial(phones))
    reasons = {ending: call.reason for ending, call in CALLS.items()} | {"0165": "script ended"}
    assert [reason for _, reason in found] == [reasons[ending] for ending, _ in found]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_phone_answers_holds_resumes_and_hangs_up(transport: str, tmp_path: Path) -> None:
    async def call(phone: Baresip) -> None:
        address = phone.address.replace("transport=udp", f"transport={transport}")
        async with told_line(tmp_path, address) as line:
            line.script("long", SILENT.replace("0.2s", "20s"))
            ours = line.place(phone.number)
            assert (await line.end(ours)).reason == "script ended"
            theirs = line.place(phone.number, **LONG)
            await line.until(LegAnswered, theirs)
            for command in ("hold", "resume", "hangup"):
                await asyncio.to_thread(phone.command, command)
            ended = await line.end(theirs)
            assert (ended.outcome, ended.reason) == (Outcome.ANSWERED, "callee hung up")

    with running_baresip(tmp_path, "+16172010100") as phone:
        asyncio.run(call(phone))
