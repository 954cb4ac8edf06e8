"""`serve` and `phones` as processes of their own, and `call` as their client."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import callwright
from callwright.cli.main import main

PATIENCE_S = 20


def environment(**more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CALLWRIGHT_")}
    found_here = {"PYTHONPATH": str(Path(callwright.__file__).parents[1])}
    return kept | found_here | {"CALLWRIGHT_SERVER__LISTEN": "127.0.0.1:0"} | more


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", "from callwright.cli.main import run; run()", *words]


def run(folder: Path, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


@contextmanager
def running(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the first line it printed."""
    with (folder / "stderr").open("w") as err:
        process = subprocess.Popen(
            command(*words),
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()


@pytest.fixture
def made(tmp_path, monkeypatch, capsys) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_call_goes_out_and_the_server_stops_when_told(tmp_path, made, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLWRIGHT_USER", made["user"])
    monkeypatch.setenv("CALLWRIGHT_KEY", made["developer_key"])
    with running(tmp_path, "serve") as (server, line):
        assert line.startswith("ready http://127.0.0.1:")
        rest = ("--app", str(made["application_id"]), "--server", line.split()[1])
        assert (
            main(["call", "6175550150", *rest, "--var", "first_name=Ana", "--wait", "--json"]) == 1
        )
        call = json.loads(capsys.readouterr().out)["call"]
        assert (call["state"], call["attempts"]) == ("exhausted", 1)
        assert main(["call", "911", *rest]) == 3
        assert "emergency" in capsys.readouterr().err
        assert main(["call", "6175550150", *rest, "--key", "x" * 20]) == 3
        assert "key is wrong" in capsys.readouterr().err
        second = run(tmp_path, "serve", code=3)
        assert "another server" in second.stderr
        assert len(second.stderr.splitlines()) == 1
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
        assert "NO TRUNK IS CONFIGURED" in (tmp_path / "stderr").read_text()
        assert main(["call", "6175550150", *rest]) == 4
        assert capsys.readouterr().err.startswith("callwright: no server answers at http://")


def test_sigterm_waits_for_a_live_call_and_a_second_one_does_not(tmp_path, made, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLWRIGHT_USER", made["user"])
    monkeypatch.setenv("CALLWRIGHT_KEY", made["developer_key"])
    with running(tmp_path, "serve", "--json") as (server, line):
        url = json.loads(line)["ready"]
        rings_for_ever = "6175550151"
        assert main(["call", rings_for_ever, "--app", "1", "--server", url]) == 0
        wait_for(tmp_path, "call dialled")
        server.send_signal(signal.SIGTERM)
        wait_for(tmp_path, "draining")
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.7)
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE_S) == 0
        assert "hanging up at once" in (tmp_path / "stderr").read_text()


def wait_for(folder: Path, words: str) -> None:
    """Until the server's log has said so."""
    end = time.monotonic() + PATIENCE_S
    while words not in (folder / "stderr").read_text():
        assert time.monotonic() < end, (folder / "stderr").read_text()
        time.sleep(0.02)


def test_a_taken_port_is_one_line(tmp_path, made):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(tmp_path, "serve", code=1, CALLWRIGHT_SERVER__LISTEN=listen)
    told = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith(f"callwright: server.listen: {listen} is in use by another program")
    assert done.stdout == ""


def test_phones_answer_until_told_to_stop(tmp_path):
    with running(tmp_path, "phones", "--listen", "127.0.0.1:0") as (process, line):
        assert line.startswith("ready sip:127.0.0.1:")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
