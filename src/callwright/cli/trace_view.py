"""A call as text: its facts, then a timeline of its attempts, its end and its callback."""

from collections.abc import Iterator, Mapping
from typing import Any

from callwright.cli.listing import call_state
from callwright.cli.moments import clock_time, exact_time, read_moment
from callwright.cli.why_view import describe_why

Facts = Mapping[str, Any]
Line = tuple[str, str, str]
"""When, who (`attempt 1`, `callback`, or nobody) and what."""

_TOLD_BY_ATTEMPTS = frozenset({"dialing", "connected", "disconnected"})


def describe_call(call: Facts, callback: Facts | None, why: Facts | None = None) -> str:
    """All that the API tells of a call, for eyes. Times are UTC."""
    title = f"call {call['id']}  {call_state(call)}"
    facts = [(name, text) for name, text in _facts(call, callback, why) if text]
    width = max(len(name) for name, _ in facts)
    # Sorting is stable: what has the same moment stays in the order it is told in.
    lines = sorted(_lines(call, callback), key=lambda line: read_moment(line[0]))
    return "\n".join(
        [
            title,
            *(f"  {name.ljust(width)}  {text}" for name, text in facts),
            "",
            *(f"{exact_time(at)}  {who:<9}  {what}" for at, who, what in lines),
        ]
    )


def _facts(call: Facts, callback: Facts | None, why: Facts | None) -> Iterator[tuple[str, str]]:
    sent = "" if call["phone_number"] == call["number"] else f", sent as {call['phone_number']}"
    yield "number", call["number"] + sent
    yield "caller id", call["caller_id"]
    yield "post-dial", call["post_dial"]
    yield "queued on", f"deployment {call['deployment_id']} ({call['product']})"
    yield "batch", str(call["batch_id"])
    closes = clock_time(call["closes_at"]) if call["closes_at"] else "never"
    yield "window", f"opens {clock_time(call['opens_at'])}, closes {closes}"
    yield "attempts", _attempts(call)
    if call["next_attempt_at"]:
        yield "next", f"at {clock_time(call['next_attempt_at'])}"
    if call["paused_at"]:
        yield "paused", f"since {clock_time(call['paused_at'])}"
    if call["quarantined_at"]:
        since = f"since {clock_time(call['quarantined_at'])}"
        deaths = f"it was in motion in {call['deaths']} deaths of the server"
        what = f"`callwright release {call['id']}` or `cancel call {call['id']}`"
        yield "quarantined", f"{since}: {deaths}; {what}"
    if why is not None:
        yield from describe_why(why)
    yield "variables", _pairs(call["variables"])
    yield "answers", _pairs(call["answers"])
    if call["retry_of"]:
        yield "retry of", f"call {call['retry_of']}"
    yield "retried by", ", ".join(f"call {number}" for number in call["retried_by"])
    yield "result url", call["result_url"]
    if callback is not None:
        yield "callback", _callback_state(callback)


def _attempts(call: Facts) -> str:
    text = f"{call['attempts']} of {call['max_attempts']}"
    return f"{text}, {call['retry_wait_s']} s apart" if call["max_attempts"] > 1 else text


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _callback_state(callback: Facts) -> str:
    text = f"{callback['id']}, {callback['state']} ({callback['webhook_id']})"
    again = callback["next_try_at"]
    return f"{text}, next try {clock_time(again)}" if again else text


def _lines(call: Facts, callback: Facts | None) -> Iterator[Line]:
    events = [entry for entry in call["events"] if entry["event"] not in _TOLD_BY_ATTEMPTS]
    yield from ((e["at"], "", e["event"]) for e in events if e["event"] == "queued")
    for attempt in call["attempt_log"]:
        yield from _attempt_lines(attempt)
    if call["state"] == "completed":
        yield call["ended_at"], "", "completed"
    for entry in events:
        if entry["event"] != "queued":
            # the API's own word says more: `failed` is exhausted or expired
            because = call["rejected_because"]
            yield entry["at"], "", call["state"] + (f": {because}" if because else "")
    for attempt in callback["log"] if callback is not None else ():
        yield attempt["at"], "callback", f"try {attempt['number']}: {what_came_of(attempt)}"


def what_came_of(attempt: Facts) -> str:
    """What a try of a callback came to, and where it went."""
    status = attempt["status"]
    came = f"answered {status}" if status is not None else attempt["problem"]
    where = f" from {attempt['address']}" if attempt["address"] else ""
    return f"{came}{where} after {attempt['took_ms']} ms"


def _attempt_lines(attempt: Facts) -> Iterator[Line]:
    who, sip = f"attempt {attempt['number']}", attempt["sip"]
    over = f" over {attempt['trunk']}" if attempt["trunk"] else ""
    over += f" ({sip['remote_address']})" if sip["remote_address"] else ""
    from_ = f" from {attempt['caller_id']}" if attempt["caller_id"] else ""
    started_at = attempt["started_at"]
    yield started_at, who, f"dials {attempt['dialed']}{from_}{over}"
    yield started_at, who, f"SIP Call-ID {sip['call_id']}"
    if attempt["rang_at"]:
        yield attempt["rang_at"], who, f"rings after {_lasting(attempt['ring_ms'])}"
    if attempt["answered_at"]:
        yield attempt["answered_at"], who, f"answered after {_lasting(attempt['answer_ms'])}"
    if attempt["answered_by"]:
        told = f"answered by {attempt['answered_by']} ({attempt['answered_by_cause']})"
        yield attempt["answered_at"], who, told
    for keyed in attempt["keyed"]:
        yield keyed["at"], who, f"keyed {keyed['name']} = {keyed['value']}"
    if attempt["audio"]:
        yield attempt["ended_at"], who, _heard(attempt["audio"])
    if attempt["ended_at"]:
        yield attempt["ended_at"], who, _end(attempt)


def _heard(audio: Facts) -> str:
    """What passed both ways, and what did not."""
    said = f"audio: {audio['sent']} packets sent, {audio['received']} heard"
    said += f", {audio['lost']} lost, jitter {audio['jitter_ms']:g} ms"
    if audio["round_trip_ms"] is not None:
        said += f"; they report {audio['far_lost']} lost, jitter {audio['far_jitter_ms']:g} ms"
        said += f", round trip {audio['round_trip_ms']:g} ms"
    return said


def _end(attempt: Facts) -> str:
    sip = attempt["sip"]
    code, said = str(sip["code"] or ""), sip["reason"]
    if code:
        said = f"SIP {said}" if said.startswith(code) else f"SIP {code}, {said}".rstrip(", ")
    words = [str(attempt["outcome"]).replace("_", " ") + (f" ({said})" if said else "")]
    if attempt["talk_ms"] is not None:
        words.append(f"talked {_lasting(attempt['talk_ms'])}")
    if attempt["fault"] not in (None, "none"):
        words.append(f"fault: {attempt['fault']}")
    if not attempt["counts"]:
        words.append("given back, does not count")
    return "ends: " + "; ".join(words)


def _lasting(milliseconds: int) -> str:
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
