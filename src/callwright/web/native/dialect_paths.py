"""The dialects' paths for the API document, by hand: nothing of FastAPI serves them.

Source: wire contract, sections 1 to 3.
"""

from typing import Any

from callwright.web.native.repeats_document import IDEMPOTENCY_KEY, KEY_REUSED, describe_repeats

_DASHBOARD = "The vendor's own documents bind; this is a summary of them."
DIALECT_TAGS = [
    {"name": "Fuse", "description": f"What clients of the Fuse API send. {_DASHBOARD}"},
    {"name": "Insight", "description": f"What clients of the Insight API send. {_DASHBOARD}"},
]

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"

_SHARED: dict[str, Any] = {
    "start_timestamp": {"type": "integer", "description": "Unix seconds; absent = now"},
    "end_timestamp": {"type": "integer", "description": "Unix seconds; absent = never"},
    "max_attempts": {"type": "integer", "minimum": 1, "maximum": 10, "description": "Default 1"},
    "reattempt_wait": {
        "type": "integer",
        "minimum": 60,
        "maximum": 86400,
        "description": "Seconds; required above one attempt",
    },
    "result_url": {"type": "string", "description": "Where the result is posted"},
}
_PCI = {"is_pci": {"type": "integer", "enum": [0, 1]}}
_ONE: dict[str, Any] = {
    "phone_number": {"type": "string", "examples": ["6175550100", "6175550100;ani=8005551234"]},
    **_SHARED,
    "metadata": {"type": "string", "description": "A JSON object of single values"},
}
_MANY: dict[str, Any] = {
    "csv": {
        "type": "string",
        "format": "binary",
        "description": "A file; its header row names `destination` or `phone_number`",
    },
    **_SHARED,
}


def _body(fields: dict[str, Any], required: str, *types: str) -> dict[str, Any]:
    schema = {"type": "object", "required": [required], "properties": fields}
    return {"required": True, "content": {media_type: {"schema": schema} for media_type in types}}


_LOG_QUERY = {
    "number": {"type": "string", "description": "Only calls to this number"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 1000},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
}
_REPORT_QUERY = {
    "start_timestamp": {"type": "integer", "description": "Unix seconds; with the other one"},
    "end_timestamp": {"type": "integer", "description": "Unix seconds; included"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 500},
    "offset": {"type": "integer", "minimum": 0, "default": 0},
}
_RECORD: dict[str, Any] = {
    "type": "object",
    "required": ["metadatabase", "record"],
    "properties": {
        "metadatabase": {"type": "string", "description": "Its name, in whatever case"},
        "record": {"type": "string", "description": "A JSON object of single values by column"},
    },
}


def _answers(good: str, *statuses: int) -> dict[str, Any]:
    value = {"application/json": {"schema": {"type": "object"}}}
    content = {**value, "application/xml": {"schema": {"type": "object"}}}
    words = {
        400: "Data badly formed or invalid",
        401: "Credentials invalid or account inactive",
        403: "No permission",
        404: "Not found",
        405: "Method not allowed",
        409: "Deleted, expired, full, or not the current one",
        415: "Media type not taken",
        422: KEY_REUSED,
        500: "Database error",
    }
    answers: dict[str, Any] = {
        str(status): {"description": words[status], "content": content} for status in statuses
    }
    if good == "202":
        return {"202": {"description": "Cancelled"}, **answers}
    return {"200": {"description": good, "content": content}, **answers}


def _ids(*names: str) -> list[dict[str, Any]]:
    schema = {"type": "integer", "minimum": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in fields.items()
    ]


def _operation(tag: str, name: str, summary: str, **parts: Any) -> dict[str, Any]:
    identity = f"{tag.lower()}_{name}"
    return {
        "tags": [tag],
        "operationId": identity,
        "summary": summary,
        "security": [{"basic": []}],
        **parts,
    }


def _prefer(more: str) -> dict[str, Any]:
    text = (
        "Beyond the vendor's API: `overflow=warn` (`X-Will-Not-Fit` says how many) or "
        "`overflow=refuse`: calls that would not be dialled before `end_timestamp`"
    )
    return {
        "name": "Prefer",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": text + more,
    }


def _product(tag: str, prefix: str, program: str, deployment: str) -> dict[str, Any]:
    ids = _ids(program, deployment)
    path = f"{prefix}/{{{program}}}/{{{deployment}}}"
    single = (_FORM, _MULTIPART, "application/json") if tag == "Fuse" else (_FORM, _MULTIPART)
    more = _PCI if tag == "Fuse" else {}
    statuses = (400, 401, 403, 404, 405, 409, 500) + (() if tag == "Fuse" else (415,))
    one = _answers("The id of the call", *statuses, 422)
    many = _answers("How many calls were queued", *statuses, 422)
    describe_repeats(one, "200", is_list=False)
    describe_repeats(many, "200", is_list=True)
    return {
        f"{path}/queue": {
            "post": _operation(
                tag,
                "queue",
                "Queue a call",
                parameters=[*ids, IDEMPOTENCY_KEY, _prefer("")],
                requestBody=_body({**_ONE, **more}, "phone_number", *single),
                responses=one,
            )
        },
        f"{path}/bulk_queue": {
            "post": _operation(
                tag,
                "bulk_queue",
                "Queue a list of calls",
                parameters=[*ids, IDEMPOTENCY_KEY, _prefer("; `handling=lenient`")],
                requestBody=_body({**_MANY, **more}, "csv", _MULTIPART),
                responses=many,
            )
        },
        f"{path}/cancel": {
            "delete": _operation(
                tag,
                "cancel",
                "Cancel what waits on a deployment",
                parameters=ids,
                responses=_answers("202", *(status for status in statuses if status != 400)),
            )
        },
    }


DIALECT_PATHS: dict[str, Any] = {
    **_product("Fuse", "/api/apps", "application_id", "deployment_id"),
    **_product("Insight", "/api/surveys", "survey_id", "instance_id"),
    "/api/outbound/{call_id}": {
        "get": _operation(
            "Fuse",
            "call_details",
            "How a call stands (both dialects: in the words of the call's own)",
            parameters=_ids("call_id"),
            responses=_answers("The details of the call", 401, 403, 404, 405, 409, 415, 500),
        )
    },
    "/api/calls/{start}/{end}": {
        "get": _operation(
            "Fuse",
            "calls",
            "Conversations of your calls, by the Unix seconds in which they began",
            parameters=[*_ids("start", "end"), *_query(_LOG_QUERY)],
            responses=_answers("The conversations, the latest first", 400, 401, 405, 409, 500),
        )
    },
    "/api/all_logs/{start}/{end}": {
        "get": _operation(
            "Fuse",
            "all_logs",
            "The same of the last five days, with what happened in each",
            parameters=[*_ids("start", "end"), *_query(_LOG_QUERY)],
            responses=_answers("The conversations, the latest first", 400, 401, 405, 409, 500),
        )
    },
    "/api/surveys/{survey_id}/{instance_id}/responses": {
        "get": _operation(
            "Insight",
            "responses",
            "How many visits of an instance ran to their end",
            parameters=_ids("survey_id", "instance_id"),
            responses=_answers("Their number", 401, 403, 404, 405, 409, 415, 500),
        )
    },
    "/api/metadatabase_push": {
        "post": _operation(
            "Insight",
            "metadatabase_push",
            "Add a record to a metadatabase",
            requestBody={
                "required": True,
                "content": {kind: {"schema": _RECORD} for kind in (_FORM, _MULTIPART)},
            },
            responses=_answers("It was added", 400, 401, 404, 405, 409, 415, 500),
        )
    },
    "/api/report/{report_id}": {
        "get": _operation(
            "Insight",
            "report",
            "Visits of a survey as CSV; a report's id is its survey's",
            parameters=[*_ids("report_id"), *_query(_REPORT_QUERY)],
            responses={
                **_answers("", 400, 401, 403, 404, 405, 409, 415, 500),
                "200": {
                    "description": "A row for each visit, the latest first",
                    "content": {"text/csv": {"schema": {"type": "string"}}},
                },
            },
        )
    },
}
