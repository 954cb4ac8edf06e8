"""Keeping what was heard of attempts that run, and obeying at once what a callee asked for.

Whoever keys that they want no more calls is on the account's list in the very transaction
that keeps the key: no later attempt of anybody's can begin before it, and no death of the
server comes between.
"""

from collections.abc import Sequence
from datetime import datetime

import structlog

from callwright.domain.ids import CallId
from callwright.domain.opt_out import is_opt_out
from callwright.ports.motion import Progress
from callwright.ports.store import WriteTx

log = structlog.get_logger()


def note_progress(tx: WriteTx, reports: Sequence[Progress], now: datetime) -> None:
    """Keep `reports`, and the numbers of those who opted out."""
    tx.note_progress(reports)
    for report in reports:
        if opts_out(report):
            _opt_out(tx, report.hold.call_id, now)


def opts_out(report: Progress) -> bool:
    """Whether the callee keyed that they want no more calls."""
    return any(is_opt_out(keyed.name, keyed.value) for keyed in report.keyed)


def _opt_out(tx: WriteTx, call_id: CallId, now: datetime) -> None:
    details = tx.call_details(call_id, now)
    assert details is not None
    number = details.contact.dial.number
    if tx.suppress(details.account_id, number, call_id, now):
        log.info("number opted out", call_id=call_id, number=number.masked)
