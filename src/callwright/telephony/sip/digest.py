"""Answers to digest challenges, MD5 and SHA-256, to any request of ours.

Source: RFC 7616, RFC 8760 (SIP with SHA-256), RFC 3261 sections 22.3 and 22.4.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import SipResponse

_PARAM = re.compile(
    r'\s*([A-Za-z0-9\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))\s*(?:,|\Z)', re.DOTALL
)
_ALGORITHMS = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")
"""Best first: of several challenges the strongest is answered (RFC 8760, section 2.4)."""
MAX_REALMS = 4
"""More than that ask for nobody's password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """One challenge we can answer. `header` names the header its answer goes into."""

    header: str
    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    sends_algorithm: bool
    qop: str
    """`auth`, `auth-int`, or "" where the server asks as RFC 2069 did."""
    stale: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What answers a challenge."""

    user: str
    password: str = field(repr=False)


class Challenges:
    """The challenges that one request met on its way, and the lines that answer them all.

    A request may be challenged by a proxy, then by the callee, or by several at once: each
    realm is answered, and goes on being answered when the next one asks. `counts` is how often
    each nonce has been used; share it between the requests of one call.
    """

    __slots__ = ("_counts", "_credentials", "_met", "_was_stale")

    def __init__(self, credentials: Credentials | None, counts: dict[str, int]) -> None:
        self._credentials = credentials
        self._counts = counts
        self._met: dict[tuple[str, str], Challenge] = {}
        self._was_stale = False

    def meet(self, response: SipResponse) -> bool:
        """Take in a 401 or 407. False: sending the request again would change nothing.

        A realm that asks once more has not liked our answer, unless its nonce was stale; that
        is believed once.
        """
        if self._credentials is None:
            return False
        found: dict[tuple[str, str], Challenge] = {}
        for status, name in ((401, "www-authenticate"), (407, "proxy-authenticate")):
            for challenge in _strongest_first(status, response.headers.get(name, ())):
                found.setdefault((challenge.header, challenge.realm), challenge)
        known = [each for key, each in found.items() if key in self._met]
        refused = bool(known) and (self._was_stale or not all(each.stale for each in known))
        self._was_stale = self._was_stale or bool(known)
        if not found or refused or len(self._met | found) > MAX_REALMS:
            return False
        self._met |= found
        return True

    def lines(self, method: str, uri: str, body: bytes = b"") -> list[str]:
        """The header lines of the request's next try."""
        if self._credentials is None:
            return []
        lines = []
        for challenge in self._met.values():
            count = self._counts.get(challenge.nonce, 0) + 1
            self._counts[challenge.nonce] = count
            lines.append(
                authorization(
                    challenge,
                    user=self._credentials.user,
                    password=self._credentials.password,
                    method=method,
                    uri=uri,
                    cnonce=secrets.token_hex(8),
                    count=count,
                    body=body,
                )
            )
        return lines


def choose_challenge(status: int, values: Iterable[str]) -> Challenge | None:
    """The strongest digest challenge among the header values of a 401 or 407, or None."""
    return next(iter(_strongest_first(status, values)), None)


def _strongest_first(status: int, values: Iterable[str]) -> list[Challenge]:
    header = "Proxy-Authorization" if status == 407 else "Authorization"
    found: list[Challenge] = []
    for value in values:
        with suppress(SipMalformed):
            challenge = _read_challenge(header, value)
            if challenge is not None:
                found.append(challenge)
    return sorted(found, key=lambda each: _ALGORITHMS.index(each.algorithm))


def _read_challenge(header: str, value: str) -> Challenge | None:
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    params: dict[str, str] = {}
    position = 0
    rest = rest.strip()
    while position < len(rest):
        match = _PARAM.match(rest, position)
        if match is None:
            raise SipMalformed("a challenge that cannot be read")
        quoted, plain = match[2], match[3]
        text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        params.setdefault(match[1].lower(), text)
        position = match.end()
    if "realm" not in params or not params.get("nonce"):
        return None
    algorithm = params.get("algorithm", "MD5").upper()
    qops = [each.strip().lower() for each in params.get("qop", "").split(",") if each.strip()]
    # `auth` is enough, and the only one that does not break where a proxy touches the body.
    qop = next((each for each in ("auth", "auth-int") if each in qops), "")
    if algorithm not in _ALGORITHMS or (qops and not qop):
        return None
    if "\\" in params["nonce"] or '"' in params["nonce"] or '"' in params.get("opaque", ""):
        return None
    return Challenge(
        header=header,
        realm=params["realm"],
        nonce=params["nonce"],
        opaque=params.get("opaque"),
        algorithm=algorithm,
        sends_algorithm="algorithm" in params,
        qop=qop,
        stale=params.get("stale", "").lower() == "true",
    )


def authorization(
    challenge: Challenge,
    *,
    user: str,
    password: str,
    method: str,
    uri: str,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> str:
    """The whole header line that answers `challenge`.

    `count` says how often its nonce has been used, this time included.
    """
    algorithm = challenge.algorithm
    # Messages are read and written as Latin-1; so UTF-8 names travel as their bytes.
    user = user.encode().decode("latin-1")
    password = password.encode().decode("latin-1")

    def digest(text: str | bytes) -> str:
        data = text.encode("latin-1") if isinstance(text, str) else text
        if algorithm.startswith("SHA-256"):
            return hashlib.sha256(data).hexdigest()
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    secret = digest(f"{user}:{challenge.realm}:{password}")
    if algorithm.endswith("-SESS"):
        secret = digest(f"{secret}:{challenge.nonce}:{cnonce}")
    asked = f"{method}:{uri}"
    what = digest(f"{asked}:{digest(body)}" if challenge.qop == "auth-int" else asked)
    used = f"{count:08x}"
    if challenge.qop:
        response = digest(f"{secret}:{challenge.nonce}:{used}:{cnonce}:{challenge.qop}:{what}")
    else:
        response = digest(f"{secret}:{challenge.nonce}:{what}")
    parts = [
        f'username="{_escaped(user)}"',
        f'realm="{_escaped(challenge.realm)}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
    ]
    if challenge.sends_algorithm:
        # "-sess" is written in small letters by RFC 7616.
        parts.append(f"algorithm={algorithm.replace('-SESS', '-sess')}")
    if challenge.qop:
        parts.append(f'cnonce="{cnonce}"')
        parts.append(f"qop={challenge.qop}")
        parts.append(f"nc={used}")
    elif algorithm.endswith("-SESS"):
        parts.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        parts.append(f'opaque="{_escaped(challenge.opaque)}"')
    return f"{challenge.header}: Digest {', '.join(parts)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
