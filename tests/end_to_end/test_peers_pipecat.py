"""An agent that others wrote: Pipecat's Twilio serializer, over a real server, SIP and RTP.

It hears the callee, is heard, gets a key, and hangs up by Twilio's REST call.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callwright.testing.peers.peer_venv import peer_python
from callwright.testing.peers.server import ServerUnderTest, server_folder
from callwright.testing.peers.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "peers" / "pipecat"
PATIENCE_S = 60.0

SETTINGS = {"agents": {"allow": ["127.0.0.0/8"]}, "speech": {"engine": "tones"}}
FLOW = """\
callwright: 1
name: Agent
steps:
  talk:
    agent: ws://127.0.0.1:{port}/twilio
    parameters: {{customer: "{{first_name}}"}}
    next: hangup
"""
KEYS_AFTER_A_PROMPT = "6175550156"
ACCOUNT = f"AC{1:032x}"


@contextmanager
def agent(base_url: str, token: str) -> Iterator[subprocess.Popen[str]]:
    try:
        python = peer_python(HERE / "pipecat.lock", ROOT / ".tools" / "pipecat")
    except subprocess.CalledProcessError:
        pytest.skip("Pipecat cannot be installed: is the package index out of reach?")
    process = subprocess.Popen(
        [python, HERE / "agent.py", base_url, token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The agent's next line."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the agent ended"
    return dict(json.loads(line))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerUnderTest]:
    with server_folder(tmp_path, SETTINGS) as found:
        yield found


def test_pipecat_talks_with_a_callee_and_hangs_up(server: ServerUnderTest) -> None:
    server.start()
    auth = (server.user, server.key)
    with httpx2.Client(base_url=server.url, auth=auth, timeout=PATIENCE_S) as api:
        order = {"name": "agent", "scopes": ["control"]}
        token = api.post("/v1/keys", json=order).json()["key"]
        with agent(server.url, token) as process:
            port = told(process)["port"]
            app = api.post("/v1/apps", json={"script": FLOW.format(port=port)})
            assert app.status_code == 201, app.text
            deployed = api.post(f"/v1/apps/{app.json()['id']}/deployments", json={}).json()
            queued = api.post(
                "/v1/calls",
                json={
                    "deployment_id": deployed["id"],
                    "phone_number": KEYS_AFTER_A_PROMPT,
                    "variables": {"first_name": "Ana"},
                },
            ).json()
            start = told(process)["start"]
            assert start["customParameters"] == {"customer": "Ana"}
            assert start["callSid"] == f"CA{queued['id']:032x}"
            assert start["accountSid"] == ACCOUNT
            key = told(process)
            assert key["key"] == "1"
            assert key["heard"] >= 1
            assert told(process) == {"over": True}

            def ended() -> dict[str, Any] | None:
                call = api.get(f"/v1/calls/{queued['id']}").json()
                return call if call["ended_at"] else None

            call = wait_for("the call's end", ended, within_s=PATIENCE_S)
    assert call["state"] == "completed"
    (attempt,) = call["attempt_log"]
    assert attempt["outcome"] == "answered"
    assert attempt["sip"]["reason"] == "hung up by request"
