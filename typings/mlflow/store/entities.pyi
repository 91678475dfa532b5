"""Pages of search results."""

from typing import TypeVar

_T = TypeVar("_T")

class PagedList(list[_T]):
    token: str | None
