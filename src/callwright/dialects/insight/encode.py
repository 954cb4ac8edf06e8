"""Domain values and refusals as Insight words them.

Source: Insight "Queuing an Outbound Call", "Queuing Multiple Outbound Calls" and the
outbound call status; wire contract, sections 2, 6 and 7. Every value of `call_details` is
a string, as in the vendor's example.
"""

from collections.abc import Mapping

from callwright.dialects.details import EVENT_WORDS, STATUS_WORDS, seconds_text
from callwright.dialects.refusals import status_of, text_of_refusal
from callwright.dialects.rendering import (
    JSON_CONTENT_TYPE,
    XML_CONTENT_TYPE,
    render_json,
    render_xml,
)
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.errors import NotFound, RequestRefused

WAIT_SHOWN_IF_NOT_GIVEN = "0"

_NOT_FOUND = {
    "survey": "No survey was found by that survey id and instance id.",
    "deployment": "No deployment was found by that survey id and instance id.",
}


def encode_queued(call_id: CallId) -> dict[str, object]:
    return {"success": True, "call_id": call_id}


def encode_list_queued(count: int) -> dict[str, object]:
    return {"success": True}


def encode_responses(count: int) -> dict[str, object]:
    """How many visits of an instance ran to their end."""
    return {"success": True, "responses": count}


def encode_pushed() -> dict[str, object]:
    """A record was added to a metadatabase."""
    return {"success": True}


def encode_details(details: CallDetails) -> dict[str, object]:
    """The value of `call_details`, which is also the body of the result callback."""
    schedule = details.schedule
    wait = str(int(schedule.retry.wait.total_seconds()))
    return {
        "status": STATUS_WORDS[details.state],
        "attempts": str(details.attempts_made),
        "max_attempts": str(schedule.retry.max_attempts),
        "queued_timestamp": seconds_text(details.queued_at),
        "last_attempt_timestamp": seconds_text(details.history[-1].at if details.history else None),
        "start_timestamp": seconds_text(schedule.window.opens_at if schedule.start_given else None),
        "end_timestamp": seconds_text(schedule.window.closes_at),
        "reattempt_wait": wait if schedule.wait_given else WAIT_SHOWN_IF_NOT_GIVEN,
        "events": [
            {"event": EVENT_WORDS[entry.event], "timestamp": seconds_text(entry.at)}
            for entry in details.history
        ],
    }


def encode_details_reply(details: CallDetails) -> dict[str, object]:
    return {"success": True, "call_details": encode_details(details)}


def encode_error(refusal: RequestRefused) -> tuple[int, dict[str, object]]:
    """The HTTP status and the reply of a refused request."""
    text = text_of_refusal(refusal)
    if isinstance(refusal, NotFound):
        text = _NOT_FOUND.get(refusal.what, text)
    return status_of(refusal), encode_error_text(text)


def encode_error_text(text: str) -> dict[str, object]:
    """The reply of an error that has no exception of its own (405, 500)."""
    return {"success": False, "error": text}


def render(value: Mapping[str, object], *, xml: bool) -> tuple[bytes, str]:
    """Body and Content-Type; Insight's XML has no declaration."""
    if xml:
        return render_xml(value, declaration=False), XML_CONTENT_TYPE
    return render_json(value), JSON_CONTENT_TYPE
