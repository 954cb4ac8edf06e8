"""Applications, surveys and their deployments."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, Strict

from callwright.dialects.schedule import MAX_WAIT_S, MIN_WAIT_S
from callwright.domain import account
from callwright.domain.account import Product
from callwright.domain.outcome import Outcome
from callwright.domain.retry import RetryRules
from callwright.service.retry_rules import MOST_WAITS, read_retry_rules
from callwright.web.native.models.lists import Identified
from callwright.web.native.models.orders import Order
from callwright.web.native.wire import Moment, Text, Told

Seconds = Annotated[int, Strict(), Field(ge=MIN_WAIT_S, le=MAX_WAIT_S)]


class ProgramOrder(Order):
    """An application or a survey to add."""

    name: Text | None = Field(default=None, description="Default: the name in the script")
    script: Text = Field(description="The flow or survey, as YAML")
    metadatabase: Text | None = Field(
        default=None,
        description="Name of the metadatabase whose columns calls may bring (surveys)",
    )


class ScriptOrder(Order):
    """A new version of the script, which the next deployment takes."""

    script: Text


class RetryOrder(Order):
    """What holds for retries beside `max_attempts` and `retry_wait_s` of each request."""

    waits_s: list[Seconds] = Field(
        default_factory=list,
        max_length=MOST_WAITS,
        description="After the first failed attempt, the second, ...; the last holds for the rest",
    )
    waits_after_s: dict[Text, Seconds] = Field(
        default_factory=dict, description="By outcome, such as `busy`; goes before `waits_s`"
    )
    never_after: list[Text] = Field(
        default_factory=list,
        description="Outcomes after which a call ends; `unreachable` is a number that is none",
    )

    def rules(self) -> RetryRules:
        """What it comes to.

        Raises:
            FieldInvalid: a wait or an outcome that nobody can have.
        """
        return read_retry_rules(self.waits_s, self.waits_after_s, self.never_after)


class DeploymentOrder(Order):
    """How a new deployment shall be."""

    label: Text = Field(default="", max_length=200)
    variables: dict[Text, Text] = Field(default_factory=dict)
    caller_id: Text = Field(default="", description="Used where a call brings no `ani`")
    trunk: Text = Field(default="", description="Empty = the first one configured")
    expires_at: Moment | None = None
    max_responses: Annotated[int, Strict()] | None = Field(default=None, ge=1, le=2**31 - 1)
    retry: RetryOrder = RetryOrder()


class Retry(BaseModel):
    """What holds for retries beside the fields of each request; empty = nothing."""

    waits_s: list[int]
    waits_after_s: dict[Outcome, int]
    never_after: list[Outcome]


class Program(Identified):
    """An application or a survey."""

    name: str
    owner_id: int
    created_at: Told
    deleted_at: Told | None
    metadatabase: list[str] | None = Field(description="Columns that calls may bring (surveys)")
    current_deployment_id: int | None


class Deployment(BaseModel):
    """A version of a program, on which calls are queued."""

    id: int
    product: Product
    program_id: int
    program_name: str
    label: str
    variables: dict[str, str]
    caller_id: str
    trunk: str
    created_at: Told
    expires_at: Told | None
    max_responses: int | None
    retry: Retry
    responses: int
    is_current: bool
    deleted_at: Told | None
    paused_at: Told | None


def program_of(program: account.Program, current: account.Deployment | None) -> Program:
    columns = program.metadatabase
    return Program(
        id=program.id,
        name=program.name,
        owner_id=program.owner_id,
        created_at=program.created_at,
        deleted_at=program.deleted_at,
        metadatabase=None if columns is None else list(columns),
        current_deployment_id=None if current is None else current.id,
    )


def deployment_of(deployment: account.Deployment, paused_at: datetime | None) -> Deployment:
    return Deployment(
        id=deployment.id,
        product=deployment.program.product,
        program_id=deployment.program.id,
        program_name=deployment.program.name,
        label=deployment.label,
        variables=dict(deployment.variables),
        caller_id=deployment.caller_id,
        trunk=deployment.trunk,
        created_at=deployment.created_at,
        expires_at=deployment.expires_at,
        max_responses=deployment.max_responses,
        retry=_retry_of(deployment.retry),
        responses=deployment.responses,
        is_current=deployment.is_current,
        deleted_at=deployment.deleted_at,
        paused_at=paused_at,
    )


def _retry_of(rules: RetryRules) -> Retry:
    return Retry(
        waits_s=[int(wait.total_seconds()) for wait in rules.waits],
        waits_after_s={
            outcome: int(wait.total_seconds()) for outcome, wait in rules.waits_after.items()
        },
        never_after=sorted(rules.never_after),
    )
