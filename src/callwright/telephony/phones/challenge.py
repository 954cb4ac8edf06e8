"""Asking a caller for its password and checking the answer.

Nonces carry their time and a keyed hash, so nothing is remembered between the challenge
and the answer. Written apart from the client's digest on purpose: each checks the other.

Source: RFC 7616; RFC 3261 section 22.3.
"""

import hashlib
import hmac
import re
import secrets
from enum import Enum, auto

REALM = "phones"

_NONCE_LIFE_S = 300
_HEX_TIME = re.compile(r"[0-9a-f]{1,12}\Z")
_CREDENTIALS = re.compile(r"Digest\s+(.*)\Z", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(r'([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,\s*|\Z)')


class Verdict(Enum):
    """What an answer was worth."""

    RIGHT = auto()
    STALE = auto()
    WRONG = auto()


class Doorkeeper:
    """Any user name with this password may pass."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._key = secrets.token_bytes(32)

    def challenge(self, algorithm: str, now: float, *, stale: bool = False) -> str:
        """The header line of a 407. One algorithm only: older clients stumble over two."""
        nonce = self._nonce(int(now))
        tail = ", stale=true" if stale else ""
        return (
            f'Proxy-Authenticate: Digest realm="{REALM}", nonce="{nonce}", '
            f'algorithm={algorithm}, qop="auth"{tail}'
        )

    def judge(
        self, values: list[str], algorithm: str, method: str, uri: str, now: float
    ) -> Verdict:
        """What the Proxy-Authorization `values` are worth where `algorithm` was asked for."""
        for value in values:
            given = _parameters(value)
            if given is None or given.get("realm") != REALM:
                continue
            if given.get("algorithm", "MD5").upper() != algorithm:
                continue
            if not self._is_right(given, algorithm, method, uri):
                continue
            return Verdict.RIGHT if self._is_fresh(given["nonce"], now) else Verdict.STALE
        return Verdict.WRONG

    def _is_right(self, given: dict[str, str], algorithm: str, method: str, uri: str) -> bool:
        if given.get("qop", "").lower() != "auth" or given.get("uri") != uri:
            return False
        if not given.get("nonce"):
            return False

        def digest(text: str) -> str:
            data = text.encode("latin-1", "replace")
            if algorithm == "MD5":
                return hashlib.md5(data, usedforsecurity=False).hexdigest()
            return hashlib.sha256(data).hexdigest()

        password = self._password.encode().decode("latin-1")
        secret = digest(f"{given.get('username', '')}:{REALM}:{password}")
        what = digest(f"{method}:{uri}")
        middle = f"{given['nonce']}:{given.get('nc', '')}:{given.get('cnonce', '')}:auth"
        expected = digest(f"{secret}:{middle}:{what}")
        answer = given.get("response", "").lower().encode("latin-1", "replace")
        return hmac.compare_digest(expected.encode(), answer)

    def _nonce(self, second: int) -> str:
        sealed = hmac.new(self._key, str(second).encode(), hashlib.sha256).hexdigest()[:32]
        return f"{second:x}-{sealed}"

    def _is_fresh(self, nonce: str, now: float) -> bool:
        second, _, _ = nonce.partition("-")
        if not _HEX_TIME.match(second):
            return False
        made_at = int(second, 16)
        made_here = hmac.compare_digest(self._nonce(made_at).encode(), nonce.encode("latin-1"))
        return made_here and 0 <= now - made_at <= _NONCE_LIFE_S


def _parameters(value: str) -> dict[str, str] | None:
    """The parameters of digest credentials, None if this is something else."""
    credentials = _CREDENTIALS.match(value.strip())
    if credentials is None:
        return None
    found: dict[str, str] = {}
    position = 0
    while position < len(credentials[1]):
        match = _PARAMETER.match(credentials[1], position)
        if match is None:
            return None
        quoted, plain = match[2], match[3]
        found[match[1].lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        position = match.end()
    return found
