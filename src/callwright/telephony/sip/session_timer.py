"""Session timers: how long a call may go on without either end confirming it.

The numbers of RFC 4028 alone; what is sent to confirm it is `session_refresh`'s, and the
answers to the other end are `answers`'.
"""

from math import inf

from callwright.telephony.sip.message import SipMessage, SipRequest, SipResponse

MIN_INTERVAL_S = 90
"""RFC 4028 section 4: no shorter interval is to be asked for."""
_MOST_DIGITS = 9


class SessionTimer:
    """The interval the two ends agreed on. Both times are `inf` while there is none."""

    __slots__ = ("expires_at", "interval_s", "refresh_at")

    def __init__(self) -> None:
        self.interval_s = 0
        self.refresh_at = inf
        """When we must confirm the session; `inf` = it is the other end's business."""
        self.expires_at = inf
        """When the call is to be hung up because nobody did."""

    def on_answer(self, response: SipResponse, now: float) -> None:
        """A 2xx to an INVITE or UPDATE of ours says what holds from now on."""
        if not self.interval_s and "session-expires" not in response.headers:
            return
        interval_s, refresher = read_interval(response)
        if interval_s:
            self._run(interval_s, we_refresh=refresher != "uas", now=now)
        else:
            self.cease()

    def on_request(self, request: SipRequest, now: float) -> list[str]:
        """What our 2xx to an INVITE or UPDATE says of it. Ask `is_too_short` before."""
        interval_s, refresher = read_interval(request)
        supports = "timer" in request.listed("supported")
        if interval_s < MIN_INTERVAL_S:
            self.cease()
            return []
        refresher = refresher or ("uac" if supports else "uas")
        self._run(interval_s, we_refresh=refresher == "uas", now=now)
        lines = [f"Session-Expires: {interval_s};refresher={refresher}"]
        return ["Require: timer", *lines] if refresher == "uac" else lines

    def cease(self) -> None:
        """There is no timer any more."""
        self.interval_s = 0
        self.refresh_at = self.expires_at = inf

    def _run(self, interval_s: int, *, we_refresh: bool, now: float) -> None:
        # Somebody who ignores the minimum would have us send without end.
        interval_s = max(interval_s, MIN_INTERVAL_S)
        self.interval_s = interval_s
        self.refresh_at = now + interval_s / 2 if we_refresh else inf
        # RFC 4028 section 10: a third of the interval or 32 s before its end.
        self.expires_at = now + interval_s - min(32.0, interval_s / 3)


def read_interval(message: SipMessage) -> tuple[int, str]:
    """Seconds and refresher (`uac`, `uas` or "") of Session-Expires; 0 = none that can be read."""
    value, *params = message.first("session-expires").lower().split(";")
    refresher = ""
    for param in params:
        name, _, found = param.partition("=")
        if name.strip() == "refresher" and found.strip() in ("uac", "uas"):
            refresher = found.strip()
    return _seconds(value), refresher


def read_minimum(response: SipResponse) -> int:
    """The seconds of Min-SE in a 422, at least the RFC's own minimum."""
    return max(MIN_INTERVAL_S, _seconds(response.first("min-se").partition(";")[0]))


def is_too_short(request: SipRequest) -> bool:
    """Whether a request deserves a 422: it asks for less than we grant, and understands that."""
    interval_s, _ = read_interval(request)
    return 0 < interval_s < MIN_INTERVAL_S and "timer" in request.listed("supported")


def _seconds(text: str) -> int:
    text = text.strip()
    plain = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if plain else 0
