"""What `callwright doctor` looks at, one function a thing. Changes nothing it looks at."""

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator

import httpx2

from callwright.cli.findings import Finding, Level
from callwright.cli.trunk_checks import check_trunk
from callwright.config import Config, HostPort
from callwright.errors import CallwrightError, ConfigInvalid
from callwright.telephony.speech.choice import choose_speech

ANSWERS_WITHIN_S = 2.0
MIN_FREE_BYTES = 500 * 1024 * 1024
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


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
        async for finding in check_trunk(config, name, trunk):
            yield finding


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
