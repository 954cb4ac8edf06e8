"""Who is asking: an e-mail address and a developer key become a user.

Keys have 256 random bits, so a plain SHA-256 keeps them; they are compared in constant
time, and an unknown address costs the same work as a wrong key. Throttling of failed
sign-ins is the door's business, not done here.
"""

import hashlib
import hmac
import secrets

from callwright.domain.account import User
from callwright.errors import Conflict, CredentialsInvalid
from callwright.ports.store import ReadTx

_NOBODY = hashlib.sha256(b"nobody has this key").digest()


def new_key() -> str:
    """A fresh developer key: 43 URL-safe characters, 256 random bits. Show it once."""
    return secrets.token_urlsafe(32)


def hash_key(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def authenticate(tx: ReadTx, email: str, key: str) -> User:
    """The active user with these credentials.

    Raises:
        CredentialsInvalid: unknown address, wrong key, inactive user or inactive account;
            the text never says which.
    """
    user = tx.user_by_email(email)
    matches = hmac.compare_digest(hash_key(key), user.key_hash if user else _NOBODY)
    if user is None or not matches or not (user.is_active and user.account_is_active):
        raise CredentialsInvalid("The e-mail address or developer key is wrong.")
    return user


def refuse_deleted(user: User) -> None:
    """Tell a user who was deleted and still has a key, as the dialects document it.

    Raises:
        Conflict: the user was deleted.
    """
    if user.deleted_at is not None:
        raise Conflict("This user was deleted.")
