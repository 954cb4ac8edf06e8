"""Batches, as they are queued and as they are told."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, Strict

from callwright.domain.account import Product
from callwright.domain.ids import BatchId
from callwright.domain.lifecycle import CallState
from callwright.ports import control
from callwright.service.load_list import ListProgress
from callwright.service.retry_batch import NOT_REACHED
from callwright.web.native.models.orders import ContactOrder, RetryCallOrder, ScheduleOrder
from callwright.web.native.problems import FieldProblem, Problem
from callwright.web.native.wire import MAX_ID, Told

MAX_JSON_CONTACTS = 10_000
"""Longer lists come as CSV, which is read in constant memory."""


SAME_FILE = "The list that the same file made on the same deployment within the hour before"


class BatchOrder(ScheduleOrder):
    """A list of calls to queue."""

    deployment_id: Annotated[int, Strict()] = Field(ge=1, le=MAX_ID)
    contacts: list[ContactOrder] = Field(min_length=1, max_length=MAX_JSON_CONTACTS)


class RetryBatchOrder(RetryCallOrder):
    """Whom to call again, and in what the new list shall differ; absent = as the old one."""

    states: list[CallState] = Field(
        default=sorted(NOT_REACHED),
        min_length=1,
        description="Final states; calls of the list that ended in one of them",
    )


class BatchSummary(BaseModel):
    """A batch in a list."""

    id: int
    deployment_id: int
    product: Product
    user_id: int
    state: str = Field(
        description="`loading`, `live`, or `failed`: nothing of it was queued",
        json_schema_extra={"enum": ["loading", "live", "failed"]},
    )
    is_list: bool = Field(description="False: the batch of its own that a single call is")
    queued_at: Told
    calls: int = Field(description="While it is loading: stored so far")
    paused_at: Told | None
    canceled_at: Told | None


class Batch(BatchSummary):
    """All that is known of a batch."""

    counts: dict[CallState, int] = Field(description="Calls by state; states without any left out")
    is_over: bool = Field(description="Every call has ended")
    rejected: int = Field(description="Rows of its file that were left out")
    loaded_share: float | None = Field(
        description="While it is loading: how much of its file was read, 0 to 1"
    )
    duplicate_of: int | None = Field(default=None, description=SAME_FILE)
    problem: Problem | None = Field(default=None, description="Why it failed")


class QueuedBatch(BaseModel):
    """A list that was queued, or is being loaded."""

    id: int
    calls: int
    rejected: int = Field(default=0, description="Rows left out (`Prefer: handling=lenient`)")
    errors: list[FieldProblem] = Field(default=[], description="The first of them")
    duplicate_of: int | None = Field(default=None, description=SAME_FILE)


def batch_summary(batch: control.Batch) -> BatchSummary:
    return BatchSummary(**_fields(batch))


def whole_batch(
    batch: control.Batch,
    counts: dict[CallState, int],
    *,
    rejected: int,
    progress: ListProgress | None,
    duplicate_of: BatchId | None,
) -> Batch:
    """Everything there is to tell; `progress` is that of a list that is being loaded."""
    over = sum(count for state, count in counts.items() if state.is_final)
    return Batch(
        **_fields(batch),
        counts=counts,
        rejected=rejected if progress is None else progress.rejected,
        loaded_share=None
        if progress is None or not progress.bytes_total
        else progress.bytes_read / progress.bytes_total,
        duplicate_of=duplicate_of,
        is_over=batch.state is control.BatchState.LIVE and over == batch.calls,
    )


def _fields(batch: control.Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "deployment_id": batch.deployment_id,
        "product": batch.product,
        "user_id": batch.user_id,
        "state": batch.state.value,
        "is_list": batch.is_list,
        "queued_at": batch.queued_at,
        "calls": batch.calls,
        "paused_at": batch.paused_at,
        "canceled_at": batch.canceled_at,
    }
