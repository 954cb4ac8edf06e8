"""How values stand in the database, and how rows become values again.

Times and spans are whole microseconds (since 1970 in UTC): exact, and comparable in SQL.
Lists and mappings are JSON text. Everything that SQLite cannot hold is refused here, or by
the one place that runs SQL (`session`), before it gets there.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from callwright.domain.account import Product
from callwright.domain.call import Contact, Schedule
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.domain.phone import DialString, PhoneNumber
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.errors import FieldInvalid

Value = None | int | float | str | bytes
Row = tuple[Any, ...]
"""What a query gives; the schema's STRICT tables promise the types."""

# An enum asked by value takes eight times as long as a mapping, and each call asks four times.
STATES = {state.value: state for state in CallState}
OUTCOMES = {outcome.value: outcome for outcome in Outcome}
PRODUCTS = {product.value: product for product in Product}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode = msgspec.json.Encoder().encode
_decode_mapping = msgspec.json.Decoder(dict[str, object]).decode
_decode_texts = msgspec.json.Decoder(tuple[str, ...]).decode


def to_micros(at: datetime) -> int:
    """`at` as microseconds since 1970.

    Raises:
        TypeError: `at` is naive.
    """
    return (at - _EPOCH) // _MICROSECOND


def to_micros_or_none(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // _MICROSECOND


def span_to_micros(span: timedelta) -> int:
    return span // _MICROSECOND


def to_time(micros: int) -> datetime:
    """The moment that a time column holds."""
    return _EPOCH + timedelta(0, 0, micros)


def to_time_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(0, 0, micros)


def to_json(value: Mapping[str, object] | Sequence[str]) -> str:
    """`value` as compact JSON.

    Raises:
        FieldInvalid: half of a surrogate pair, which is no Unicode text.
    """
    try:
        return _encode(value).decode()
    except UnicodeEncodeError as exc:
        raise FieldInvalid("variables", "hold a character that is no Unicode text") from exc


def json_list(values: Iterable[int | str]) -> str:
    """`values` as the JSON list that a query takes apart."""
    return _encode(list(values)).decode()


def json_mapping(text: str) -> dict[str, object]:
    return _decode_mapping(text)


def json_texts(text: str) -> tuple[str, ...]:
    return _decode_texts(text)


def schedule_values(schedule: Schedule) -> dict[str, Value]:
    """The columns of `batch` that hold a schedule."""
    return {
        "opens_at": to_micros(schedule.window.opens_at),
        "closes_at": to_micros_or_none(schedule.window.closes_at),
        "start_given": schedule.start_given,
        "max_attempts": schedule.retry.max_attempts,
        "wait": span_to_micros(schedule.retry.wait),
        "wait_given": schedule.wait_given,
        "result_url": schedule.result_url,
        "is_pci": schedule.is_pci,
        "record": schedule.record,
    }


# Kept by its columns: it is asked for at each step of a call, and by every call of a list.
@lru_cache(maxsize=1024)
def schedule_of(columns: Row) -> Schedule:
    """The schedule in the nine columns of `schedule_values`, in that order."""
    opens_at, closes_at, start_given, max_attempts, wait, wait_given, *rest = columns
    result_url, is_pci, record = rest
    return Schedule(
        window=Window(opens_at=to_time(opens_at), closes_at=to_time_or_none(closes_at)),
        start_given=bool(start_given),
        retry=RetryPolicy(max_attempts=max_attempts, wait=timedelta(microseconds=wait)),
        wait_given=bool(wait_given),
        result_url=str(result_url),
        is_pci=bool(is_pci),
        record=None if record is None else bool(record),
    )


def call_values(contacts: Sequence[Contact]) -> list[str]:
    """What `call` holds of these contacts, one after another: sent, number, ani, postd,
    variables.

    Raises:
        FieldInvalid: half of a surrogate pair, which is no Unicode text.
    """
    values: list[str] = []
    try:
        for contact in contacts:
            dial = contact.dial
            variables = _encode(contact.variables).decode()
            values += (dial.sent, dial.number.e164, dial.ani, dial.postd, variables)
    except UnicodeEncodeError as exc:
        raise FieldInvalid("variables", "hold a character that is no Unicode text") from exc
    return values


def contact_of(columns: Row) -> Contact:
    """The contact in the five columns of `call_values`, in that order."""
    sent, number, ani, postd, variables = columns
    return Contact(
        dial=DialString(sent=sent, number=PhoneNumber(number), ani=ani, postd=postd),
        variables=json_mapping(variables),
    )
