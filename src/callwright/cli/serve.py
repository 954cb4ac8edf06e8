"""`callwright serve`: run until told to stop, and stop without cutting anybody off."""

import asyncio
import os
import signal
from typing import Annotated

import structlog
import typer
import uvloop

from callwright.cli.garbage import spare_what_stands
from callwright.cli.logging_setup import set_up_logging
from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import show, tell
from callwright.config import Config, load_config

log = structlog.get_logger()

GRACE_S = 120.0


def serve(
    grace: Annotated[
        float, typer.Option("--grace", metavar="SECONDS", min=0, help="For live calls on SIGTERM.")
    ] = GRACE_S,
    resume: Annotated[
        bool, typer.Option("--resume", help="Dial even if the store may be an older copy.")
    ] = False,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take calls over HTTP and place them, until SIGTERM or Ctrl-C."""
    config = load_config(config_file, os.environ)
    set_up_logging(config.log)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, grace, resume=resume, as_json=as_json))


async def _serve(config: Config, grace_s: float, *, resume: bool, as_json: bool) -> None:
    from callwright.assembly import run_server

    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    async with run_server(config, resume=resume) as server:
        if server.uses_only_phones:
            tell(
                "NO TRUNK IS CONFIGURED: calls go to built-in phones on this machine and reach "
                "nobody. Set [trunks.main] to call for real."
            )
        if server.held is not None:
            tell(
                f"HELD AT START: nothing is dialled. {server.held.because}. If that is all right, "
                "say `callwright resume server`, or start with `serve --resume`."
            )
        spare_what_stands()
        show({"ready": server.url}, f"ready {server.url}", as_json=as_json)
        await stop.wait()
        log.info("draining", grace_s=grace_s)
        drained = asyncio.create_task(server.supervisor.drain(grace_s))
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({drained, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if not drained.done():
            log.warning("hanging up at once")
            server.supervisor.cut()
        await drained
        hurried.cancel()
    log.info("stopped")
