"""The 49 messages of RFC 4475, each sent to an endpoint as if its trunk had said it.

`tests/torture` holds them as the RFC prints them (in mpart01 its certificate is replaced by
other bytes). For each: whether we read it, what we answer, and where that is not what the RFC
wants of a server, why. A calling client answers little, and to nobody but its trunk.
"""

import asyncio
import socket
from pathlib import Path

import pytest

from callwright.ports.line import LegIdentity
from callwright.telephony.sip.actions import Action, Ended
from callwright.telephony.sip.call import OutgoingCall
from callwright.telephony.sip.endpoint import SipEndpoint
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import SipRequest, SipResponse, parse_message
from callwright.telephony.trunk import TrunkSettings

MESSAGES = Path(__file__).parents[1] / "torture"
MARK = (
    b"OPTIONS sip:x@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKmark\r\n"
    b"From: <sip:mark@h>;tag=m\r\nTo: <sip:x@h>\r\nCall-ID: mark\r\nCSeq: 1 OPTIONS\r\n\r\n"
)
SILENCE = 0
VERDICTS = {
    # 3.1.1 valid
    "wsinv": ("INVITE", 481),  # its To has a tag, and we know no such call
    "intmeth": (None, SILENCE),  # a NUL in a header is read by nobody here
    "esc01": ("INVITE", 403),
    "escnull": ("REGISTER", 405),
    "esc02": ("RE%47IST%45R", 405),
    "lwsdisp": ("OPTIONS", 200),
    "longreq": ("INVITE", 403),
    "dblreq": ("REGISTER", 405),  # what follows the first message in a datagram is not heard
    "semiuri": ("OPTIONS", 200),
    "transports": ("OPTIONS", 200),
    "mpart01": ("MESSAGE", 405),
    "unreason": (200, SILENCE),
    "noreason": (100, SILENCE),
    # 3.1.2 invalid
    "badinv01": ("INVITE", 403),  # refused for being an INVITE, before its separators matter
    "clerr": (None, SILENCE),
    "ncl": (None, SILENCE),
    "scalar02": (None, SILENCE),
    "scalarlg": (None, SILENCE),
    "quotbal": ("INVITE", 403),
    "ltgtruri": ("INVITE", 403),
    "lwsruri": (None, SILENCE),
    "lwsstart": (None, SILENCE),
    "trws": (None, SILENCE),
    "escruri": ("INVITE", 403),
    "baddate": ("INVITE", 403),
    "regbadct": ("REGISTER", 405),
    "badaspec": ("OPTIONS", 200),
    "baddn": ("OPTIONS", 200),
    "badvers": (None, SILENCE),
    "mismatch01": (None, SILENCE),
    "mismatch02": (None, SILENCE),
    "bigcode": (None, SILENCE),
    # 3.2 transactions
    "badbranch": ("OPTIONS", 200),
    # 3.3 applications
    "insuf": (None, SILENCE),
    "unkscm": ("OPTIONS", 200),
    "novelsc": ("OPTIONS", 200),
    "unksm2": ("REGISTER", 405),
    "bext01": ("OPTIONS", 420),
    "invut": ("INVITE", 403),
    "regaut01": ("REGISTER", 405),
    "multi01": (None, SILENCE),
    "mcl01": (None, SILENCE),
    "bcast": (200, SILENCE),
    "zeromf": ("OPTIONS", 200),
    "cparam01": ("REGISTER", 405),
    "cparam02": ("REGISTER", 405),
    "regescrt": ("REGISTER", 405),
    "sdp01": ("INVITE", 403),
    # 3.4 before RFC 3261
    "inv2543": ("INVITE", 403),
}


def datagram(name: str) -> bytes:
    return (MESSAGES / f"{name}.dat").read_bytes()


def read_as(name: str) -> str | int | None:
    try:
        message = parse_message(datagram(name))
    except SipMalformed:
        return None
    return message.method if isinstance(message, SipRequest) else message.status


def test_all_of_them_are_there() -> None:
    assert {path.stem for path in MESSAGES.glob("*.dat")} == VERDICTS.keys()
    assert len(VERDICTS) == 49


@pytest.mark.parametrize("name", VERDICTS)
def test_each_is_read_or_refused_as_it_should_be(name: str) -> None:
    assert read_as(name) == VERDICTS[name][0]


def test_the_tortuous_ones_are_read_right() -> None:
    wsinv = parse_message(datagram("wsinv"))
    assert (wsinv.from_tag, wsinv.to_tag, wsinv.branch) == ("98asjd8", "1918181833n", "390skdjuw")
    assert (wsinv.cseq, wsinv.method, len(wsinv.body)) == (9, "INVITE", 150)
    assert (
        wsinv.listed("via")[2].replace(" ", "") == "SIP/2.0/UDP192.168.255.111;branch=z9hG4bK30239"
    )
    assert wsinv.first("contact").startswith('"Quoted string \\"\\"" <sip:jdrosen@example.com>')
    longreq = parse_message(datagram("longreq"))
    assert longreq.from_tag == "12" + "982" * 50 + "424"
    assert len(longreq.headers["via"]) == 34
    unreason = parse_message(datagram("unreason"))
    assert isinstance(unreason, SipResponse)
    assert unreason.phrase.startswith("= 2**3 * 5**2 ?")
    assert len(parse_message(datagram("mpart01")).body) > 700
    assert parse_message(datagram("dblreq")).body == b""


def test_each_gets_its_answer_and_a_call_goes_on_through_them_all() -> None:
    async def scene() -> None:
        trunk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        trunk.bind(("127.0.0.1", 0))
        trunk.setblocking(False)
        host, port = trunk.getsockname()
        endpoint = SipEndpoint(TrunkSettings(name="main", address=f"sip:{host}:{port}"))
        await endpoint.open()
        identity = LegIdentity(call_id="torture", from_tag="ft", branch="z9hG4bKt")
        setup = endpoint.setup(number="+16175550100", caller_id="", identity=identity)
        call = OutgoingCall(setup, ring_timeout_s=60, max_length_s=60)
        heard: list[Action] = []
        endpoint.add(call, heard.append)
        endpoint.perform(call, call.start(endpoint.now()))
        loop = asyncio.get_running_loop()
        answers: dict[str, int] = {}
        for name in VERDICTS:
            for data in (datagram(name), MARK):
                trunk.sendto(data, endpoint.local)
            answers[name] = SILENCE
            async with asyncio.timeout(5):
                while True:
                    message = parse_message(await loop.sock_recv(trunk, 65536))
                    if message.call_id == "mark":
                        break
                    if isinstance(message, SipResponse):
                        answers[name] = message.status
        endpoint.close()
        trunk.close()
        assert answers == {name: answer for name, (_, answer) in VERDICTS.items()}
        assert not any(isinstance(each, Ended) for each in heard)

    asyncio.run(scene())
