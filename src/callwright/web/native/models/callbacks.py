"""Callbacks: what is owed to a call's `result_url`."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from callwright.domain.notice import NoticeState
from callwright.ports.control import NoticeTry, StoredNotice
from callwright.web.native.wire import Told


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


class CallbackTry(BaseModel):
    """One try and what it came to."""

    number: int
    at: Told
    status: int | None = Field(description="HTTP status; null = no answer came")
    problem: str
    took_ms: int


class Callback(CallbackSummary):
    """All that is known of a callback."""

    content_type: str
    body: str = Field(description="The same bytes in every try")
    log: list[CallbackTry]


def callback_summary(notice: StoredNotice) -> CallbackSummary:
    return CallbackSummary(**_fields(notice))


def whole_callback(notice: StoredNotice, tries: Sequence[NoticeTry]) -> Callback:
    return Callback(
        **_fields(notice),
        content_type=notice.content_type,
        body=notice.body.decode("utf-8", "replace"),
        log=[
            CallbackTry(
                number=t.number, at=t.at, status=t.status, problem=t.problem, took_ms=t.took_ms
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
    }
