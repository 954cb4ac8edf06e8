"""A server on an old copy of its store: it says so everywhere, and dials nobody."""

import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cli_world import ANSWERS, dialling_server, shell_for
from native_world import ADMIN, OWNER, NativeWorld, run_native

from callwright.testing.peers.server import ServerUnderTest


def readiness(server: ServerUnderTest) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{server.url}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as exc:
        return exc.code, json.load(exc)


def test_an_old_copy_of_the_store_is_held_until_somebody_resumes(tmp_path, monkeypatch, capsys):
    with dialling_server(tmp_path / "server") as server:
        shell = shell_for(server, tmp_path, monkeypatch, capsys)
        store, backup = server.folder / "callwright.db", tmp_path / "backup.db"
        shell.run("pause", "deployment", "3")
        call = shell.ask("call", ANSWERS, "--app", "3")["call_id"]
        server.stop()
        shutil.copy(store, backup)
        for _ in range(2):
            server.start()
            assert "HELD" not in server.log()
            server.stop()
        for old in server.folder.glob("callwright.db-*"):
            old.unlink()
        shutil.copy(backup, store)
        server.start()
        monkeypatch.setenv("CALLWRIGHT_SERVER_URL", server.url)
        assert "HELD AT START" in server.log()
        status, told = readiness(server)
        assert (status, told["status"]) == (503, "not ready")
        assert "older copy" in told["problems"][0]
        settings = ("--config", str(server.folder / "callwright.toml"))
        assert "held at start" in shell.run("doctor", *settings, code=1)
        # It takes calls, and lets nothing go.
        shell.run("resume", "deployment", "3")
        second = shell.ask("call", ANSWERS, "--app", "3")["call_id"]
        for number in (call, second):
            assert shell.ask("trace", str(number))["call"]["state"] == "queued"
        assert shell.run("resume", "server") == "the server is dialling\n"
        for number in (call, second):
            shell.call_in(number, "completed")
        assert readiness(server)[0] == 200
        assert server.stop() == 0
        server.start()
        assert server.log().count("HELD AT START") == 2  # once as a line of the log, once in words


def test_a_start_that_is_told_to_resume_is_not_held(tmp_path, monkeypatch, capsys):
    with dialling_server(tmp_path / "server") as server:
        shell = shell_for(server, tmp_path, monkeypatch, capsys)
        shell.run("pause", "deployment", "3")
        call = shell.ask("call", ANSWERS, "--app", "3")["call_id"]
        server.stop()
        mark = server.folder / "callwright.db.mark"
        mark.write_text("99999\n", encoding="ascii")
        server.start("--resume")
        monkeypatch.setenv("CALLWRIGHT_SERVER_URL", server.url)
        assert "HELD" not in server.log()
        shell.run("resume", "deployment", "3")
        shell.call_in(call, "completed")
        assert int(mark.read_bytes()) > 99999
        assert os.stat(mark).st_mode & 0o077 == 0


def test_only_an_admin_lets_a_held_server_dial(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        told = {"state": "dialling", "held_at": None, "held_because": None}
        assert await world.get("/v1/server") == told
        await world.post("/v1/server/resume", status=403, by=OWNER)
        assert await world.post("/v1/server/resume", by=ADMIN) == told

    run_native(tmp_path, test)
