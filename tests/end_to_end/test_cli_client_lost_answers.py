"""What the commands do where the server's answer is lost, late or not there."""

import re
import select
import socket
import threading
from urllib.parse import urlsplit

import pytest
from cli_lists import GOOD, TO_SHORT, latest_batch
from cli_world import ANSWERS, BUSY

from callwright.cli import send_once


class Breaking:
    """Stands before a server: passes on what is said, but no answer of `lost` requests."""

    def __init__(self, server: str, lost: int) -> None:
        self.keys: list[str] = []
        self._server = urlsplit(server)
        self._lost = lost
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            with near:
                self._pass_on(near)

    def _pass_on(self, near: socket.socket) -> None:
        address = (self._server.hostname, self._server.port)
        with socket.create_connection(address) as far:
            while self._exchange(near, far):
                pass

    def _exchange(self, near: socket.socket, far: socket.socket) -> bool:
        """One request and its answer; False: the connection is over."""
        heard, answer = b"", b""
        while not answer.endswith(b"}"):
            for end in select.select((near, far), (), ())[0]:
                data = end.recv(65536)
                if not data:
                    return False
                if end is near:
                    heard += data
                    far.sendall(data)
                else:
                    answer += data
        found = re.search(rb"(?i)idempotency-key: ([^\r]*)", heard)
        if found:
            self.keys.append(found[1].decode())
            if len(self.keys) <= self._lost:
                return False
        near.sendall(answer)
        return True


@pytest.fixture
def breaking(server):
    """Makes a line to the server on which the first few answers get lost."""
    made = []

    def make(lost: int) -> Breaking:
        made.append(Breaking(server.url, lost))
        return made[-1]

    yield make
    for line in made:
        line.close()


def test_a_list_whose_answer_is_lost_is_sent_again_and_queued_once(shell, breaking):
    before = latest_batch(shell)
    line = breaking(2)
    file = shell.write("calls.csv", GOOD + f"{BUSY},lost\n")
    queued = shell.ask("queue", file, *TO_SHORT, "--server", line.url)
    assert queued["calls"] == 3
    assert len(line.keys) == 3
    assert len(set(line.keys)) == 1
    listed = shell.ask("ls", "--limit", "2")["batches"]
    assert [batch["id"] for batch in listed if batch["id"] > before] == [queued["batch_id"]]


def test_a_call_whose_answer_is_lost_is_asked_for_again_and_queued_once(shell, breaking):
    [before] = shell.ask("ls", "calls", "--limit", "1")["calls"]
    line = breaking(1)
    call = shell.ask("call", ANSWERS, *TO_SHORT, "--start", "2099-01-01", "--server", line.url)
    found = shell.ask("ls", "calls", "--limit", "3")["calls"]
    assert [each["id"] for each in found if each["id"] > before["id"]] == [call["call_id"]]
    assert len(line.keys) == 2


def test_a_connection_that_stays_broken_leaves_advice_that_queues_once(
    shell, breaking, monkeypatch
):
    monkeypatch.setattr(send_once, "PATIENCE_S", 0.0)
    line = breaking(1)
    file = shell.write("calls.csv", GOOD + f"{BUSY},advice\n")
    words = ("queue", file, *TO_SHORT, "--start", "2099-01-01", "--server", line.url)
    shell.run(*words, code=4)
    assert "it may have been queued all the same" in shell.err
    [key] = line.keys
    assert f"--idempotency-key {key} " in shell.err
    before = latest_batch(shell)
    assert shell.ask(*words, "--idempotency-key", key)["batch_id"] == before
    assert latest_batch(shell) == before
    other = shell.write("other.csv", GOOD)
    assert "with another request" in shell.refuse("queue", other, *TO_SHORT, *KEY, key)


KEY = ("--idempotency-key",)


def test_a_server_that_is_not_there_is_not_waited_for(shell):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}"
    file = shell.write("calls.csv", GOOD)
    shell.run("queue", file, "--deployment", "3", "--server", nobody, code=4)
    assert len(shell.err.splitlines()) == 1


def test_a_server_that_refuses_before_the_end_is_understood(shell):
    file = shell.write("large.csv", "destination\n" + f"{BUSY}\n" * 200_000)
    told = shell.refuse("queue", file, "--deployment", "3", "--key", "x" * 20)
    assert "key is wrong" in told
