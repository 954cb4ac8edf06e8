"""What a phone does when it is called: by the last four digits of its number.

Pure: the number and how often it was dialled before go in, a `Behaviour` comes out. The
same values come from a script file (`script.py`); carrying them out is `leg.py`'s.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import Literal

PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    607: "Unwanted",
    608: "Rejected",
}


Tone = Literal["special", "busy"]
Saying = Literal["", "hello", "voicemail", "fax", "screening"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """One way to take a call. The default is a person who answers after a second."""

    name: str = "person"
    challenge: str = ""
    """Ask for a digest answer (407) before anything else, with `MD5` or `SHA-256`."""
    ring_s: float = 1.0
    """From the INVITE to the final answer; 0 = at once without a 180, inf = for ever."""
    early_media: bool = False
    """While ringing, 183 with the network's tones instead of 180."""
    tone: Tone = "special"
    """Which; it is heard with `early_media` only."""
    code: int = 0
    """The final answer, 300 to 699; 0 = take the call."""
    says: Saying = ""
    """Once it has answered: a person's hello, a voicemail's greeting and beep, a fax's tone, a
    screening service's question and, some seconds later, its person's hello."""
    keys: tuple[str, ...] = ()
    """Keyed after the first prompt, after the second, and so on."""
    hang_up_after_s: float = inf
    """From the answer (a voicemail's: from its beep); inf = when the caller does."""


PERSON = Behaviour(says="hello")
VOICEMAIL = Behaviour(name="voicemail", says="voicemail", hang_up_after_s=20.0)

_BY_LAST_DIGITS = {
    "0150": Behaviour(name="busy", ring_s=0, code=486),
    "0151": Behaviour(name="rings for ever", ring_s=inf),
    "0152": Behaviour(name="rejects", code=603),
    "0153": Behaviour(name="unknown number", ring_s=0, code=404),
    "0154": Behaviour(name="trunk trouble", ring_s=0, code=503),
    "0155": VOICEMAIL,
    "0156": replace(PERSON, name="keys 1", keys=("1",)),
    "0157": replace(PERSON, name="hangs up", says="", hang_up_after_s=3.0),
    "0158": Behaviour(name="announcement", ring_s=2.0, early_media=True, code=404),
    "0159": replace(PERSON, name="asks for a password", challenge="MD5"),
    "0161": Behaviour(name="fax", says="fax", hang_up_after_s=20.0),
    "0163": Behaviour(name="screening", says="screening", hang_up_after_s=30.0),
    "0162": Behaviour(name="busy tone", ring_s=inf, early_media=True, tone="busy"),
}
_BUSY_ONCE = Behaviour(name="busy at first", ring_s=0, code=486)


def built_in(number: str, tries_before: int) -> Behaviour:
    """What `number` does without a script, having been dialled `tries_before` times."""
    digits = "".join(char for char in number if char.isascii() and char.isdigit())
    last = digits[-4:]
    if last == "0160":
        return PERSON if tries_before else _BUSY_ONCE
    return _BY_LAST_DIGITS.get(last, PERSON)
