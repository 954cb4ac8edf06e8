"""The notices that calls owe their `result_url`, written in the transaction that ends them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwright.dialects.notices import render_notice
from callwright.domain.call import CallDetails
from callwright.domain.ids import CallId
from callwright.ports.store import NewNotice, WriteTx


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeStyle:
    """How notices are written, the same for every call of a server."""

    new_id: Callable[[], str]
    """A fresh webhook id: the same for every try of one notice."""
    form_encoded: bool = False
    """Send `application/x-www-form-urlencoded` in place of JSON."""


def tell_results(
    tx: WriteTx, call_ids: Sequence[CallId], now: datetime, style: NoticeStyle
) -> None:
    """Write the notices of calls that have just ended, of those that owe one.

    The bodies are rendered here, once, so that every try sends the same bytes.
    """
    if call_ids:
        tx.add_notices([_notice(details, style) for details in tx.calls_to_tell(call_ids)], now)


def _notice(details: CallDetails, style: NoticeStyle) -> NewNotice:
    body, content_type = render_notice(details, style.form_encoded)
    return NewNotice(
        call_id=details.id,
        url=details.schedule.result_url,
        webhook_id=style.new_id(),
        content_type=content_type,
        body=body,
        account_id=details.account_id,
    )
