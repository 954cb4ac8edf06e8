"""Moments as people read them: in UTC, as every log of the server has them."""

from datetime import datetime


def read_moment(text: str) -> datetime:
    """A moment as the API tells it."""
    return datetime.fromisoformat(text)


def clock_time(text: str) -> str:
    """The moment to the second."""
    return f"{read_moment(text):%Y-%m-%d %H:%M:%SZ}"


def exact_time(text: str) -> str:
    """The moment to the millisecond."""
    moment = read_moment(text)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"
