"""Whom the demo calls, what their phones do, and what each call should come to.

The numbers are those of the built-in phones: the last four digits decide.
"""

import csv
import io
from dataclasses import dataclass

from callwright.domain.account import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    number: str
    name: str
    behaviour: str
    expected: str
    """The status its callback must report."""
    product: Product = Product.FUSE
    answers: tuple[tuple[str, str], ...] = ()
    """What the callee must have keyed, by name."""


LIST = (
    PlannedCall(
        number="6175550100", name="Ana", behaviour="answers and listens", expected="completed"
    ),
    PlannedCall(
        number="6175550101", name="Ben", behaviour="answers and listens", expected="completed"
    ),
    PlannedCall(number="6175550150", name="Chloe", behaviour="is busy", expected="failed"),
    PlannedCall(
        number="6175550151", name="Dev", behaviour="rings, nobody there", expected="failed"
    ),
    PlannedCall(number="6175550152", name="Eva", behaviour="rejects the call", expected="failed"),
    PlannedCall(number="6175550153", name="Finn", behaviour="no such number", expected="failed"),
    PlannedCall(number="6175550154", name="Gia", behaviour="overloaded (503)", expected="failed"),
    PlannedCall(number="6175550155", name="Hugo", behaviour="voicemail", expected="completed"),
    PlannedCall(
        number="6175550156",
        name="Iris",
        behaviour="answers, keys 1",
        expected="completed",
        answers=(("answer", "1"),),
    ),
    PlannedCall(
        number="6175550157", name="Jon", behaviour="hangs up after 3 s", expected="completed"
    ),
    PlannedCall(number="6175550158", name="Kim", behaviour="announcement, 404", expected="failed"),
    PlannedCall(
        number="6175550159", name="Lea", behaviour="wants credentials", expected="completed"
    ),
)
"""Sent as one CSV to bulk_queue."""

RETRIED = PlannedCall(
    number="6175550160",
    name="Max",
    behaviour="busy, then answers",
    expected="completed",
)
"""Sent by itself with max_attempts=2 and reattempt_wait=60, the shortest wait there is."""

SURVEYED = PlannedCall(
    number="6175550156",
    name="Nia",
    behaviour="surveyed, keys 1",
    expected="completed",
    product=Product.INSIGHT,
    answers=(("satisfaction", "1"),),
)

CANCELED = PlannedCall(
    number="6175550102",
    name="Oto",
    behaviour="is for tomorrow",
    expected="canceled",
)
"""Queued for tomorrow on a deployment of its own, which is then cancelled."""


def csv_of(calls: tuple[PlannedCall, ...]) -> bytes:
    """The list as the file a customer would upload."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["phone_number", "first_name"])
    writer.writerows([call.number, call.name] for call in calls)
    return text.getvalue().encode()
