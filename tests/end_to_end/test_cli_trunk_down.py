"""A trunk where nobody is: said by every part of a running server, and its calls wait."""

import json
import urllib.request

from cli_world import PATIENCE_S, shell_for

from callwright.testing.peers.free_ports import free_udp_port
from callwright.testing.peers.server import server_folder, trunk
from callwright.testing.peers.waiting import wait_for


def test_a_trunk_that_is_down_is_told_everywhere_and_uses_up_no_attempt(
    tmp_path, monkeypatch, capsys
):
    address = f"127.0.0.1:{free_udp_port()}"
    trunks = {"trunks.main": trunk(f"sip:{address}", pings=True)}
    with server_folder(tmp_path / "server", trunks) as server:
        server.start()
        shell = shell_for(server, tmp_path, monkeypatch, capsys)

        def is_down() -> bool:
            return bool(shell.ask("limit", "trunk")["trunks"][0]["state"] == "down")

        wait_for("trunk that is down", is_down, within_s=PATIENCE_S)
        [main] = shell.ask("limit", "trunk")["trunks"]
        [found] = main["servers"]
        assert (found["address"], found["is_up"]) == (address, False)
        assert (found["last_error"], main["registration"]) == ("connection refused", None)
        assert found["since"] < found["next_probe_at"]
        told = shell.run("limit", "trunk").splitlines()
        assert told[1] == "  down: its calls wait"
        assert told[2].startswith(f"  {address} fails since ")
        call = str(shell.ask("call", "6175550100", "--app", "1")["call_id"])
        traced = shell.run("trace", call)
        assert "Trunk main: its server does not answer since" in traced
        assert "(trunk_down)" in traced
        assert shell.ask("trace", call)["call"]["attempts"] == 0
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=10) as answer:
            assert json.load(answer)["trunks_down"] == ["trunk main: none of its servers answers"]
        monkeypatch.setenv("CALLWRIGHT_SERVER__LISTEN", server.url.removeprefix("http://"))
        settings = ("--config", str(server.folder / "callwright.toml"))
        assert "trunk main: none of its servers answers" in shell.run("doctor", *settings, code=1)
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
            assert b'callwright_trunk_up{trunk="main"} 0.0' in answer.read()
