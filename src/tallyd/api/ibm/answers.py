"""The bodies that IBM's clients are answered with: errors, pages of lists, tokens. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType

from tallyd.domain.errors import Problem

Json = dict[str, object]

INVALID_FIELDS = "Field validation failed"

_WORDS: Mapping[int, str] = MappingProxyType(
    {
        HTTPStatus.UNAUTHORIZED: "invalid_token",
        HTTPStatus.FORBIDDEN: "lack_of_ownership",
        HTTPStatus.NOT_FOUND: "not_found",
        HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
        HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
    }
)
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "name": "title",
        "start": "date",
        "days": "repeat_days",
        "every": "repeat",
        "target": "channel",
    }
)


def error(status: int, sentence: str) -> Json:
    """Give what went wrong, in the one word that clients look for, and in a sentence."""
    return {"error": _WORDS.get(status, "bad_request"), "error_description": sentence}


def invalid(details: Mapping[str, str]) -> Json:
    """Give what is wrong with each field."""
    said = {"error": "input_validation_error", "error_description": INVALID_FIELDS}
    return {**said, "details": dict(details)}


def problems(found: Iterable[Problem]) -> Json:
    """Give what is wrong with a booking, by the names that clients have for it."""
    return invalid({_NAMES.get(each.field, each.field): each.fix for each in found})


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is asked for: numbered from 1, of so many at most."""

    page: int
    size: int

    @property
    def first(self) -> int:
        """How many come before."""
        return (self.page - 1) * self.size

    def pages(self, total: int) -> int:
        """Give how many pages that makes."""
        return -(-total // self.size)

    def links(self, address: str, total: int) -> Json:
        """Give the addresses of the pages before and after, left out where there is none."""
        pages = self.pages(total)
        there: Json = {}
        if self.page > 1 and pages:
            there["previous"] = self._link(address, min(self.page - 1, pages))
        if self.page < pages:
            there["next"] = self._link(address, self.page + 1)
        return there

    def counted_links(self, address: str, total: int) -> Json:
        """Give the same with the numbers of pages and of entries."""
        counts = {"page_count": self.pages(total), "item_count": total}
        return {**self.links(address, total), **counts}

    def _link(self, address: str, page: int) -> str:
        return f"{address}?pagesize={self.size}&page={page}"
