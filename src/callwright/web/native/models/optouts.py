"""Numbers that are not called again."""

from pydantic import BaseModel, Field

from callwright.ports.suppression import Suppression
from callwright.web.native.models.lists import Identified
from callwright.web.native.models.orders import Order
from callwright.web.native.wire import Text, Told

MAX_NUMBERS = 1_000


class NumbersOrder(Order):
    """Phone numbers, at most a thousand at a time."""

    numbers: list[Text] = Field(
        min_length=1,
        max_length=MAX_NUMBERS,
        description="10 digits, or + and country code",
        examples=[["+16175550100"]],
    )


class OptOut(Identified):
    """A number on the account's list."""

    number: str = Field(description="E.164")
    at: Told
    call_id: int | None = Field(
        description="The call in which the callee asked for it; null = somebody entered it"
    )


class OptOutsAdded(BaseModel):
    added: int = Field(description="Those that were not on the list yet")
    numbers: int = Field(description="All that were named")


class OptOutsRemoved(BaseModel):
    removed: int = Field(description="Those that were on the list")
    numbers: int = Field(description="All that were named")


def opt_out_of(entry: Suppression) -> OptOut:
    return OptOut(id=entry.id, number=entry.number.e164, at=entry.at, call_id=entry.call_id)
