"""Reads constraints: type, shape, depth and number; an unknown type denies."""

from __future__ import annotations

from ..strict_json import Json, all_numbers_admissible
from .base import Constraint, Malformed
from .cidr_type import Cidr
from .core_types import (
    All,
    Any,
    Composite,
    Contains,
    Exact,
    NotOneOf,
    OneOf,
    Range,
    Subset,
    Wildcard,
)
from .decimal_type import Decimal
from .instant_type import InstantWindow
from .path_type import Path
from .url_type import UrlConstraint

MAX_DEPTH = 32

_SIMPLE = {
    each.type_name: each
    for each in (Exact, Range, OneOf, NotOneOf, Contains, Subset, Wildcard, Path, UrlConstraint, Decimal,
                 InstantWindow, Cidr)
}
_COMPOSITE = {each.type_name: each for each in (All, Any)}

class UnknownType(Malformed):
    """The type is not implemented here."""


class TooDeep(Malformed):
    """Nested deeper than MAX_DEPTH."""


class TooMany(Malformed):
    """More constraints than the tool may have."""


class Count:
    """How many constraints a tool may still have."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMany


def read_constraint(given: Json, count: Count, depth: int = 1) -> Constraint:
    """Raises UnknownType, TooDeep, TooMany or Malformed."""
    if depth > MAX_DEPTH:
        raise TooDeep
    count.take()
    if not isinstance(given, dict):
        raise Malformed("not an object")
    name = given.get("constraint_type")
    if not isinstance(name, str):
        raise Malformed("constraint_type")
    kind = _SIMPLE.get(name) or _COMPOSITE.get(name)
    if kind is None:
        raise UnknownType(name)
    optional = given.get("optional", False)
    if not isinstance(optional, bool) or ("optional" in given and depth > 1):
        raise Malformed("optional")
    if not set(given) <= kind.members | {"constraint_type", "optional"}:
        raise Malformed("a member too many")
    if issubclass(kind, Composite):
        made: Constraint = kind(_clauses(given.get("constraints"), count, depth))
    elif all_numbers_admissible(given):
        made = kind(given)
        made.given = {each: given[each] for each in given if each in kind.members}
    else:
        raise Malformed("a number that a double cannot hold")
    made.optional = optional
    return made


def _clauses(given: Json, count: Count, depth: int) -> list[Constraint]:
    if not isinstance(given, list) or not given:
        raise Malformed("constraints")
    return [read_constraint(each, count, depth + 1) for each in given]
