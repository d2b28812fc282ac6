"""The nine types of draft section 3.4, with the subsumption rules of section 4.5."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ..jcs import canonical
from ..strict_json import Json, Number
from .base import Constraint, Malformed, array, boolean


def canonical_set(values: list[Json]) -> frozenset[str]:
    return frozenset(map(canonical, values))


class Exact(Constraint):
    type_name = "exact"
    members = frozenset({"value"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        if "value" not in given or isinstance(given["value"], (list, dict)):
            raise Malformed("value")
        self.value = given["value"]
        self.canonical = canonical(self.value)

    def check(self, value: Json) -> bool:
        return not isinstance(value, (list, dict)) and canonical(value) == self.canonical

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, Exact) and child.canonical == self.canonical


class Range(Constraint):
    type_name = "range"
    members = frozenset({"min", "max", "min_inclusive", "max_inclusive"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.min, self.min_inclusive = _bound(given, "min", "min_inclusive")
        self.max, self.max_inclusive = _bound(given, "max", "max_inclusive")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise Malformed("min")

    def check(self, value: Json) -> bool:
        if not isinstance(value, Number):
            return False
        number = value.value
        if self.min is not None and (number < self.min or (number == self.min and not self.min_inclusive)):
            return False
        return self.max is None or number < self.max or (number == self.max and self.max_inclusive)

    def subsumes(self, child: Constraint) -> bool:
        if isinstance(child, Exact):
            return self.check(child.value)
        if not isinstance(child, Range):
            return False
        return _is_tighter(
            self.min, self.min_inclusive, child.min, child.min_inclusive, lambda c, p: c > p
        ) and _is_tighter(self.max, self.max_inclusive, child.max, child.max_inclusive, lambda c, p: c < p)


def _bound(given: Mapping[str, Json], name: str, inclusive: str) -> tuple[float | None, bool]:
    if name not in given:
        if inclusive in given:
            raise Malformed(inclusive)
        return None, True
    number = given[name]
    if not isinstance(number, Number):
        raise Malformed(name)
    return number.value, boolean(given, inclusive, True)


def _is_tighter(parent, parent_inclusive, child, child_inclusive, beyond) -> bool:
    if parent is None:
        return True
    if child is None:
        return False
    return beyond(child, parent) or (child == parent and (parent_inclusive or not child_inclusive))


class OneOf(Constraint):
    type_name = "one_of"
    members = frozenset({"values"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.values = array(given, "values")
        if not self.values:
            raise Malformed("values")
        self.canonical = canonical_set(self.values)

    def check(self, value: Json) -> bool:
        return canonical(value) in self.canonical

    def subsumes(self, child: Constraint) -> bool:
        if isinstance(child, Exact):
            return child.canonical in self.canonical
        return isinstance(child, OneOf) and child.canonical <= self.canonical


class NotOneOf(Constraint):
    type_name = "not_one_of"
    members = frozenset({"excluded"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.excluded = array(given, "excluded")
        self.canonical = canonical_set(self.excluded)

    def check(self, value: Json) -> bool:
        return canonical(value) not in self.canonical

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, NotOneOf) and child.canonical >= self.canonical


class Contains(Constraint):
    type_name = "contains"
    members = frozenset({"required"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.required = array(given, "required")
        self.canonical = canonical_set(self.required)

    def check(self, value: Json) -> bool:
        return isinstance(value, list) and self.canonical <= canonical_set(value)

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, Contains) and child.canonical >= self.canonical


class Subset(Constraint):
    type_name = "subset"
    members = frozenset({"allowed"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        self.allowed = array(given, "allowed")
        self.canonical = canonical_set(self.allowed)

    def check(self, value: Json) -> bool:
        return isinstance(value, list) and canonical_set(value) <= self.canonical

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, Subset) and child.canonical <= self.canonical


class Wildcard(Constraint):
    type_name = "wildcard"
    members: frozenset[str] = frozenset()

    def __init__(self, given: Mapping[str, Json]) -> None:
        pass

    def check(self, value: Json) -> bool:
        return True

    def subsumes(self, child: Constraint) -> bool:
        return True


class Composite(Constraint):
    """`all` or `any`, of clauses that were read already."""

    members = frozenset({"constraints"})

    def __init__(self, clauses: list[Constraint]) -> None:
        self.clauses = clauses

    @cached_property
    def clause_count(self) -> int:
        """Constraints in the tree, this one included."""
        return 1 + sum(each.clause_count if isinstance(each, Composite) else 1 for each in self.clauses)


class All(Composite):
    type_name = "all"

    def check(self, value: Json) -> bool:
        return all(clause.check(value) for clause in self.clauses)

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, All) and all(
            any(mine.subsumes(theirs) for theirs in child.clauses) for mine in self.clauses
        )


class Any(Composite):
    type_name = "any"

    def check(self, value: Json) -> bool:
        return any(clause.check(value) for clause in self.clauses)

    def subsumes(self, child: Constraint) -> bool:
        return isinstance(child, Any) and all(
            any(mine.subsumes(theirs) for mine in self.clauses) for theirs in child.clauses
        )
