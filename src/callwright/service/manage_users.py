"""Users as an admin of their account sees and changes them over the API."""

from collections.abc import Sequence
from datetime import datetime

from callwright.domain.account import Right, User
from callwright.domain.ids import UserId
from callwright.errors import Conflict, NotFound, NotPermitted
from callwright.ports.store import ReadTx, WriteTx
from callwright.service import administer
from callwright.service.authenticate import new_key


def list_users(tx: ReadTx, asker: User) -> Sequence[User]:
    """An admin's whole account, in the order users were added; anybody else alone."""
    if not asker.is_admin:
        return [asker]
    return [user for user in tx.users() if user.account_id == asker.account_id]


def find_user(tx: ReadTx, asker: User, user_id: UserId) -> User:
    """One user of the asker's account.

    Raises:
        NotFound: there is none with this id.
        NotPermitted: it is somebody else, and the asker no admin.
    """
    user = tx.user(user_id)
    if user is None or user.account_id != asker.account_id:
        raise NotFound("user")
    if user.id != asker.id:
        _require_admin(asker)
    return user


def add_user(
    tx: WriteTx, asker: User, email: str, *, is_admin: bool, now: datetime
) -> tuple[User, str]:
    """A new user of the asker's account, and the developer key, which is shown this once.

    Raises:
        NotPermitted: the asker is no admin.
        FieldInvalid: no e-mail address.
        Conflict: the address is taken; or the asker's account is not the server's own.
    """
    _require_admin(asker)
    if tx.account_by_name(administer.ACCOUNT) != asker.account_id:
        raise Conflict("Users are only added to the server's own account.")
    key = new_key()
    return administer.add_user(tx, email, key, is_admin=is_admin, now=now), key


def rotate_key(tx: WriteTx, asker: User, user_id: UserId) -> str:
    """A new developer key for a user; the old one is worth nothing from now on.

    Raises:
        NotFound, NotPermitted: as `find_user`.
    """
    user = find_user(tx, asker, user_id)
    key = new_key()
    administer.set_key(tx, user.email, key)
    return key


def change_user(
    tx: WriteTx, asker: User, user_id: UserId, *, is_active: bool | None, right: Right | None
) -> User:
    """The user, let in or kept out, and granted what was asked for.

    Raises:
        NotPermitted: the asker is no admin.
        NotFound: there is no such user in the account.
        Conflict: an admin who would keep themselves out.
    """
    user = find_user(tx, asker, user_id)
    _require_admin(asker)
    if is_active is not None:
        if not is_active and user.id == asker.id:
            raise Conflict("You cannot deactivate yourself.")
        administer.set_active(tx, user.email, active=is_active)
    if right is not None:
        administer.grant_right(tx, user.email, right)
    return find_user(tx, asker, user_id)


def delete_user(tx: WriteTx, asker: User, user_id: UserId, now: datetime) -> User:
    """The user, deleted. What they queued goes on; deleting again is harmless.

    Raises:
        NotPermitted: the asker is no admin.
        NotFound: there is no such user in the account.
        Conflict: an admin who would delete themselves.
    """
    user = find_user(tx, asker, user_id)
    _require_admin(asker)
    if user.id == asker.id:
        raise Conflict("You cannot delete yourself.")
    administer.delete_user(tx, user.email, now)
    return find_user(tx, asker, user_id)


def _require_admin(asker: User) -> None:
    if not asker.is_admin:
        raise NotPermitted("Only an admin of the account may do this.")
