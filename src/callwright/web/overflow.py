"""`Prefer: overflow=warn` and `overflow=refuse`: calls that will not fit into their window."""

from starlette.requests import Request

from callwright.clock import Clock
from callwright.ports.pacing_view import NOTHING_RUNS, PacingView
from callwright.service.fit_window import FitCheck, OnOverflow
from callwright.web.native.preferences import read_preferences

WILL_NOT_FIT = "X-Will-Not-Fit"


def fit_check(request: Request, pacing: PacingView, clock: Clock, *, field: str) -> FitCheck:
    """What the request wants looked at; `field` is its name for the end of the window."""
    wish = read_preferences(request).overflow
    # Nobody asks, mostly, and then nothing is looked at.
    view = NOTHING_RUNS if wish is OnOverflow.TAKE else pacing
    return FitCheck(wish=wish, field=field, picture=view.picture(), now=clock.now())


def fit_headers(fit: FitCheck, will_not_fit: int | None) -> dict[str, str]:
    """What the reply says of it; nothing if nobody looked."""
    if will_not_fit is None:
        return {}
    return {WILL_NOT_FIT: str(will_not_fit), "Preference-Applied": f"overflow={fit.wish}"}


def join_applied(headers: dict[str, str], *words: str) -> dict[str, str]:
    """`headers` with further preferences that were followed."""
    said = [*words, *([headers["Preference-Applied"]] if "Preference-Applied" in headers else [])]
    return {**headers, "Preference-Applied": ", ".join(said)} if said else headers
