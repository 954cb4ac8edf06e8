"""Which HTTP status a refusal has in both dialects. The words around it are each one's own."""

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
    TooLarge,
)

_STATUS: dict[type[RequestRefused], int] = {
    FieldInvalid: 400,
    ListInvalid: 400,
    BodyMalformed: 400,
    CredentialsInvalid: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    # The documented codes have no 413, and clients look at the code.
    TooLarge: 400,
    MediaTypeUnsupported: 415,
    KeyReused: 422,
}

_DEFAULT_TEXT: dict[int, str] = {
    400: "The request is badly formed.",
    403: "You do not have the permission to do this.",
    409: "It was deleted, has expired, or is not the current one.",
    415: "The media type of the request is not supported.",
}

CREDENTIALS_TEXT = "The credentials are invalid, or the account is inactive."
"""The only text of a 401, so that it never tells which e-mail addresses exist."""


def status_of(refusal: RequestRefused) -> int:
    """The HTTP status; 400 for a class that is not in the table."""
    return next((_STATUS[kind] for kind in type(refusal).__mro__ if kind in _STATUS), 400)


def text_of_refusal(refusal: RequestRefused) -> str:
    """What to tell the caller, never empty."""
    if isinstance(refusal, CredentialsInvalid):
        return CREDENTIALS_TEXT
    return str(refusal) or _DEFAULT_TEXT.get(status_of(refusal), "The request was refused.")
