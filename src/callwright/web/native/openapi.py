"""The API document, OpenAPI 3.1: the native API from its routes, the dialects from a table.

FastAPI describes what it serves; added here is what it cannot know: how one signs in, that
errors are problems, which header fields are understood, and the paths it does not serve.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callwright import __version__
from callwright.web.native.dialect_paths import DIALECT_PATHS, DIALECT_TAGS
from callwright.web.native.list_document import LIST_SCHEMA
from callwright.web.native.problems import MEDIA_TYPE, FieldProblem, Problem
from callwright.web.native.repeats_document import (
    IDEMPOTENCY_KEY,
    KEY_REUSED,
    describe_repeats,
)

DESCRIPTION = """\
Calls, lists and what became of them. Sign in with HTTP Basic (your e-mail address and
developer key) or with a key of narrower scope as Bearer token.

Errors are `application/problem+json` (RFC 9457). Lists are pages: go on with `next` as
`cursor`. Replies to GET carry an `ETag`. Every reply carries `X-Request-Id`, yours if you
sent one.

The Fuse and Insight dialects, which existing clients speak, are on this page too.
"""

_TAGS = [
    {"name": "Calls", "description": "One call: queue, see, cancel, hang up, call again."},
    {"name": "Batches", "description": "Lists: queue, follow, cancel, pause, resume."},
    {"name": "Callbacks", "description": "Results posted to `result_url`."},
    {"name": "Opt-outs", "description": "Numbers that are never called again."},
    {"name": "Deployments", "description": "What calls are queued on."},
    {"name": "Limits", "description": "Calls a second and calls at once, beside the trunk's."},
    {"name": "Why not yet", "description": "The rule that holds a call, and when it lets go."},
    {"name": "Exports", "description": "Calls as CSV or JSON lines."},
    {"name": "Applications", "description": "Flows for the Fuse side."},
    {"name": "Surveys", "description": "Surveys for the Insight side."},
    {"name": "Metadatabases", "description": "What is known of people, in tables with names."},
    {"name": "Users", "description": "Who may use the API."},
    {"name": "Keys", "description": "Keys that may do less than their user."},
    {"name": "Server", "description": "Whether it dials, and letting it."},
]

_ERRORS = {
    "400": "A field, a header or the body is wrong",
    "401": "Credentials are missing or wrong",
    "403": "Not allowed",
    "404": "Not found",
    "409": "Not possible in this state",
    "413": "Over a limit",
    "415": "Media type not taken",
    "429": "Too many sign-ins failed",
    "500": "A fault of the server",
    "503": "The database did not answer",
}

_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "RFC 7240: `return=minimal`; `overflow=warn` or `overflow=refuse`: calls that "
    "would not be dialled before `closes_at`; for lists `handling=lenient`, `respond-async`",
}
_DRY_RUN = {
    "name": "X-Dry-Run",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": ["true", "false"]},
    "description": "`true`: make every check, store nothing, say what would happen",
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "An `ETag` you have; 304 if nothing changed",
}
_QUEUEING = {"/v1/calls", "/v1/batches"}
_AGAIN = {"/v1/calls/{call_id}/retry", "/v1/batches/{batch_id}/retry"}
_TRIED_OUT = {*_QUEUEING, "/v1/optouts"}
_STREAMED = "/v1/exports/"


def document_of(api: FastAPI) -> dict[str, Any]:
    """The whole document, ready to be written as JSON."""
    document = get_openapi(
        title="Callwright",
        version=__version__,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=api.routes,
        tags=[*_TAGS, *DIALECT_TAGS],
    )
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    document["paths"].update(DIALECT_PATHS)
    components = document["components"]
    for model in (FieldProblem, Problem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        components["schemas"][model.__name__] = schema
    order = dict(LIST_SCHEMA)  # the next document needs it whole
    components["schemas"].update(order.pop("$defs", {}))
    components["schemas"]["BatchOrder"] = order
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "basic": {"type": "http", "scheme": "basic", "description": "E-mail and developer key"},
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key with scopes"},
    }
    document["security"] = [{"basic": []}, {"bearer": []}]
    return document


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation what is so for all of them."""
    responses = operation["responses"]
    responses.pop("422", None)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in _ERRORS.items():
        responses.setdefault(status, {"description": description, "content": content})
    parameters = operation.setdefault("parameters", [])
    if method == "get" and not path.startswith(_STREAMED):
        responses["304"] = {"description": "Nothing changed since that ETag"}
        parameters.append(_IF_NONE_MATCH)
    if method == "post" and path in _QUEUEING:
        parameters.append(_PREFER)
    if method == "post" and path in _QUEUEING | _AGAIN:
        parameters.append(IDEMPOTENCY_KEY)
        responses["422"] = {"description": KEY_REUSED, "content": content}
        describe_repeats(responses, "201", "202", is_list=path == "/v1/batches")
    if method == "post" and path in _TRIED_OUT:
        parameters.append(_DRY_RUN)
    for response in responses.values():
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = {"schema": {"type": "string"}}
