"""Why something is not being dialled, as it is told."""

from pydantic import BaseModel, Field

from callwright.domain.lifecycle import CallState
from callwright.domain.situation import Rule, When
from callwright.service.why_waiting import Waits
from callwright.web.native.wire import Told


class Reason(BaseModel):
    """A rule that holds a call."""

    rule: Rule
    text: str = Field(description="For people")
    when: When = Field(
        description="How well `next_at` is known: `exact`, unless somebody changes something; "
        "`estimate`; `person`: when somebody does what the text says; `never`; `now`: it is "
        "being dialled or talks"
    )
    next_at: Told | None = Field(description="When this rule lets go")


class Why(BaseModel):
    """Why something is not being dialled, and when it can go."""

    at: Told = Field(description="When this was so")
    call_id: int | None = Field(
        description="The call it is about: of a batch or deployment the one that goes next"
    )
    state: CallState | None
    rule: Rule = Field(description="What holds it for longest: the first of `reasons`")
    text: str
    when: When
    next_at: Told | None = Field(description="The next moment it can go")
    closes_at: Told | None = Field(description="When its window shuts")
    comes_too_late: bool = Field(description="It cannot go before its window shuts")
    reasons: list[Reason] = Field(description="All that holds it, what lasts longest first")


def why_of(waits: Waits) -> Why:
    why = waits.why
    return Why(
        at=waits.at,
        call_id=waits.call_id,
        state=waits.state,
        rule=why.first.rule,
        text=why.first.text,
        when=why.when,
        next_at=why.next_at,
        closes_at=why.closes_at,
        comes_too_late=why.comes_too_late,
        reasons=[
            Reason(rule=reason.rule, text=reason.text, when=reason.when, next_at=reason.next_at)
            for reason in why.reasons
        ],
    )
