"""What a request prefers or tries out: the headers `Prefer` and `X-Dry-Run`.

Source: RFC 7240. Preferences that are not known are ignored, as it wants.
"""

from dataclasses import dataclass

from starlette.requests import Request

from callwright.errors import FieldInvalid
from callwright.service.fit_window import OnOverflow

_WORDS = {"warn": OnOverflow.WARN, "refuse": OnOverflow.REFUSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    lenient: bool = False
    """`handling=lenient`: queue the good rows of a list, report the others."""
    respond_async: bool = False
    """`respond-async`: answer before a list is loaded."""
    minimal: bool = False
    """`return=minimal`: leave the representation out."""
    overflow: OnOverflow = OnOverflow.TAKE
    """`overflow=warn` or `overflow=refuse`: what to do about calls that will not fit into
    their window."""


def read_preferences(request: Request) -> Preferences:
    """What the request's `Prefer` headers ask for; the first word on a subject counts."""
    given: dict[str, str] = {}
    for header in request.headers.getlist("prefer"):
        for preference in header.split(","):
            name, _, value = preference.split(";")[0].partition("=")
            given.setdefault(name.strip().lower(), value.strip().strip('"').lower())
    return Preferences(
        lenient=given.get("handling") == "lenient",
        respond_async="respond-async" in given,
        minimal=given.get("return") == "minimal",
        overflow=_WORDS.get(given.get("overflow", ""), OnOverflow.TAKE),
    )


def is_dry_run(request: Request) -> bool:
    """Whether the request asks only what would happen.

    Raises:
        FieldInvalid: the header is neither `true` nor `false`: guessing might dial.
    """
    text = request.headers.get("x-dry-run", "false").strip().lower()
    if text not in ("true", "false"):
        raise FieldInvalid("X-Dry-Run", "must be true or false")
    return text == "true"
