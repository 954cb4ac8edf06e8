"""What requests for calls look like: an order, and what it comes to."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

from callwright.dialects.result_url import parse_result_url
from callwright.dialects.schedule import MAX_WAIT_S, MIN_WAIT_S
from callwright.domain.account import User
from callwright.domain.call import Schedule
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.errors import FieldInvalid, NotPermitted
from callwright.web.native.wire import MAX_ID, Moment, Text

Scalar = Annotated[
    Text
    | Annotated[bool, Strict()]
    | Annotated[int, Strict()]
    | Annotated[float, Strict(), Field(allow_inf_nan=False)]
    | None,
    Field(union_mode="smart"),
]
Count = Annotated[int, Strict()]
Flag = Annotated[bool, Strict()]


class Order(BaseModel):
    """A body: unknown fields are refused, since most are misspelt ones."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class ScheduleOrder(Order):
    """When and how often to try, and whom to tell."""

    opens_at: Moment | None = Field(default=None, description="Not before; absent = at once")
    closes_at: Moment | None = Field(
        default=None, description="No attempt from then on; absent = never"
    )
    max_attempts: Count = Field(default=1, ge=1, le=10)
    retry_wait_s: Count | None = Field(
        default=None,
        ge=MIN_WAIT_S,
        le=MAX_WAIT_S,
        description="Seconds from a failed attempt to the next; required above one attempt",
    )
    result_url: Text | None = Field(default=None, description="Absolute http or https URL")
    is_pci: Flag = False
    record: Flag | None = Field(default=None, description="Absent = as the script says")

    def schedule(self, user: User, now: datetime) -> Schedule:
        """What it comes to for `user` at `now`.

        Raises:
            FieldInvalid: fields that do not go together.
            NotPermitted: `is_pci` without the account's grant.
        """
        if self.is_pci and not user.pci_granted:
            raise NotPermitted("is_pci: the account has no access to the secure environment.")
        opens_at = now if self.opens_at is None else max(self.opens_at, now)
        if self.closes_at is not None:
            if self.closes_at <= now:
                raise FieldInvalid("closes_at", "is already past")
            if self.closes_at <= opens_at:
                raise FieldInvalid("closes_at", "must be after opens_at")
        if self.retry_wait_s is None and self.max_attempts > 1:
            raise FieldInvalid("retry_wait_s", "is required when max_attempts is above 1")
        return Schedule(
            window=Window(opens_at=opens_at, closes_at=self.closes_at),
            start_given=self.opens_at is not None,
            retry=RetryPolicy(
                max_attempts=self.max_attempts, wait=timedelta(seconds=self.retry_wait_s or 0)
            ),
            wait_given=self.retry_wait_s is not None,
            result_url=parse_result_url(self.result_url) if self.result_url else "",
            is_pci=self.is_pci,
            record=self.record,
        )


class ContactOrder(Order):
    """One person to call."""

    phone_number: Text = Field(
        description="10 digits, or + and country code; may carry `;ani=` and `;postd=`",
        examples=["+16175550100", "6175550100;ani=8005551234;postd=1"],
    )
    variables: dict[Text, Scalar] = Field(
        default_factory=dict, description="Single values by name, for the script"
    )
    sip_identity: Text | None = Field(
        default=None,
        description="The value of an Identity header (RFC 8224), as whoever signs your calls made"
        " it; the same as a variable of this name",
        examples=["eyJ...;info=<https://cert.example.org/a.cer>;alg=ES256;ppt=shaken"],
    )


class CallOrder(ScheduleOrder, ContactOrder):
    """One call to queue."""

    deployment_id: Annotated[int, Strict()] = Field(ge=1, le=MAX_ID)


class RetryCallOrder(Order):
    """In what the new call shall differ; absent = as the old one."""

    opens_at: Moment | None = None
    closes_at: Moment | None = None
    max_attempts: Count | None = Field(default=None, ge=1, le=10)
    retry_wait_s: Count | None = Field(default=None, ge=MIN_WAIT_S, le=MAX_WAIT_S)

    def policy(self, old: RetryPolicy) -> RetryPolicy:
        """The old policy with what was asked for.

        Raises:
            FieldInvalid: several attempts, and nobody said how far apart.
        """
        attempts = old.max_attempts if self.max_attempts is None else self.max_attempts
        wait = old.wait if self.retry_wait_s is None else timedelta(seconds=self.retry_wait_s)
        if attempts > 1 and not wait:
            raise FieldInvalid("retry_wait_s", "is required when max_attempts is above 1")
        return RetryPolicy(max_attempts=attempts, wait=wait)
