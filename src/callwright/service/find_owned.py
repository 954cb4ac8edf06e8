"""Batches, calls, notices, programs by their ids, for those who may see them.

The ids of another account do not exist for the asker: 404 comes before 403, so that nobody
learns from the answer what others have.
"""

from datetime import datetime

from callwright.domain.account import PRODUCT_RULES, Deployment, Product, Program, User
from callwright.domain.call import CallDetails
from callwright.domain.ids import (
    AccountId,
    BatchId,
    CallId,
    DeploymentId,
    NoticeId,
    ProgramId,
    UserId,
)
from callwright.errors import NotFound, NotPermitted
from callwright.ports.control import Batch, StoredNotice, Whose
from callwright.ports.store import ReadTx
from callwright.service.find_deployment import find_deployment
from callwright.service.report_call import report_call


def whose(user: User) -> Whose:
    """What a user may look through: an admin all of the account, others their own."""
    return Whose(account_id=user.account_id, user_id=None if user.is_admin else user.id)


def find_call(tx: ReadTx, user: User, call_id: CallId, now: datetime) -> CallDetails:
    """The call's details.

    Raises:
        NotFound: no call of this account has this id.
        NotPermitted: it is another user's.
    """
    details = tx.call_details(call_id, now)
    if details is None or details.account_id != user.account_id:
        raise NotFound("call")
    return report_call(tx, user, call_id, now)


def find_batch(tx: ReadTx, user: User, batch_id: BatchId) -> Batch:
    """The batch.

    Raises:
        NotFound: no batch of this account has this id.
        NotPermitted: it is another user's.
    """
    batch = tx.batch(batch_id)
    if batch is None or batch.account_id != user.account_id:
        raise NotFound("batch")
    _require_own(user, "batch", batch.account_id, batch.user_id)
    return batch


def find_notice(tx: ReadTx, user: User, notice_id: NoticeId) -> StoredNotice:
    """The callback.

    Raises:
        NotFound: no callback of this account has this id.
        NotPermitted: its call is another user's.
    """
    notice = tx.notice(notice_id)
    if notice is None or notice.account_id != user.account_id:
        raise NotFound("callback")
    _require_own(user, "callback", notice.account_id, notice.user_id)
    return notice


def find_program(tx: ReadTx, user: User, product: Product, program_id: ProgramId) -> Program:
    """The application or survey, deleted or not.

    Raises:
        NotFound: no such program in this account.
        NotPermitted: it is another user's, and no right lets the asker use it.
    """
    rules = PRODUCT_RULES[product]
    program = tx.program(program_id, product)
    if program is None or program.account_id != user.account_id:
        raise NotFound(rules.program_word)
    if not may_see_program(user, program):
        raise NotPermitted(f"You have no permission to use this {rules.program_word}.")
    return program


def may_see_program(user: User, program: Program) -> bool:
    """Whether a program of the same account is the user's to look at."""
    if program.account_id != user.account_id:
        return False
    if user.is_admin or user.id == program.owner_id:
        return True
    return PRODUCT_RULES[program.product].borrowing_right in user.rights


def find_own_program(tx: ReadTx, user: User, product: Product, program_id: ProgramId) -> Program:
    """The application or survey, to change it: its owner's and the admins' alone.

    Raises:
        NotFound: no such program in this account.
        NotPermitted: it is another user's.
    """
    program = find_program(tx, user, product, program_id)
    _require_own(user, PRODUCT_RULES[product].program_word, program.account_id, program.owner_id)
    return program


def find_deployment_by_id(
    tx: ReadTx,
    user: User,
    deployment_id: DeploymentId,
    now: datetime,
    *,
    to_queue: bool = False,
    can_speak: bool = True,
) -> Deployment:
    """The deployment, by its own id alone.

    Raises:
        NotFound: no such deployment in this account.
        NotPermitted, Conflict: as `find_deployment`.
    """
    deployment = tx.deployment(deployment_id)
    if deployment is None or deployment.program.account_id != user.account_id:
        raise NotFound("deployment")
    program = deployment.program
    return find_deployment(
        tx,
        user,
        program.product,
        program.id,
        deployment_id,
        now,
        to_queue=to_queue,
        can_speak=can_speak,
    )


def see_deployment(tx: ReadTx, user: User, deployment_id: DeploymentId) -> Deployment:
    """The deployment to look at, deleted or not.

    Raises:
        NotFound: no such deployment in this account.
        NotPermitted: its program is another user's.
    """
    deployment = tx.deployment(deployment_id)
    if deployment is None or deployment.program.account_id != user.account_id:
        raise NotFound("deployment")
    find_program(tx, user, deployment.program.product, deployment.program.id)
    return deployment


def _require_own(user: User, what: str, account_id: AccountId, owner_id: UserId) -> None:
    if user.id != owner_id and not (user.is_admin and user.account_id == account_id):
        raise NotPermitted(f"This {what} belongs to another user.")
