"""Who may ask, and what they deploy: accounts, users, programs, deployments, metadatabases."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from callwright.domain.ids import AccountId, DeploymentId, MetadatabaseId, ProgramId, UserId
from callwright.domain.retry import NO_RULES, RetryRules


class Product(StrEnum):
    """Which of the two APIs a program is reached by. Data, never a branch in the core."""

    FUSE = "fuse"
    INSIGHT = "insight"


class Right(StrEnum):
    """What a user who does not own a program may be allowed to do with it."""

    DEPLOY_SURVEY = "deploy survey"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRules:
    """In what the two products differ in meaning, so that the core need not name them."""

    program_word: str
    missing_word: str
    """What a queue request is told was not found when its program does not exist."""
    borrowing_right: Right | None
    """The right that lets a user of the same account use a program it does not own."""
    only_current: bool
    """Whether a superseded deployment refuses new calls."""


PRODUCT_RULES: dict[Product, ProductRules] = {
    Product.FUSE: ProductRules(
        program_word="application",
        missing_word="deployment",
        borrowing_right=None,
        only_current=False,
    ),
    Product.INSIGHT: ProductRules(
        program_word="survey",
        missing_word="survey",
        borrowing_right=Right.DEPLOY_SURVEY,
        only_current=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or program that signs in with an e-mail address and a developer key."""

    id: UserId
    account_id: AccountId
    email: str
    key_hash: bytes
    """SHA-256 of the developer key, which has 256 random bits and is kept nowhere."""
    is_admin: bool
    is_active: bool
    deleted_at: datetime | None
    account_is_active: bool
    pci_granted: bool
    rights: frozenset[Right] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An application (Fuse) or a survey (Insight), of which deployments are made."""

    id: ProgramId
    product: Product
    account_id: AccountId
    owner_id: UserId
    name: str
    created_at: datetime
    deleted_at: datetime | None = None
    metadatabase: tuple[str, ...] | None = None
    """Names of the columns of a survey's metadatabase; None = it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadatabase:
    """A named table of what is known of people, shared by an account's surveys."""

    id: MetadatabaseId
    account_id: AccountId
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version of a program's script that calls are queued on."""

    id: DeploymentId
    program: Program
    label: str
    script: str
    """The compiled script as JSON."""
    variables: dict[str, str] = field(default_factory=dict)
    """Values for the script's variables that a call does not bring itself."""
    caller_id: str = ""
    trunk: str = ""
    """Name of the trunk to dial on; "" = the first one configured."""
    created_at: datetime
    expires_at: datetime | None = None
    max_responses: int | None = None
    retry: RetryRules = NO_RULES
    responses: int = 0
    """Visits that ran to their end."""
    deleted_at: datetime | None = None
    is_current: bool = True
    """It is the latest of its program that was not deleted."""

    def closed_because(self, now: datetime) -> str | None:
        """Why no further call may be dialled on it, or None."""
        if self.deleted_at is not None or self.program.deleted_at is not None:
            return "deleted"
        if self.expires_at is not None and now >= self.expires_at:
            return "expired"
        if self.max_responses is not None and self.responses >= self.max_responses:
            return "max responses reached"
        return None
