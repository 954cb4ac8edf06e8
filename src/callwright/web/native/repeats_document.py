"""Requests that may be sent again, for the API document: of FastAPI's doing is none of it."""

from typing import Any

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "Your own word for this request, to send it again safely: for 24 hours the "
    "same request gets the same answer, and nothing is queued twice",
}
KEY_REUSED = "This `Idempotency-Key` came with another request; nothing was done"

_REPLAYED = {
    "Idempotency-Replayed": {
        "schema": {"type": "string", "enum": ["true"]},
        "description": "This was answered before; nothing was queued now",
    }
}
_DUPLICATE_OF = {
    "X-Duplicate-Of": {
        "schema": {"type": "integer"},
        "description": "The list that the same file made here within the hour before",
    }
}
_RETRY_AFTER = {
    "Retry-After": {
        "schema": {"type": "integer"},
        "description": "Seconds, if the same request is still being worked on",
    }
}


def describe_repeats(responses: dict[str, Any], *done: str, is_list: bool) -> None:
    """Add to an operation's responses what a key adds; `done` are those of work that was done."""
    for status in done:
        if status in responses:
            more = {**_REPLAYED, **_DUPLICATE_OF} if is_list else _REPLAYED
            responses[status].setdefault("headers", {}).update(more)
    # A copy: operations share the description of an error.
    responses["409"] = {**responses["409"], "headers": dict(_RETRY_AFTER)}
