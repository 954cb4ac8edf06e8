"""Let a real server work for a while, and see that it keeps nothing it does not need.

    python3 go stress soak
    python3 go stress soak --minutes 60 --rate 10 --attempts 3
    python3 go stress soak --break keeps-everything

Needs SIPp. Calls come in at a steady rate and are dialled, talk, fail, are retried and told.
After a while to warm up, the memory of the server and of its line, the log of the database and
the lag of the event loop are read from outside (/proc, the folder, /metrics). At the end nothing
is in motion, every call was told, and no more files are open than before the first one.
"""

import argparse
import json
import re
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _figures import finish
from _peers import SCENARIO, broken_program, folder_for, watch_for
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import PROGRAM, ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import callback_sink
from callwright.testing.peers.sipp import running_sipp

MOST_GROWTH_MIB = 20.0
"""The caches of the database are within it: 12 MiB, which some ten thousand calls fill."""
MOST_FILES_MORE = 5
REST_S = 5.0
"""After the last result, for the sockets of the last calls to be closed."""
MOST_LOG_MIB = 64.0
MOST_LAG_S = 0.05
WARM_UP_S = 15.0
WAIT_S = 60
LONGEST_ATTEMPT_S = 10.0
PARTS = 10
"""Of the time, for which the figures are told one by one."""

BREAKS = ("keeps-everything", "keeps-a-little")
"""The second needs the long size, or `--minutes 6 --rate 40`."""
PAGE_BYTES = 4096
ENDINGS = ("59", "00", "50", "60", "80", "53")
"""Some answer at once, some after a ring, some are busy, one hangs up first, one is unknown."""
_LAG = re.compile(r'^callwright_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the server's processes hold, and what stands on its disk."""

    memory_mib: float
    files: int
    log_mib: float


def read(server: ServerUnderTest) -> Reading:
    pids = [server.brain_pid, *server.lines_alive()]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) for pid in pids)
    files = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
    log = server.folder / "callwright.db-wal"
    return Reading(
        memory_mib=pages * PAGE_BYTES / 2**20,
        files=files,
        log_mib=(log.stat().st_size if log.exists() else 0) / 2**20,
    )


def most_of(readings: Sequence[Reading]) -> Reading:
    """The most of everything that was seen."""
    return Reading(
        memory_mib=max(each.memory_mib for each in readings),
        files=max(each.files for each in readings),
        log_mib=max(each.log_mib for each in readings),
    )


def lag_p99_s(server: ServerUnderTest) -> float:
    """The bound below which 99 of 100 turns of the event loop were late."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=20) as answer:
        buckets = _LAG.findall(answer.read().decode())
    counts = [(float(bound.replace("+Inf", "inf")), float(count)) for bound, count in buckets]
    return next(bound for bound, count in counts if count >= 0.99 * counts[-1][1])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="how long, after warming up")
    parser.add_argument("--warm-up", type=float, help="seconds; else until retries are usual")
    parser.add_argument("--rate", type=float, default=5.0, help="calls a second")
    parser.add_argument("--attempts", type=int, default=1, help="of each call, a minute apart")
    parser.add_argument("--lag", type=float, default=MOST_LAG_S, help="most seconds, at p99")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn here")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=BREAKS)
    given = parser.parse_args(arguments)
    began = time.monotonic()
    # Before the last attempts of the first calls, there are fewer at once than later on.
    retries_s = (WAIT_S + LONGEST_ATTEMPT_S) * (given.attempts - 1)
    warm_up_s = WARM_UP_S + retries_s if given.warm_up is None else given.warm_up
    faults: list[str] = []
    with (
        folder_for("soak", given.keep) as folder,
        callback_sink() as sink,
        running_sipp(
            SCENARIO,
            folder,
            keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
            longest_s=600 + 120 * given.minutes,
        ) as sipp,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(sipp.address, ring_timeout="5s"),
                "callbacks": {"allow": ["127.0.0.0/8"]},
            },
            program=broken_program(given.broken) if given.broken else PROGRAM,
        ) as server,
    ):
        application = server.add_application("talks", waits(1.0))
        server.start()
        files_before = read(server).files
        asked = 0
        first_at = time.monotonic()

        def ask_for(seconds: float) -> Reading:
            """Ask at the rate; the most that was seen of everything."""
            nonlocal asked
            most = read(server)
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                number = f"617{20_000 + asked // 6 % 70_000}{ENDINGS[asked % 6]}"
                fields: dict[str, object] = {"result_url": sink.url()}
                if given.attempts > 1:
                    fields |= {"max_attempts": given.attempts, "reattempt_wait": WAIT_S}
                reply = server.api.queue(application, phone_number=number, **fields)
                if reply.status != 200:
                    faults.append(f"ASKED {number} was answered {reply.status}")
                asked += 1
                most = most_of([most, read(server)])
                # By the clock: what a slow answer took is not to lower the rate.
                time.sleep(max(0.0, first_at + asked / given.rate - time.monotonic()))
            return most

        warm = ask_for(warm_up_s)
        parts = [ask_for(60 * given.minutes / PARTS) for _ in range(PARTS)]
        hot = most_of(parts)
        lag_s = lag_p99_s(server)
        told = watch_for(30.0 + 75.0 * given.attempts, lambda: len(sink.delivered()) >= asked)
        if not told:
            faults.append(f"TOLD {len(sink.delivered())} of {asked} calls")
        # While calls talk, each has its sockets: how many talk at once is chance.
        most_files = files_before + MOST_FILES_MORE
        watch_for(REST_S, lambda: read(server).files <= most_files)
        files_after = read(server).files
        statuses = [json.loads(each.body)["status"] for each in sink.delivered()]
        if server.stop(grace_s=30.0) != 0:
            faults.append("STOP the server did not end in peace")
    growth = hot.memory_mib - warm.memory_mib
    if growth > MOST_GROWTH_MIB:
        faults.append(f"MEMORY grew by {growth:.1f} MiB")
    if files_after > most_files:
        faults.append(f"FILES {files_after} are open at rest, {files_before} before the first call")
    if hot.log_mib > MOST_LOG_MIB:
        faults.append(f"LOG of {hot.log_mib:.1f} MiB")
    if lag_s > given.lag:
        faults.append(f"LAG {lag_s:g} s")
    figures = {
        "stress": "soak",
        "seed": given.seed,
        "calls": asked,
        "completed": statuses.count("completed"),
        "memory_mib": round(hot.memory_mib, 1),
        "memory_grew_mib": round(growth, 1),
        "memory_by_part_mib": [round(part.memory_mib, 1) for part in parts],
        "files_by_part": [part.files for part in parts],
        "files_before": files_before,
        "files_after": files_after,
        "log_mib": round(hot.log_mib, 2),
        "lag_p99_s": lag_s,
        "took_s": round(time.monotonic() - began, 1),
    }
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
