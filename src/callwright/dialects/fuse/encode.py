"""Domain values and refusals as Fuse words them.

Source: Fuse "Queue Call", "Queue Multiple Calls" and the outbound call status; wire
contract, sections 2, 6 and 7. Types are those of the vendor's examples.
"""

from collections.abc import Mapping

from callwright.dialects.details import (
    EVENT_WORDS,
    STATUS_WORDS,
    latest_talk,
    seconds_text,
    unix_seconds,
)
from callwright.dialects.refusals import status_of, text_of_refusal
from callwright.dialects.rendering import (
    JSON_CONTENT_TYPE,
    XML_CONTENT_TYPE,
    render_json,
    render_xml,
)
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.errors import MediaTypeUnsupported, NotFound, RequestRefused

WAIT_SHOWN_IF_NOT_GIVEN = "300"

_NOT_FOUND = {"deployment": "No deployment was found by that application id and deployment id."}


def encode_queued(call_id: CallId) -> dict[str, object]:
    return {"call_id": call_id}


def encode_list_queued(count: int) -> dict[str, object]:
    return {"calls_queued": count}


def encode_details(details: CallDetails) -> dict[str, object]:
    """The value of `call_details`, which is also the body of the result callback."""
    schedule = details.schedule
    history = details.history
    seconds = [unix_seconds(entry.at) for entry in history]
    talk = latest_talk(history, seconds)
    start = unix_seconds(schedule.window.opens_at) if schedule.start_given else talk.connected
    closes_at = schedule.window.closes_at
    end = talk.disconnected if closes_at is None else unix_seconds(closes_at)
    wait = str(int(schedule.retry.wait.total_seconds()))
    return {
        "max_attempts": str(schedule.retry.max_attempts),
        "attempts": str(details.attempts_made),
        "events": [
            {"event": EVENT_WORDS[entry.event], "timestamp": at}
            for entry, at in zip(history, seconds, strict=True)
        ],
        "phone_number": details.contact.dial.sent,
        "status": STATUS_WORDS[details.state],
        "queued_timestamp": seconds_text(details.queued_at),
        "start_timestamp": "" if start is None else str(start),
        "end_timestamp": "" if end is None else str(end),
        "reattempt_wait": wait if schedule.wait_given else WAIT_SHOWN_IF_NOT_GIVEN,
        "duration": talk.seconds,
    }


def encode_details_reply(details: CallDetails) -> dict[str, object]:
    return {"call_details": encode_details(details)}


def encode_error(refusal: RequestRefused) -> tuple[int, dict[str, object]]:
    """The HTTP status and the reply of a refused request."""
    text = text_of_refusal(refusal)
    if isinstance(refusal, NotFound):
        text = _NOT_FOUND.get(refusal.what, text)
    # 415 is none of Fuse's documented codes.
    status = 400 if isinstance(refusal, MediaTypeUnsupported) else status_of(refusal)
    return status, encode_error_text(text)


def encode_error_text(text: str) -> dict[str, object]:
    """The reply of an error that has no exception of its own (405, 500)."""
    return {"error": text}


def render(value: Mapping[str, object], *, xml: bool) -> tuple[bytes, str]:
    """Body and Content-Type."""
    if xml:
        return render_xml(value, declaration=True), XML_CONTENT_TYPE
    return render_json(value), JSON_CONTENT_TYPE
