"""Stop a server that talks to people, politely and in a hurry.

    python3 go stress drain
    python3 go stress drain --talking 50 --talk 20
    python3 go stress drain --break cut-at-once

Needs SIPp, whose trace judges. After SIGTERM no INVITE leaves after a second, and calls that end
within the grace are not cut. After a second SIGTERM the server is gone within five seconds,
and everybody who still rang or talked was hung up. Nobody's results are lost either way.
"""

import argparse
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from _figures import finish
from _peers import SCENARIO, broken_program, folder_for, watch_for
from callwright.testing.peers.crash_oracle import over_at
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import PROGRAM, server_folder, trunk
from callwright.testing.peers.sink import callback_sink
from callwright.testing.peers.sipp import running_sipp
from callwright.testing.peers.waiting import wait_for

NO_INVITE_AFTER_S = 1.0
GONE_WITHIN_S = 5.0
PATIENCE_S = 120.0


def run(folder: Path, talking: int, talk_s: float, *, hurry: bool, broken: str | None) -> list[str]:
    """One stop: with time enough for everybody, or with a second signal; what went wrong."""
    kind = "HURRY" if hurry else "DRAIN"
    with (
        callback_sink() as sink,
        running_sipp(SCENARIO, folder, keys={"rtp_host": "127.0.0.1", "rtp_port": 9}) as sipp,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(
                    sipp.address,
                    max_calls=talking,
                    ring_timeout="10m",
                    # SIPp is silent, and is not to be taken for a broken line.
                    audio_timeout="1h",
                ),
                "callbacks": {"allow": ["127.0.0.0/8"]},
            },
            program=broken_program(broken) if broken else PROGRAM,
        ) as server,
    ):
        application = server.add_application("talks", waits(60 if hurry else talk_s))
        server.start()
        # Twice as many as may be dialled at once: the others wait, and must go on waiting.
        csv = "\n".join(["destination", *(f"61755{n:03d}00" for n in range(2 * talking))]) + "\n"
        reply = server.api.queue_list(application, csv, result_url=sink.url())
        assert reply.status == 200
        wait_for(
            "everybody talking",
            lambda: sum(bool(call.received("ACK")) for call in sipp.calls()) >= talking or None,
            within_s=PATIENCE_S,
        )
        told_at = time.time()
        child = server._running()
        child.signal(signal.SIGTERM)
        if hurry:
            watch_for(1.0)
            told_at = time.time()
            child.signal(signal.SIGTERM)
        try:
            code = child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            return [f"{kind} the server did not stop"]
        took_s = time.time() - told_at
        # Its last answers reach SIPp's log.
        watch_for(0.5)
        faults = [] if code == 0 else [f"{kind} the server ended with {code}"]
        if hurry and took_s > GONE_WITHIN_S:
            faults.append(f"{kind} the server took {took_s:.1f} s to go")
        for call in sipp.calls():
            if call.invites[0].at > told_at + NO_INVITE_AFTER_S:
                faults.append(f"{kind} {call.number} was dialled after the signal")
            ended_at, acks = over_at(call), call.received("ACK")
            if ended_at is None:
                faults.append(f"{kind} {call.number} was left talking")
            elif not hurry and acks and ended_at < acks[0].at + talk_s - 0.5:
                faults.append(f"{kind} {call.number} was cut after {ended_at - acks[0].at:.1f} s")
        told = {json.loads(c.body)["phone_number"]: json.loads(c.body) for c in sink.delivered()}
        for call in sipp.calls():
            details = told.get(call.number.removeprefix("+1"))
            if details is not None and details["status"] != "completed":
                faults.append(f"{kind} {call.number} was told as {details['status']}")
        # What was not told before the end is told by the next start, and nobody is lost.
        server.start()
        if not hurry:
            wait_for(
                "all results", lambda: len(sink.delivered()) >= 2 * talking or None, within_s=60.0
            )
        elif len(sink.delivered()) < talking:
            sink.wait(talking, within_s=60.0)
        server.stop(grace_s=0.2)
    return faults


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--talking", type=int, default=20, help="people at the time of the signal")
    parser.add_argument("--talk", type=float, default=6.0, help="seconds a call takes")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn here")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=["cut-at-once", "dials-on"])
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with folder_for("drain", given.keep) as folder:
        faults: list[str] = []
        for hurry in (False,) if given.broken else (False, True):
            part = folder / ("hurry" if hurry else "politely")
            part.mkdir()
            faults += run(part, given.talking, given.talk, hurry=hurry, broken=given.broken)
    figures = {
        "stress": "drain",
        "seed": given.seed,
        "talking": given.talking,
        "took_s": round(time.monotonic() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
