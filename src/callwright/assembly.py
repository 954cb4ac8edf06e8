"""The one file that knows every part: settings become a store, a server, a sender, lines."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from callwright.callbacks.http_sender import HttpSender
from callwright.clock import Clock, SystemClock
from callwright.config import Config, TrunkSettings
from callwright.errors import ConfigInvalid
from callwright.ports.line import Line
from callwright.ports.meter import SILENT, Meter
from callwright.ports.start import Held
from callwright.ports.store import Store
from callwright.runtime.gate import Gate
from callwright.runtime.supervisor import Supervisor
from callwright.runtime.trunks import limits_and_rules
from callwright.service.hold_start import HoldRules
from callwright.service.tell_result import NoticeStyle
from callwright.store.sqlite import NoteFile, open_sqlite_store
from callwright.telephony.capture import CaptureRules
from callwright.telephony.configured_trunk import (
    configured_asterisk,
    configured_trunk,
    path_of,
)
from callwright.telephony.pipe import LineSettings
from callwright.telephony.recording import RecordingRules
from callwright.telephony.send_gate import new_book_file
from callwright.telephony.spawned_line import ProcessLine
from callwright.web.metrics import Metrics, TrunkReading

if TYPE_CHECKING:
    # Loaded late: by a command that only opens the store never, by a server while its lines start.
    from callwright.ports.speech import Speech
    from callwright.telephony.phones import Phones
    from callwright.web.server import HttpServer

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that answers requests and dials."""

    url: str
    store: Store
    supervisor: Supervisor
    phones: "Phones | None"
    """The built-in callee, when some trunk uses it."""
    uses_only_phones: bool
    """No trunk is configured: calls reach nobody outside this machine."""
    held: Held | None
    """Why it dials nothing until somebody says so."""


@asynccontextmanager
async def open_store(
    config: Config, *, server: bool = False, meter: Meter = SILENT
) -> AsyncIterator[Store]:
    """The configured store; `server=True` refuses a second server on the same one.

    Raises:
        ConfigInvalid: it cannot be opened; the text says why and what to do.
    """
    path = config.sqlite_path
    if path is None:
        raise ConfigInvalid("store.url: only sqlite: is supported so far")
    store = open_sqlite_store(path, server=server, meter=meter)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def run_server(
    config: Config, *, clock: Clock | None = None, resume: bool = False
) -> AsyncIterator[Server]:
    """Serve and dial until the context ends. Drain the supervisor first, or calls are cut.

    `resume`: a person says that this start may dial, however old the store seems.

    Raises:
        ConfigInvalid: a setting does not work here (a taken port, a missing program).
        Unavailable: a line did not start.
    """
    from callwright.telephony.speech.choice import choose_speech

    clock = clock or SystemClock()
    speech = choose_speech(config.speech.engine)
    metrics = Metrics()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(config, server=True, meter=metrics))
        trunks = config.trunks_in_use
        phones = None
        if any(trunk.driver == "phones" for trunk in trunks.values()):
            phones = await _start_phones(stack, speech)
        own_ports = {config.server.listen.port}
        sender = HttpSender(
            clock=clock,
            allow=config.callbacks.allow,
            secret=config.callbacks.secret,
            keep_answers=config.callbacks.keep_answers,
            own_ports=lambda: own_ports,
        )
        stack.push_async_callback(sender.close)
        book = new_book_file(len(trunks))
        stack.callback(os.close, book)
        supervisor = Supervisor(
            store=store,
            clock=clock,
            make_lines=_line_makers(config, trunks, phones, book),
            sender=sender,
            trunks=[limits_and_rules(name, trunk) for name, trunk in trunks.items()],
            style=NoticeStyle(
                new_id=lambda: f"msg_{secrets.token_urlsafe(18)}",
                form_encoded=config.callbacks.form_encoded,
            ),
            meter=metrics,
            gate=_gate(config, store, clock, resume=resume),
        )
        # Loading it takes longer than all else: calls that wait are dialled meanwhile.
        http_side = asyncio.create_task(
            asyncio.to_thread(
                _http_side, config, store, clock, supervisor, metrics, can_speak=speech is not None
            )
        )
        stack.callback(http_side.cancel)
        await supervisor.start()
        stack.push_async_callback(supervisor.stop)
        http = await http_side
        stack.callback(asyncio.create_task(metrics.watch_loop()).cancel)
        address = await http.start()
        own_ports.add(address.port)
        stack.push_async_callback(http.stop)
        yield Server(
            url=f"http://{address}",
            store=store,
            supervisor=supervisor,
            phones=phones,
            uses_only_phones=not config.trunks,
            held=None if supervisor.gate is None else supervisor.gate.held,
        )


async def _start_phones(stack: AsyncExitStack, speech: "Speech | None") -> "Phones":
    from callwright.telephony.phones import Phones

    phones = Phones(listen=("127.0.0.1", 0), speech=speech)
    await phones.start()
    stack.push_async_callback(phones.stop)
    return phones


def _http_side(
    config: Config,
    store: Store,
    clock: Clock,
    supervisor: Supervisor,
    metrics: Metrics,
    *,
    can_speak: bool,
) -> "HttpServer":
    """The API and its server, which does not listen yet. Needs no event loop."""
    from callwright.telephony.capture import CaptureArchive
    from callwright.telephony.recording import RecordingArchive
    from callwright.web.app import make_app
    from callwright.web.door import Door, DoorLimits
    from callwright.web.health import Vitals
    from callwright.web.server import HttpServer
    from callwright.web.sources import Proxies

    door = Door(
        DoorLimits(
            connections=config.limits.connections_total,
            per_source=config.limits.connections_per_source,
        ),
        Proxies(config.server.proxies),
        clock,
        on_refused=metrics.refused_unread,
    )
    app = make_app(
        store=store,
        clock=clock,
        config=config,
        can_speak=can_speak,
        on_change=supervisor.wake,
        vitals=Vitals(
            is_dialling=lambda: supervisor.lines.running > 0,
            is_draining=lambda: supervisor.is_draining,
            held=lambda: supervisor.gate.held if supervisor.gate is not None else None,
            trunks=lambda: _trunk_readings(supervisor),
            connections=lambda: len(door),
        ),
        metrics=metrics,
        hang_up=supervisor.attempts.hang_up,
        resume=supervisor.resume,
        limits_changed=supervisor.limits_changed,
        pacing=supervisor.pacing,
        sip_messages=CaptureArchive(_beside_the_store(config, "sip")),
        recordings=RecordingArchive(_beside_the_store(config, "recordings")),
    )
    return HttpServer(app, config.server.listen, door)


def _gate(config: Config, store: Store, clock: Clock, *, resume: bool) -> Gate:
    path = config.mark_path
    assert path is not None  # only SQLite is supported so far
    rules = HoldRules(after=config.store.hold_after, more_than=config.store.hold_calls)
    return Gate(store=store, clock=clock, note=NoteFile(path), rules=rules, resume=resume)


def _trunk_readings(supervisor: Supervisor) -> list[TrunkReading]:
    return [
        TrunkReading(
            name=limits.name,
            active=supervisor.attempts.in_flight(limits.name),
            limit=limits.max_calls,
            in_trouble=supervisor.in_trouble(limits.name),
            health=supervisor.lines.trunks.health(limits.name),
        )
        for limits in supervisor.trunks
    ]


def _line_makers(
    config: Config, trunks: dict[str, TrunkSettings], phones: "Phones | None", book: int
) -> list[Callable[[], Line]]:
    """One maker a line process; each has its own share of the ports for audio, and all write
    down in one `book` when their INVITEs leave."""
    count = config.lines.processes
    makers: list[Callable[[], Line]] = []
    for index in range(count):
        settings = LineSettings(
            trunks=tuple(
                configured_trunk(
                    config,
                    name,
                    trunk,
                    line=index,
                    lines=count,
                    phones=None if phones is None else phones.address,
                )
                for name, trunk in trunks.items()
                if trunk.driver != "asterisk"
            ),
            asterisks=tuple(
                configured_asterisk(name, trunk, line=index)
                for name, trunk in trunks.items()
                if trunk.driver == "asterisk"
            ),
            speech=config.speech.engine,
            voice=config.speech.voice,
            cache_dir=str(_beside_the_store(config, "prompts")),
            agents_allow=tuple(config.agents.allow),
            screening_prompts=path_of(config, config.lines.screening_prompts),
            capture=_capture_rules(config),
            recordings=RecordingRules(
                folder=str(_beside_the_store(config, "recordings")),
                max_age_s=config.lines.keep_recordings_for.total_seconds(),
                leave_free=int(config.lines.recordings_leave_free),
            ),
            book=book,
        )
        makers.append(partial(ProcessLine, settings))
    return makers


def _capture_rules(config: Config) -> CaptureRules | None:
    if not config.lines.keep_sip:
        return None
    return CaptureRules(
        folder=str(_beside_the_store(config, "sip")),
        max_bytes=int(config.lines.keep_sip),
        max_age_s=config.lines.keep_sip_for.total_seconds(),
    )


def _beside_the_store(config: Config, what: str) -> Path:
    """A folder of ours beside the database: for rendered `prompts`, kept `sip` messages,
    `recordings`."""
    path = config.sqlite_path
    folder = path.parent if path is not None else config.folder
    return folder / f".callwright-{what}"
