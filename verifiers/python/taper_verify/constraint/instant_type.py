"""`instant` (docs/constraints/instant.md)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping

from ..strict_json import Json
from .base import Constraint, Extension, Malformed, text

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z\Z"
)

Instant = tuple[int, ...]


def read_instant(value: Json) -> Instant | None:
    """The fields from year to nanosecond, which order as instants do."""
    match = _INSTANT.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[index]) for index in range(1, 7))
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return (year, month, day, hour, minute, second, int((match[7] or "").ljust(9, "0")))


class InstantWindow(Extension):
    type_name = "instant"
    members = frozenset({"not_before", "not_after"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        first = read_instant(text(given, "not_before"))
        last = read_instant(text(given, "not_after"))
        if first is None or last is None or first > last:
            raise Malformed("not_before or not_after")
        self.first, self.last = first, last

    def check(self, value: Json) -> bool:
        instant = read_instant(value)
        return instant is not None and self.first <= instant <= self.last

    def covers(self, child: Constraint) -> bool:
        return isinstance(child, InstantWindow) and child.first >= self.first and child.last <= self.last
