"""What the line does when connections are refused, break, or show a wrong certificate."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from line_world import told_line
from sipp_phones import free_udp_port, sipp_phones
from tcp_peer import TcpPeer, tcp_peer

from callwright.domain.outcome import Outcome
from callwright.ports.line import EndOrphans, LegSent, Orphan, OrphanEnded
from callwright.telephony.sip.sdp import build_offer
from callwright.telephony.sip.stream import PING, PONG
from callwright.telephony.sip.tls import TlsSettings
from callwright.testing.peers.certificates import Authority, Certificate
from callwright.testing.peers.free_ports import free_tcp_port

SDP = ("Content-Type: application/sdp",)
BODY = build_offer("127.0.0.1", 45998, 9)


def test_a_refused_connection_and_a_closed_port_lead_to_the_next_server(tmp_path: Path) -> None:
    async def dial(port: int) -> None:
        nobody = f"sip:127.0.0.1:{free_tcp_port()};transport=tcp"
        targets = (nobody, f"sip:127.0.0.1:{free_udp_port()}", f"sip:127.0.0.1:{port}")
        async with told_line(tmp_path, "sip:127.0.0.1;transport=udp", targets=targets) as line:
            order = line.place("+15550100")
            assert (await line.end(order)).outcome is Outcome.ANSWERED
            went = [each.remote_address for each in line.of(order, LegSent)]
            assert went[0].endswith(";transport=tcp")
            assert went[-1] == f"127.0.0.1:{port};try=3"
            again = line.place("+15550100")
            assert (await line.end(again)).outcome is Outcome.ANSWERED
            went = [each.remote_address for each in line.of(again, LegSent)]
            assert went == [f"127.0.0.1:{port}"]

    with sipp_phones(tmp_path) as phones:
        asyncio.run(dial(phones.port))


def with_peer(folder: Path, talk: Callable[..., Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with (
            tcp_peer() as peer,
            told_line(folder, f"sip:127.0.0.1:{peer.port};transport=tcp") as line,
        ):
            await talk(peer, line)

    asyncio.run(run())


def test_a_connection_serves_many_calls_and_comes_from_the_port_of_our_via(tmp_path: Path) -> None:
    async def talk(peer: TcpPeer, line: Any) -> None:
        for count in (1, 2):
            order = line.place("+15550100")
            invite = await peer.heard("INVITE", count)
            peer.answer(invite, 486)
            assert (await line.end(order)).outcome is Outcome.BUSY
            await peer.heard("ACK", count)
        assert len(peer.writers) == 1
        port = peer.writers[0].get_extra_info("peername")[1]
        assert line.ready.local_sip["main"] == f"127.0.0.1:{port}"
        assert f"<sip:callwright@127.0.0.1:{port};transport=tcp>" in invite.first("contact")

    with_peer(tmp_path, talk)


def test_an_invite_that_was_lost_with_its_connection_is_repeated_by_the_next(
    tmp_path: Path,
) -> None:
    async def talk(peer: TcpPeer, line: Any) -> None:
        order = line.place("+15550100")
        first = await peer.heard("INVITE")
        peer.hang_up()
        again = await peer.heard("INVITE", 2)
        assert (again.branch, again.cseq) == (first.branch, first.cseq)
        peer.answer(again, 486)
        assert (await line.end(order)).outcome is Outcome.BUSY

    with_peer(tmp_path, talk)


def test_a_call_outlives_its_connection(tmp_path: Path) -> None:
    async def talk(peer: TcpPeer, line: Any) -> None:
        order = line.place("+15550100")
        contact = f"Contact: <sip:p@127.0.0.1:{peer.port};transport=tcp>"
        peer.answer(await peer.heard("INVITE"), 200, (*SDP, contact), BODY)
        await peer.heard("ACK")
        peer.hang_up()
        peer.answer(await peer.heard("BYE"), 200)
        assert (await line.end(order)).outcome is Outcome.ANSWERED
        assert len(peer.writers) == 2

    with_peer(tmp_path, talk)


def test_pings_are_answered_and_rubbish_closes_the_connection(tmp_path: Path) -> None:
    async def talk(peer: TcpPeer, line: Any) -> None:
        order = line.place("+15550100", ring_timeout_s=1.0)
        invite = await peer.heard("INVITE")
        peer.answer(invite, 100)
        peer.writers[0].write(PING)
        await peer.ends_with(PONG + PONG)
        peer.writers[0].write(b"HTTP/1.1 200 OK\r\n\r\n")
        cancel = await peer.heard("CANCEL")
        assert len(peer.writers) == 2
        peer.answer(cancel, 200)
        peer.answer(invite, 487)
        assert (await line.end(order)).outcome is Outcome.NO_ANSWER

    with_peer(tmp_path, talk)


def test_what_a_dead_line_left_is_ended_by_tcp_too(tmp_path: Path) -> None:
    async def talk(peer: TcpPeer, line: Any) -> None:
        order = line.place("+15550100")
        await peer.heard("INVITE")
        (sent,) = line.of(order, LegSent)
        orphan = Orphan(
            attempt="7.1",
            trunk="main",
            number="+15550199",
            caller_id="",
            identity=order.identity.__class__(call_id="o@x", from_tag="ot", branch="z9hG4bKo"),
            to_tag="pt",
            remote_address=sent.remote_address,
            local_sip=f"127.0.0.1:{free_tcp_port()}",
        )
        line.line.say(EndOrphans(orphans=(orphan,)))
        bye = await peer.heard("BYE")
        assert (bye.call_id, bye.to_tag) == ("o@x", "pt")
        assert bye.first("via").startswith("SIP/2.0/TCP ")
        peer.answer(bye, 200)
        (ended,) = await line.until_count(OrphanEnded, 1)
        assert ended.ended
        peer.writers.pop()
        peer.answer(peer.requests[0], 486)
        await line.end(order)

    with_peer(tmp_path, talk)


def test_an_account_is_registered_with_the_line_and_taken_back_at_its_end(tmp_path: Path) -> None:
    async def run() -> None:
        async with tcp_peer() as peer:
            address = f"sip:127.0.0.1:{peer.port};transport=tcp"
            asks = ('WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"',)
            async with told_line(tmp_path, address, password="p", register_for_s=600) as line:
                peer.answer(await peer.heard("REGISTER"), 401, asks)
                register = await peer.heard("REGISTER", 2)
                port = line.ready.local_sip["main"].rpartition(":")[2]
                contact = f"<sip:callwright@127.0.0.1:{port};transport=tcp>"
                assert register.first("contact") == contact
                assert register.first("to") == f"<sip:callwright@127.0.0.1:{peer.port}>"
                assert 'username="callwright"' in register.first("authorization")
                peer.answer(register, 200, (f"Contact: {contact};expires=600",))
                peer.answers |= {"REGISTER": 200, "INVITE": 486}
                # Once a call is answered for, what was said before has been heard.
                assert (await line.end(line.place("+15550100"))).outcome is Outcome.BUSY
            assert (await peer.heard("REGISTER", 3)).first("expires") == "0"

    asyncio.run(run())


def test_pings_know_a_dead_server_before_a_call_meets_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with tcp_peer() as peer:
            peer.answers |= {"OPTIONS": 404, "INVITE": 486}
            nobody = f"sip:127.0.0.1:{free_tcp_port()};transport=tcp"
            targets = (nobody, f"sip:127.0.0.1:{peer.port};transport=tcp")
            address = "sip:127.0.0.1;transport=tcp"
            async with told_line(tmp_path, address, targets=targets, ping_every_s=0.05) as line:
                await peer.heard("OPTIONS", 2)
                order = line.place("+15550100")
                assert (await line.end(order)).outcome is Outcome.BUSY
                (sent,) = line.of(order, LegSent)
                assert sent.remote_address == f"127.0.0.1:{peer.port};transport=tcp"

    asyncio.run(run())


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def tls_server(certificate: Certificate, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.file, certificate.key)
    if asks:
        context.load_verify_locations(certificate.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def call_by_tls(
    folder: Path, certificate: Certificate, tls: TlsSettings, *, asks: bool = False
) -> tuple[Outcome, str]:
    async def dial() -> tuple[Outcome, str]:
        async with (
            tcp_peer(tls_server(certificate, asks=asks)) as peer,
            told_line(folder, f"sips:127.0.0.1:{peer.port}", tls=tls) as line,
        ):
            order = line.place("+15550100")
            asked = asyncio.create_task(peer.heard("INVITE"))
            ending = asyncio.create_task(line.end(order))
            await asyncio.wait((asked, ending), return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                assert asked.result().uri.startswith("sips:")
                assert "<sips:callwright@" in asked.result().first("contact")
                peer.answer(asked.result(), 486)
            asked.cancel()
            ended = await ending
            return ended.outcome, ended.reason

    return asyncio.run(dial())


def test_a_trunk_whose_certificate_is_good_is_called(tmp_path: Path, authority: Authority) -> None:
    certificate = authority.certify("good", ["IP:127.0.0.1"])
    tls = TlsSettings(ca=str(certificate.ca))
    assert call_by_tls(tmp_path, certificate, tls)[0] is Outcome.BUSY


@pytest.mark.parametrize(
    ("names", "days", "trusts", "why"),
    [
        (["DNS:sip.example.com"], 2, True, "it is for no name that SIP uses, not for 127.0.0.1"),
        (["IP:127.0.0.9"], 2, True, "it is for 127.0.0.9, not for 127.0.0.1"),
        (["IP:127.0.0.1"], -1, True, "certificate has expired"),
        (["IP:127.0.0.1"], 2, False, "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_is_not_the_trunks_is_refused_loudly(
    tmp_path: Path,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    names: list[str],
    days: int,
    trusts: bool,
    why: str,
) -> None:
    certificate = authority.certify("bad", names, days=days)
    tls = TlsSettings(ca=str(certificate.ca) if trusts else "")
    with caplog.at_level(logging.ERROR):
        outcome, reason = call_by_tls(tmp_path, certificate, tls)
    assert outcome is Outcome.TRUNK_TROUBLE
    assert reason == f"certificate refused: {why}"
    (told,) = [each for each in caplog.records if "cannot be connected" in each.message]
    assert "trunks.main.tls_ca" in told.see  # type: ignore[attr-defined]


@pytest.mark.parametrize("shows", [True, False])
def test_a_trunk_that_asks_for_our_certificate_gets_it(
    tmp_path: Path, authority: Authority, shows: bool
) -> None:
    theirs = authority.certify("theirs", ["IP:127.0.0.1"])
    ours = authority.certify("ours", ["DNS:us.example.com"])
    tls = TlsSettings(ca=str(theirs.ca))
    if shows:
        tls = TlsSettings(ca=str(theirs.ca), certificate=str(ours.file), key=str(ours.key))
    outcome, reason = call_by_tls(tmp_path, theirs, tls, asks=True)
    assert (outcome is Outcome.BUSY) is shows, reason
    assert shows or reason.startswith(("TLS: ", "connection lost"))
