"""Counts the work of `all` and `any` before it is done (spec/stricter-choices.md)."""

from __future__ import annotations

from .constraint import Composite, Constraint
from .strict_json import Json


class TooCostly(Exception):
    """More units of work than the limit."""


class Effort:
    def __init__(self, limit: int) -> None:
        self.left = limit

    def _spend(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise TooCostly

    def compare(self, parent: Constraint, child: Constraint) -> None:
        pass

    def check(self, constraint: Constraint, value: Json) -> None:
        pass
