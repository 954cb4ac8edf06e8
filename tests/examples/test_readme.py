"""The README is true: its shell blocks run in order, in one folder, and print what it shows."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)
SHELL = [text for language, text in BLOCKS if language == "sh"]
ANSWERS = [json.loads(text) for language, text in BLOCKS if language == "json"]

PATIENCE_S = 30.0


class Reader:
    """Somebody who follows the README in a fresh folder, on a port that is free here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environ = os.environ | {"CALLWRIGHT_SERVER__LISTEN": f"127.0.0.1:{self.port}"}
        shutil.copytree(ROOT / "examples", folder / "examples")

    def command(self, text: str) -> list[str]:
        text = text.replace("python3 go", f"{sys.executable} -m callwright")
        return ["bash", "-ec", text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")]

    def run(self, text: str) -> str:
        done = subprocess.run(
            self.command(text),
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def until_ended(self, call_id: int) -> dict[str, object]:
        """What the status request of the README says once the call is over."""
        [status] = blocks("/api/outbound/1")
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            details = json.loads(self.run(status.replace("outbound/1", f"outbound/{call_id}")))
            if details["call_details"]["status"] not in ("queued", "dialing", "connected"):
                return dict(details["call_details"])
        raise AssertionError("the call did not end")


def blocks(part: str) -> list[str]:
    return [text for text in SHELL if part in text]


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture
def serving(reader: Reader) -> Iterator[Reader]:
    """After `init`, with `serve` running and EMAIL and KEY set as `init` printed them."""
    [init], [serve] = blocks("go init"), blocks("go serve")
    told = reader.run(init)
    email, key = re.findall(r"curl -u '([^:]+):([^']+)'", told)[0]
    reader.environ |= {"EMAIL": email, "KEY": key}
    with subprocess.Popen(
        reader.command(f"exec {serve}"),
        cwd=reader.folder,
        env=reader.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline().startswith("ready http://")
            yield reader
        finally:
            server.send_signal(signal.SIGTERM)
            server.send_signal(signal.SIGTERM)
            server.wait(PATIENCE_S)


def test_calls_are_queued_dialled_and_reported_as_the_readme_says(serving: Reader) -> None:
    [one], [many] = blocks("d phone_number="), blocks("bulk_queue")
    assert json.loads(serving.run(one)) == ANSWERS[0]
    assert json.loads(serving.run(many)) == ANSWERS[1]
    assert serving.until_ended(1)["status"] == "completed"


def test_a_list_is_rehearsed_without_a_server(reader: Reader) -> None:
    [rehearse], [many] = blocks("go rehearse"), blocks("bulk_queue")
    reader.run(many.splitlines()[0])
    assert "rehearsed  2 calls" in reader.run(rehearse)
    assert (reader.folder / "plan.svg").is_file()


def test_the_doctor_finds_nothing_that_fails(serving: Reader) -> None:
    [doctor] = blocks("go doctor")
    assert "FAIL" not in serving.run(doctor)


def test_the_example_flow_is_added_and_deployed(serving: Reader) -> None:
    [add] = blocks("app add")
    assert "application 3" in serving.run(add)


def test_the_demo_ends_by_itself_with_every_call_as_it_should_be(tmp_path: Path) -> None:
    [demo] = blocks("go demo")
    done = subprocess.run(
        [sys.executable, str(ROOT / "go"), *demo.split()[2:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "15 of 15 over: 8 completed, 1 canceled, 6 failed; 15 callbacks" in done.stdout


def test_no_shell_block_is_left_out() -> None:
    run = ("go demo", "go init", "go serve", "phone_number=", "bulk_queue", "outbound/1")
    rest = ("go doctor", "app add", "go rehearse")
    assert all(any(part in text for part in run + rest) for text in SHELL)


def test_every_bench_that_is_named_is_there() -> None:
    named = re.findall(r"python3 go bench (\w+)", README)
    assert named
    assert all((ROOT / "bench" / f"{name}.py").is_file() for name in named)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target
