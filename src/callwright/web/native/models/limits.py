"""Limits of accounts, deployments and batches."""

from typing import Annotated

from pydantic import BaseModel, Field, Strict

from callwright.domain import limits
from callwright.domain.limits import LEAST_PER_SECOND, MOST_CALLS, MOST_PER_SECOND
from callwright.web.native.models.calls import Order

Rate = Annotated[
    float, Strict(), Field(ge=LEAST_PER_SECOND, le=MOST_PER_SECOND, allow_inf_nan=False)
]
Calls = Annotated[int, Strict(), Field(ge=1, le=MOST_CALLS)]


class LimitsChange(Order):
    """What to change; absent = as it is, null = no limit."""

    calls_per_second: Rate | None = Field(
        default=None, description="New calls in any second, spread evenly; below 1 is allowed"
    )
    max_calls: Calls | None = Field(default=None, description="Calls at once")

    def of(self, held: limits.Limits) -> limits.Limits:
        """What limits become that were `held` before."""
        rate, most = held.calls_per_second, held.max_calls
        if "calls_per_second" in self.model_fields_set:
            rate = self.calls_per_second
        if "max_calls" in self.model_fields_set:
            most = self.max_calls
        return limits.Limits(calls_per_second=rate, max_calls=most)


class Limits(BaseModel):
    """What may be started, beside what the trunk may; null = no limit."""

    calls_per_second: float | None
    max_calls: int | None


def limits_of(held: limits.Limits) -> Limits:
    return Limits(calls_per_second=held.calls_per_second, max_calls=held.max_calls)
