"""What the store keeps of the messages owed to result URLs, and what may be asked of it.

Part of `ports.store`, whose transactions offer all of this. Notices wait by host and account
(`domain.notice.receiver_of`; "host" from here on), so that claiming passes by a host that
may have nothing now, however many notices wait for it.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from callwright.domain.ids import AccountId, CallId, NoticeId, OwnerId
from callwright.domain.notice import Delivery, NoticeState
from callwright.domain.receiver import Standing


class NewNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as it is written when its call ends."""

    call_id: CallId
    url: str
    webhook_id: str
    content_type: str
    body: bytes
    account_id: AccountId | None = None
    """Whose call it was: see `domain.notice.receiver_of`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedNotice:
    """What one try at delivering a notice came to, and what becomes of the notice."""

    id: NoticeId
    at: datetime
    """When the try began."""
    ended_at: datetime
    delivery: Delivery
    state: NoticeState
    due_at: datetime | None
    extended_by: timedelta = timedelta()
    """How much later its last try will be because the receiver asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedNotice:
    """A notice as it is to be sent. The body was rendered once; every try has these bytes."""

    id: NoticeId
    call_id: CallId
    url: str
    host: str
    webhook_id: str
    content_type: str
    body: bytes
    tries: int
    """Tries made before this one."""
    tries_before_replay: int = 0
    """Those of them that were made before somebody asked to send it anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsWanted:
    """Which hosts to look for: all, only some, or all but some."""

    only: Collection[str] | None = None
    but_not: Collection[str] = field(default=())


class NoticeQuestions(Protocol):
    """What the callback pump asks between its changes."""

    def next_notice_at(self, wanted: HostsWanted) -> datetime | None:
        """When there is, for some host that is wanted and not left alone, a notice to claim;
        never later than that, though perhaps earlier."""
        ...

    def hosts_in_trouble(self) -> Mapping[str, Standing]:
        """The hosts that were left alone when they were last heard of."""
        ...


class NoticeChanges(Protocol):
    """What ends calls, and the callback pump."""

    def add_notices(self, notices: Sequence[NewNotice], due_at: datetime) -> None:
        """Owe notices, all due at the same moment; a call has one at most."""
        ...

    def hosts_due(self, now: datetime, wanted: HostsWanted, limit: int) -> Sequence[str]:
        """Up to `limit` hosts that are not left alone and have a notice to claim, whoever waits
        longest first. Some may turn out to have none."""
        ...

    def claim_notices(
        self, owner: OwnerId, host: str, now: datetime, limit: int
    ) -> Sequence[OwedNotice]:
        """Up to `limit` notices of a host whose time has come, each handed out once."""
        ...

    def note_deliveries(self, owner: OwnerId, tried: Sequence[TriedNotice]) -> Set[NoticeId]:
        """Keep what tries came to; those of the notices that this owner held."""
        ...

    def note_standing(self, host: str, standing: Standing) -> None:
        """Leave a host alone until its standing says; nothing of it is claimed before."""
        ...

    def shorten_rests(self, latest: datetime) -> None:
        """Let no host be left alone longer than until `latest`: for a clock that was set back."""
        ...

    def give_up_notices(self, host: str, now: datetime, limit: int) -> Sequence[NoticeId]:
        """Give up to `limit` due notices of a host up that nobody holds and whose tries would
        all have been made by now, had their host let them. Each gets a line in its log that
        says so."""
        ...

    def release_notices(self, owner: OwnerId, sending: Collection[NoticeId]) -> int:
        """Make notices due again that `owner` claimed and is not `sending`: after a claim that
        failed, and may be on disk all the same."""
        ...

    def release_notices_of_the_dead(self, alive_since: datetime) -> int:
        """Make claimed notices of owners without a heartbeat since then due again."""
        ...

    def drop_old_notices(self, over_before: datetime, limit: int) -> int:
        """Forget up to `limit` notices that were over before then, with their logs; how many."""
        ...
