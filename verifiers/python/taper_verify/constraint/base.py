"""What every constraint type has: `check` for a value, `subsumes` for a constraint below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ..strict_json import Json


class Malformed(ValueError):
    """A constraint has the wrong shape."""


class Constraint:
    """One constraint. `optional` belongs to the entry of the map, not to the predicate."""

    type_name: ClassVar[str]
    members: ClassVar[frozenset[str]]
    optional: bool = False
    #: The members of its type, as they were written.
    given: Mapping[str, Json] = {}

    def check(self, value: Json) -> bool:
        raise NotImplementedError

    def subsumes(self, child: Constraint) -> bool:
        """Whether this constraint, as the parent's, provably admits whatever the child's admits (draft section 4.5)."""
        raise NotImplementedError


class Extension(Constraint):
    """A type of docs/constraints: subsumes its own type, an `exact` that passes, a `one_of` all of which pass."""

    def covers(self, child: Constraint) -> bool:
        """`subsumes` for a child of the same type."""
        raise NotImplementedError

    def subsumes(self, child: Constraint) -> bool:
        if child.type_name == "exact":
            return self.check(child.value)  # type: ignore[attr-defined]
        if child.type_name == "one_of":
            return all(map(self.check, child.values))  # type: ignore[attr-defined]
        return child.type_name == self.type_name and self.covers(child)


def text(members: Mapping[str, Json], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise Malformed(name)
    return value


def array(members: Mapping[str, Json], name: str) -> list[Json]:
    value = members.get(name)
    if not isinstance(value, list):
        raise Malformed(name)
    return value


def boolean(members: Mapping[str, Json], name: str, default: bool) -> bool:
    value = members.get(name, default)
    if not isinstance(value, bool):
        raise Malformed(name)
    return value
