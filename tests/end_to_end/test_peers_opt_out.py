"""Over real SIP, audio and HTTP: the key for no more calls, and a server killed right after it."""

from pathlib import Path
from typing import Any

from callwright.testing.peers.server import ServerUnderTest, server_folder
from callwright.testing.peers.waiting import wait_for

KEYS_ONE = "6175550156"
"""A built-in phone that keys 1 after the first prompt."""

FLOW = """\
callwright: 1
name: Asks
steps:
  ask:
    ask: Press 1 for no more calls.
    keys: {1: opted_out}
    otherwise: hangup
  opted_out:
    set: {opt_out: "Yes"}
    next: talk_on
  talk_on:
    wait: 30s
    next: hangup
"""
SETTINGS = {"speech": {"engine": "tones"}}
PATIENCE_S = 30.0


def look(server: ServerUnderTest, path: str) -> Any:
    return server.api.request("GET", path).json()


def test_a_key_is_obeyed_though_the_server_is_killed_while_its_callee_listens(
    tmp_path: Path,
) -> None:
    with server_folder(tmp_path, SETTINGS) as server:
        asks = server.add_application("Asks", FLOW)
        server.start()
        first = server.api.queue(asks, phone_number=KEYS_ONE).json()["call_id"]
        wait_for("the opt-out", lambda: look(server, "/v1/optouts")["items"], within_s=PATIENCE_S)
        assert look(server, f"/v1/calls/{first}")["state"] == "connected"
        server.kill(lines_too=True)
        server.start()
        # another program of the same account
        second = server.api.queue(server.application, phone_number=KEYS_ONE).json()["call_id"]

        def ended() -> Any:
            call = look(server, f"/v1/calls/{second}")
            return call if call["ended_at"] else None

        call = wait_for("the end of the second call", ended, within_s=PATIENCE_S)
        assert (call["state"], call["attempt_log"]) == ("rejected", [])
        assert call["rejected_because"] == "the number is on the opt-out list"
        [entry] = look(server, "/v1/optouts")["items"]
        assert entry["call_id"] == first
        server.stop()
        assert KEYS_ONE not in server.log()
