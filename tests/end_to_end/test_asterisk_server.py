"""A whole server whose calls an Asterisk places: from the command line to a real phone and back."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli_world import ANSWERS, BUSY, PATIENCE_S, RINGS_FOR_EVER, shell_for

from callwright.telephony.phones import Phones
from callwright.testing.peers.asterisk import PASSWORD, USER, FakeAsterisk
from callwright.testing.peers.flows import waits
from callwright.testing.peers.server import server_folder
from callwright.testing.peers.waiting import wait_for


class Exchange:
    """Phones, and an Asterisk that reaches them, in a thread of their own."""

    def __init__(self) -> None:
        self.phones: Phones
        self.asterisk: FakeAsterisk
        self.is_open = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._done: asyncio.Event

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self.phones = Phones(("127.0.0.1", 0), rtp_ports=range(48000, 48500))
        await self.phones.start()
        self.asterisk = FakeAsterisk("{}:{}".format(*self.phones.address))
        await self.asterisk.start()
        self.is_open.set()
        await self._done.wait()
        await self.asterisk.stop()
        await self.phones.stop()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._done.set)


@contextmanager
def exchange() -> Iterator[Exchange]:
    made = Exchange()
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        assert made.is_open.wait(PATIENCE_S)
        yield made
    finally:
        made.close()
        thread.join()


def test_calls_go_through_an_asterisk_and_none_is_left_by_a_killed_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with exchange() as there:
        phones = there.asterisk.phones[0]
        main = {
            "driver": "asterisk",
            "ari_url": there.asterisk.url,
            "user": USER,
            "password": PASSWORD,
            "endpoint": f"PJSIP/trunk/sip:{{number}}@{phones}",
        }
        with server_folder(tmp_path / "server", {"trunks.main": main}) as server:
            app = server.add_application("Waits", waits(0.3)).split("/")[1]
            server.start()
            shell = shell_for(server, tmp_path, monkeypatch, capsys)
            assert "answered" in shell.run("call", ANSWERS, "--app", app, "--wait")
            assert "busy" in shell.run("call", BUSY, "--app", app, "--wait", code=1)
            ringing = int(shell.ask("call", RINGS_FOR_EVER, "--app", app)["call_id"])
            wait_for("ringing phone", lambda: len(there.phones.calls) == 3, within_s=PATIENCE_S)
            server.kill(lines_too=True)
            assert not there.phones.calls[2].ending
            server.start()
            shell = shell_for(server, tmp_path, monkeypatch, capsys)
            shell.call_in(ringing, "exhausted", "failed")
            assert "ends: interrupted" in shell.run("trace", str(ringing))
            wait_for("silence", lambda: there.phones.calls[2].ending, within_s=PATIENCE_S)
            assert [call.number[-4:] for call in there.phones.calls] == ["0100", "0150", "0151"]
