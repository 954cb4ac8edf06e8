"""Keys with scopes: made, listed, revoked, and asked for at the door."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.account import User
from callwright.domain.api_key import ApiKey, ApiKeyId, Scope
from callwright.errors import CredentialsInvalid, FieldInvalid, NotFound, NotPermitted
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.authenticate import hash_key, new_key

PREFIX = "cwk_"
"""So that a leaked key is known for what it is by those who scan for such."""

MAX_NAME_LENGTH = 200
MAX_KEYS = 100
"""Valid keys of one user."""


def authenticate_key(tx: ReadTx, key: str, now: datetime) -> tuple[User, frozenset[Scope]]:
    """Whose key it is, and what may be done with it.

    Raises:
        CredentialsInvalid: nobody's, revoked, expired, or its user or account is inactive.
    """
    found = tx.api_key_by_hash(hash_key(key)) if key.startswith(PREFIX) else None
    user = None if found is None else tx.user(found.user_id)
    if found is None or user is None or not found.is_valid(now):
        raise CredentialsInvalid("The key is wrong.")
    if not (user.is_active and user.account_is_active) or user.deleted_at is not None:
        raise CredentialsInvalid("The key is wrong.")
    return user, found.scopes


def add_api_key(
    tx: WriteTx,
    user: User,
    name: str,
    scopes: frozenset[Scope],
    *,
    allowed: frozenset[Scope],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """The new key's record, and the key itself, which is shown this once.

    `allowed` is what the asker's own credentials may do: nobody can make a stronger key.

    Raises:
        FieldInvalid: no name, no scope, an end that is past, or too many keys.
        NotPermitted: a scope that the asker does not have.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise FieldInvalid("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters")
    if not scopes:
        raise FieldInvalid("scopes", "must name at least one")
    if expires_at is not None and expires_at <= now:
        raise FieldInvalid("expires_at", "is in the past")
    if not scopes <= allowed:
        lacking = ", ".join(sorted(scopes - allowed))
        raise NotPermitted(f"Your own key may not do what the new one should: {lacking}.")
    if sum(key.is_valid(now) for key in tx.api_keys(user.id)) >= MAX_KEYS:
        raise FieldInvalid("name", f"there are {MAX_KEYS} valid keys already; revoke some")
    key = PREFIX + new_key()
    key_id = tx.add_api_key(user.id, name, hash_key(key), scopes, expires_at=expires_at, now=now)
    return find_api_key(tx, user, key_id), key


def list_api_keys(tx: ReadTx, user: User) -> Sequence[ApiKey]:
    """The user's own keys, revoked ones too."""
    return tx.api_keys(user.id)


def find_api_key(tx: ReadTx, user: User, key_id: ApiKeyId) -> ApiKey:
    """One key, which is the user's own or, for an admin, of the account.

    Raises:
        NotFound: no such key, or of another account.
        NotPermitted: another user's.
    """
    key = tx.api_key(key_id)
    owner = None if key is None else tx.user(key.user_id)
    if key is None or owner is None or owner.account_id != user.account_id:
        raise NotFound("key")
    if owner.id != user.id and not user.is_admin:
        raise NotPermitted("This key belongs to another user.")
    return key


def revoke_api_key(tx: WriteTx, user: User, key_id: ApiKeyId, now: datetime) -> None:
    """Let a key open nothing more. Revoking it again is harmless.

    Raises:
        NotFound, NotPermitted: as `find_api_key`.
    """
    find_api_key(tx, user, key_id)
    tx.revoke_api_key(key_id, now)
