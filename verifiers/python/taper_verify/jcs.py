"""JSON Canonicalization Scheme (RFC 8785)."""

from json.encoder import encode_basestring

from .strict_json import Json, Number


def canonical(value: Json) -> str:
    """The canonical text. Raises ValueError for a number that no double holds."""
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, Number):
        return number_text(value.value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return "{" + ",".join(
        f"{encode_basestring(name)}:{canonical(value[name])}" for name in sorted(value, key=utf16_order)
    ) + "}"


def utf16_order(text: str) -> bytes:
    """Sorts as UTF-16 code units do, which is not the order of code points."""
    return text.encode("utf-16-be", "surrogatepass")


def number_text(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262 section 6.1.6.1.20)."""
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("not a finite number")
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number_text(-value)
    digits, power = _shortest(value)
    count = len(digits)
    if count <= power <= 21:
        return digits + "0" * (power - count)
    if 0 < power <= 21:
        return digits[:power] + "." + digits[power:]
    if -6 < power <= 0:
        return "0." + "0" * -power + digits
    exponent = f"e{'+' if power > 0 else '-'}{abs(power - 1)}"
    return digits[0] + ("." + digits[1:] if count > 1 else "") + exponent


def _shortest(value: float) -> tuple[str, int]:
    """Digits d and power n with value = 0.d × 10^n; Python's repr gives the same shortest digits as ECMAScript."""
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    power = len(whole) + (int(exponent) if exponent else 0)
    leading = len(digits) - len(digits.lstrip("0"))
    return digits.strip("0"), power - leading


def all_numbers_plain(value: Json) -> bool:
    """Whether every number is written as it reads."""
    if isinstance(value, Number):
        return value.admissible and number_text(value.value) == value.text
    if isinstance(value, dict):
        return all(map(all_numbers_plain, value.values()))
    return not isinstance(value, list) or all(map(all_numbers_plain, value))
