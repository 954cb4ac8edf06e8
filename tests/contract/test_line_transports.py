"""What becomes of a call by UDP, TCP and TLS, straight to SIPp and through Kamailio."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from line_world import SILENT, Told, told_line
from sipp_phones import Phones as SippPhones
from sipp_phones import sipp_phones

from callwright.domain.outcome import Outcome
from callwright.ports.line import LegOrder
from callwright.telephony.phones import Phones
from callwright.telephony.sip.tls import TlsSettings
from callwright.testing.peers.certificates import Authority, Certificate
from callwright.testing.peers.free_ports import free_udp_port
from callwright.testing.peers.kamailio import Kamailio, kamailio

WAYS = ["sipp-udp", "sipp-tcp", "kamailio-udp", "kamailio-tcp", "kamailio-tls"]


@dataclass(frozen=True, slots=True)
class Peers:
    """SIPp by UDP and by TCP; Kamailio before the built-in phones, which listen on `callee`."""

    sipp: dict[str, SippPhones]
    proxy: Kamailio
    certificate: Certificate
    callee: int


@pytest.fixture(scope="module")
def peers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peers]:
    folder, callee = tmp_path_factory.mktemp("peers"), free_udp_port()
    certificate = Authority(folder).certify("proxy", ["IP:127.0.0.1"])
    (folder / "tcp").mkdir()
    with (
        sipp_phones(folder) as udp,
        sipp_phones(folder / "tcp", "uas_by_number.xml", "-t", "t1") as tcp,
        kamailio(folder, f"127.0.0.1:{callee}", certificate) as proxy,
    ):
        yield Peers({"udp": udp, "tcp": tcp}, proxy, certificate, callee)


@asynccontextmanager
async def line_by(way: str, peers: Peers, folder: Path) -> AsyncIterator[Told]:
    peer, transport = way.split("-")
    address = peers.proxy.address(transport)
    if peer == "sipp":
        address = f"sip:127.0.0.1:{peers.sipp[transport].port};transport={transport}"
    tls = TlsSettings(ca=str(peers.certificate.ca))
    phones = Phones(listen=("127.0.0.1", peers.callee), speech=None)
    await phones.start()
    try:
        async with told_line(
            folder, address, user="callwright", password="phones", tls=tls
        ) as line:
            line.script("long", SILENT.replace("0.2s", "20s"))
            yield line
    finally:
        await phones.stop()


@pytest.mark.parametrize("way", WAYS)
def test_every_way_brings_every_kind_of_call_to_its_end(
    peers: Peers, way: str, tmp_path: Path
) -> None:
    async def dial() -> list[LegOrder]:
        async with line_by(way, peers, tmp_path) as line:
            orders = []
            for number, (settings, *came_of_it) in CALLS.items():
                order = line.place(number, **settings)
                ended = await line.end(order)
                assert [ended.outcome, ended.reason] == came_of_it, number
                orders.append(order)
            return orders

    orders = asyncio.run(dial())
    if way.startswith("sipp"):
        phones = peers.sipp[way.removeprefix("sipp-")]
        for order in orders:
            heard = HEARD[order.number]
            assert phones.received(order.identity.call_id, last=heard[-1]) == heard


CALLS: dict[str, tuple[dict[str, Any], Outcome, str]] = {
    "+16172010100": ({}, Outcome.ANSWERED, "script ended"),
    "+16172010150": ({}, Outcome.BUSY, "486 Busy Here"),
    "+16172010151": ({"ring_timeout_s": 0.6}, Outcome.NO_ANSWER, "ring timeout"),
    "+16172010159": ({}, Outcome.ANSWERED, "script ended"),
    "+16172010157": ({"script": "long"}, Outcome.ANSWERED, "callee hung up"),
}

HEARD = {
    "+16172010100": ["INVITE", "ACK", "BYE"],
    "+16172010150": ["INVITE", "ACK"],
    "+16172010151": ["INVITE", "CANCEL", "ACK"],
    "+16172010159": ["INVITE", "ACK", "INVITE", "ACK", "BYE"],
    "+16172010157": ["INVITE", "ACK", "SIP/2.0"],
}
