"""Limits of accounts, deployments and batches, and those of trunks where they were changed.

A batch that is limited gets a lane of its own, so that claiming can pass it by without wading
through its calls. Those that wait singly move there slice by slice, and none of them is
taken before it has moved; calls that begin to wait later stand there at once (`put_back`).
A lane stays when the limits are lifted: it is a queue like any other then.
"""

from collections.abc import Mapping

from callwright.domain.limits import UNLIMITED, Limited, LimitKind, Limits
from callwright.store.sqlite.session import Session

MOVED = 2_000
"""Most calls that move to their lane in one transaction."""


class LimitQuestions(Session):
    """Who is limited."""

    def limits_version(self) -> int:
        return self._number("limits_version")

    def limits_of(self, limited: Limited) -> Limits:
        row = self._find("call_limit", kind=limited.kind.value, id=limited.id)
        return UNLIMITED if row is None else Limits(calls_per_second=row[0], max_calls=row[1])

    def all_limits(self) -> Mapping[Limited, Limits]:
        return {
            Limited(LimitKind(kind), number): Limits(calls_per_second=rate, max_calls=most)
            for kind, number, rate, most in self._rows("call_limits")
        }

    def trunk_limits(self) -> Mapping[str, Limits]:
        return {
            trunk: Limits(calls_per_second=rate, max_calls=most)
            for trunk, rate, most in self._rows("trunk_limits")
        }


class LimitChanges(LimitQuestions):
    """What operators change about it while calls go on."""

    def set_limits(self, limited: Limited, limits: Limits) -> None:
        whose = {"kind": limited.kind.value, "id": limited.id}
        self._number("next_number", name="limits", count=1)
        if limits == UNLIMITED:
            self._change("drop_call_limit", **whose)
            return
        self._change(
            "set_call_limit",
            calls_per_second=limits.calls_per_second,
            max_calls=limits.max_calls,
            **whose,
        )
        if limited.kind is LimitKind.BATCH:
            self._change("give_segments_their_lane", batch=limited.id)
            self.settle_limits()

    def set_trunk_limits(self, trunk: str, limits: Limits) -> None:
        self._number("next_number", name="limits", count=1)
        if limits == UNLIMITED:
            self._change("drop_trunk_limit", trunk=trunk)
            return
        self._change(
            "set_trunk_limit",
            trunk=trunk,
            calls_per_second=limits.calls_per_second,
            max_calls=limits.max_calls,
        )

    def settle_limits(self, limit: int = MOVED) -> None:
        """Let up to `limit` calls move to the lane that their limits give them."""
        for batch, deployment, live_seq in self._rows("unsettled_limits"):
            moved = self._change(
                "give_due_their_lane",
                batch=batch,
                deployment=deployment,
                live_seq=live_seq,
                limit=limit,
            )
            if moved >= limit:
                return
            limit -= moved
            self._change("settle_limit", batch=batch)
