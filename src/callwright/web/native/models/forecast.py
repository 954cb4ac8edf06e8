"""What is to be expected of a batch, as it is told."""

from pydantic import BaseModel, Field

from callwright.domain.situation import Rule
from callwright.service.foretell_batch import Basis, Foretold
from callwright.web.native.wire import Told


class Forecast(BaseModel):
    """An estimate, at the limits of this moment."""

    at: Told = Field(description="When this was expected")
    starts_at: Told | None = Field(description="When the next call starts; null: none waits")
    ends_at: Told | None = Field(description="When the last call is over; null: all are")
    closes_at: Told | None
    attempts: int = Field(description="Still to be made, those after failures included")
    will_not_fit: int = Field(description="Calls never dialled, because the window shuts first")
    cut_short: int = Field(
        description="Calls whose window shuts before they have used their attempts"
    )
    before: int = Field(description="Calls of the deployment that go before")
    mean_attempt_s: float = Field(description="How long an attempt lasts, INVITE to end")
    done_share: float = Field(description="After how many attempts no other is wanted, 0 to 1")
    based_on: Basis = Field(description="Where these two were measured")
    assumes: list[Rule] = Field(description="What holds it, and is taken to be lifted at once")


def forecast_of(foretold: Foretold) -> Forecast:
    forecast = foretold.forecast
    return Forecast(
        at=forecast.at,
        starts_at=forecast.starts_at,
        ends_at=forecast.ends_at,
        closes_at=foretold.closes_at,
        attempts=forecast.attempts,
        will_not_fit=forecast.will_not_fit,
        cut_short=forecast.cut_short,
        before=foretold.before,
        mean_attempt_s=round(foretold.measured.mean_s, 3),
        done_share=round(foretold.measured.done_share, 3),
        based_on=foretold.basis,
        assumes=list(foretold.assumes),
    )
