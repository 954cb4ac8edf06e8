"""Signing a notice, so that its receiver can tell it from anybody else's.

Source: Standard Webhooks 1.0.0, "Webhook headers" and "Signature scheme" (symmetric).
"""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime

from callwright.errors import ConfigInvalid

_PREFIX = "whsec_"
_MIN_KEY_BYTES = 24
_MAX_KEY_BYTES = 64


def signing_keys(secret: str) -> tuple[bytes, ...]:
    """The keys that `callbacks.secret` holds; none when it is empty.

    Two secrets with a space between are both signed with: old and new, while receivers
    change over.

    Raises:
        ConfigInvalid: a secret is not `whsec_` and 24 to 64 bytes in base64.
    """
    return tuple(_key(one) for one in secret.split())


def signed_headers(
    keys: tuple[bytes, ...], *, webhook_id: str, now: datetime, body: bytes
) -> list[tuple[str, str]]:
    """`webhook-id` and `webhook-timestamp`, and, where there is a key, `webhook-signature`."""
    timestamp = str(int(now.timestamp()))
    headers = [("webhook-id", webhook_id), ("webhook-timestamp", timestamp)]
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]
    if digests:
        signature = " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)
        headers.append(("webhook-signature", signature))
    return headers


def _key(secret: str) -> bytes:
    problem = (
        "callbacks.secret: must be whsec_ followed by 24 to 64 random bytes in base64, "
        'e.g. the output of: echo "whsec_$(openssl rand -base64 32)"'
    )
    if not secret.startswith(_PREFIX):
        raise ConfigInvalid(problem)
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigInvalid(problem) from None
    if not _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES:
        raise ConfigInvalid(problem)
    return key
