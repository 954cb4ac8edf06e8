"""Hostile requests to every dialect route of a running server: each gets a documented answer.

Never a 5xx, never a framework's own error page, never a dropped connection for what is
HTTP at all. What is drawn is the same on every run.
"""

import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import pytest
from hostile_requests import (
    ACCEPT,
    CAPTURED_BODIES,
    CONTENT_TYPE,
    CREDENTIALS,
    PATHS,
    TEXT,
    form_bodies,
    lists,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callwright.testing.peers.flows import waits
from callwright.testing.peers.rtp_listener import rtp_listener
from callwright.testing.peers.server import ServerUnderTest, server_folder, trunk

DOCUMENTED = {200, 202, 400, 401, 403, 404, 405, 409, 413, 415}
TIMEOUT_S = 10

SURVEY = """\
callwright: 1
survey: fuzz
variables: {first_name: there}
questions:
  - id: again
    ask: {play: beep.wav}
    choices: {1: "Yes"}
    optional: yes
"""


def drawn(examples: int) -> settings:
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@dataclass
class Target:
    """The server, and one connection to it that is opened anew when it must be."""

    server: ServerUnderTest
    application: str
    survey: str
    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.server.url)
        return parts.hostname or "", parts.port or 0

    def send(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        sent = {"Authorization": self.server.api.authorization, **headers}
        connection = self._connection or http.client.HTTPConnection(
            *self.address, timeout=TIMEOUT_S
        )
        self._connection = None
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            got = {name.lower(): value for name, value in answer.getheaders()}
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._connection = connection
        self.sent += 1
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        return answer.status, got, content

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        # A trunk that never answers: what is queued by chance hurts nobody.
        rtp_listener() as silence,
        server_folder(
            folder / "server",
            {
                "trunks.main": trunk(
                    f"sip:127.0.0.1:{silence.port}", calls_per_second=1, max_calls=2
                ),
                "limits": {"csv_bytes": "64KiB", "form_bytes": "64KiB"},
            },
        ) as server,
    ):
        head = b"RIFF\xc4\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00"
        (server.folder / "beep.wav").write_bytes(
            head + b"\x80>\x00\x00\x02\x00\x10\x00data\xa0\x00\x00\x00" + bytes(160)
        )
        application = server.add_application("fuzz", waits(0.5))
        survey = server.add_survey("fuzz", SURVEY, "--metadatabase", "first_name")
        server.start()
        target = Target(server, application, survey)
        try:
            yield target
        finally:
            target.close()
        log = server.log()
        assert "Traceback" not in log, log[-4000:]
        assert target.sent > 500
        # Both what is taken and what is refused was reached, not one door alone.
        assert {200, 400, 401, 404, 405, 415} <= target.statuses.keys(), target.statuses
        assert target.statuses[200] > target.sent / 20, target.statuses
        server.kill(lines_too=True)


def judge(
    path: str, accept: str, status: int, headers: dict[str, str], body: bytes, method: str = ""
) -> None:
    """The answer is a documented one, in the shape of its dialect."""
    assert status in DOCUMENTED, (status, body)
    if status == 202 or method == "HEAD":
        assert body == b""
        return
    kind = headers.get("content-type", "")
    if kind.startswith("application/xml"):
        root = ElementTree.fromstring(body)
        assert root.tag == "result"
        names = [child.tag for child in root]
    else:
        assert kind == "application/json", (kind, accept)
        answer = json.loads(body)
        names = list(answer)
    if status >= 400:
        # Which dialect an unknown route speaks is its own choice.
        assert names in (["error"], ["success", "error"]), (path, body)
        if path.startswith("/api/apps/"):
            assert names == ["error"]
        elif path.startswith("/api/surveys/"):
            assert names == ["success", "error"]
    if status == 405:
        assert headers.get("allow")
    if status == 401:
        assert headers["www-authenticate"].startswith("Basic ")


@drawn(700)
@given(
    drawn_body=st.one_of(form_bodies(), CAPTURED_BODIES),
    other_type=st.one_of(st.none(), CONTENT_TYPE),
    accept=ACCEPT,
    is_survey=st.booleans(),
)
def test_any_body_for_a_single_call_is_taken_or_refused(
    target: Target,
    drawn_body: tuple[bytes, str],
    other_type: str | None,
    accept: str,
    is_survey: bool,
) -> None:
    body, own_type = drawn_body
    path = f"/api/{target.survey if is_survey else target.application}/queue"
    content_type = own_type if other_type is None else other_type
    headers = {"Content-Type": content_type, "Accept": accept}
    judge(path, accept, *target.send("POST", path, body, headers))


@drawn(700)
@given(
    drawn_body=st.one_of(lists(), CAPTURED_BODIES),
    other_type=st.one_of(st.none(), CONTENT_TYPE),
    accept=ACCEPT,
    is_survey=st.booleans(),
    lenient=st.booleans(),
)
def test_any_body_for_a_list_is_taken_or_refused(
    target: Target,
    drawn_body: tuple[bytes, str],
    other_type: str | None,
    accept: str,
    is_survey: bool,
    lenient: bool,
) -> None:
    body, own_type = drawn_body
    path = f"/api/{target.survey if is_survey else target.application}/bulk_queue"
    content_type = own_type if other_type is None else other_type
    headers = {"Content-Type": content_type, "Accept": accept}
    if lenient:
        headers["Prefer"] = "handling=lenient"
    judge(path, accept, *target.send("POST", path, body, headers))


@drawn(500)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    path=PATHS,
    query=TEXT.map(lambda text: quote(text, safe="=&;")),
    accept=ACCEPT,
)
def test_any_path_and_method_is_answered_in_a_dialect(
    target: Target, method: str, path: str, query: str, accept: str
) -> None:
    # What clears a deployment is not drawn by chance: others' calls wait there.
    whole = f"{path}?{query}" if query else path
    judge(path, accept, *target.send(method, whole, None, {"Accept": accept}), method=method)


@drawn(120)
@given(authorization=CREDENTIALS, accept=ACCEPT, is_survey=st.booleans())
def test_any_credentials_but_the_right_ones_are_refused(
    target: Target, authorization: str | None, accept: str, is_survey: bool
) -> None:
    path = f"/api/{target.survey if is_survey else target.application}/queue"
    headers = {"Accept": accept, "Authorization": authorization or ""}
    status, got, body = target.send("POST", path, b"phone_number=6175550100", headers)
    assert status == 401
    judge(path, accept, status, got, body)


@drawn(150)
@given(
    garbage=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.sampled_from(
            [
                b"POST /api/apps/1/1/queue HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                b"POST /api/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                b"POST /api/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                b"BREW /api/apps/1/1/queue HTTP/1.1\r\nHost: x\r\n\r\n",
                b"POST /api/apps/1/1/queue HTTP/9.9\r\n\r\n",
                b"GET /api/outbound/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff\xfe\r\n\r\n",
                b"GET " + b"/" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
                b"GET /api/outbound/1 HTTP/1.1\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            ]
        ),
    )
)
def test_what_is_no_request_harms_nobody(target: Target, garbage: bytes) -> None:
    with socket.create_connection(target.address, TIMEOUT_S) as sock:
        sock.sendall(garbage)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := sock.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
    status = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/1.1 ") else b"400"
    assert int(status) < 500, answer
    assert target.send("GET", "/healthz", None, {})[0] == 200
