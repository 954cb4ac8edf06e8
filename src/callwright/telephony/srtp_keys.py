"""The keys under which the audio of one call travels, once both ends have agreed on them.

Source: RFC 4568 section 6.2 (the suites), RFC 3711.
"""

from typing import Literal

import msgspec

Suite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]

KEY_BYTES = 30
"""Of either suite: a master key of 16 bytes, and 14 of salt after it."""


class SrtpKeys(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`ours` seals what we send, `theirs` opens what they send. Never to be written anywhere."""

    suite: Suite
    ours: bytes
    theirs: bytes

    def __repr__(self) -> str:
        """Without the keys, which have no business in a log."""
        return f"SrtpKeys(suite={self.suite!r})"
