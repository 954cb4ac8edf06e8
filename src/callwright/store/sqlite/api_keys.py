"""Keys with scopes, by their hashes."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.account import User
from callwright.domain.api_key import ApiKey, ApiKeyId, Scope
from callwright.domain.ids import UserId
from callwright.store.sqlite.accounts import AccountQuestions
from callwright.store.sqlite.values import (
    Row,
    json_texts,
    to_json,
    to_micros,
    to_micros_or_none,
    to_time,
    to_time_or_none,
)


class KeyQuestions(AccountQuestions):
    """Which keys there are, and whose."""

    def user(self, user_id: UserId) -> User | None:
        row = self._find("email_of_user", user=user_id)
        return None if row is None else self.user_by_email(row[0])

    def api_keys(self, user_id: UserId) -> Sequence[ApiKey]:
        return [_key(row) for row in self._rows("api_keys", user=user_id)]

    def api_key(self, key_id: ApiKeyId) -> ApiKey | None:
        row = self._find("api_key", key=key_id)
        return None if row is None else _key(row)

    def api_key_by_hash(self, key_hash: bytes) -> ApiKey | None:
        row = self._find("api_key_by_hash", key_hash=key_hash)
        return None if row is None else _key(row)


class KeyChanges(KeyQuestions):
    """Making and revoking them."""

    def add_api_key(
        self,
        user_id: UserId,
        name: str,
        key_hash: bytes,
        scopes: frozenset[Scope],
        *,
        expires_at: datetime | None,
        now: datetime,
    ) -> ApiKeyId:
        number = self._number(
            "add_api_key",
            user=user_id,
            name=name,
            key_hash=key_hash,
            scopes=to_json(sorted(scope.value for scope in scopes)),
            expires_at=to_micros_or_none(expires_at),
            now=to_micros(now),
        )
        return ApiKeyId(number)

    def revoke_api_key(self, key_id: ApiKeyId, now: datetime) -> None:
        self._change("revoke_api_key", key=key_id, now=to_micros(now))


def _key(row: Row) -> ApiKey:
    id_, user, name, scopes, created_at, expires_at, revoked_at = row
    return ApiKey(
        id=ApiKeyId(id_),
        user_id=UserId(user),
        name=name,
        scopes=frozenset(Scope(word) for word in json_texts(scopes)),
        created_at=to_time(created_at),
        expires_at=to_time_or_none(expires_at),
        revoked_at=to_time_or_none(revoked_at),
    )
