"""Put back an old copy of the store, and see that nobody is called from it until a person says so.

    python3 go stress restore
    python3 go stress restore --calls 500
    python3 go stress restore --break starts-unheld

Needs SIPp, whose trace judges. A copy is made in the middle of a campaign; the campaign goes on;
the server is killed and started on the copy: no INVITE, no callback, also after another
restart, and a second server refuses to start beside it. An hour without a heartbeat and the missing
note hold a start as well; one that stood for an hour with little to do does not. Once it is
resumed, everything comes to an end. Then stores as older versions of the schema left them,
with calls waiting and one in motion, are upgraded and dialled to their ends.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import apsw

from _figures import finish
from _old_stores import OLD_VERSIONS, age_store
from _peers import SCENARIO, broken_program, folder_for, watch_for
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import PROGRAM, ServerUnderTest, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.waiting import wait_for

QUIET_S = 3.0
"""A server that dialled at its start would have done so by then."""
HOUR_US = 3_600_000_000
PATIENCE_S = 90.0


class Run:
    """A server with its store, its carrier and its sink."""

    def __init__(self, server: ServerUnderTest, sipp: Sipp, sink: CallbackSink, calls: int) -> None:
        self.server, self.sipp, self.sink = server, sipp, sink
        self.store = server.folder / "callwright.db"
        self.mark = server.folder / "callwright.db.mark"
        self.faults: list[str] = []
        # Four at once, each of half a second and the set-up.
        self.patience_s = PATIENCE_S + calls

    def queue(self, application: str, first: int, count: int) -> None:
        rows = "\n".join(["destination", *(f"61755{n:03d}00" for n in range(first, first + count))])
        url = self.sink.url()
        assert self.server.api.queue_list(application, rows + "\n", result_url=url).status == 200

    def copy(self, to: Path) -> None:
        """A sound copy of the store, as a backup makes it."""
        source, target = apsw.Connection(str(self.store)), apsw.Connection(str(to))
        with target.backup("main", source, "main") as backup:
            backup.step()
        source.close()
        target.close()

    def put_back(self, copy: Path) -> None:
        for file in self.server.folder.glob("callwright.db-*"):
            file.unlink()
        shutil.copy(copy, self.store)

    def change(self, sql: str) -> None:
        connection = apsw.Connection(str(self.store))
        connection.execute(sql)
        connection.close()

    def require_held(self, what: str) -> None:
        """Start, and find nobody dialled or told; stop again."""
        legs, posts = len(self.sipp.calls()), len(self.sink.delivered())
        self.server.start()
        watch_for(QUIET_S)
        if len(self.sipp.calls()) > legs:
            self.faults.append(f"HELD {what}: {len(self.sipp.calls()) - legs} calls were dialled")
        if len(self.sink.delivered()) > posts:
            self.faults.append(f"HELD {what}: results were posted")
        if not any("held at start" in problem for problem in self.problems()):
            self.faults.append(f"SAID {what}: /readyz says nothing of it")

    def problems(self) -> list[str]:
        try:
            with urllib.request.urlopen(f"{self.server.url}/readyz", timeout=20) as answer:
                value = json.load(answer)
        except urllib.error.HTTPError as exc:
            value = json.load(exc)
        return list(value.get("problems", ()))

    def require_sole(self) -> None:
        """A second server on the same store refuses to start."""
        command = [*PROGRAM, "serve", "--config", "callwright.toml", "--resume"]
        ended = subprocess.run(
            command, cwd=self.server.folder, capture_output=True, text=True, timeout=60, check=False
        )
        if ended.returncode != 3 or "another server" not in ended.stderr:
            self.faults.append(f"SOLE a second server ended with {ended.returncode}")

    def resume(self) -> None:
        server = self.server
        asker = ("--server", server.url, "--user", server.user, "--key", server.key)
        server.run("resume", "server", *asker)

    def require_ends(self, numbers: int, what: str) -> None:
        """Every number comes to its end and is told, once the server dials."""

        def told() -> set[str]:
            return {json.loads(each.body)["phone_number"] for each in self.sink.delivered()}

        if not watch_for(self.patience_s, lambda: self.ended() >= numbers <= len(told())):
            ended = f"{self.ended()} of {numbers} calls ended, {len(told())} were told"
            self.faults.append(f"ENDS {what}: {ended}")

    def ended(self) -> int:
        connection = apsw.Connection(str(self.store), flags=apsw.SQLITE_OPEN_READWRITE)
        count: int = connection.execute("SELECT count(*) FROM ended").get
        connection.close()
        return count


def restore(run: Run, application: str, calls: int, folder: Path, *, quick: bool) -> None:
    """Everything about a copy that was put back; `quick`: only that it is held and resumed."""
    server, backup = run.server, folder / "backup.db"
    server.start()
    run.queue(application, 0, calls)
    wait_for("first calls", lambda: len(run.sipp.calls()) >= 2 or None, within_s=PATIENCE_S)
    run.copy(backup)
    run.require_ends(calls, "before the copy is put back")
    # At the next heartbeat, five seconds apart, the note has overtaken the copy.
    noted = run.mark.read_bytes()
    wait_for("a heartbeat", lambda: run.mark.read_bytes() != noted or None, within_s=PATIENCE_S)
    server.kill(lines_too=True)
    run.put_back(backup)
    run.require_held("an older copy")
    if run.faults:
        return
    run.require_sole()
    if quick:
        run.resume()
        run.require_ends(calls, "after it was resumed")
        server.stop()
        return
    server.kill(lines_too=True)
    run.require_held("an older copy, started again")
    server.stop()
    run.put_back(backup)
    run.mark.unlink()
    run.change("UPDATE server_mark SET generation = generation + 2")
    run.require_held("a copy without its note")
    server.stop()
    run.put_back(backup)
    # Not even the note is younger: the whole folder was put back, an hour late.
    generation = 1000
    run.change(f"UPDATE server_mark SET generation = {generation}, beat_at = beat_at - {HOUR_US}")
    run.mark.write_bytes(b"%020d\n" % generation)
    run.require_held("an hour without a heartbeat")
    run.resume()
    run.require_ends(calls, "after it was resumed")
    server.stop()
    run.change(f"UPDATE server_mark SET beat_at = beat_at - {HOUR_US}")
    server.start()
    if problems := run.problems():
        run.faults.append(f"IDLE a start after an idle hour is not ready: {problems}")
    server.stop()


def upgrade(run: Run, version: int) -> None:
    """A store of an older schema comes to its ends."""
    wanted = age_store(run.store, version, run.sink.url(f"/v{version}"))
    run.mark.unlink(missing_ok=True)
    run.server.start()

    def told() -> dict[str, str]:
        bodies = [json.loads(each.body) for each in run.sink.delivered(f"/v{version}")]
        return {body["phone_number"]: body["status"] for body in bodies}

    watch_for(PATIENCE_S, lambda: told().keys() >= wanted.keys())
    for number, status in wanted.items():
        if told().get(number) != status:
            what = f"{number} of schema {version} was told as {told().get(number)}, not {status}"
            run.faults.append(f"UPGRADE {what}")
    check = apsw.Connection(str(run.store)).pragma("integrity_check")
    if check != "ok":
        run.faults.append(f"UPGRADE schema {version}: {check}")
    run.server.stop()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="one copy that is held and resumed")
    parser.add_argument("--schemas", type=int, nargs="*", default=OLD_VERSIONS, metavar="VERSION")
    parser.add_argument("--seed", type=int, default=1, help="nothing is drawn here")
    parser.add_argument("--keep", help="a new folder for all logs")
    parser.add_argument("--break", dest="broken", choices=["starts-unheld"], help="break a promise")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    with (
        folder_for("restore", given.keep) as folder,
        callback_sink() as sink,
        running_sipp(SCENARIO, folder, keys={"rtp_host": "127.0.0.1", "rtp_port": 9}) as sipp,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(sipp.address, calls_per_second=4, max_calls=4),
                "callbacks": {"allow": ["127.0.0.0/8"]},
                "store": {"hold_calls": 0},
            },
            program=broken_program(given.broken) if given.broken else PROGRAM,
        ) as server,
    ):
        run = Run(server, sipp, sink, given.calls)
        application = server.add_application("talks", waits(0.5))
        restore(run, application, given.calls, folder, quick=given.quick)
        # With a fault the server may still be running.
        if not given.broken and not run.faults:
            for version in given.schemas:
                upgrade(run, version)
    figures = {
        "stress": "restore",
        "seed": given.seed,
        "calls": given.calls,
        "old_schemas": list(given.schemas),
        "took_s": round(time.monotonic() - began, 1),
    }
    return finish(figures, run.faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
