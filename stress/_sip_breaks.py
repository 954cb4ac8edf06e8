"""Lines that a stranger, a list or a carrier can hurt: for `sip`."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import _sip_values
from _breaks import Patch
from callwright.runtime import pacing, trunk_states
from callwright.telephony.sip import call, inviting, requests
from callwright.telephony.sip.answers import DialogAnswers
from callwright.telephony.sip.neighbours import Neighbours


def _any_source() -> list[Patch]:
    """Believe whoever knows the Call-ID and the tags."""
    return [(Neighbours, "admits", lambda self, host: True)]


def _any_tag() -> list[Patch]:
    """Find the call by its Call-ID, as if that were enough."""
    return [(call, "is_in_dialog", lambda dialog, request: True)]


def _answers_everybody() -> list[Patch]:
    """Tell whoever asks whether the call is there."""
    asked = call.OutgoingCall._on_other_request

    def tell(self: Any, request: Any, source: Any, now: float) -> Any:
        return asked(self, request, source, now) or [call.no_such_call(request, source)]

    return [(call.OutgoingCall, "_on_other_request", tell)]


def _unchecked_values() -> list[Patch]:
    """Take a number as it is written."""

    def read(text: str) -> Any:
        number, _, ani = text.partition(";ani=")
        return SimpleNamespace(number=SimpleNamespace(e164=number), ani=ani, postd="")

    anything: Callable[[str], str] = lambda text: text  # noqa: E731
    return [
        (_sip_values, "parse_dial_string", read),
        (requests, "checked_number", anything),
        (requests, "checked_caller", anything),
    ]


def _falls_over() -> list[Patch]:
    """Trust that what the other end sends is in order."""
    answer = DialogAnswers.on_request

    def on_request(self: Any, request: Any, *rest: Any) -> Any:
        int(request.first("max-forwards"))
        return answer(self, request, *rest)

    return [(DialogAnswers, "on_request", on_request)]


def _never_second_target() -> list[Patch]:
    """Take what the first server does for the end of it."""
    return [(inviting.Inviting, "move_on", lambda self, now: [])]


def _dials_when_out() -> list[Patch]:
    """Try it all the same, though it is known that nobody is there."""
    return [(pacing.Pacer, "is_out", lambda self, now: False)]


def _never_back() -> list[Patch]:
    """Let what was held wait on."""
    return [
        (pacing.Pacer, "back", lambda self, now: False),
        (trunk_states, "BELIEVED_S", 1e6),
    ]


SIP_BREAKS: dict[str, Callable[[], list[Patch]]] = {
    "any-source": _any_source,
    "any-tag": _any_tag,
    "answers-everybody": _answers_everybody,
    "unchecked-values": _unchecked_values,
    "falls-over": _falls_over,
    "never-second-target": _never_second_target,
    "dials-when-out": _dials_when_out,
    "never-back": _never_back,
}
