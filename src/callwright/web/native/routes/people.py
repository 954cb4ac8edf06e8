"""`/v1/me`, `/v1/users`, `/v1/keys`: who may use the API, and for what."""

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.api_key import ApiKeyId
from callwright.domain.ids import UserId
from callwright.service.api_keys import (
    add_api_key,
    find_api_key,
    list_api_keys,
    revoke_api_key,
)
from callwright.service.manage_users import (
    add_user,
    change_user,
    delete_user,
    find_user,
    list_users,
    rotate_key,
)
from callwright.web.native.desk import Administrator, Anybody, answer
from callwright.web.native.models.lists import Page, cut_page
from callwright.web.native.models.people import (
    DeveloperKey,
    Key,
    KeyOrder,
    Me,
    NewKey,
    NewUser,
    User,
    UserChange,
    UserOrder,
    key_of,
    me_of,
    new_key_of,
    new_user_of,
    user_of,
)
from callwright.web.native.wire import PREFIX, Cursor, Limit, PathId, read_cursor

router = APIRouter(prefix=PREFIX)


@router.get("/me", response_model=Me, tags=["Users"], summary="Who you are")
async def me(desk: Anybody) -> Response:
    """The user behind the credentials, and what these may be used for."""
    return desk.show(me_of(desk.user, desk.scopes))


@router.get("/users", response_model=Page[User], tags=["Users"], summary="Look through users")
async def users(desk: Administrator, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """For an admin the users of the account, for others themselves; newest first."""
    below = read_cursor("user", cursor)
    found = await desk.read(lambda tx: [user_of(user) for user in list_users(tx, desk.user)])
    return desk.show(cut_page(Page[User], found, "user", below, limit))


@router.post(
    "/users", status_code=201, response_model=NewUser, tags=["Users"], summary="Add a user"
)
async def add(order: UserOrder, desk: Administrator) -> Response:
    """For admins. The developer key is in the answer and nowhere else."""
    now = desk.now
    user, key = await desk.write(
        lambda tx: add_user(tx, desk.user, order.email, is_admin=order.is_admin, now=now)
    )
    return answer(new_user_of(user, key), 201, {"Location": f"/v1/users/{user.id}"})


@router.get("/users/{user_id}", response_model=User, tags=["Users"], summary="Show a user")
async def show(user_id: PathId, desk: Administrator) -> Response:
    return desk.show(await desk.read(lambda tx: user_of(find_user(tx, desk.user, UserId(user_id)))))


@router.patch("/users/{user_id}", response_model=User, tags=["Users"], summary="Change a user")
async def change(user_id: PathId, order: UserChange, desk: Administrator) -> Response:
    """For admins: let in, keep out, grant a right. What a user queued goes on."""
    user = await desk.write(
        lambda tx: change_user(
            tx, desk.user, UserId(user_id), is_active=order.is_active, right=order.grant
        )
    )
    return answer(user_of(user))


@router.delete("/users/{user_id}", response_model=User, tags=["Users"], summary="Delete a user")
async def delete(user_id: PathId, desk: Administrator) -> Response:
    """For admins. Their keys open nothing from now on; what they queued goes on."""
    now = desk.now
    user = await desk.write(lambda tx: delete_user(tx, desk.user, UserId(user_id), now))
    return answer(user_of(user))


@router.post(
    "/users/{user_id}/rotate-key",
    response_model=DeveloperKey,
    tags=["Users"],
    summary="Replace a developer key",
)
async def rotate(user_id: PathId, desk: Administrator) -> Response:
    """Your own, or as an admin anybody's. The old one stops working at once."""
    key = await desk.write(lambda tx: rotate_key(tx, desk.user, UserId(user_id)))
    return answer(DeveloperKey(developer_key=key))


@router.get("/keys", response_model=Page[Key], tags=["Keys"], summary="Look through your keys")
async def keys(desk: Administrator, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Your own keys, revoked ones too; newest first."""
    below = read_cursor("key", cursor)
    found = await desk.read(lambda tx: [key_of(key) for key in list_api_keys(tx, desk.user)])
    return desk.show(cut_page(Page[Key], found, "key", below, limit))


@router.post("/keys", status_code=201, response_model=NewKey, tags=["Keys"], summary="Make a key")
async def make_key(order: KeyOrder, desk: Administrator) -> Response:
    """A key of your own for the scopes named. It is in the answer and nowhere else."""
    now = desk.now
    key, text = await desk.write(
        lambda tx: add_api_key(
            tx,
            desk.user,
            order.name,
            frozenset(order.scopes),
            allowed=desk.scopes,
            expires_at=order.expires_at,
            now=now,
        )
    )
    return answer(new_key_of(key, text), 201, {"Location": f"/v1/keys/{key.id}"})


@router.get("/keys/{key_id}", response_model=Key, tags=["Keys"], summary="Show a key")
async def show_key(key_id: PathId, desk: Administrator) -> Response:
    return desk.show(
        await desk.read(lambda tx: key_of(find_api_key(tx, desk.user, ApiKeyId(key_id))))
    )


@router.delete("/keys/{key_id}", status_code=204, tags=["Keys"], summary="Revoke a key")
async def revoke(key_id: PathId, desk: Administrator) -> Response:
    """It opens nothing from now on. Revoking it again is harmless."""
    now = desk.now
    await desk.write(lambda tx: revoke_api_key(tx, desk.user, ApiKeyId(key_id), now))
    return answer(None, 204)
