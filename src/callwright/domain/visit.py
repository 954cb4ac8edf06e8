"""Conversations that are over, as logs and reports tell of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwright.domain.ids import CallId, DeploymentId, ProgramId
from callwright.domain.phone import PhoneNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """What the callee keyed at one question, or what the script set."""

    at: datetime
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One conversation: an attempt that was answered, from the answer to its end."""

    call_id: CallId
    attempt: int
    program_id: ProgramId
    deployment_id: DeploymentId
    number: PhoneNumber
    """Who was called."""
    caller_id: str
    """Who they saw calling; "" = nobody was named."""
    queued_at: datetime
    started_at: datetime
    rang_at: datetime | None
    answered_at: datetime
    ended_at: datetime
    finished: bool
    """The callee went through the whole script."""
    keyed: Sequence[Keyed]
    """What was keyed or set, in order; a name may stand there twice, and the last counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedVisit:
    """A conversation with what a log tells of the script that ran in it."""

    visit: Visit
    program_name: str
    label: str
    """Of the deployment."""
    asked: frozenset[str]
    """Under these names stand answers of the callee; under others what the script set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    """Visits of a survey, and what was answered to which question."""

    survey_id: ProgramId
    survey_name: str
    questions: Mapping[str, str]
    """The text of each question by its id, in the order of the columns."""
    rows: Sequence[tuple[Visit, Mapping[str, str]]]
    """Each with the meaning of its answers by the question's id."""
    total: int
    """Of all pages together."""
