"""The built-in callee: a SIP server whose phones do what their number says."""

from callwright.telephony.phones.calls import PhoneCall, PhoneEvent
from callwright.telephony.phones.script import PhoneScript, load_script
from callwright.telephony.phones.server import DEFAULT_PASSWORD, Phones

__all__ = ["DEFAULT_PASSWORD", "PhoneCall", "PhoneEvent", "PhoneScript", "Phones", "load_script"]
