"""When, how often and with what report: the fields that all four queueing requests share.

Source: wire contract, sections 2 and 3.
"""

from datetime import datetime, timedelta

from callwright.dialects.fields import integer_of, read_timestamp, text_of
from callwright.dialects.form import Form
from callwright.dialects.result_url import parse_result_url
from callwright.domain.call import Schedule
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.errors import FieldInvalid

MIN_WAIT_S = 60
MAX_WAIT_S = 86400

WAIT_MISSING = "The reattempt_wait parameter must be supplied when max_attempts is greater than 1."


def read_schedule(form: Form, *, now: datetime, attempts_text: str, is_pci: bool) -> Schedule:
    """The schedule that a request asks for at `now`.

    `attempts_text` is what the dialect says of a bad number of attempts.

    Raises:
        FieldInvalid: the first field that is wrong.
    """
    start = read_timestamp(form, "start_timestamp")
    opens_at = now if start is None else max(start, now)
    closes_at = _read_end(form, start, now)
    max_attempts = _read_max_attempts(form, attempts_text)
    wait = _read_wait(form)
    if wait is None and max_attempts > 1:
        raise FieldInvalid("reattempt_wait", WAIT_MISSING, exact=True)
    result_url = text_of(form, "result_url")
    return Schedule(
        window=Window(opens_at=opens_at, closes_at=closes_at),
        start_given=start is not None,
        retry=RetryPolicy(max_attempts=max_attempts, wait=wait or timedelta(0)),
        wait_given=wait is not None,
        result_url=parse_result_url(result_url) if result_url else "",
        is_pci=is_pci,
    )


def _read_end(form: Form, start: datetime | None, now: datetime) -> datetime | None:
    end = read_timestamp(form, "end_timestamp")
    if end is None:
        return None
    if start is not None and end <= start:
        raise FieldInvalid("end_timestamp", "must be after start_timestamp")
    if end <= now:
        raise FieldInvalid("end_timestamp", "is already past")
    return end


def _read_max_attempts(form: Form, attempts_text: str) -> int:
    # Both names are documented, one page even uses both; max_attempts wins.
    name = "max_attempts" if text_of(form, "max_attempts") else "attempts"
    text = text_of(form, name)
    attempts = integer_of(text) if text else 1
    if attempts is None or not 1 <= attempts <= 10:
        raise FieldInvalid(name, attempts_text, exact=True)
    return attempts


def _read_wait(form: Form) -> timedelta | None:
    text = text_of(form, "reattempt_wait")
    if not text:
        return None
    seconds = integer_of(text)
    if seconds is None or not MIN_WAIT_S <= seconds <= MAX_WAIT_S:
        raise FieldInvalid(
            "reattempt_wait", f"must be an integer between {MIN_WAIT_S} and {MAX_WAIT_S}"
        )
    return timedelta(seconds=seconds)
