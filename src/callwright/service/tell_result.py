"""The notice a call owes its `result_url`, written in the transaction that ends the call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from callwright.dialects.notices import render_notice
from callwright.domain.ids import CallId
from callwright.ports.store import WriteTx


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStyle:
    """How notices are written, the same for every call of a server."""

    new_id: Callable[[], str]
    """A fresh webhook id: the same for every try of one notice."""
    form_encoded: bool = False
    """Send `application/x-www-form-urlencoded` in place of JSON."""


def tell_result(tx: WriteTx, call_id: CallId, now: datetime, style: NoticeStyle) -> None:
    """Write the notice of a call that has just ended, if it owes one.

    The body is rendered here, once, so that every try sends the same bytes.
    """
    details = tx.call_details(call_id, now)
    if details is None or not details.schedule.result_url:
        return
    body, content_type = render_notice(details, style.form_encoded)
    tx.add_notice(
        call_id,
        url=details.schedule.result_url,
        webhook_id=style.new_id(),
        content_type=content_type,
        body=body,
        due_at=now,
    )
