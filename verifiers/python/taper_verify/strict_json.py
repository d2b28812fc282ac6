"""Strict JSON: RFC 8259 less what parsers disagree about (spec/stricter-choices.md).

Refused: a member named twice, a member `__proto__`, surrogates without their other half, more than 128 containers in
each other, more than 10,000 commas and opening brackets outside strings. Numbers keep the text they were written in.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Union

MAX_DEPTH = 128
MAX_VALUES = 10_000


class MalformedJson(ValueError):
    """The text is not JSON, or JSON that is refused."""


class DuplicateMember(MalformedJson):
    """An object names a member twice."""


_INTEGER = re.compile(r"(?:0|-?[1-9][0-9]*)\Z")
MAX_SAFE = 2**53 - 1


class Number:
    """A JSON number: the text that was read, and the double that it denotes."""

    __slots__ = ("text", "_value", "_admissible")

    def __init__(self, text: str) -> None:
        self.text = text
        self._value: float | None = None
        self._admissible: bool | None = None

    @property
    def value(self) -> float:
        if self._value is None:
            self._value = float(self.text)
        return self._value

    @property
    def integer(self) -> int | None:
        """The integer, when written as one (no fraction, no exponent, no -0) that a double holds exactly."""
        if len(self.text) > 17 or not _INTEGER.match(self.text):
            return None
        number = int(self.text)
        return number if abs(number) <= MAX_SAFE else None

    @property
    def admissible(self) -> bool:
        """Draft section 3.4: the canonical text of the double denotes the number that was written."""
        if self._admissible is None:
            self._admissible = _is_admissible(self.text, self.value)
        return self._admissible

    def __repr__(self) -> str:
        return f"Number({self.text})"


Json = Union[None, bool, str, Number, list, dict]


def _is_admissible(text: str, value: float) -> bool:
    if math.isinf(value):
        return False
    return _digits(text) == _digits(repr(value))


def _digits(text: str) -> tuple[bool, str, int]:
    """Sign, significant digits and exponent: equal exactly when two texts denote one number."""
    mantissa, _, exponent = text.lower().partition("e")
    negative = mantissa.startswith("-")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    all_digits = (whole + fraction).lstrip("0")
    significant = all_digits.rstrip("0")
    if not significant:
        return (False, "", 0)
    # An exponent of thousands of digits belongs to no double: the value was infinite or zero.
    if len(exponent) > 12:
        return (negative, significant, -(10**12))
    power = (int(exponent) if exponent else 0) - len(fraction) + len(all_digits) - len(significant)
    return (negative, significant, power)


_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_BRACKET = re.compile(r"[\[\]{}]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class TooManyValues(MalformedJson):
    """More commas and opening brackets than are admitted."""


def parse(text: str | bytes, max_values: int = MAX_VALUES) -> Json:
    """The value of the text. Raises DuplicateMember or MalformedJson."""
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedJson("not UTF-8") from error
    elif _SURROGATE.search(text):
        raise MalformedJson("a surrogate without its other half")
    _bound(text, max_values)
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_int=Number, parse_float=Number,
                           parse_constant=_constant)
    except MalformedJson:
        raise
    except (ValueError, RecursionError) as error:
        raise MalformedJson("not JSON") from error
    if _SURROGATE_ESCAPE.search(text):
        _refuse_lone_surrogates(value)
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMember("a member is named twice")
    if "__proto__" in members:
        raise MalformedJson("a member named __proto__")
    return members


def _constant(name: str) -> None:
    raise MalformedJson(f"{name} is not JSON")


def _bound(text: str, max_values: int) -> None:
    """Refuses by counting what can begin a value, before anything is built."""
    opening = text.count("[") + text.count("{")
    if opening <= MAX_DEPTH and opening + text.count(",") <= max_values:
        return
    bare = _STRING.sub("", text)
    if bare.count("[") + bare.count("{") + bare.count(",") > max_values:
        raise TooManyValues("too many values")
    depth = 0
    for bracket in _BRACKET.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            raise MalformedJson("nested too deep")


def _refuse_lone_surrogates(value: Json) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise MalformedJson("a surrogate without its other half")
    elif isinstance(value, list):
        for item in value:
            _refuse_lone_surrogates(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_lone_surrogates(name)
            _refuse_lone_surrogates(item)


def all_numbers_admissible(value: Json) -> bool:
    if isinstance(value, Number):
        return value.admissible
    if isinstance(value, list):
        return all(map(all_numbers_admissible, value))
    if isinstance(value, dict):
        return all(map(all_numbers_admissible, value.values()))
    return True


def integer_of(value: Json) -> int | None:
    """The integer that a claim states, or None when it is none."""
    return value.integer if isinstance(value, Number) else None


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, in which the specifications count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
