"""Users and keys."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from callwright.domain import account, api_key
from callwright.domain.account import Right
from callwright.domain.api_key import Scope
from callwright.web.native.models.lists import Identified
from callwright.web.native.models.orders import Flag, Order
from callwright.web.native.wire import Moment, Text, Told


class UserOrder(Order):
    """A user to add."""

    email: Text = Field(min_length=3, max_length=200)
    is_admin: Flag = False


class UserChange(Order):
    """What to change; absent = as it is."""

    is_active: Flag | None = None
    grant: Right | None = Field(default=None, description="A right to give")


class User(Identified):
    """Somebody who may use the API."""

    email: str
    is_admin: bool
    is_active: bool
    deleted_at: Told | None
    rights: list[Right]


class Me(User):
    """Who you are, and what the credentials you showed may do."""

    scopes: list[Scope]


class NewUser(User):
    """A user just added."""

    developer_key: str = Field(description="Shown this once")


class DeveloperKey(BaseModel):
    developer_key: str = Field(description="Shown this once")


class KeyOrder(Order):
    """A key to make."""

    name: Text = Field(min_length=1, max_length=200)
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Moment | None = None


class Key(Identified):
    """A key that may do what its scopes name. The key itself is not kept."""

    name: str
    scopes: list[Scope]
    created_at: Told
    expires_at: Told | None
    revoked_at: Told | None


class NewKey(Key):
    """A key just made."""

    key: str = Field(description="Shown this once; send it as Bearer token")


def user_of(user: account.User) -> User:
    return User(**_user_fields(user))


def me_of(user: account.User, scopes: frozenset[Scope]) -> Me:
    return Me(**_user_fields(user), scopes=sorted(scopes))


def new_user_of(user: account.User, developer_key: str) -> NewUser:
    return NewUser(**_user_fields(user), developer_key=developer_key)


def key_of(key: api_key.ApiKey) -> Key:
    return Key(**_key_fields(key))


def new_key_of(key: api_key.ApiKey, text: str) -> NewKey:
    return NewKey(**_key_fields(key), key=text)


def _user_fields(user: account.User) -> dict[str, Any]:
    return {
        "id": user.id,
        "email": user.email,
        "is_admin": user.is_admin,
        "is_active": user.is_active and user.account_is_active,
        "deleted_at": user.deleted_at,
        "rights": sorted(user.rights),
    }


def _key_fields(key: api_key.ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
