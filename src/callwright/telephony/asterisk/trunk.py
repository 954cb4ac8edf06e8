"""What a line must know of one Asterisk: where it is, who we are there, whom it dials through.

The settings travel to the line process as they are; reading `callwright.toml` is the
business of `config`.
"""

from urllib.parse import urlsplit

import msgspec

from callwright.telephony.sip.call_form import PLAIN, CallForm
from callwright.telephony.trunk import check_callers


class AsteriskTrunk(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk whose calls an Asterisk places."""

    name: str
    url: str
    """Of its HTTP server: `http://127.0.0.1:8088`, with the prefix of http.conf if it has one."""
    app: str
    """The Stasis application. Of one line process alone: what it finds there is its own."""
    user: str
    password: str
    endpoint: str
    """What to dial, with `{number}` where the number goes: `PJSIP/{number}@carrier`."""
    caller_id: str = ""
    """Used when an order brings none; "" = anonymous."""
    audio_timeout_s: float = 30.0
    """A call from which so long nothing came, though it should have, is over; 0 = never."""
    calls_per_second: float = 0.0
    """Calls that may leave this line in any second; 0 = as many as are ordered."""
    form: CallForm = PLAIN
    """How numbers and caller ids are written; the rest of an INVITE is Asterisk's."""

    def __repr__(self) -> str:
        """Without the password, which has no business in a log."""
        return f"AsteriskTrunk(name={self.name!r}, url={self.url!r}, app={self.app!r})"

    def address(self) -> str:
        """`host:port` of the Asterisk."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def check_asterisk(trunk: AsteriskTrunk) -> None:
    """Refuse settings a line could not work with.

    Raises:
        ConfigInvalid: names the setting and what to do.
    """
    check_callers(f"trunks.{trunk.name}", trunk.caller_id, trunk.form)
