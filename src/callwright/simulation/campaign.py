"""What is asked of a simulated server, and when: calls, lists, cancellations.

A campaign is drawn by a seed or made by hand; every number stands in it once, so that the
network's log alone says which call a leg belongs to.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from callwright.domain.call import Contact, Schedule
from callwright.domain.phone import DialString, PhoneNumber, parse_plain_numbers
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window

RESULT_URL = "http://192.0.2.80/result"
AREAS = ("617", "212", "312", "415", "206", "303", "404", "512", "602", "702")
MOST_NUMBERS = len(AREAS) * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One request: a call, or a list of them."""

    at_s: float
    """True seconds; the request waits while the server is away."""
    numbers: tuple[str, ...]
    """As the client writes them: ten digits."""
    opens_in_s: float = 0.0
    """Seconds from the request, by the server's wall clock; 0 = no start is named."""
    closes_in_s: float | None = None
    max_attempts: int = 1
    wait_s: float = 300.0
    key: str = ""
    """An idempotency key: the request is sent until it is answered. "" = once, and no more."""

    def schedule(self, now: datetime) -> Schedule:
        """What the request means when the server reads it `now`."""
        opens_at = now + timedelta(seconds=self.opens_in_s)
        closes_at = None
        if self.closes_in_s is not None:
            closes_at = now + timedelta(seconds=self.closes_in_s)
        return Schedule(
            window=Window(opens_at=opens_at, closes_at=closes_at),
            start_given=self.opens_in_s > 0,
            retry=RetryPolicy(max_attempts=self.max_attempts, wait=timedelta(seconds=self.wait_s)),
            wait_given=True,
            result_url=RESULT_URL,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """Numbers that somebody puts on the opt-out list."""

    at_s: float
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """All that is asked, in the order of time."""

    submissions: Sequence[Submission]
    cancels_s: tuple[float, ...] = field(default=())
    """When everything that waits is cancelled."""
    opt_outs: tuple[OptOut, ...] = ()

    @property
    def calls(self) -> int:
        return sum(len(submission.numbers) for submission in self.submissions)

    @property
    def last_s(self) -> float:
        moments = [submission.at_s for submission in self.submissions]
        opt_outs = [opt_out.at_s for opt_out in self.opt_outs]
        return max([*moments, *self.cancels_s, *opt_outs], default=0.0)


def number(index: int) -> str:
    """The `index`-th number, as a client writes it."""
    area, rest = divmod(index, 1_000_000)
    return f"{AREAS[area]}5{rest:06d}"


def contacts(numbers: Sequence[str]) -> list[Contact]:
    """The people with these numbers, each with a variable."""
    parsed = parse_plain_numbers(numbers)
    assert parsed is not None
    return [
        Contact(
            dial=DialString(sent=sent, number=PhoneNumber(e164)),
            variables={"first_name": "Ana"},
        )
        for sent, e164 in zip(numbers, parsed, strict=True)
    ]


def draw_campaign(chance: random.Random, calls: int, span_s: float) -> Campaign:
    """`calls` calls asked for during `span_s` seconds: half of them in lists, with windows,
    retries and now and then a cancellation."""
    submissions: list[Submission] = []
    made = 0
    while made < calls:
        is_list = chance.random() < 0.1
        count = min(calls - made, chance.randint(2, max(2, calls // 5)) if is_list else 1)
        opens_in_s = chance.choice([0.0, 0.0, 0.0, 30.0, span_s / 4])
        lasts_s = chance.choice([None, 60.0, 600.0, span_s / 2])
        submissions.append(
            Submission(
                at_s=chance.uniform(0.0, span_s * 0.75),
                numbers=tuple(number(made + n) for n in range(count)),
                opens_in_s=opens_in_s,
                closes_in_s=None if lasts_s is None else opens_in_s + lasts_s,
                max_attempts=chance.choice([1, 1, 2, 3, 5]),
                wait_s=chance.choice([0.0, 1.0, 60.0, 300.0, 900.0]),
                key=f"request {len(submissions)}" if len(submissions) % 2 else "",
            )
        )
        made += count
    cancels = (chance.uniform(0.0, span_s),) if chance.random() < 0.3 else ()
    return Campaign(
        submissions=sorted(submissions, key=lambda submission: submission.at_s), cancels_s=cancels
    )


def draw_opt_outs(chance: random.Random, campaign: Campaign, span_s: float) -> tuple[OptOut, ...]:
    """Up to three moments at which some of those who are called are put on the list."""
    numbers = [number for submission in campaign.submissions for number in submission.numbers]
    drawn = (
        OptOut(
            at_s=chance.uniform(0.0, span_s),
            numbers=tuple(chance.sample(numbers, chance.randint(1, max(1, len(numbers) // 4)))),
        )
        for _ in range(chance.randint(1, 3))
    )
    return tuple(sorted(drawn, key=lambda opt_out: opt_out.at_s))
