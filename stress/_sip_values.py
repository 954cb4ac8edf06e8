"""Hostile `phone_number`, `ani` and `postd` values, and what may stand in an INVITE for them."""

import random
import re
from collections.abc import Iterator

from callwright.domain.phone import parse_dial_string
from callwright.errors import RequestRefused
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.requests import invite, make_setup

PIECES = (
    "\r\n", "\n", "\r", "\r\n ", "%0d%0a", "\\r\\n", "\u2028", "\x85", "\x0b", "\x0c", "\0", "\t",
    " ", "\r\nX-Evil: 1", "\r\n\r\nBYE sip:a@b SIP/2.0\r\n", "@evil.example", ";tag=x",
    ";user=phone",
    ";transport=tcp", "?Route=%3Csip:evil%3E", "<sip:evil@h>", ">", "<", '"', '\\"', "'", ",", ";",
    "=", "&", "#", "*", "%23", "%00", "%", "(", ")", "-", ".", "/", "tel:", "sip:", "sips:", "+",
    "++", "00", "011", "911", "+1911", "112", "p", ",", "A", "D", "w", "x123", "ext. 5", ";ext=5",
    ";phone-context=+1", "\uff16\uff11\uff17", "\u0661\u0662", "\u00b2", "\u200b", "\u202e",
    "\ud7ff", "\U0001f600", "${jndi:x}", "' OR 1=1 --", "{{7*7}}", "../../etc/passwd", "9" * 40,
    "1e9", "0x1f", "NaN", "null", "-1", "\x1b[31m",
)  # fmt: skip
NUMBERS = ("6175551234", "+16175551234", "tel:+442079460123", "(617) 555-1234", "16175551234")
PARAMETERS = (";ani=", ";postd=", ";ANI=", "; ani = ", ";ani=6175550000;postd=", ";ani=123;ani=")
PARAMETER_VALUES = ("", "6175550199", "12", "12,3#", "+1")
HEADERS = (
    "Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "Supported",
    "User-Agent", "Content-Length",
)  # fmt: skip

_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
_CALLER = re.compile(r"(?:\+?[0-9]{3,15})?")
_KEYS = re.compile(r"[0-9A-D*#,p]{0,32}")


def hostile_values(seed: int) -> Iterator[str]:
    """Values without end: something that might be taken, with something that must not be."""
    chance = random.Random(seed)
    while True:
        text = chance.choice(NUMBERS)
        if chance.random() < 0.6:
            text += chance.choice(PARAMETERS) + chance.choice(PARAMETER_VALUES)
        for _ in range(chance.randint(0, 3)):
            at = chance.randint(0, len(text))
            text = text[:at] + chance.choice(PIECES) + text[at:]
        yield text


def fault_in(value: str) -> tuple[bool, str]:
    """Whether the value was taken, and what is wrong with what became of it."""
    try:
        dial = parse_dial_string(value)
    except RequestRefused as refusal:
        return False, "" if str(refusal).isprintable() else "a refusal of more than one line"
    number, caller_id = dial.number.e164, dial.ani
    try:
        setup = make_setup(
            call_id="c",
            from_tag="f",
            branch="z9hG4bKb",
            cseq=1,
            number=number,
            caller_id=caller_id,
            trunk_host="h:5060",
            from_host="us",
            sent_by="192.0.2.1:5070",
            target=("192.0.2.7", 5060),
        )
        data = invite(setup, branch=setup.branch, cseq=1)
    except SipMalformed as exc:
        return True, f"it was taken, and cannot be sent: {exc}"
    text = data.decode("latin-1")
    start, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    if not (_NUMBER.fullmatch(number) and _CALLER.fullmatch(caller_id)):
        return True, "what is sent is no number"
    if not _KEYS.fullmatch(dial.postd):
        return True, "what is keyed is no key"
    shown = f'"{caller_id}" <sip:{caller_id}@us>' if caller_id else (
        '"Anonymous" <sip:anonymous@anonymous.invalid>'
    )  # fmt: skip
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    as_expected = (
        start == f"INVITE sip:{number}@h:5060 SIP/2.0"
        and [line.partition(":")[0] for line in lines] == list(HEADERS)
        and found["To"] == f"<sip:{number}@h:5060>"
        and found["From"] == f"{shown};tag=f"
    )
    return True, "" if as_expected else "the INVITE says more or less than it should"
