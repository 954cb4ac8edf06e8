"""Errors as `application/problem+json`: one kind a class of refusal, all in one place.

`errors` holds what is wrong with each field; its `pointer` is the field's place in a JSON
body (RFC 6901), or `parameter` its name in the query, path or headers.

Source: RFC 9457.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from callwright.dialects.media_type import JSON_TYPE, essence
from callwright.errors import (
    BodyMalformed,
    Conflict,
    CredentialsInvalid,
    FieldInvalid,
    KeyReused,
    ListInvalid,
    MediaTypeUnsupported,
    NotFound,
    NotPermitted,
    RequestRefused,
    ScriptInvalid,
    StillRunning,
    StoreUnavailable,
    TooLarge,
    Unavailable,
)
from callwright.web.shapes import wait_header

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:callwright:problem:"
CHALLENGES = ('Basic realm="callwright", charset="UTF-8"', 'Bearer realm="callwright"')

_Kind = tuple[int, str, str]
_KINDS: dict[type[Exception], _Kind] = {
    FieldInvalid: (400, "field-invalid", "A field is wrong"),
    ListInvalid: (400, "list-invalid", "Rows of the list are wrong"),
    BodyMalformed: (400, "body-malformed", "The request body cannot be read"),
    ScriptInvalid: (400, "script-invalid", "The flow or survey is wrong"),
    CredentialsInvalid: (401, "credentials-invalid", "Credentials are missing or wrong"),
    NotPermitted: (403, "not-permitted", "Not allowed"),
    NotFound: (404, "not-found", "Not found"),
    Conflict: (409, "conflict", "Not possible in this state"),
    StillRunning: (409, "still-running", "The same request is being worked on"),
    KeyReused: (422, "key-reused", "The key came with another request"),
    TooLarge: (413, "too-large", "Over a limit"),
    MediaTypeUnsupported: (415, "media-type-unsupported", "Media type not taken here"),
    StoreUnavailable: (503, "store-unavailable", "The database did not answer"),
    Unavailable: (503, "unavailable", "A part of the server did not answer"),
}
_FAULT = (500, "fault", "A fault of the server")
_DETAILS = {
    # Not the errors' own texts, which are for the server's log.
    "store-unavailable": "What was asked for may or may not have been done.",
    "unavailable": "Nothing was done. The same request may work later.",
    "fault": "The server's log has more.",
}
_BY_STATUS = {
    400: ("bad-request", "The request cannot be read"),
    404: ("not-found", "Not found"),
    405: ("method-not-allowed", "Method not allowed"),
    413: ("too-large", "Over a limit"),
    415: ("media-type-unsupported", "Media type not taken here"),
}


_PARAMETERS = frozenset({"cursor", "X-Dry-Run", "Idempotency-Key"})
"""Fields of the query or the head; all others stand in bodies."""

_DETAILS_BY_STATUS = {404: "There is nothing at this path."}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    detail: str
    pointer: str | None = Field(default=None, description="Place in the JSON body, RFC 6901")
    parameter: str | None = Field(
        default=None, description="Name of a parameter, form field or header"
    )
    line: int | None = Field(default=None, description="Line of the list or file, from 1")


class Problem(BaseModel):
    """RFC 9457, with the fields that are wrong."""

    type: str = Field(examples=[TYPE_PREFIX + "field-invalid"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="Names this very request; its id is in X-Request-Id too")
    errors: list[FieldProblem] = []


class RowsInvalid(ListInvalid):
    """Rows of a list are wrong and nothing was queued; `errors` says what of the first."""

    def __init__(self, errors: list[FieldProblem], total: int) -> None:
        super().__init__([], total)
        self.errors = errors


def problem_reply(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The reply that tells a problem."""
    body = problem.model_dump_json(exclude_none=True).encode("utf-8", "replace")
    reply = Response(body, problem.status, headers, MEDIA_TYPE)
    if problem.status == 401:
        for challenge in CHALLENGES:
            reply.headers.append("WWW-Authenticate", challenge)
    return reply


def describe_refusal(refusal: Exception) -> Problem:
    """What a refusal, or a failure of the store, comes to."""
    kinds = (_KINDS[cls] for cls in type(refusal).__mro__ if cls in _KINDS)
    kind = next(kinds, _FAULT)
    detail = _DETAILS.get(kind[1]) or _text_of(refusal)
    return _problem(kind, detail, _field_problems(refusal))


def _text_of(refusal: Exception) -> str:
    if isinstance(refusal, ListInvalid):
        # the rows themselves stand in `errors`
        rows = "1 bad row" if refusal.total == 1 else f"{refusal.total} bad rows"
        return f"{rows}, nothing was queued."
    return str(refusal)


def refusal_reply(refusal: Exception) -> Response:
    """The reply to a request that was refused."""
    return problem_reply(describe_refusal(refusal), wait_header(refusal))


def not_found() -> Response:
    """The reply to a request for what is nowhere."""
    return problem_reply(_problem((404, *_BY_STATUS[404]), _DETAILS_BY_STATUS[404]))


def not_allowed(method: str, allow: str) -> Response:
    """The reply to a method that a path does not take."""
    detail = f"The method {method} is not allowed here."
    return problem_reply(_problem((405, *_BY_STATUS[405]), detail), {"Allow": allow})


def _problem(kind: _Kind, detail: str, errors: Sequence[FieldProblem] = ()) -> Problem:
    status, name, title = kind
    request_id = structlog.contextvars.get_contextvars().get("request_id", "unknown")
    return Problem(
        type=TYPE_PREFIX + name,
        title=title,
        status=status,
        detail=detail,
        instance=f"urn:callwright:request:{request_id}",
        errors=list(errors),
    )


def _field_problems(refusal: Exception) -> list[FieldProblem]:
    match refusal:
        case FieldInvalid(field=field) if field in _PARAMETERS:
            return [FieldProblem(detail=refusal.problem, parameter=field)]
        case FieldInvalid():
            return [FieldProblem(detail=refusal.problem, pointer=_pointer(refusal.field))]
        case RowsInvalid():
            return refusal.errors
        case ListInvalid():
            return [FieldProblem(detail=text, line=line) for line, text in refusal.problems]
        case ScriptInvalid():
            notes = getattr(refusal, "__notes__", ())
            first = FieldProblem(detail=refusal.problem, line=refusal.line or None)
            return [first, *(FieldProblem(detail=note) for note in notes)]
    return []


def _pointer(field: str) -> str:
    return "/" + field.replace("~", "~0")


async def on_refusal(request: Request, exc: Exception) -> Response:
    return refusal_reply(exc)


async def on_unavailable(request: Request, exc: Exception) -> Response:
    log.error("request failed for now", problem=str(exc))
    return refusal_reply(exc)


async def on_invalid(request: Request, exc: Exception) -> Response:
    """What was found wrong with parameters or body."""
    assert isinstance(exc, RequestValidationError)
    media_type = essence(request.headers.get("content-type"))
    if exc.errors()[0]["loc"] == ("body",) and media_type not in ("", JSON_TYPE):
        return refusal_reply(MediaTypeUnsupported(f"The body must come as {JSON_TYPE}."))
    errors = [_validation_problem(error) for error in exc.errors()]
    first = errors[0]
    where = first.parameter or (first.pointer or "").removeprefix("/") or "body"
    return problem_reply(_problem(_KINDS[FieldInvalid], f"{where}: {first.detail}", errors))


async def on_http_error(request: Request, exc: Exception) -> Response:
    """What the router or the body reader refused."""
    assert isinstance(exc, HTTPException)
    status = exc.status_code
    if status == 405:
        return not_allowed(
            request.method, ", ".join(request.app.state.methods_at(request.url.path))
        )
    kind = (status, *_BY_STATUS.get(status, ("error", "Not possible")))
    detail = _DETAILS_BY_STATUS.get(status, str(exc.detail))
    return problem_reply(_problem(kind, detail), exc.headers)


async def on_fault(request: Request, exc: Exception) -> Response:
    """A fault of ours. It is logged where it comes out of the application."""
    return refusal_reply(exc)


def _validation_problem(error: Mapping[str, Any]) -> FieldProblem:
    place, *path = error["loc"]
    detail = str(error["msg"]).removeprefix("Value error, ")
    if place != "body":
        return FieldProblem(detail=detail, parameter=".".join(str(step) for step in path))
    if error["type"] == "json_invalid":
        return FieldProblem(detail="is no JSON", pointer="")
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in path)
    return FieldProblem(detail=detail, pointer="".join(f"/{step}" for step in steps))


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    RequestRefused: on_refusal,
    ScriptInvalid: on_refusal,
    Unavailable: on_unavailable,
    RequestValidationError: on_invalid,
    HTTPException: on_http_error,
    Exception: on_fault,
}
