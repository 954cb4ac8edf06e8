"""Answers to digest challenges, MD5 and SHA-256, as an INVITE or BYE needs them.

Source: RFC 7616, RFC 8760 (SIP with SHA-256), RFC 3261 section 22.4.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field

from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import SipResponse

_PARAM = re.compile(
    r'\s*([A-Za-z0-9\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))\s*(?:,|\Z)', re.DOTALL
)
_ALGORITHMS = ("SHA-256", "SHA-256-SESS", "MD5", "MD5-SESS")
"""Best first: of several challenges the strongest is answered (RFC 8760, section 2.4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """One challenge we can answer. `header` names the header its answer goes into."""

    header: str
    realm: str
    nonce: str
    opaque: str | None
    algorithm: str
    sends_algorithm: bool
    qop: bool
    stale: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What answers a challenge."""

    user: str
    password: str = field(repr=False)


def answer_challenge(
    response: SipResponse, credentials: Credentials | None, *, method: str, uri: str
) -> tuple[str, bool]:
    """The header line that answers a 401 or 407, and whether only our nonce was stale.

    The line is "" where there is nothing we could answer with or to.
    """
    header = "www-authenticate" if response.status == 401 else "proxy-authenticate"
    challenge = choose_challenge(response.status, response.headers.get(header, []))
    if challenge is None or credentials is None:
        return "", False
    line = authorization(
        challenge,
        user=credentials.user,
        password=credentials.password,
        method=method,
        uri=uri,
        cnonce=secrets.token_hex(8),
    )
    return line, challenge.stale


def choose_challenge(status: int, values: list[str]) -> Challenge | None:
    """The strongest digest challenge among the header values of a 401 or 407, or None."""
    header = "Proxy-Authorization" if status == 407 else "Authorization"
    found: list[Challenge] = []
    for value in values:
        try:
            challenge = _read_challenge(header, value)
        except SipMalformed:
            continue
        if challenge is not None:
            found.append(challenge)
    return min(found, key=lambda each: _ALGORITHMS.index(each.algorithm), default=None)


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
    if algorithm not in _ALGORITHMS or (qops and "auth" not in qops):
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
        qop=bool(qops),
        stale=params.get("stale", "").lower() == "true",
    )


def authorization(
    challenge: Challenge, *, user: str, password: str, method: str, uri: str, cnonce: str
) -> str:
    """The whole header line that answers `challenge`; the nonce count is always 1.

    Every challenge is answered once with a fresh `cnonce`, so no count is kept.
    """
    algorithm = challenge.algorithm
    # Messages are read and written as Latin-1; so UTF-8 names travel as their bytes.
    user = user.encode().decode("latin-1")
    password = password.encode().decode("latin-1")

    def digest(text: str) -> str:
        data = text.encode("latin-1")
        if algorithm.startswith("SHA-256"):
            return hashlib.sha256(data).hexdigest()
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    secret = digest(f"{user}:{challenge.realm}:{password}")
    if algorithm.endswith("-SESS"):
        secret = digest(f"{secret}:{challenge.nonce}:{cnonce}")
    what = digest(f"{method}:{uri}")
    if challenge.qop:
        response = digest(f"{secret}:{challenge.nonce}:00000001:{cnonce}:auth:{what}")
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
        parts.append("qop=auth")
        parts.append("nc=00000001")
    elif algorithm.endswith("-SESS"):
        parts.append(f'cnonce="{cnonce}"')
    if challenge.opaque is not None:
        parts.append(f'opaque="{_escaped(challenge.opaque)}"')
    return f"{challenge.header}: Digest {', '.join(parts)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
