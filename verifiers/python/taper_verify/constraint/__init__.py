"""Constraints: the nine types of the draft (sections 3.4 and 4.5) and the extension types of docs/constraints."""

from .base import Constraint, Malformed
from .core_types import Composite, Wildcard
from .registry import Count, TooDeep, TooMany, UnknownType, read_constraint

__all__ = ["Composite", "Constraint", "Count", "Malformed", "TooDeep", "TooMany", "UnknownType", "Wildcard", "read_constraint"]
