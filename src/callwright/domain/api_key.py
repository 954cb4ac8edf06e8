"""Keys that may do less than their user: for scripts, dashboards, other people's programs.

A user's developer key may do all that the user may. An API key belongs to a user too, and
may do of that only what its scopes name.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from callwright.domain.ids import UserId

ApiKeyId = NewType("ApiKeyId", int)


class Scope(StrEnum):
    """What a key may be used for."""

    READ = "read"
    """See calls, batches, callbacks, programs; export."""
    QUEUE = "queue"
    """Queue calls and lists, and call again what was not reached."""
    CONTROL = "control"
    """Cancel, pause, resume, hang up, send callbacks again."""
    SETUP = "setup"
    """Add, deploy and delete applications and surveys."""
    USERS = "users"
    """Users and keys."""


ALL_SCOPES = frozenset(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without the key: only its hash is kept."""

    id: ApiKeyId
    user_id: UserId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        if self.revoked_at is not None:
            return False
        return self.expires_at is None or now < self.expires_at
