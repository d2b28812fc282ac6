"""`decimal` (docs/constraints/decimal.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..strict_json import Json, Number
from .base import Constraint, Extension, Malformed, text

_DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]{0,29})(?:\.([0-9]{1,18}))?\Z")


def read_decimal(value: Json, scale: int) -> int | None:
    """The amount in units of 10^-18; None when the text is not canonical or has more than `scale` digits."""
    match = _DECIMAL.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    sign, whole, fraction = match[1], match[2], match[3] or ""
    amount = int(whole + fraction.ljust(18, "0"))
    if len(fraction) > scale or (sign and amount == 0):
        return None
    return -amount if sign else amount


class Decimal(Extension):
    type_name = "decimal"
    members = frozenset({"min", "max", "scale"})

    def __init__(self, given: Mapping[str, Json]) -> None:
        scale = given.get("scale")
        if not isinstance(scale, Number) or scale.value not in range(19):
            raise Malformed("scale")
        self.scale = int(scale.value)
        low = read_decimal(text(given, "min"), self.scale)
        high = read_decimal(text(given, "max"), self.scale)
        if low is None or high is None or low > high:
            raise Malformed("min or max")
        self.min, self.max = low, high

    def check(self, value: Json) -> bool:
        amount = read_decimal(value, self.scale)
        return amount is not None and self.min <= amount <= self.max

    def covers(self, child: Constraint) -> bool:
        return (
            isinstance(child, Decimal)
            and child.min >= self.min
            and child.max <= self.max
            and child.scale <= self.scale
        )
