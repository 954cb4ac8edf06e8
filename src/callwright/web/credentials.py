"""HTTP Basic: what a client sends as its e-mail address and developer key.

Source: RFC 7617. Whether they are anybody's is `service.authenticate`'s question.
"""

import base64
import binascii
from typing import NamedTuple

from starlette.requests import Request

from callwright.errors import CredentialsInvalid


class Credentials(NamedTuple):
    email: str
    key: str


def read_credentials(request: Request) -> Credentials:
    """The credentials of a request, split at the first colon.

    Raises:
        CredentialsInvalid: there are none, or more than one set, or they are not Basic.
    """
    given = request.headers.getlist("authorization")
    scheme, _, token = (given[0] if len(given) == 1 else "").partition(" ")
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
    return Credentials(email, key)
