"""Why a notice was not delivered, in words from a fixed list.

What the receiver said is never stored or shown: only these words are, so that an answer
from an address that should not have been reached could not be read through them.
"""

from enum import StrEnum


class Problem(StrEnum):
    """Every word that `Delivery.problem` may hold, besides `http <status>`."""

    BAD_URL = "bad url"
    BLOCKED_ADDRESS = "blocked address"
    """Some address of the name is private or special, and not in `callbacks.allow`."""
    NAME_NOT_FOUND = "name not found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls failed"
    CONNECTION_LOST = "connection lost"
    BAD_ANSWER = "bad answer"
    """What came back is no HTTP answer, or stopped in the middle of one."""
    TIMEOUT = "timeout"
    INTERNAL = "internal error"


def http_problem(status: int) -> str:
    """The word for an answer that is not 2xx."""
    return f"http {status}"


class NotDelivered(Exception):
    """A try came to nothing. Caught by the sender; never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
