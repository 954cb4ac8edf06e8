"""The one thing an agent asks of Twilio beside its websocket: that a call be hung up.

Only calls in motion, only `Status=completed`. Credentials are an account's name and a key of
one of its users with the scope `control`, or an e-mail address and developer key. Errors are
in Twilio's shape, with its codes, which its clients look at.

Source: Twilio, "Call resource", "Update a Call"; and its error dictionary.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callwright.clock import Clock
from callwright.dialects.bodies import read_body
from callwright.domain.account import User
from callwright.domain.api_key import Scope
from callwright.domain.ids import CallId
from callwright.domain.lifecycle import CallState
from callwright.errors import (
    CredentialsInvalid,
    NotFound,
    NotPermitted,
    RequestRefused,
    StoreUnavailable,
)
from callwright.ports.store import ReadTx, Store
from callwright.service.api_keys import authenticate_key
from callwright.service.authenticate import authenticate
from callwright.service.find_owned import find_call
from callwright.web.credentials import read_credentials
from callwright.web.native.wire import MAX_ID
from callwright.web.request_body import read_whole_body, refuse_encoded
from callwright.web.shapes import CHALLENGE

log = structlog.get_logger()

_PATH = "/2010-04-01/Accounts/{account}/Calls/{call}.json"
_ACCOUNT = re.compile(r"AC([0-9a-f]{32})\Z", re.IGNORECASE)
_CALL = re.compile(r"CA([0-9a-f]{32})\Z", re.IGNORECASE)
_METHODS = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_LONGEST_BODY = 64 * 1024
_IN_MOTION = (CallState.DIALING, CallState.CONNECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDesk:
    """What hanging up needs."""

    store: Store
    clock: Clock
    hang_up: Callable[[CallId], None]


def agent_routes(desk: AgentDesk) -> list[Route]:
    """The path by which an agent hangs up."""
    return [Route(_PATH, partial(_update, desk), methods=list(_METHODS))]


async def _update(desk: AgentDesk, request: Request) -> Response:
    if request.method != "POST":
        return _problem(405, 20004, "Method not allowed", Allow="POST")
    try:
        call_id = await _call_to_end(desk, request)
    except CredentialsInvalid:
        return _problem(401, 20003, "Authenticate", **{"WWW-Authenticate": CHALLENGE})
    except NotPermitted as exc:
        return _problem(403, 20006, str(exc))
    except NotFound:
        return _problem(404, 20404, f"The requested resource {request.url.path} was not found")
    except RequestRefused as exc:
        return _problem(400, 20001, str(exc))
    except StoreUnavailable as exc:
        log.error("store failed", problem=str(exc))
        return _problem(500, 20500, "database error")
    desk.hang_up(call_id)
    names = {"sid": request.path_params["call"], "account_sid": request.path_params["account"]}
    return JSONResponse({**names, "status": "completed"})


async def _call_to_end(desk: AgentDesk, request: Request) -> CallId:
    user = await _sign_in(desk, request)
    account, call_id = (
        _number(form, request.path_params[name])
        for form, name in ((_ACCOUNT, "account"), (_CALL, "call"))
    )
    if account != user.account_id or call_id > MAX_ID:
        raise NotFound("call")
    refuse_encoded(request)
    body = await read_whole_body(request, _LONGEST_BODY)
    status = read_body(request.headers.get("content-type"), body).last("Status")
    if status is None or str(status.value).strip().lower() != "completed":
        raise RequestRefused("Status: only completed is understood, which hangs up.")

    def look(tx: ReadTx) -> CallState:
        return find_call(tx, user, CallId(call_id), desk.clock.now()).state

    if await desk.store.read(look) not in _IN_MOTION:
        raise NotFound("call")
    return CallId(call_id)


async def _sign_in(desk: AgentDesk, request: Request) -> User:
    name, key = read_credentials(request)
    now = desk.clock.now()
    named = _ACCOUNT.match(name)
    if named is None:
        user = await desk.store.read(lambda tx: authenticate(tx, name, key))
        if user.deleted_at is not None:
            raise CredentialsInvalid("The user was deleted.")
        return user
    user, scopes = await desk.store.read(lambda tx: authenticate_key(tx, key, now))
    if user.account_id != int(named[1], 16):
        raise CredentialsInvalid("The key is wrong.")
    if Scope.CONTROL not in scopes:
        raise NotPermitted("This key lacks the scope 'control'.")
    return user


def _number(form: re.Pattern[str], name: str) -> int:
    found = form.match(name)
    if found is None:
        raise NotFound("call")
    return int(found[1], 16)


def _problem(status: int, code: int, text: str, **headers: str) -> Response:
    value = {"code": code, "message": text, "status": status, "more_info": ""}
    return JSONResponse(value, status, headers)
