"""What must not be kept of a SIP message: answers to challenges, media keys, keyed digits.

Every mask is as long as what it hides, so that Content-Length still says the truth.
"""

import re

_CREDENTIALS = re.compile(rb"(?im)^(?:proxy-)?authorization[ \t]*:.*$")
_ANSWER = re.compile(rb'(?i)\b((?:cnonce|response)[ \t]*=[ \t]*"?)([^",\s]+)')
_MEDIA_KEY = re.compile(rb"(?i)(\binline:)([^|\s]+)")
_SIGNAL = re.compile(rb"(?im)^([ \t]*signal[ \t]*=[ \t]*)(\S+)")
_BODY = b"\r\n\r\n"


def masked(message: bytes) -> bytes:
    """`message` without its secrets."""
    if b"uthorization" in message or b"UTHORIZATION" in message:
        message = _CREDENTIALS.sub(_without_answers, message)
    if b"nline:" in message or b"NLINE:" in message:
        message = _MEDIA_KEY.sub(_starred, message)
    if message.startswith(b"INFO "):
        message = _without_digits(message)
    return message


def _without_answers(line: re.Match[bytes]) -> bytes:
    # With these and the nonce, which came in the clear, a password could be guessed offline.
    return _ANSWER.sub(_starred, line[0])


def _starred(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])


def _without_digits(info: bytes) -> bytes:
    head, gap, body = info.partition(_BODY)
    if _SIGNAL.search(body):  # application/dtmf-relay
        return head + gap + _SIGNAL.sub(_starred, body)
    return head + gap + b"*" * len(body)
