"""HTTP Basic: what a client sends as its e-mail address and developer key.

Source: RFC 7617. Whether they are anybody's is `service.authenticate`'s question.
"""

import base64
import binascii
import re
from typing import NamedTuple

from starlette.requests import Request

from callwright.errors import CredentialsInvalid

# RFC 7617, section 2: neither part holds a control character.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Credentials(NamedTuple):
    email: str
    key: str


def read_credentials(request: Request) -> Credentials:
    """The credentials of a request.

    Raises:
        CredentialsInvalid: there are none, or more than one set, or they are not Basic.
    """
    given = request.headers.getlist("authorization")
    return parse_basic(given[0] if len(given) == 1 else "")


def parse_basic(header: str) -> Credentials:
    """What an Authorization header holds, split at the first colon.

    Raises:
        CredentialsInvalid: it is not Basic, or not well formed.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        raise CredentialsInvalid("HTTP Basic credentials are required.")
    try:
        pair = base64.b64decode(token.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise CredentialsInvalid("The credentials are not base64.") from None
    try:
        text = pair.decode("utf-8")
    except UnicodeDecodeError:
        text = pair.decode("latin-1")
    email, colon, key = text.partition(":")
    if not colon:
        raise CredentialsInvalid("The credentials have no colon.")
    if _CONTROL.search(text):
        raise CredentialsInvalid("The credentials hold control characters.")
    return Credentials(email, key)
