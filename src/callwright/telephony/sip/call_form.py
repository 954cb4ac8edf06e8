"""How one trunk wants calls written: numbers, who calls, and what else its INVITEs say.

Carriers differ in all of this and agree that a call written otherwise is refused. A form is
checked once, when its trunk is set up; the values it is given with each call are checked by
`requests.make_setup` before they come here.

Source: RFC 3261 sections 19.1.1 and 20 (user=phone, From), RFC 3323 (Privacy), RFC 3325
(P-Asserted-Identity, P-Preferred-Identity), RFC 5806 (Diversion), RFC 3966 (numbers).
"""

import re
from typing import Literal

import msgspec

from callwright.domain.phone import is_service_number
from callwright.telephony.sip.fields import SipMalformed, checked_caller

NumberFormat = Literal["e164", "digits", "national"]
IdentityHeader = Literal["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"]
Reliable = Literal["offered", "required", "off"]

_EXTENSIONS: dict[Reliable, tuple[str, ...]] = {
    "offered": ("Supported: 100rel, timer",),
    "required": ("Supported: 100rel, timer", "Require: 100rel"),
    "off": ("Supported: timer",),
}
_DIGITS = re.compile(r"[0-9]{0,15}\Z")
_COUNTRY_CODE = re.compile(r"[1-9][0-9]{0,2}\Z")
_DIAL_PREFIX = re.compile(r"[0-9*#+]{0,15}\Z")
_USER_AGENT = re.compile(r"[!-~](?:[ -~]{0,98}[!-~])?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class CallForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form of one trunk. Its defaults write what any SIP server takes."""

    number_format: NumberFormat = "e164"
    country_code: str = "1"
    """Whose numbers are national."""
    national_prefix: str = ""
    """Before a national number, such as the 0 of most countries."""
    international_prefix: str = "+"
    """Before any other, where `number_format` is national."""
    strip_prefix: str = ""
    """Taken off the front of what is dialled, if it stands there."""
    dial_prefix: str = ""
    """Put before what is dialled."""
    caller_id_format: NumberFormat = "e164"
    user_phone: bool = False
    from_account: bool = False
    """From names the account; the caller id stands in `identity_headers` alone."""
    identity_headers: tuple[IdentityHeader, ...] = ()
    caller_name: str = ""
    """Beside the caller id; "" = the caller id once more."""
    hide_caller_id: bool = False
    diversion: str = ""
    """The number of ours through which these calls seem to be diverted; "" = none."""
    user_agent: str = "callwright"
    reliable_provisionals: Reliable = "offered"
    session_expires_s: int = 0
    """The session interval to ask for; 0 = none is asked for."""

    def check(self) -> None:
        """Refuse a form that could not be written.

        Raises:
            SipMalformed: the text begins with the name of the setting.
        """
        rules = (
            ("country_code", _COUNTRY_CODE, "write its 1 to 3 digits"),
            ("national_prefix", _DIGITS, "write digits"),
            ("international_prefix", _DIAL_PREFIX, "write digits or +"),
            ("strip_prefix", _DIAL_PREFIX, "write digits or +"),
            ("dial_prefix", _DIAL_PREFIX, "write digits, *, # or +"),
            ("user_agent", _USER_AGENT, "write 1 to 100 printable ASCII characters"),
        )
        for name, pattern, advice in rules:
            if not pattern.match(getattr(self, name)):
                raise SipMalformed(f"{name}: {advice}")
        if _CONTROL.search(self.caller_name) or len(self.caller_name) > 100:
            raise SipMalformed("caller_name: write at most 100 characters, none to control with")
        if self.diversion:
            try:
                checked_caller(self.diversion)
            except SipMalformed as exc:
                raise SipMalformed("diversion: write a number: + and digits") from exc
        if self.session_expires_s and not 90 <= self.session_expires_s <= 86_400:
            raise SipMalformed("session_expires: write 90 s to a day, or 0s for none")

    def dialled(self, number: str) -> str:
        """`number` as the user part of the URI that is called.

        Raises:
            SipMalformed: what this form makes of it is an emergency or service number.
        """
        written = self._formed(number, self.number_format)
        if self.strip_prefix:
            written = written.removeprefix(self.strip_prefix)
        if written == number and not self.dial_prefix:
            return number  # as it was taken in, where services are refused
        for each in (written, self.dial_prefix + written):
            if is_service_number(each.removeprefix("+")) or not each:
                raise SipMalformed("what is left of the number would ring a service")
        # In a URI a # would end it.
        return (self.dial_prefix + written).replace("#", "%23")

    @property
    def extension_lines(self) -> tuple[str, ...]:
        """What we understand beyond RFC 3261, and what of that the other end must."""
        return _EXTENSIONS[self.reliable_provisionals]

    def caller(self, caller_id: str, host: str, account: str) -> tuple[str, list[str]]:
        """The From value without its tag, and the further lines that say who calls.

        `caller_id` "" means that nobody is to be named; `account` is our user at the trunk.
        """
        shown = self.shown(caller_id)
        name = _quoted(self.caller_name) if self.caller_name else f'"{shown}"'
        uri = self.uri("sip", shown, host)
        if self.hide_caller_id or not shown:
            from_value = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        elif self.from_account and account:
            from_value = f"{name} <sip:{account}@{host}>"
        else:
            from_value = f"{name} <{uri}>"
        lines = []
        if shown:
            lines = [self._identity(header, name, uri) for header in self.identity_headers]
            if self.hide_caller_id:
                lines.append("Privacy: id")
        if self.diversion:
            diverted = self._formed(self.diversion, self.caller_id_format)
            lines.append(f"Diversion: <{self.uri('sip', diverted, host)}>;reason=unconditional")
        return from_value, lines

    def shown(self, caller_id: str) -> str:
        """`caller_id` as the called side is to see it; "" stays so."""
        return self._formed(caller_id, self.caller_id_format) if caller_id else ""

    def uri(self, scheme: str, user: str, host: str) -> str:
        """A URI of a telephone number at `host`."""
        return f"{scheme}:{user}@{host}{';user=phone' if self.user_phone else ''}"

    def _identity(self, header: IdentityHeader, name: str, uri: str) -> str:
        if header != "Remote-Party-ID":
            return f"{header}: {name} <{uri}>"
        privacy = "full" if self.hide_caller_id else "off"
        return f"{header}: {name} <{uri}>;party=calling;screen=no;privacy={privacy}"

    def _formed(self, number: str, form: NumberFormat) -> str:
        """Only what is an E.164 number is written otherwise: all else is as its sender means it."""
        if form == "e164" or not number.startswith("+"):
            return number
        digits = number[1:]
        if form == "digits":
            return digits
        if digits.startswith(self.country_code):
            return self.national_prefix + digits[len(self.country_code) :]
        return self.international_prefix + digits


PLAIN = CallForm()


def _quoted(text: str) -> str:
    """A display name as a quoted string. Messages are Latin-1 here: UTF-8 travels as its bytes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped.encode().decode("latin-1")}"'
