"""What a database keeps so that a request which comes twice is done once.

Part of `ports.store`, whose transactions offer all of this. When a request counts as the
same, and for how long, is `service.idempotency`'s business.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from callwright.domain.ids import BatchId, DeploymentId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatableRequest:
    """A request that came with an idempotency key."""

    user_id: UserId
    key: str
    """The user's own word for it; other users may use the same."""
    fingerprint: bytes
    """Differs when the request asks for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered, as it is given again."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Content-Type, Link and such; not those that every reply has anew."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRequest:
    """What is known of a request with some key."""

    fingerprint: bytes
    at: datetime
    answer: Answer | None
    """None: its list is still being loaded."""
    batch_id: BatchId | None
    """That list."""


class RepeatQuestions(Protocol):
    """Has this come before?"""

    def kept_request(self, user_id: UserId, key: str) -> KeptRequest | None:
        """None also for a request whose list was dropped, which left nothing behind."""
        ...

    def list_of_same_file(self, batch_id: BatchId, within: timedelta) -> BatchId | None:
        """The list that was queued last before this one from the very same file, on the same
        deployment and no longer than `within` before."""
        ...


class RepeatChanges(Protocol):
    """Remembering requests, and forgetting them."""

    def reserve_request(self, request: RepeatableRequest, batch_id: BatchId, now: datetime) -> None:
        """Note that the list `batch_id` is being loaded for it; replaces what was kept."""
        ...

    def keep_answer(self, request: RepeatableRequest, answer: Answer, now: datetime) -> None:
        """Note what it was answered; replaces what was kept."""
        ...

    def forget_requests(self, before: datetime, limit: int) -> int:
        """Forget up to `limit` of those kept before then, the oldest first; how many."""
        ...

    def note_list_file(
        self, batch_id: BatchId, deployment_id: DeploymentId, file_hash: bytes, now: datetime
    ) -> None:
        """Note which file a list came from."""
        ...
