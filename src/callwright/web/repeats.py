"""Requests with an `Idempotency-Key`, as HTTP sees them: read, recognised, answered again.

When two requests are one, and for how long that holds, is `service.idempotency`'s business.
"""

from starlette.requests import Request
from starlette.responses import Response

from callwright.dialects.form import Form
from callwright.dialects.negotiate import wants_xml
from callwright.domain.account import User
from callwright.domain.ids import BatchId
from callwright.errors import FieldInvalid
from callwright.ports.repeats import Answer, KeptRequest, RepeatableRequest
from callwright.service.fit_window import OnOverflow
from callwright.service.idempotency import (
    KEY_FIELD,
    Given,
    answer_again,
    asked_fields,
    fingerprint,
    read_key,
)
from callwright.web.native.preferences import read_preferences

REPLAYED = "Idempotency-Replayed"
DUPLICATE_OF = "X-Duplicate-Of"


def key_of(request: Request) -> str | None:
    """The key that a request came with, if it did.

    Raises:
        FieldInvalid: it is none, or there are several.
    """
    given = request.headers.getlist(KEY_FIELD)
    if not given:
        return None
    if len(given) > 1:
        raise FieldInvalid(KEY_FIELD, "was sent more than once")
    return read_key(given[0])


def repeatable(request: Request, user: User, *asked: object) -> RepeatableRequest | None:
    """The request as one that may come again, if it has a key; `asked` is what it asks for
    besides its path and what is to become of calls that do not fit, as JSON could write it.

    Raises:
        FieldInvalid: as `key_of`.
    """
    key = key_of(request)
    if key is None:
        return None
    overflow = read_preferences(request).overflow
    if overflow is not OnOverflow.TAKE:
        # Only then, so that a request without it is still the one it was before an update.
        asked = (*asked, overflow)
    return RepeatableRequest(
        user_id=user.id, key=key, fingerprint=fingerprint(request.scope["path"], *asked)
    )


def asked_in_form(
    request: Request, user: User, form: Form, *more: object
) -> RepeatableRequest | None:
    """The same for a request in a dialect; `more` is what counts besides its form."""
    if KEY_FIELD not in request.headers:
        return None
    xml = wants_xml(request.headers.get("accept"))
    return repeatable(request, user, asked_fields(form), xml, *more)


def kept_answer(kept: KeptRequest, asked: RepeatableRequest | None) -> Given:
    """What a request is answered whose key stands for something already.

    Raises:
        KeyReused, StillRunning: see `answer_again`.
    """
    assert asked is not None, "only the key of a request can stand for something"
    return Given(answer=answer_again(kept, asked), is_replay=True)


def answer_of(reply: Response) -> Answer:
    """What is kept of a reply: all but what every reply has anew."""
    headers = tuple(
        (name, value) for name, value in reply.headers.items() if name != "content-length"
    )
    return Answer(status=reply.status_code, headers=headers, body=bytes(reply.body))


def reply_with(given: Given) -> Response:
    """An answer as a reply, which says whether it was given before."""
    answer = given.answer
    headers = dict(answer.headers)
    if given.is_replay:
        headers[REPLAYED] = "true"
    return Response(answer.body, answer.status, headers)


def duplicate_header(same: BatchId | None) -> dict[str, str]:
    """What a list is told whose file made another list just before."""
    return {} if same is None else {DUPLICATE_OF: str(same)}
