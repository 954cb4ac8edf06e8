"""What we answer to requests that belong to no call of ours."""

from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import SipRequest, render, response_lines
from callwright.telephony.sip.requests import ALLOWED

_OUR_TAG = "callwright"


def answer_to_stray(request: SipRequest, source: Address, *, is_server: bool) -> bytes:
    """The response, b"" = silence. `is_server`: it comes from where the trunk's requests go.

    Raises:
        SipMalformed: it holds what may not be repeated in an answer.
    """
    if request.method == "ACK":
        return b""
    extra: list[str] = []
    required = request.listed("require")
    if request.to_tag or request.method in ("BYE", "CANCEL"):
        if not is_server:
            return b""  # whoever guesses Call-IDs learns nothing
        status, phrase = 481, "Call/Transaction Does Not Exist"
    elif required:
        status, phrase = 420, "Bad Extension"
        extra = [f"Unsupported: {', '.join(required)}"]
    elif request.method == "OPTIONS":
        status, phrase, extra = 200, "OK", [f"Allow: {ALLOWED}"]
    elif request.method == "INVITE":
        status, phrase = 403, "Forbidden"
    else:
        status, phrase, extra = 405, "Method Not Allowed", [f"Allow: {ALLOWED}"]
    return render(response_lines(request, status, phrase, _OUR_TAG, source) + extra)
