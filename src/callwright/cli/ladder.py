"""The SIP messages of a call as a ladder: a column for each host, an arrow for each message."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from callwright.cli.moments import read_moment

Message = Mapping[str, Any]

_COLUMN = 34
_MARGIN = 24
"""Left of the first column: the time of day, and the time since the first message."""


def describe_ladder(messages: Sequence[Message], *, whole: bool = False) -> str:
    """The messages, oldest first, attempt by attempt; `whole` adds the text of each."""
    if not messages:
        return "no SIP message of this call is kept"
    attempts = list(dict.fromkeys(message["attempt"] for message in messages))
    parts = []
    for attempt in attempts:
        said = [message for message in messages if message["attempt"] == attempt]
        parts.append("\n".join([f"attempt {attempt}", *_ladder(said, whole=whole)]))
    return "\n\n".join(parts)


def _ladder(messages: Sequence[Message], *, whole: bool) -> Iterator[str]:
    # Our side first, whoever spoke first; then the others as they appear.
    ours = {_own_end(message) for message in messages}
    hosts = list(dict.fromkeys([*sorted(ours), *(_other_end(message) for message in messages)]))
    yield (" " * _MARGIN + "".join(host.ljust(_COLUMN) for host in hosts)).rstrip()
    began = read_moment(messages[0]["at"])
    for message in messages:
        at = read_moment(message["at"])
        since = (at - began).total_seconds()
        clock = f"{at:%H:%M:%S}.{at.microsecond // 1000:03}"
        rungs = _rungs(hosts.index(message["source"]), hosts.index(message["target"]), message)
        yield f"{clock} {since:+9.3f}".ljust(_MARGIN) + rungs[: _COLUMN * len(hosts)].rstrip()
        if whole:
            yield ""
            yield from (f"    {line}".rstrip() for line in message["text"].splitlines())
            yield ""


def _rungs(source: int, target: int, message: Message) -> str:
    """The columns' bars with one arrow among them, for example `│──── INVITE ───▶│`."""
    low, high = min(source, target), max(source, target)
    width = _COLUMN * max(high - low, 1) - 1
    what = f" {_name(message)} "[: width - 2]
    body = what.center(width - 1, "─")
    arrow = f"{body}▶" if source < target else f"◀{body}"
    return ("│" + " " * (_COLUMN - 1)) * low + "│" + arrow + "│"


def _name(message: Message) -> str:
    """What a message is, in a few words: `INVITE`, `200 OK (BYE)`, `180 Ringing`."""
    lines = message["text"].split("\n")
    first = str(lines[0]).strip()
    has_sdp = any(line.strip().lower() == "content-type: application/sdp" for line in lines)
    if not first.startswith("SIP/2.0 "):
        return first.partition(" ")[0] + (" (SDP)" if has_sdp else "")
    status = first.removeprefix("SIP/2.0 ")
    method = next((_method(line) for line in lines if line.lower().startswith("cseq")), "INVITE")
    about = [*([] if method == "INVITE" else [method]), *(["SDP"] if has_sdp else [])]
    return f"{status} ({', '.join(about)})" if about else status


def _method(cseq: str) -> str:
    return cseq.rpartition(" ")[2].strip()


def _own_end(message: Message) -> str:
    return str(message["source" if message["direction"] == "sent" else "target"])


def _other_end(message: Message) -> str:
    return str(message["target" if message["direction"] == "sent" else "source"])
