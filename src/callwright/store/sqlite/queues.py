"""The queues that calls wait in: which there are, and what each holds first."""

from collections.abc import Sequence

from callwright.domain.ids import AccountId, BatchId, DeploymentId
from callwright.ports.queues import QueueKind, Waiting, WaitingQueue
from callwright.store.sqlite.limits import LimitQuestions
from callwright.store.sqlite.values import to_time, to_time_or_none

LOOK_PAST = 2_000
"""How many ended calls that nobody has settled yet a claim looks past before it gives up."""


class QueueQuestions(LimitQuestions):
    """What the dispatcher asks before it claims."""

    def waiting(self, trunks: Sequence[str]) -> Waiting:
        queues: list[WaitingQueue] = []
        openings: list[int] = []
        limits_version = 0
        for trunk in trunks:
            # Mostly nothing waits under a name, which is asked in a tenth of the time.
            row = self._row("look_at_trunk", trunk=trunk)
            assert row is not None
            any_single, any_list, opens_at, limits_version = row
            if any_single:
                queues += self._singles(trunk)
            if any_list:
                queues += self._lists(trunk)
            if opens_at is not None:
                openings.append(opens_at)
        return Waiting(
            queues=sorted(queues, key=lambda queue: queue.deployment_id),
            opens_at=to_time_or_none(min(openings, default=None)),
            limits_version=limits_version,
        )

    def _singles(self, trunk: str) -> list[WaitingQueue]:
        return [
            WaitingQueue(
                trunk=trunk,
                account_id=AccountId(account),
                deployment_id=DeploymentId(deployment),
                batch_id=BatchId(lane) if lane else None,
                kind=QueueKind(tried),
                first_at=to_time(next_at),
            )
            for deployment, account, lane, tried, next_at in self._rows(
                "waiting_singles", trunk=trunk, look=LOOK_PAST
            )
            if next_at is not None
        ]

    def _lists(self, trunk: str) -> list[WaitingQueue]:
        return [
            WaitingQueue(
                trunk=trunk,
                account_id=AccountId(account),
                deployment_id=DeploymentId(deployment),
                batch_id=BatchId(lane) if lane else None,
                kind=QueueKind.LISTS,
                first_at=to_time(opens_at),
                live_seq=live_seq,
            )
            for deployment, account, lane, live_seq, opens_at in self._rows(
                "waiting_lists", trunk=trunk
            )
        ]
