"""Following one call to its end, a line on stderr for each thing that changes."""

from typing import Any

from callwright.cli.api_client import ApiClient
from callwright.cli.moments import clock_time
from callwright.cli.output import show, tell

FINAL_STATES = frozenset({"completed", "canceled", "exhausted", "expired", "rejected"})


def show_queued(client: ApiClient, call: dict[str, Any], *, wait: bool, as_json: bool) -> bool:
    """Print a call that was queued, with `wait` once it is over; False: nobody answered then."""
    if wait:
        call = follow_call(client, int(call["id"]))
    value = {"call_id": call["id"], "state": call["state"], "call": call}
    show(value, f"call {call['id']} {describe(call)}", as_json=as_json)
    return not wait or call["state"] == "completed"


def follow_call(client: ApiClient, call_id: int) -> dict[str, Any]:
    """The call once it is over."""
    told = None
    for call in client.poll(f"/v1/calls/{call_id}"):
        if call["state"] in FINAL_STATES:
            break
        seen = (call["state"], call["attempts"], call["is_paused"], call["is_quarantined"])
        if seen != told and call["state"] != "claimed":
            tell(f"call {call_id} {describe(call)}")
            told = seen
    return call


def describe(call: dict[str, Any]) -> str:
    """How a call stands, as the rest of a sentence that starts with `call 7`."""
    state, outcome = call["state"], call["last_outcome"]
    tries = f"attempt {call['attempts']} of {call['max_attempts']}"
    if call["is_quarantined"]:
        return f"is {state}, and quarantined: `callwright trace {call['id']}` says why"
    if call["is_paused"]:
        return f"is {state}, and paused"
    if state == "queued":
        return "is queued"
    if state == "waiting":
        again = call.get("next_attempt_at")
        when = f"; again {clock_time(again)}" if again else ""
        return f"waits: {_said(outcome)}; {tries}{when}"
    if state in FINAL_STATES:
        return f"{state}: {_said(outcome)}; {tries}" if outcome else str(state)
    return f"is {state}; {tries}"


def _said(outcome: object) -> str:
    return str(outcome).replace("_", " ")
