"""What `callwright doctor` looks at, one function a thing. Changes nothing it looks at."""

import asyncio
import ctypes
import errno
import os
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

import httpx2

from callwright.config import Config, HostPort, SipAddress, TrunkSettings
from callwright.errors import CallwrightError, ConfigInvalid
from callwright.telephony.sip.message import render
from callwright.telephony.speech.choice import choose_speech

ANSWERS_WITHIN_S = 2.0
SIP_PORT = 5060
SIPS_PORT = 5061
MIN_FREE_BYTES = 500 * 1024 * 1024
PORTS_TRIED = 20
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Level(StrEnum):
    """How bad a finding is. Only `fail` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `advice` says what to do about it."""

    about: str
    level: Level
    text: str
    advice: str = ""


async def examine(config: Config) -> AsyncIterator[Finding]:
    """Everything there is to find, one after the other."""
    yield Finding("config", Level.OK, str(config.file or "defaults; no file"))
    yield await _store(config)
    yield _disk(config)
    for finding in await _listen(config.server.listen):
        yield finding
    yield _clock()
    yield _speech(config.speech.engine)
    if not config.trunks:
        yield Finding(
            "trunk",
            Level.WARN,
            "none is configured: calls go to built-in phones and reach nobody",
            "set [trunks.main] in the settings",
        )
    for name, trunk in config.trunks.items():
        yield await _trunk(name, trunk)
        yield _audio_ports(name, trunk)


async def _store(config: Config) -> Finding:
    from callwright.assembly import open_store

    path = config.sqlite_path
    if path is not None and not path.exists():
        return Finding("store", Level.FAIL, f"{path} does not exist", "run `callwright init`")
    try:
        async with open_store(config) as store:
            users, counts, mark = await store.read(
                lambda tx: (tx.users(), tx.queue_counts(), tx.server_mark())
            )
    except CallwrightError as exc:
        return Finding("store", Level.FAIL, str(exc))
    if not any(user.is_active for user in users):
        advice = "add one with `callwright user add`"
        return Finding("store", Level.FAIL, "has no active user", advice)
    if mark.held is not None:
        advice = "make sure, then `callwright resume server`, or `serve --resume`"
        return Finding("store", Level.FAIL, f"held at start: {mark.held.because}", advice)
    text = f"{counts.waiting} calls wait, {counts.active} are in motion"
    if counts.quarantined:
        return Finding(
            "store",
            Level.WARN,
            f"{text}; {counts.quarantined} are quarantined after several crashes",
            "see `callwright ls calls --quarantined`; release or cancel each",
        )
    if counts.notices_dead:
        return Finding(
            "store",
            Level.WARN,
            f"{text}; {counts.notices_dead} results could not be delivered",
            "look at the result_url of those calls",
        )
    return Finding("store", Level.OK, text)


def _disk(config: Config) -> Finding:
    folder = (config.sqlite_path or config.folder / "x").absolute().parent
    try:
        status = os.statvfs(folder)
    except OSError as exc:
        return Finding("disk", Level.FAIL, f"{folder}: {exc.strerror}", "make that folder")
    free = status.f_bavail * status.f_frsize
    text = f"{free // (1024 * 1024)} MiB free in {folder}"
    if free < MIN_FREE_BYTES:
        return Finding("disk", Level.WARN, text, "make room: without any, nothing is accepted")
    return Finding("disk", Level.OK, text)


async def _listen(listen: HostPort) -> list[Finding]:
    """Whether the port is free, or taken by a server of ours; and what that finds."""
    try:
        free = await asyncio.get_running_loop().create_server(
            asyncio.Protocol, listen.host, listen.port, reuse_address=True
        )
    except OSError as exc:
        bind_problem = exc.strerror or str(exc)
    else:
        free.close()
        return [Finding("port", Level.OK, f"{listen} is free: no server runs there")]
    try:
        async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN_S) as client:
            answer = await client.get(f"http://{listen}/readyz")
        value = answer.json()
        down = [_down(listen, text) for text in value.get("trunks_down", ())]
        if answer.status_code == 200:
            return [Finding("server", Level.OK, f"answers at {listen} and is ready"), *down]
        if "problems" in value:
            problems = "; ".join(value["problems"])
            return [Finding("server", Level.FAIL, f"at {listen}: {problems}"), *down]
    except (httpx2.HTTPError, ValueError, TypeError, AttributeError):
        pass
    advice = "stop what uses it, or choose another server.listen"
    return [Finding("port", Level.FAIL, f"{listen} cannot be used: {bind_problem}", advice)]


def _down(listen: HostPort, text: str) -> Finding:
    advice = "its calls wait; see `callwright limit trunk`, and the server's log"
    return Finding("server", Level.FAIL, f"at {listen}: {text}", advice)


def _clock() -> Finding:
    class Timex(ctypes.Structure):
        # More than large enough for struct timex; modes = 0 only reads.
        _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_byte * 508))

    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(Timex()))
    except (OSError, AttributeError):
        return Finding("clock", Level.OK, "this system does not say whether it is synchronised")
    if state == _TIME_ERROR:
        advice = "run an NTP client, or calls may leave their windows"
        return Finding("clock", Level.WARN, "is not synchronised", advice)
    return Finding("clock", Level.OK, "is synchronised" if state >= 0 else "cannot be asked")


def _speech(engine: str) -> Finding:
    try:
        speech = choose_speech(engine)
    except ConfigInvalid as exc:
        return Finding("speech", Level.FAIL, str(exc))
    if speech is None:
        text = "no engine: what has prompts to speak cannot be called"
        return Finding("speech", Level.WARN, text, "set speech.engine, or use recordings only")
    if speech.name == "tones":
        text = "prompts are tones, not words"
        return Finding("speech", Level.WARN, text, "apt-get install espeak-ng")
    return Finding("speech", Level.OK, speech.name)


async def _trunk(name: str, trunk: TrunkSettings) -> Finding:
    about = f"trunk {name}"
    if trunk.driver == "phones" or trunk.address is None:
        return Finding(about, Level.OK, "the built-in phones")
    loop = asyncio.get_running_loop()
    port = trunk.address.port or (SIPS_PORT if trunk.address.goes_by == "tls" else SIP_PORT)
    kind = socket.SOCK_DGRAM if trunk.address.goes_by == "udp" else socket.SOCK_STREAM
    try:
        found = await loop.getaddrinfo(trunk.address.host, port, type=kind)
    except (OSError, UnicodeError):
        text = f"the host {trunk.address.host} is not known"
        return Finding(about, Level.FAIL, text, f"correct trunks.{name}.address, or your DNS")
    family = found[0][0]
    target = HostPort(str(found[0][4][0]), port)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            if kind == socket.SOCK_STREAM:
                _, writer = await asyncio.open_connection(target.host, target.port)
                writer.close()
                return Finding(about, Level.OK, f"{trunk.address} takes connections")
            said = await _ping(trunk.address, family, target, trunk.local_address)
    except TimeoutError:
        text = f"{trunk.address} does not answer OPTIONS within {ANSWERS_WITHIN_S:g} s"
        advice = "check address and firewall; some carriers never answer OPTIONS"
        return Finding(about, Level.WARN, text, advice)
    except OSError as exc:
        text = f"{trunk.address} cannot be reached: {exc.strerror or exc}"
        return Finding(about, Level.FAIL, text, f"check trunks.{name}.address and your route")
    return Finding(about, Level.OK, f"{trunk.address} answers: {said}")


async def _ping(address: SipAddress, family: int, target: HostPort, local: str) -> str:
    """The first line of the answer to a SIP OPTIONS."""
    loop = asyncio.get_running_loop()
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if local:
            sock.bind((local, 0))
        sock.connect((target.host, target.port))
        own = HostPort(*sock.getsockname()[:2])
        to = HostPort(address.host, target.port)
        await loop.sock_sendall(
            sock,
            render(
                [
                    f"OPTIONS sip:{to} SIP/2.0",
                    f"Via: SIP/2.0/UDP {own};rport;branch=z9hG4bK{secrets.token_hex(8)}",
                    "Max-Forwards: 70",
                    f"From: <sip:doctor@{own}>;tag={secrets.token_hex(4)}",
                    f"To: <sip:{to}>",
                    f"Call-ID: {secrets.token_hex(8)}",
                    "CSeq: 1 OPTIONS",
                    f"Contact: <sip:doctor@{own}>",
                ]
            ),
        )
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
