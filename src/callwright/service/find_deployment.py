"""What a queue or cancel request is aimed at, and whether its sender may and can use it."""

from datetime import datetime
from functools import lru_cache

from callwright.domain.account import PRODUCT_RULES, Deployment, Product, Program, User
from callwright.domain.ids import DeploymentId, ProgramId
from callwright.errors import Conflict, NotFound, NotPermitted
from callwright.ivr.script import Spoken, parse
from callwright.ports.store import ReadTx
from callwright.service.authenticate import refuse_deleted


def find_deployment(
    tx: ReadTx,
    user: User,
    product: Product,
    program_id: ProgramId,
    deployment_id: DeploymentId,
    now: datetime,
    *,
    to_queue: bool = True,
    can_speak: bool = True,
) -> Deployment:
    """The deployment, if `user` may use it. Checks in the documented order: 404, 403, 409.

    `to_queue=False` (for cancelling) lets an expired, full or superseded one through;
    `can_speak` says whether a speech engine is at hand.

    Raises:
        NotFound: no such program, or no such deployment of it.
        NotPermitted: neither its owner, nor an admin of its account, nor granted the right.
        Conflict: deleted; or not to be queued on now.
    """
    rules = PRODUCT_RULES[product]
    program = tx.program(program_id, product)
    if program is None:
        raise NotFound(rules.missing_word)
    deployment = tx.deployment(deployment_id)
    if deployment is None or deployment.program.id != program.id:
        raise NotFound("deployment")
    _refuse(user, program)
    if deployment.deleted_at is not None:
        raise Conflict("The deployment was deleted.")
    if to_queue:
        _refuse_closed(deployment, now)
        if not can_speak and _speaks(deployment.script):
            raise Conflict("No TTS engine is set up, and this one has prompts to speak.")
    return deployment


def find_usable_program(
    tx: ReadTx, user: User, product: Product, program_id: ProgramId, *, missing: str
) -> Program:
    """The program, if `user` may use it and it was not deleted.

    Raises:
        NotFound: of `missing`; there is no such program.
        NotPermitted, Conflict: as `find_deployment`.
    """
    program = tx.program(program_id, product)
    if program is None:
        raise NotFound(missing)
    _refuse(user, program)
    return program


def _refuse(user: User, program: Program) -> None:
    """What stands between a user and a program."""
    word = PRODUCT_RULES[program.product].program_word
    if not _may_use(user, program):
        raise NotPermitted(f"You have no permission to use this {word}.")
    refuse_deleted(user)
    if program.deleted_at is not None:
        raise Conflict(f"The {word} was deleted.")


def _may_use(user: User, program: Program) -> bool:
    if user.id == program.owner_id:
        return True
    if user.account_id != program.account_id:
        return False
    return user.is_admin or PRODUCT_RULES[program.product].borrowing_right in user.rights


def _refuse_closed(deployment: Deployment, now: datetime) -> None:
    if deployment.expires_at is not None and now >= deployment.expires_at:
        raise Conflict("The deployment has expired.")
    if not deployment.is_current and PRODUCT_RULES[deployment.program.product].only_current:
        raise Conflict("The instance_id does not match the current deployment.")
    limit = deployment.max_responses
    if limit is not None and deployment.responses >= limit:
        raise Conflict("The number of responses has reached the deployment's max responses.")


@lru_cache(maxsize=256)
def _speaks(script: str) -> bool:
    return any(isinstance(prompt, Spoken) for prompt in parse(script).prompts)
