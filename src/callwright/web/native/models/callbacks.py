"""Callbacks: what is owed to a call's `result_url`."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from callwright.domain.notice import NoticeState, Problem
from callwright.ports.control import NoticeTry, StoredNotice
from callwright.web.native.wire import Moment, Told

_PROBLEMS = ", ".join(f"`{problem.value}`" for problem in Problem)


class CallbackSummary(BaseModel):
    """A callback in a list."""

    id: int
    call_id: int
    url: str
    state: NoticeState
    next_try_at: Told | None
    tries: int
    is_being_sent: bool
    webhook_id: str = Field(description="The same in every try")
    over_at: Told | None = Field(description="When it was delivered or given up")
    host_rests_until: Told | None = Field(
        description="Until then nothing is sent to its host, which failed several times in a row"
    )


class CallbackTry(BaseModel):
    """One try and what it came to."""

    number: int
    at: Told
    status: int | None = Field(description="HTTP status; null = no answer came")
    problem: str = Field(description=f"Empty, `http STATUS`, or one of: {_PROBLEMS}")
    took_ms: int
    address: str = Field(description="Where the connection went; empty = none was begun")
    request_head: str = Field(description="What was sent before the body, credentials starred out")
    answer: str = Field(description="The first bytes of what came back, its head included")
    answer_bytes: int = Field(description="How many came back, of which 64 KiB are read")


class Callback(CallbackSummary):
    """All that is known of a callback."""

    content_type: str
    body: str = Field(description="The same bytes in every try")
    log: list[CallbackTry]


class ReplayOrder(BaseModel):
    """Which of the callbacks that were given up to send again."""

    model_config = ConfigDict(extra="forbid")

    since: Moment = Field(description="Given up then or later")
    before: Moment | None = Field(default=None, description="Given up before then; null = now")


class ReplayedCallbacks(BaseModel):
    """What is sent again."""

    replayed: int


def callback_summary(notice: StoredNotice) -> CallbackSummary:
    return CallbackSummary(**_fields(notice))


def whole_callback(notice: StoredNotice, tries: Sequence[NoticeTry]) -> Callback:
    return Callback(
        **_fields(notice),
        content_type=notice.content_type,
        body=notice.body.decode("utf-8", "replace"),
        log=[
            CallbackTry(
                number=t.number,
                at=t.at,
                status=t.status,
                problem=t.problem,
                took_ms=t.took_ms,
                address=t.address,
                request_head=t.request_head.decode("utf-8", "replace"),
                answer=t.answer.decode("utf-8", "replace"),
                answer_bytes=t.answer_size,
            )
            for t in tries
        ],
    )


def _fields(notice: StoredNotice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "call_id": notice.call_id,
        "url": notice.url,
        "state": notice.state,
        "next_try_at": notice.due_at,
        "tries": notice.tries,
        "is_being_sent": notice.is_being_sent,
        "webhook_id": notice.webhook_id,
        "over_at": notice.over_at,
        "host_rests_until": None if notice.over_at else notice.host_rests_until,
    }
