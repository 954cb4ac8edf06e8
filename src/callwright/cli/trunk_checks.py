"""What `callwright doctor` looks at of one trunk: its servers, its certificates, its ports."""

import asyncio
import errno
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice

from callwright.cli.asterisk_check import check_asterisk
from callwright.cli.findings import Finding, Level
from callwright.config import Config, TrunkSettings
from callwright.errors import ConfigInvalid
from callwright.telephony.configured_trunk import configured_trunk
from callwright.telephony.sip.dns_records import Names
from callwright.telephony.sip.fields import (
    Address,
    format_address,
    format_host_port,
    transport_of,
)
from callwright.telephony.sip.lookups import Lookups
from callwright.telephony.sip.own_setup import options, own_setup
from callwright.telephony.sip.sockets import family_of
from callwright.telephony.sip.tls import client_context, identity_problem
from callwright.telephony.trunk import TrunkSettings as LineTrunk
from callwright.telephony.trunk import check_sealing

ANSWERS_WITHIN_S = 2.0
PORTS_TRIED = 20
MOST_SERVERS = 4
RUNS_OUT_WITHIN = timedelta(days=14)
"""How long before its end a certificate is worth a word."""


async def check_trunk(config: Config, name: str, trunk: TrunkSettings) -> AsyncIterator[Finding]:
    """Everything there is to find of it."""
    about = f"trunk {name}"
    if trunk.driver == "asterisk":
        yield await check_asterisk(name, trunk)
        return
    if trunk.driver == "phones":
        yield Finding(about, Level.OK, "the built-in phones")
    elif trunk.driver == "sip":
        made = configured_trunk(config, name, trunk, line=0, lines=1, phones=None)
        for finding in (*_certificate(about, made), *_sealing(about, made)):
            yield finding
        lookups = Lookups(name, made.servers(), Names(made.name_servers))
        lookups.family = family_of(trunk.local_address)
        found = [each.address for each in await lookups.look()]
        if lookups.problem:
            text = f"where it is, is not known: {lookups.problem}"
            advice = f"correct trunks.{name}.address, or your DNS"
            yield Finding(about, Level.WARN if found else Level.FAIL, text, advice)
        for address in found[:MOST_SERVERS]:
            yield await _server(about, made, address)
    yield _audio_ports(name, trunk)


async def _server(about: str, trunk: LineTrunk, address: Address) -> Finding:
    shown = format_address(address)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            if transport_of(address) == "UDP":
                return Finding(about, Level.OK, f"{shown} answers: {await _ping(trunk, address)}")
            return await _connect(about, trunk, address)
    except TimeoutError:
        text = f"{shown} does not answer within {ANSWERS_WITHIN_S:g} s"
        advice = "check address and firewall; some carriers never answer OPTIONS"
        return Finding(about, Level.WARN, text, advice)
    except ssl.SSLError as exc:
        why = getattr(exc, "verify_message", "") or (exc.reason or "").lower().replace("_", " ")
        text = f"{shown}: no TLS connection: {why}"
        return Finding(about, Level.FAIL, text, f"see trunks.{trunk.name}.tls_ca and .address")
    except OSError as exc:
        text = f"{shown} cannot be reached: {exc.strerror or exc}"
        return Finding(about, Level.FAIL, text, f"check trunks.{trunk.name}.address and your route")


async def _connect(about: str, trunk: LineTrunk, address: Address) -> Finding:
    shown, context = format_address(address), None
    if transport_of(address) == "TLS":
        with suppress(ConfigInvalid):  # which was found before
            context = client_context(trunk.tls, f"trunks.{trunk.name}")
    domain = trunk.proves_to_be()
    _, writer = await asyncio.open_connection(
        address[0],
        address[1],
        ssl=context,
        server_hostname=domain if context is not None else None,
        local_addr=(trunk.local_address, 0) if trunk.local_address else None,
    )
    certificate = writer.get_extra_info("peercert")
    writer.close()
    if context is None:
        return Finding(about, Level.OK, f"{shown} takes connections")
    problem = identity_problem(certificate, domain, wildcards=trunk.tls.wildcards)
    if problem:
        text = f"{shown}: its certificate is refused: {problem}"
        return Finding(about, Level.FAIL, text, f"see trunks.{trunk.name}.address")
    return _lasting(about, f"{shown} shows a certificate that is good", certificate["notAfter"])


def _certificate(about: str, trunk: LineTrunk) -> Iterator[Finding]:
    """Whether our own files for TLS can be used, and for how long."""
    if not any(each.transport == "TLS" for each in trunk.servers()):
        return
    try:
        client_context(trunk.tls, f"trunks.{trunk.name}")
    except ConfigInvalid as exc:
        yield Finding(about, Level.FAIL, str(exc))
        return
    if not trunk.tls.certificate:
        return
    problem, ends = _as_others_see_it(trunk.tls.certificate, trunk.tls.key)
    if problem:
        text = f"{trunk.tls.certificate}: {problem}"
        yield Finding(about, Level.FAIL, text, f"renew trunks.{trunk.name}.tls_certificate")
    else:
        yield _lasting(about, f"{trunk.tls.certificate} is a certificate with its key", ends)


def _sealing(about: str, trunk: LineTrunk) -> Iterator[Finding]:
    """Whether audio that is to be sealed can be, and for whom."""
    try:
        check_sealing(trunk)
    except ConfigInvalid as exc:
        yield Finding(about, Level.FAIL, str(exc))
    if trunk.tells_keys_openly:
        text = "the keys of sealed audio are sent openly"
        yield Finding(about, Level.WARN, text, f"use TLS; see trunks.{trunk.name}.address")


def _as_others_see_it(certificate: str, key: str) -> tuple[str, str]:
    """What is wrong with a certificate of ours to one who trusts it, and until when it is good."""
    asks = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asks.load_cert_chain(certificate, key or None, password="")
    asks.load_verify_locations(certificate)
    asks.verify_mode = ssl.CERT_REQUIRED
    # It need not be an authority's to be trusted here.
    asks.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shows.check_hostname, shows.verify_mode = False, ssl.CERT_NONE
    shows.load_cert_chain(certificate, key or None, password="")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = asks.wrap_bio(there, back, server_side=True)
    client = shows.wrap_bio(back, there)
    for end in (client, server, client, server):
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as exc:
            return exc.verify_message, ""
    return "", str((server.getpeercert() or {})["notAfter"])


def _lasting(about: str, text: str, not_after: str) -> Finding:
    ends_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
    text = f"{text} until {ends_at:%Y-%m-%d}"
    soon = ends_at - datetime.now(UTC) < RUNS_OUT_WITHIN
    return Finding(about, Level.WARN if soon else Level.OK, text, "renew it" if soon else "")


async def _ping(trunk: LineTrunk, address: Address) -> str:
    """The first line of the answer to a SIP OPTIONS."""
    loop = asyncio.get_running_loop()
    with socket.socket(family_of(address[0]), socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if trunk.local_address:
            sock.bind((trunk.local_address, 0))
        sock.connect(address)
        host, port = sock.getsockname()[:2]
        setup = own_setup(
            trunk,
            token=secrets.token_hex(8),
            sent_by=format_host_port((host, port)),
            target=address,
        )
        asks = options(setup, branch=setup.branch, cseq=1, to=address)
        await loop.sock_sendall(sock, asks)
        answer = await loop.sock_recv(sock, 65536)
    return answer.split(b"\r\n", 1)[0].decode("latin-1").removeprefix("SIP/2.0 ")


def _audio_ports(name: str, trunk: TrunkSettings) -> Finding:
    about = f"trunk {name}"
    ports = range(trunk.rtp_ports.first, trunk.rtp_ports.last + 1)
    local = trunk.local_address or "0.0.0.0"
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    taken = 0
    for port in islice(ports, PORTS_TRIED):
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind((local, port))
            except OSError as exc:
                if trunk.local_address and exc.errno == errno.EADDRNOTAVAIL:
                    text = f"{local} is not an address of this machine"
                    return Finding(about, Level.FAIL, text, f"correct trunks.{name}.local_address")
                taken += 1
    if len(ports) < 2 * trunk.max_calls:
        text = f"{len(ports)} ports for audio are few for {trunk.max_calls} calls"
        return Finding(about, Level.WARN, text, f"widen trunks.{name}.rtp_ports")
    if taken == PORTS_TRIED:
        text = f"the first {PORTS_TRIED} ports of {trunk.rtp_ports} are taken"
        return Finding(about, Level.WARN, text, f"choose other trunks.{name}.rtp_ports")
    return Finding(about, Level.OK, f"ports {trunk.rtp_ports} for audio")
