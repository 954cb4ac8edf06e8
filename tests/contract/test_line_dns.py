"""Where DNS says that a trunk's servers are: which come first, for how long, and what if not."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from math import inf
from pathlib import Path

import pytest
from dns_server import DnsServer, dns_server
from line_world import RTP_PORTS, SILENT, started, told_line
from raw_phone import RawPhone
from tcp_peer import tcp_peer

from callwright.domain.outcome import Outcome
from callwright.errors import Unavailable
from callwright.ports.line import LegEnded, LegSent, TrunkStands
from callwright.telephony.pipe import LineSettings
from callwright.telephony.sip import lookups
from callwright.telephony.sip.dns_records import Names
from callwright.telephony.sip.fields import StreamAddress, Transport
from callwright.telephony.sip.locate import PARTLY_S, Found, Sought, locate
from callwright.telephony.sip.tls import TlsSettings
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.trunk import TrunkSettings
from callwright.testing.peers.certificates import Authority

NAME = "carrier.example"


def with_dns(talk: Callable[[DnsServer], Awaitable[None]]) -> None:
    async def run() -> None:
        with dns_server() as dns:
            await talk(dns)

    asyncio.run(run())


async def found(
    dns: DnsServer,
    *,
    host: str = NAME,
    port: int = 0,
    by: Transport | None = None,
    family: int = socket.AF_INET,
    guess: bool = False,
) -> Found:
    sought = Sought(host=host, port=port, transport=by)
    return await locate(sought, Names([dns.address]), family, guess=guess)


def test_naptr_chooses_the_transport_and_srv_the_hosts_by_priority_and_weight() -> None:
    async def test(dns: DnsServer) -> None:
        dns.says(
            NAME,
            "NAPTR",
            '20 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.',
            '10 10 "u" "E2U+sip" "!^.*$!sip:x@y!" .',
            '10 20 "s" "SIP+D2T" "" in-tcp.carrier.example.',
            '5 10 "s" "SIP+D2W" "" ws.carrier.example.',
            ttl_s=600,
        )
        dns.says(
            "in-tcp.carrier.example",
            "SRV",
            "2 0 5070 b.carrier.example.",
            "1 60 5080 a.carrier.example.",
            ttl_s=500,
        )
        dns.says("a.carrier.example", "A", "192.0.2.1", "192.0.2.2", ttl_s=400)
        dns.says("b.carrier.example", "A", "192.0.2.3")
        servers, ttl_s = await found(dns)
        assert sorted((each.address, each.priority, each.weight) for each in servers) == [
            (StreamAddress("192.0.2.1", 5080, "TCP"), 1, 30),
            (StreamAddress("192.0.2.2", 5080, "TCP"), 1, 30),
            (StreamAddress("192.0.2.3", 5070, "TCP"), 2, 0),
        ]
        assert ttl_s == 400

    with_dns(test)


@pytest.mark.parametrize(
    ("by", "asked", "address"),
    [
        ("UDP", "_sip._udp", ("192.0.2.1", 5070)),
        ("TCP", "_sip._tcp", StreamAddress("192.0.2.1", 5070, "TCP")),
        ("TLS", "_sips._tcp", StreamAddress("192.0.2.1", 5070, "TLS")),
    ],
)
def test_a_transport_that_is_given_needs_no_naptr(by, asked, address) -> None:
    async def test(dns: DnsServer) -> None:
        dns.says(f"{asked}.{NAME}", "SRV", f"0 0 5070 {NAME}.")
        dns.says(NAME, "A", "192.0.2.1")
        assert [each.address for each in (await found(dns, by=by)).servers] == [address]
        assert (NAME, "NAPTR") not in dns.asked

    with_dns(test)


def test_without_records_the_name_is_the_server_and_with_a_port_nothing_else_is_asked() -> None:
    async def test(dns: DnsServer) -> None:
        dns.says(NAME, "A", "192.0.2.1", ttl_s=70)
        assert [each.address for each in (await found(dns)).servers] == [("192.0.2.1", 5060)]
        by_tls = (await found(dns, by="TLS")).servers
        assert by_tls[0].address == StreamAddress("192.0.2.1", 5061, "TLS")
        dns.asked.clear()
        servers, ttl_s = await found(dns, port=5099)
        assert ([each.address for each in servers], ttl_s) == ([("192.0.2.1", 5099)], 70)
        assert set(dns.asked) == {(NAME, "A")}
        servers, ttl_s = await found(dns, host="192.0.2.9", by="TCP")
        assert (servers[0].address, ttl_s) == (StreamAddress("192.0.2.9", 5060, "TCP"), inf)

    with_dns(test)


def test_ipv6_is_asked_for_where_that_is_ours_or_all_there_is() -> None:
    async def test(dns: DnsServer) -> None:
        dns.says(NAME, "AAAA", "2001:db8::7")
        for family in (socket.AF_INET6, socket.AF_UNSPEC):
            servers, _ = await found(dns, family=family)
            assert [each.address for each in servers] == [("2001:db8::7", 5060)]
        dns.says(NAME, "A", "192.0.2.1")
        servers, _ = await found(dns, family=socket.AF_UNSPEC)
        assert [each.address for each in servers] == [("192.0.2.1", 5060)]
        with pytest.raises(Unavailable, match="cannot be reached"):
            await found(dns, host="2001:db8::7")

    with_dns(test)


def test_what_cannot_be_found_says_of_which_name() -> None:
    async def test(dns: DnsServer) -> None:
        with pytest.raises(Unavailable, match=r"carrier\.example has no address"):
            await found(dns)
        dns.says(f"_sip._udp.{NAME}", "SRV", "0 0 0 .")
        dns.says(NAME, "A", "192.0.2.1")
        for guess in (False, True):
            with pytest.raises(Unavailable, match="no SIP service"):
                await found(dns, by="UDP", guess=guess)
        dns.is_broken = True
        with pytest.raises(Unavailable, match="cannot say"):
            await found(dns)
        with pytest.raises(Unavailable, match="cannot say"):
            await found(dns, guess=True)

    with_dns(test)


def test_a_host_that_nobody_can_speak_of_is_asked_for_again_before_the_others_run_out() -> None:
    async def test(dns: DnsServer) -> None:
        dns.says(f"_sip._udp.{NAME}", "SRV", "1 0 5060 a.example.", "2 0 5060 b.example.")
        dns.says("a.example", "A", "192.0.2.1")
        dns.broken_for.add("b.example")
        servers, ttl_s = await found(dns, by="UDP")
        assert ([each.address for each in servers], ttl_s) == ([("192.0.2.1", 5060)], PARTLY_S)

    with_dns(test)


def test_it_is_tried_again_ever_more_seldom_however_long_it_fails() -> None:
    async def test() -> None:
        out_of_reach = Sought(host="192.0.2.1", port=5060, transport=None)
        looks = lookups.Lookups("main", [out_of_reach], Names(()))
        looks.family = socket.AF_INET6
        waits = []
        for _ in range(1100):
            assert await looks.look() == []
            waits.append(round(looks.again_at - asyncio.get_running_loop().time()))
        assert waits[:6] == [5, 10, 20, 40, 60, 60]
        assert set(waits[6:]) == {60}

    asyncio.run(test())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is looked at tells nobody
            await asyncio.sleep(0.01)


def test_a_call_goes_where_srv_says_and_to_the_next_where_nobody_is(tmp_path: Path) -> None:
    async def test(dns: DnsServer) -> None:
        phone = RawPhone()
        nobody = RawPhone()
        nobody.close()
        dns.says(
            f"_sip._udp.{NAME}",
            "SRV",
            f"1 0 {nobody.port} {NAME}.",
            f"2 0 {phone.port} {NAME}.",
        )
        dns.says(NAME, "A", "127.0.0.1")
        async with told_line(
            tmp_path, f"sip:{NAME};transport=udp", name_servers=(dns.address,)
        ) as line:
            order = line.place("+15550100")
            assert (await line.end(order)).outcome is Outcome.ANSWERED
            went = [each.remote_address for each in line.of(order, LegSent)]
            assert went == [f"127.0.0.1:{nobody.port}", f"127.0.0.1:{phone.port};try=2"]
            assert f"@{NAME}" in phone.header("To")
        phone.close()

    with_dns(test)


def test_a_line_process_asks_as_well(tmp_path: Path) -> None:
    async def test(dns: DnsServer) -> None:
        phone = RawPhone()
        dns.says(NAME, "NAPTR", '1 1 "s" "SIP+D2U" "" out.carrier.example.')
        dns.says("out.carrier.example", "SRV", f"1 0 {phone.port} {NAME}.")
        dns.says(NAME, "A", "127.0.0.1")
        trunk = TrunkSettings(
            name="main", address=f"sip:{NAME}", rtp_ports=RTP_PORTS, name_servers=(dns.address,)
        )
        settings = LineSettings(trunks=(trunk,), speech="tones", cache_dir=str(tmp_path))
        async with started(ProcessLine(settings)) as line:
            order = line.place("+15550100")
            assert (await line.end(order)).outcome is Outcome.ANSWERED
            assert line.of(order, LegSent)[0].remote_address == f"127.0.0.1:{phone.port}"
        phone.close()

    with_dns(test)


@pytest.mark.parametrize(("subject", "is_good"), [(NAME, True), ("node1.example", False)])
def test_by_tls_the_certificate_is_that_of_the_name_and_not_of_where_dns_leads(
    tmp_path: Path, subject: str, is_good: bool
) -> None:
    shown = Authority(tmp_path).certify("shown", [f"DNS:{subject}"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.file, shown.key)

    async def test(dns: DnsServer) -> None:
        async with tcp_peer(context) as peer:
            peer.answers["INVITE"] = 486
            dns.says(f"_sips._tcp.{NAME}", "SRV", f"1 0 {peer.port} node1.example.")
            dns.says("node1.example", "A", "127.0.0.1")
            tls = TlsSettings(ca=str(shown.ca))
            async with told_line(
                tmp_path, f"sips:{NAME}", name_servers=(dns.address,), tls=tls
            ) as line:
                ended = await line.end(line.place("+15550100"))
                if is_good:
                    assert ended.outcome is Outcome.BUSY
                else:
                    assert ended.outcome is Outcome.TRUNK_TROUBLE
                    assert ended.reason.endswith(f"not for {NAME}")
                    assert peer.requests == []

    with_dns(test)


def test_an_unknown_name_holds_the_trunk_until_dns_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "AGAIN_S", 0.05)

    async def test(dns: DnsServer) -> None:
        phone = RawPhone()
        async with told_line(
            tmp_path,
            f"sip:{NAME}:{phone.port}",
            name_servers=(dns.address,),
            local_address="127.0.0.1",
        ) as line:
            first = line.messages[0]
            assert isinstance(first, TrunkStands)
            assert (first.takes_calls, first.servers) == (False, ())
            assert first.lookup_problem == f"{NAME} has no address"
            assert first.lookup_at > 0
            lost = await line.until(LegEnded, line.place("+15550100"))
            assert (lost.outcome, lost.sent) == (Outcome.TRUNK_TROUBLE, False)
            dns.says(NAME, "A", "127.0.0.1")
            await until(lambda: _stands(line.messages).takes_calls)
            assert _stands(line.messages).lookup_problem == ""
            assert (await line.end(line.place("+15550100"))).outcome is Outcome.ANSWERED
        phone.close()

    with_dns(test)


def test_a_new_answer_moves_calls_and_a_failed_lookup_leaves_them_where_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "SHORTEST_S", 0.05)
    monkeypatch.setattr(lookups, "AGAIN_S", 0.05)
    monkeypatch.setattr(lookups, "LONGEST_AGAIN_S", 0.05)

    async def test(dns: DnsServer) -> None:
        old, new = RawPhone(), RawPhone(host="127.0.0.2")
        srv, by = f"_sip._udp.{NAME}", {"name_servers": (dns.address,)}
        dns.says(srv, "SRV", f"1 0 {old.port} {NAME}.", ttl_s=0)
        dns.says(NAME, "A", "127.0.0.1", ttl_s=0)
        async with told_line(tmp_path, f"sip:{NAME};transport=udp", **by) as line:
            line.script("long", SILENT.replace("0.2s", "20s"))
            talks = line.place("+15550100", script="long")
            await until(lambda: "ACK" in old.methods())
            dns.says(srv, "SRV", f"1 0 {new.port} {NAME}.", ttl_s=0)
            dns.says(NAME, "A", "127.0.0.2", ttl_s=0)
            await until(lambda: str(new.port) in _stands(line.messages).servers[0].address)
            assert (await line.end(line.place("+15550100"))).outcome is Outcome.ANSWERED
            assert new.methods()[0] == "INVITE"
            dns.is_broken = True
            await until(lambda: _stands(line.messages).lookup_problem != "")
            assert _stands(line.messages).takes_calls
            assert (await line.end(line.place("+15550101"))).outcome is Outcome.ANSWERED
            # What was under way goes on where it is.
            old.sip.sendto(old.request("BYE", 7), old.caller)
            assert (await line.end(talks)).reason == "callee hung up"
        old.close()
        new.close()

    with_dns(test)


def _stands(messages: list[object]) -> TrunkStands:
    return [each for each in messages if isinstance(each, TrunkStands)][-1]
