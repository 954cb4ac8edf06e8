"""`callwright phones`: the built-in callee as a SIP server of its own."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from callwright.cli.logging_setup import set_up_logging
from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import show
from callwright.config import HostPort, load_config
from callwright.config.values import read_host_port


def phones(
    listen: Annotated[str, typer.Option("--listen", metavar="HOST:PORT")] = "127.0.0.1:5070",
    script: Annotated[
        Path | None, typer.Option("--script", metavar="FILE", help="TOML: what each number does.")
    ] = None,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer SIP calls as the number dialled says, until SIGTERM or Ctrl-C."""
    set_up_logging(load_config(config_file, os.environ).log)
    try:
        address = read_host_port(listen)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="--listen") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_answer(address, script, as_json=as_json))


async def _answer(listen: HostPort, script: Path | None, *, as_json: bool) -> None:
    from callwright.telephony.phones import Phones, load_script

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    callee = Phones(
        listen=(listen.host, listen.port),
        script=None if script is None else load_script(script),
    )
    await callee.start()
    try:
        url = f"sip:{HostPort(*callee.address)}"
        show({"ready": url}, f"ready {url}", as_json=as_json)
        await stop.wait()
    finally:
        await callee.stop()
