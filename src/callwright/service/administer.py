"""What an operator sets up: users and their keys, applications and surveys, deployments.

One account holds everything of one server. Nothing here is reached by the documented API;
the command line and later the native API call it.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from callwright.domain.account import (
    PRODUCT_RULES,
    Deployment,
    Metadatabase,
    Product,
    Program,
    Right,
    User,
)
from callwright.domain.ids import DeploymentId, MetadatabaseId, ProgramId
from callwright.domain.phone import parse_caller_id
from callwright.domain.retry import NO_RULES, RetryRules
from callwright.errors import Conflict, FieldInvalid, NotFound
from callwright.ivr.script import Script, dump
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.authenticate import hash_key, refuse_deleted
from callwright.service.metadatabases import metadatabase_with

ACCOUNT = "main"
MIN_KEY_LENGTH = 16
MAX_NAME_LENGTH = 200

_EMAIL = re.compile(r"[^\s:@\x00-\x1f\x7f]+@[^\s:@\x00-\x1f\x7f]+\Z")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentOrder:
    """What a new deployment shall be like. Empty = nothing special."""

    label: str = ""
    variables: Mapping[str, str]
    caller_id: str = ""
    trunk: str = ""
    expires_at: datetime | None = None
    max_responses: int | None = None
    retry: RetryRules = NO_RULES


def add_user(tx: WriteTx, email: str, key: str, *, is_admin: bool, now: datetime) -> User:
    """The new user, who signs in with `email` and `key`.

    Raises:
        FieldInvalid: no e-mail address, or a key too short to be safe.
        Conflict: the address is taken.
    """
    if not _EMAIL.match(email) or len(email) > MAX_NAME_LENGTH:
        raise FieldInvalid("email", "must be an e-mail address")
    _check_key(key)
    account = tx.account_by_name(ACCOUNT)
    if account is None:
        account = tx.add_account(ACCOUNT, now)
    if tx.add_user(account, email, hash_key(key), is_admin=is_admin, now=now) is None:
        raise Conflict(f"There is a user {email} already.")
    return find_user(tx, email)


def set_key(tx: WriteTx, email: str, key: str) -> User:
    """Replace the user's key; the old one is worth nothing from now on.

    Raises:
        NotFound: no such user.
        FieldInvalid: a key too short to be safe.
        Conflict: the user was deleted.
    """
    _check_key(key)
    user = find_user(tx, email)
    refuse_deleted(user)
    tx.set_user_key(user.id, hash_key(key))
    return user


def set_active(tx: WriteTx, email: str, *, active: bool) -> User:
    """Let a user in, or keep them out; their calls go on.

    Raises:
        NotFound: no such user.
        Conflict: the user was deleted.
    """
    user = find_user(tx, email)
    refuse_deleted(user)
    tx.set_user_active(user.id, active=active)
    return user


def delete_user(tx: WriteTx, email: str, now: datetime) -> User:
    """Delete a user, softly: nothing is done for their key any more. What they queued goes on.

    Raises:
        NotFound: no such user.
    """
    user = find_user(tx, email)
    tx.delete_user(user.id, now)
    return user


def grant_right(tx: WriteTx, email: str, right: Right) -> User:
    """Let a user do with others' programs of the account what `right` says.

    Raises:
        NotFound: no such user.
    """
    user = find_user(tx, email)
    tx.grant(user.id, right)
    return user


def grant_pci(tx: WriteTx, email: str) -> User:
    """Let the account of a user queue calls with `is_pci=1`.

    Raises:
        NotFound: no such user.
    """
    user = find_user(tx, email)
    tx.set_pci_granted(user.account_id, granted=True)
    return user


def find_user(tx: ReadTx, email: str) -> User:
    """The user with that e-mail address.

    Raises:
        NotFound: there is none.
    """
    user = tx.user_by_email(email)
    if user is None:
        raise NotFound("user")
    return user


def choose_owner(tx: ReadTx, email: str | None) -> User:
    """The user named, else the one active user there is, else the one active admin.

    Raises:
        NotFound: no such user.
        FieldInvalid: nobody was named and it is not plain who is meant.
    """
    if email is not None:
        return find_user(tx, email)
    active = [user for user in tx.users() if user.is_active and user.deleted_at is None]
    for candidates in (active, [user for user in active if user.is_admin]):
        if len(candidates) == 1:
            return candidates[0]
    if not active:
        raise FieldInvalid("owner", "there is no user yet; add one with `callwright user add`")
    raise FieldInvalid("owner", "there are several users; say whose it is")


def add_program(
    tx: WriteTx,
    product: Product,
    owner: User,
    name: str,
    script: Script,
    *,
    metadatabase: Metadatabase | Sequence[str] | None = None,
    now: datetime,
) -> ProgramId:
    """The id of a new application or survey, which can be called once it is deployed.

    `metadatabase` is the one whose columns its calls may bring, or those columns: then one
    is made with the program's name, if there is none like it.

    Raises:
        FieldInvalid: no name, or a column of the metadatabase that no variable can have.
    """
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise FieldInvalid("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters")
    if isinstance(metadatabase, Metadatabase):
        number: MetadatabaseId | None = metadatabase.id
    elif metadatabase is not None:
        number = metadatabase_with(tx, owner.account_id, name, metadatabase, now)
    else:
        number = None
    return tx.add_program(product, owner, name, metadatabase=number, script=dump(script), now=now)


def replace_script(tx: WriteTx, program: Program, script: Script) -> None:
    """Let the program's next deployment run `script`; earlier ones keep theirs."""
    tx.set_program_script(program.id, dump(script))


def find_program(tx: ReadTx, product: Product, program_id: ProgramId) -> Program:
    """The application or survey with that id, not deleted.

    Raises:
        NotFound: there is none of this product.
        Conflict: it was deleted.
    """
    word = PRODUCT_RULES[product].program_word
    program = tx.program(program_id, product)
    if program is None:
        raise NotFound(word)
    if program.deleted_at is not None:
        raise Conflict(f"The {word} was deleted.")
    return program


def check_trunk(name: str, trunks: Collection[str]) -> None:
    """Whether calls can go out on the trunk; "" stands for the first one.

    Raises:
        FieldInvalid: the settings have none of that name, so that they would wait for ever.
    """
    if name and name not in trunks:
        known = ", ".join(sorted(trunks))
        raise FieldInvalid("trunk", f"the settings have none of that name; there is: {known}")


def deploy(tx: WriteTx, program: Program, order: DeploymentOrder, now: datetime) -> DeploymentId:
    """The id of a new deployment of what the program's script is now.

    Raises:
        FieldInvalid: something in `order` will not do.
    """
    caller_id = parse_caller_id(order.caller_id, field="caller_id") if order.caller_id else ""
    if order.expires_at is not None and order.expires_at <= now:
        raise FieldInvalid("expires", "is in the past")
    if order.max_responses is not None and order.max_responses < 1:
        raise FieldInvalid("max_responses", "must be at least 1")
    for name in order.variables:
        if not _COLUMN.match(name):
            raise FieldInvalid("var", f"{name!r} is no name of a variable")
    return tx.add_deployment(
        program.id,
        label=order.label,
        script=tx.program_script(program.id),
        variables=order.variables,
        caller_id=caller_id,
        trunk=order.trunk,
        expires_at=order.expires_at,
        max_responses=order.max_responses,
        retry=order.retry,
        now=now,
    )


def current_deployment(tx: ReadTx, program: Program) -> Deployment | None:
    """The latest deployment of a program, if it has one."""
    return next((d for d in reversed(tx.deployments(program.id)) if d.is_current), None)


def delete_program(tx: WriteTx, program: Program, now: datetime) -> None:
    """Delete a program, softly: it and its deployments answer 409 from now on."""
    tx.delete_program(program.id, now)


def _check_key(key: str) -> None:
    # The API keeps only a plain hash, which is safe for long random keys and no others.
    if len(key) < MIN_KEY_LENGTH or not _KEY.match(key):
        raise FieldInvalid(
            "key", f"must have at least {MIN_KEY_LENGTH} printable characters and no spaces"
        )
