"""Counts the work of `all` and `any` before it is done (spec/stricter-choices.md, "Units of work")."""

from __future__ import annotations

from .constraint import Composite, Constraint
from .strict_json import Json, utf16_length

# A unit is 16 of these, so that a sixteenth of a unit, which a character weighs, is a whole number.
_UNIT = 16
_MAX_STRING = 4096


class TooCostly(Exception):
    """More units of work than the limit."""


class Effort:
    def __init__(self, limit: int) -> None:
        self.left = limit * _UNIT

    def _spend(self, weight: int) -> None:
        self.left -= weight
        if self.left < 0:
            raise TooCostly

    def compare(self, parent: Constraint, child: Constraint) -> None:
        if isinstance(parent, Composite) and isinstance(child, Composite):
            self._spend(parent.clause_count * _weight(child) + child.clause_count * _weight(parent))

    def check(self, constraint: Constraint, value: Json) -> None:
        if isinstance(constraint, Composite):
            # Of an argument that is a string no constraint reads more than this.
            weight = min(utf16_length(value), _MAX_STRING) if isinstance(value, str) else _size(value)
            self._spend(constraint.clause_count * (_UNIT + weight))


def _weight(constraint: Constraint) -> int:
    """A constraint is one unit, and what its members hold."""
    if isinstance(constraint, Composite):
        return _UNIT + sum(map(_weight, constraint.clauses))
    return _UNIT + sum(map(_size, constraint.given.values()))


def _size(value: Json) -> int:
    """A unit for each element and each member inside, a sixteenth for each code unit of strings and names."""
    if isinstance(value, str):
        return utf16_length(value)
    if isinstance(value, list):
        return sum(_UNIT + _size(each) for each in value)
    if isinstance(value, dict):
        return sum(_UNIT + utf16_length(name) + _size(each) for name, each in value.items())
    return 0
