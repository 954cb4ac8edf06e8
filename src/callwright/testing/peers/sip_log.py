"""What SIPp saw, read from its message trace, and the calls in it.

The trace (`-trace_msg`) holds every message that SIPp's socket took or sent, also those
that it took and then pretended to have lost (`-lost`), but not those that it pretended to
send. Leaves judging them to the tests.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_HEAD = re.compile(
    r"-{40,} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6})\r?\n"
    r"\w+ message (sent|received) [\[(]\d+\]? bytes\)? ?:\r?\n\r?\n",
)
_LOST = re.compile(r"\w+ message lost \(recv\)", re.ASCII)
_ATTEMPT = re.compile(r"-(\d+)-(\d+)$", re.ASCII)
_USER = re.compile(r"sips?:([^@>;]*)@")


@dataclass(frozen=True, slots=True)
class SipSeen:
    """One message on SIPp's socket. Header names are in small letters, each with its first
    value."""

    at: float
    """Unix seconds by SIPp's clock."""
    sent: bool
    """True: by SIPp."""
    lost: bool
    """SIPp took it and threw it away on purpose."""
    start: str
    headers: dict[str, str]
    body: str

    @property
    def method(self) -> str:
        """Of the request, or of the one it answers."""
        return self.headers.get("cseq", "0 ?").split()[-1]

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def branch(self) -> str:
        return _parameter(self.headers.get("via", ""), "branch")

    @property
    def from_tag(self) -> str:
        return _parameter(self.headers.get("from", ""), "tag")

    @property
    def from_user(self) -> str:
        return user_of(self.headers.get("from", ""))

    @property
    def is_request(self) -> bool:
        return not self.status


@dataclass(slots=True)
class SipCall:
    """The messages of one Call-ID, in order."""

    call_id: str
    messages: list[SipSeen] = field(default_factory=list)

    @property
    def attempt(self) -> tuple[int, int]:
        """(call, attempt) as the server wrote them into the Call-ID.

        Raises:
            ValueError: the Call-ID has no such ending.
        """
        found = _ATTEMPT.search(self.call_id.partition("@")[0])
        if found is None:
            raise ValueError(f"no call and attempt in the Call-ID {self.call_id!r}")
        return int(found[1]), int(found[2])

    @property
    def number(self) -> str:
        """Whom the first INVITE was for."""
        return user_of(self.invites[0].headers["to"])

    @property
    def invites(self) -> list[SipSeen]:
        """All INVITEs that came, those sent again and those after a challenge included."""
        return self.received("INVITE")

    def received(self, method: str) -> list[SipSeen]:
        return [m for m in self.messages if m.is_request and not m.sent and m.method == method]

    def sent(self, status: int, method: str = "INVITE") -> list[SipSeen]:
        """The responses with this code that SIPp gave."""
        return [m for m in self.messages if m.sent and m.status == status and m.method == method]

    @property
    def final_status(self) -> int:
        """The last final code that SIPp gave to the INVITE, 0 if none."""
        return next(
            (
                message.status
                for message in reversed(self.messages)
                if message.sent and message.method == "INVITE" and message.status >= 200
            ),
            0,
        )


def user_of(address: str) -> str:
    """The user part of the first SIP URI in a header's value."""
    found = _USER.search(address)
    return found[1] if found else ""


def read_log(path: Path) -> list[SipSeen]:
    """Every message in SIPp's trace so far; none if there is no trace yet.

    SIPp must run with TZ=UTC. A message that is just being written may be cut short.
    """
    if not path.exists():
        return []
    text = path.read_bytes().decode("utf-8", "replace")
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    seen = []
    for head, end in zip(heads, ends, strict=True):
        message = _message(head, text[head.end() : end])
        if message is not None:
            seen.append(message)
    return seen


def calls_in(messages: Iterable[SipSeen]) -> list[SipCall]:
    """The calls that began with an INVITE, in the order of those."""
    calls: dict[str, SipCall] = {}
    for message in messages:
        call_id = message.headers.get("call-id", "")
        if call_id not in calls:
            calls[call_id] = SipCall(call_id)
        calls[call_id].messages.append(message)
    return [call for call in calls.values() if call.invites]


def by_number(calls: Sequence[SipCall]) -> dict[str, list[SipCall]]:
    """Calls by the number that was dialled."""
    found: dict[str, list[SipCall]] = defaultdict(list)
    for call in calls:
        found[call.number].append(call)
    return dict(found)


def _message(head: re.Match[str], text: str) -> SipSeen | None:
    lines, _, body = text.replace("\r\n", "\n").partition("\n\n")
    start, *rest = lines.split("\n")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    if "call-id" not in headers or "cseq" not in headers:
        return None
    return SipSeen(
        at=datetime.fromisoformat(head[1]).replace(tzinfo=UTC).timestamp(),
        sent=head[2] == "sent",
        lost=_LOST.search(body) is not None,
        start=start,
        headers=headers,
        body=body,
    )


def _parameter(value: str, name: str) -> str:
    found = re.search(rf";\s*{name}=([^;,\s>]+)", value)
    return found[1] if found else ""
