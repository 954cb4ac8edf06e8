"""Limits of accounts, deployments, batches and trunks."""

from typing import Annotated

from pydantic import BaseModel, Field, Strict

from callwright.config import TrunkSettings
from callwright.domain import limits
from callwright.domain.limits import LEAST_PER_SECOND, MOST_CALLS, MOST_PER_SECOND
from callwright.web.native.models.orders import Order

Rate = Annotated[
    float, Strict(), Field(ge=LEAST_PER_SECOND, le=MOST_PER_SECOND, allow_inf_nan=False)
]
Calls = Annotated[int, Strict(), Field(ge=1, le=MOST_CALLS)]


class _Change(Order):
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


class LimitsChange(_Change):
    """What to change; absent = as it is, null = no limit."""


class TrunkLimitsChange(_Change):
    """What to change; absent = as it is, null = as the settings say."""


class Limits(BaseModel):
    """What may be started, beside what the trunk may; null = no limit."""

    calls_per_second: float | None
    max_calls: int | None


def limits_of(held: limits.Limits) -> Limits:
    return Limits(calls_per_second=held.calls_per_second, max_calls=held.max_calls)


class SettledLimits(BaseModel):
    """What the settings say of a trunk."""

    calls_per_second: float
    max_calls: int


class TrunkLimits(BaseModel):
    """What a trunk may do at this moment."""

    trunk: str
    calls_per_second: float = Field(
        description="New calls in any second; less for a while after an outage"
    )
    max_calls: int = Field(description="Calls at once")
    in_flight: int = Field(description="Calls that are being dialled or talk; may be above")
    settings: SettledLimits = Field(description="What holds unless it is changed here")


def trunk_limits_of(
    trunk: str, changed: limits.Limits, settings: TrunkSettings, *, in_flight: int
) -> TrunkLimits:
    rate, most = changed.calls_per_second, changed.max_calls
    return TrunkLimits(
        trunk=trunk,
        calls_per_second=settings.calls_per_second if rate is None else rate,
        max_calls=settings.max_calls if most is None else most,
        in_flight=in_flight,
        settings=SettledLimits(
            calls_per_second=settings.calls_per_second, max_calls=settings.max_calls
        ),
    )
