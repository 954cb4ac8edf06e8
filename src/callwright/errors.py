"""Every error this package raises on purpose, as one tree.

    CallwrightError
    ├── RequestRefused            the caller asked for something we will not do; safe to show
    │   ├── FieldInvalid          one field is wrong                          400
    │   │   └── WindowTooShort    not all calls would be dialled before its end
    │   ├── ListInvalid           some rows of a CSV are wrong                400
    │   ├── BodyMalformed         the request body cannot be read             400
    │   ├── CredentialsInvalid    nobody we know, or an inactive account      401
    │   ├── NotPermitted          known, but not allowed                      403
    │   ├── NotFound              no such thing                               404
    │   ├── Conflict              the thing exists but is over or deleted     409
    │   │   └── StillRunning      the very same request is being done just now
    │   ├── KeyReused             the idempotency key came with another request  422
    │   ├── MediaTypeUnsupported  a body type the dialect does not take       415
    │   └── TooLarge              over a limit                                413
    ├── ConfigInvalid             a setting is wrong; names the key and what to do
    ├── ScriptInvalid             a flow or survey file is wrong; names line and column
    ├── IllegalTransition         a call was asked to make a move its state does not allow
    └── Unavailable               a part we depend on did not answer; may work later
        └── StoreUnavailable

A busy line is not an error: what happens to calls are `Outcome` values. The HTTP
codes above are a reader's aid; each dialect maps these classes itself.
"""

from collections.abc import Sequence


class CallwrightError(Exception):
    """Base of every error this package raises on purpose."""


class RequestRefused(CallwrightError):
    """The caller asked for something we will not do. The text is safe to show them."""


class FieldInvalid(RequestRefused):
    """One field of a request is wrong.

    `str()` is `"field: problem"`; a dialect that must show a documented text passes
    `exact=True`, and then `str()` is the problem alone.
    """

    def __init__(self, field: str, problem: str, *, exact: bool = False) -> None:
        super().__init__(problem if exact else f"{field}: {problem}")
        self.field = field
        self.problem = problem


class WindowTooShort(FieldInvalid):
    """Not all calls would be dialled before the window shuts, and the request wants none then.
    `field` is the dialect's name for the end of the window."""

    def __init__(self, field: str, will_not_fit: int) -> None:
        calls = "1 call" if will_not_fit == 1 else f"{will_not_fit} calls"
        super().__init__(
            field, f"comes too early: {calls} would not be dialled before it; nothing was queued"
        )
        self.will_not_fit = will_not_fit


class ListInvalid(RequestRefused):
    """Rows of a CSV are wrong. `problems` holds the first few as (line, problem)."""

    def __init__(self, problems: Sequence[tuple[int, str]], total: int) -> None:
        self.problems = tuple(problems)
        self.total = total
        shown = "; ".join(f"line {line}: {problem}" for line, problem in self.problems)
        rest = total - len(self.problems)
        more = f"; and {rest} more" if rest > 0 else ""
        rows = "1 bad row" if total == 1 else f"{total} bad rows"
        super().__init__(f"csv: {rows}, nothing was queued. {shown}{more}")


class BodyMalformed(RequestRefused):
    """The request body cannot be read as what it claims or appears to be."""


class CredentialsInvalid(RequestRefused):
    """Missing or wrong credentials, or an inactive account. Never says which."""


class NotPermitted(RequestRefused):
    """The user is known but may not do this."""


class NotFound(RequestRefused):
    """Nothing has that id. `what` is `deployment`, `survey`, `call` or `path`.

    Dialects look a documented text up by `what`; `str()` is the text for all others.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f"No {what} was found.")
        self.what = what


class Conflict(RequestRefused):
    """It exists but was deleted, has expired, is full, or is not the current one."""


class StillRunning(Conflict):
    """The very same request is being done just now; asked again later, it will be answered."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("The request with this Idempotency-Key is still being worked on.")
        self.retry_after_s = retry_after_s


class KeyReused(RequestRefused):
    """An idempotency key came again, but with another request."""

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used with another request; nothing was done. "
            "Send a new request with a new key."
        )


class MediaTypeUnsupported(RequestRefused):
    """The request's Content-Type is none this route takes."""


class TooLarge(RequestRefused):
    """The request is over one of the limits in the settings."""


class ConfigInvalid(CallwrightError):
    """A setting is wrong. The text names the key, the problem and what to do."""


class ScriptInvalid(CallwrightError):
    """A flow or survey file is wrong at a line and column (both count from 1)."""

    def __init__(self, problem: str, *, line: int = 0, column: int = 0, source: str = "") -> None:
        where = f"{source or 'flow'}:{line}:{column}: " if line else f"{source}: " if source else ""
        super().__init__(f"{where}{problem}")
        self.problem = problem
        self.line = line
        self.column = column


class IllegalTransition(CallwrightError):
    """A call was asked to make a move its state does not allow; nothing changed."""

    def __init__(self, state: object, event: object) -> None:
        super().__init__(f"a call that is {state} cannot {event}")
        self.state = state
        self.event = event


class Unavailable(CallwrightError):
    """A part we depend on did not answer. The same request may work later."""


class StoreUnavailable(Unavailable):
    """The database refused or failed. What it was asked to do may or may not be on disk."""
