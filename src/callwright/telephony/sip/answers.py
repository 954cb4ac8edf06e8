"""Our answers to what the other end asks inside a call.

BYE is answered here and acted upon in `call`. re-INVITE and UPDATE get our current
description back, adapted to what they offer; a 2xx to re-INVITE is repeated until its ACK.

Source: RFC 3261 sections 8.2, 12.2.2, 13.3.1.4 and 14.2; RFC 3311 (UPDATE); RFC 4028
(session timers); RFC 6086 (INFO).
"""

from math import inf

from callwright.telephony.sip.actions import Action, KeyedByInfo, Renegotiated, Send
from callwright.telephony.sip.dialog import Dialog, accept_target_refresh
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.media_keys import MediaKeys
from callwright.telephony.sip.message import SipRequest, render, response_lines
from callwright.telephony.sip.requests import ALLOWED
from callwright.telephony.sip.sdp import SdpUnusable, answer_offer, build_offer, read_description
from callwright.telephony.sip.session_timer import MIN_INTERVAL_S, SessionTimer, is_too_short

_T1_S = 0.5
_T2_S = 4.0
_GIVE_UP_S = 64 * _T1_S
_KNOWN = frozenset(("REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH"))
_UNDERSTOOD = frozenset(("100rel", "timer"))
_KEYS = frozenset("0123456789*#ABCD")


class DialogAnswers:
    """The answering half of one call. `session` names our session in descriptions."""

    __slots__ = (
        "_ack_cseq",
        "_address",
        "_awaiting",
        "_expires_at",
        "_interval",
        "_offered",
        "_port",
        "_remote_description",
        "_session",
        "_to",
        "_version",
        "local_description",
        "media_keys",
        "offering",
        "timer",
        "wakes_at",
    )

    def __init__(self, session: int) -> None:
        self._session = session
        self._version = 1
        self._address = ""
        self._port = 0
        self.media_keys: MediaKeys | None = None
        """Ours, where the audio may be sealed."""
        self.timer = SessionTimer()
        self.local_description = b""
        """The one of ours that stands."""
        self._remote_description = b""
        self.offering = False
        """A re-INVITE of ours is under way: theirs have to wait (RFC 3261 section 14.2)."""
        self._awaiting = b""
        """A 2xx to re-INVITE whose ACK has not come."""
        self._to: Address = ("", 0)
        self._ack_cseq = 0
        self._offered = False
        self._interval = _T1_S
        self._expires_at = inf
        self.wakes_at = inf

    def set_local_media(self, address: str, port: int, keys: MediaKeys | None = None) -> None:
        """Where our audio is, and the keys that it may travel under."""
        self._address = address
        self._port = port
        self.media_keys = keys

    def begin(self, ours: bytes, theirs: bytes) -> None:
        """The two descriptions with which the call was answered."""
        self.local_description = ours
        self._remote_description = theirs

    def hears_new(self, description: bytes) -> bool:
        """Whether this description of theirs is another than the one that stood."""
        is_new = bool(description) and description != self._remote_description
        if is_new:
            self._remote_description = description
        return is_new

    @property
    def was_never_acknowledged(self) -> bool:
        """Whether the other end has not acknowledged a 2xx of ours in all its time."""
        return self._expires_at == -inf

    def stop(self) -> None:
        """The call is over: repeat nothing."""
        self._await_nothing()
        self.timer.cease()

    def _await_nothing(self) -> None:
        self._awaiting = b""
        self.wakes_at = inf

    def say_yes(self, request: SipRequest, dialog: Dialog, source: Address) -> Send:
        """A plain 200."""
        return self._send(request, dialog, source, 200, "OK")

    def on_request(
        self, request: SipRequest, dialog: Dialog, source: Address, now: float
    ) -> list[Action]:
        """What to answer to a request inside the dialog, other than BYE."""
        method = request.method
        if method == "ACK":
            return self._on_ack(request)
        if method == "CANCEL":
            # Whatever it wants to cancel we have answered at once.
            return [self.say_yes(request, dialog, source)]
        branch, answer = dialog.answered
        if request.cseq == dialog.remote_cseq and request.branch == branch:
            return [Send(answer, source)]
        if request.cseq <= dialog.remote_cseq:
            return [self._send(request, dialog, source, 500, "Server Internal Error")]
        dialog.remote_cseq = request.cseq
        refusal = self._refuse(request, dialog, source)
        if refusal is not None:
            actions: list[Action] = [refusal]
        elif method in ("INVITE", "UPDATE"):
            actions = self._renegotiate(request, dialog, source, now)
        elif method == "OPTIONS":
            actions = [self._send(request, dialog, source, 200, "OK", [f"Allow: {ALLOWED}"])]
        elif method == "INFO":
            digit = _key_in(request)
            actions = [self.say_yes(request, dialog, source)]
            if digit:
                actions.append(KeyedByInfo(digit))
        elif method == "PRACK":
            # None of our answers is a reliable provisional.
            actions = [no_such_call(request, source)]
        elif method in _KNOWN:
            allow = [f"Allow: {ALLOWED}"]
            actions = [self._send(request, dialog, source, 405, "Method Not Allowed", allow)]
        else:
            actions = [self._send(request, dialog, source, 501, "Not Implemented")]
        first = actions[0]
        if isinstance(first, Send):
            dialog.answered = (request.branch, first.data)
        return actions

    def _refuse(self, request: SipRequest, dialog: Dialog, source: Address) -> Send | None:
        """The refusal of a request that asks for more than we can do."""
        method = request.method
        unknown = [each for each in request.listed("require") if each not in _UNDERSTOOD]
        if unknown:
            extra = [f"Unsupported: {', '.join(unknown)}"]
            return self._send(request, dialog, source, 420, "Bad Extension", extra)
        if method not in ("INVITE", "UPDATE"):
            return None
        kind = request.first("content-type").partition(";")[0].strip().lower()
        if request.body and (
            kind not in ("", "application/sdp") or request.first("content-encoding")
        ):
            extra = ["Accept: application/sdp", "Accept-Encoding: identity"]
            return self._send(request, dialog, source, 415, "Unsupported Media Type", extra)
        offers_cross = self.offering or (self._awaiting and (method == "INVITE" or self._offered))
        if offers_cross and (method == "INVITE" or request.body):
            return self._send(request, dialog, source, 491, "Request Pending")
        if is_too_short(request):
            extra = [f"Min-SE: {MIN_INTERVAL_S}"]
            phrase = "Session Interval Too Small"
            return self._send(request, dialog, source, 422, phrase, extra)
        return None

    def on_timer(self, now: float) -> list[Action]:
        """Repeat a 2xx whose ACK has not come."""
        if not self._awaiting or now < self.wakes_at:
            return []
        if now >= self._expires_at:
            self._await_nothing()
            self._expires_at = -inf
            return []
        self._interval = min(self._interval * 2, _T2_S)
        self.wakes_at = min(now + self._interval, self._expires_at)
        return [Send(self._awaiting, self._to)]

    def _renegotiate(
        self, request: SipRequest, dialog: Dialog, source: Address, now: float
    ) -> list[Action]:
        is_invite = request.method == "INVITE"
        if not self._port:
            return [self._send(request, dialog, source, 488, "Not Acceptable Here")]
        extra = [f"Contact: {dialog.setup.contact}", f"Allow: {ALLOWED}"]
        body = b""
        actions: list[Action] = []
        if request.body:
            try:
                body, media = answer_offer(
                    request.body,
                    self._address,
                    self._port,
                    self._session,
                    self._version + 1,
                    self.media_keys,
                )
            except SdpUnusable:
                return [self._send(request, dialog, source, 488, "Not Acceptable Here")]
            actions.append(Renegotiated(media))
        elif is_invite:
            version, keys = self._version + 1, self.media_keys
            body = build_offer(self._address, self._port, self._session, version, keys=keys)
        accept_target_refresh(dialog, request)
        extra += self.timer.on_request(request, now)
        if body:
            self._version += 1
            self.local_description = body
            extra.append("Content-Type: application/sdp")
        if request.body:
            self._remote_description = request.body
        answer = self._send(request, dialog, source, 200, "OK", extra, body)
        if is_invite:
            self._awaiting = answer.data
            self._to = source
            self._ack_cseq = request.cseq
            self._offered = not request.body
            self._interval = _T1_S
            self.wakes_at = now + _T1_S
            self._expires_at = now + _GIVE_UP_S
        return [answer, *actions]

    def _on_ack(self, request: SipRequest) -> list[Action]:
        if not self._awaiting or request.cseq != self._ack_cseq:
            return []
        self._await_nothing()
        if not self._offered or not self.hears_new(request.body):
            return []
        try:
            return [Renegotiated(read_description(request.body, self.media_keys))]
        except SdpUnusable:
            return []

    def _send(
        self,
        request: SipRequest,
        dialog: Dialog,
        source: Address,
        status: int,
        phrase: str,
        extra: list[str] | None = None,
        body: bytes = b"",
    ) -> Send:
        lines = response_lines(request, status, phrase, dialog.setup.from_tag, source)
        return Send(render(lines + (extra or []), body), source)


def no_such_call(request: SipRequest, source: Address) -> Send:
    """The 481 for a request that fits no call of ours."""
    lines = response_lines(request, 481, "Call/Transaction Does Not Exist", "", source)
    return Send(render(lines), source)


def _key_in(request: SipRequest) -> str:
    """The key an INFO carries as application/dtmf-relay or application/dtmf, "" if none."""
    kind = request.first("content-type").partition(";")[0].strip().lower()
    text = request.body[:200].decode("latin-1")
    if kind == "application/dtmf":
        key = text.strip()
    elif kind == "application/dtmf-relay":
        key = ""
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name.strip().lower() == "signal":
                key = value.strip()
    else:
        return ""
    key = {"10": "*", "11": "#"}.get(key, key).upper()
    return key if key in _KEYS else ""
