"""A page of a list."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from callwright.web.native.wire import write_cursor


class Identified(BaseModel):
    """Anything that has an id."""

    id: int


T = TypeVar("T")
N = TypeVar("N", bound=Identified)


class Page(BaseModel, Generic[T]):
    """Some items, newest first, and where to go on. A filtered page may hold fewer items
    than asked for, or none, and yet not be the last: that is the one without `next`."""

    items: list[T]
    next: str | None = Field(default=None, description="`cursor` of the next page; null = the end")


def cut_page(
    page: type[Page[N]], everything: Sequence[N], kind: str, below: int | None, limit: int
) -> Page[N]:
    """The page of a short list that is held whole: ids below `below`, the highest first."""
    rest = sorted(
        (item for item in everything if below is None or item.id < below),
        key=lambda item: item.id,
        reverse=True,
    )
    items = rest[:limit]
    more = len(rest) > limit
    return page(items=items, next=write_cursor(kind, items[-1].id) if more else None)
