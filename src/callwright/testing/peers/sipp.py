"""SIPp as the trunk: a scenario that answers, and the trace of what it saw."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callwright.testing.peers.child import Child
from callwright.testing.peers.free_ports import free_udp_port
from callwright.testing.peers.sip_log import SipCall, SipSeen, calls_in, read_log
from callwright.testing.peers.waiting import wait_for

LONGEST_RUN_S = 900.0


@dataclass(frozen=True, slots=True)
class Sipp:
    """A SIPp that listens on `port`."""

    child: Child
    port: int
    trace: Path
    errors: Path

    @property
    def address(self) -> str:
        """For `trunks.NAME.address`."""
        return f"sip:127.0.0.1:{self.port};transport=udp"

    def messages(self) -> list[SipSeen]:
        return read_log(self.trace)

    def calls(self) -> list[SipCall]:
        return calls_in(self.messages())


@contextmanager
def running_sipp(
    scenario: Path,
    folder: Path,
    *,
    name: str = "sipp",
    keys: Mapping[str, str | int] | None = None,
    variables: Mapping[str, str] | None = None,
    lost_percent: float = 0,
    rtp_echo: bool = False,
    longest_s: float = LONGEST_RUN_S,
) -> Iterator[Sipp]:
    """SIPp with `scenario`, from the moment it listens to the end of the block.

    `keys` are for `[name]` in the scenario, `variables` for its global `$name`. After `longest_s`
    it ends by itself, should nobody be left to end it.
    """
    port = free_udp_port()
    trace, errors = folder / f"{name}_messages.log", folder / f"{name}_errors.log"
    sipp = shutil.which("sipp") or "sipp"
    command = [sipp, "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    command += ["-mi", "127.0.0.1", "-mp", str(free_udp_port())]
    command += ["-trace_msg", "-message_file", str(trace)]
    command += ["-trace_err", "-error_file", str(errors)]
    command += ["-timeout", f"{longest_s:.0f}s", "-timer_resol", "5", "-buff_size", "8388608"]
    # Not half a minute of silence for a call that was forgotten: the scenario has an answer.
    command += ["-deadcall_wait", "0"]
    # A machine under load trips SIPp's watchdog, which would end it.
    command += ["-watchdog_major_maxtriggers", "1000000", "-watchdog_minor_maxtriggers", "1000000"]
    for key, value in (keys or {}).items():
        command += ["-key", key, str(value)]
    for variable, text in (variables or {}).items():
        command += ["-set", variable, text]
    if lost_percent:
        command += ["-lost", f"{lost_percent:g}"]
    if rtp_echo:
        command.append("-rtp_echo")
    child = Child(command, folder=folder, name=name, environment={"TZ": "UTC", "TERM": "dumb"})
    with child:
        wait_for(
            f"SIPp on port {port}",
            lambda: _listens(port) or (None if child.is_running else _died(child, errors)),
            within_s=15,
            on_failure=child.last_words,
        )
        yield Sipp(child=child, port=port, trace=trace, errors=errors)


def _listens(port: int) -> bool | None:
    """Whether some UDP socket of this machine is bound to `port`."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/udp").read_text("ascii").splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines) or None


def _died(child: Child, errors: Path) -> bool:
    why = errors.read_text("utf-8", "replace") if errors.exists() else ""
    raise AssertionError(f"SIPp ended with {child.wait()}\n{why}\n{child.last_words()}")
